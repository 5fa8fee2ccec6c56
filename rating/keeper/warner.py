"""The warning before the limit: played by rtpengine into the running call, to the card holder only."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rating.calllog import CallLog
from rating.database import Database, Row
from rating.journal import boot_clock_us, boot_id
from rating.keeper.ng import NgClient, NgError, Relays
from rating.store import keeping
from rating.store.keeping import Moment

LOG = logging.getLogger(__name__)
FALLBACK_LANGUAGE = "en"
LOOK_AHEAD_US = 500_000  # the poll's interval: on average the warning is on time
PLAYED_AT_ONCE_MAX = 64
PROMPT_S_MAX = 20.0


class Warner:
    """Plays what is due; ``poll`` is called twice a second. Each hold is warned once, whatever restarts."""

    def __init__(
        self,
        database: Database,
        node: str,
        ng: NgClient | Relays,
        prompts: Path,
        clock_us: Callable[[], int],
        *,
        calls: CallLog | None = None,
        boot_us: Callable[[], int] = boot_clock_us,
    ) -> None:
        self.played = 0
        self.failed = 0
        self._database = database
        self._node = node
        self._ng = ng
        self._prompts = prompts
        self._clock_us = clock_us
        self._calls = calls or CallLog(None, "keeper", node)
        self._boot_us = boot_us
        self._boot = boot_id()
        self._stop = threading.Event()
        self._players = ThreadPoolExecutor(PLAYED_AT_ONCE_MAX, thread_name_prefix="warning")

    def poll(self) -> None:
        """Raises LedgerUnavailableError."""
        now = Moment(self._clock_us(), self._boot_us(), self._boot)
        for call in keeping.due_warnings(self._database, self._node, now, LOOK_AHEAD_US):
            # Marked first: a warning missed is a smaller evil than one played over and over.
            keeping.mark_warned(self._database, call["id"], self._clock_us())
            self._players.submit(self._warn, call)

    def close(self) -> None:
        """Lets the far ends be heard again before it returns."""
        self._stop.set()
        self._players.shutdown()

    def _warn(self, call: Row) -> None:
        try:
            self._play(call, self._file(call["language"]))
        except (NgError, FileNotFoundError) as error:
            LOG.warning("hold %s: the warning could not be played: %s", call["id"], error)
            self._not_played(call, str(error))
        except Exception as error:
            LOG.exception("hold %s: the warning could not be played", call["id"])
            self._not_played(call, type(error).__name__)
        else:
            self.played += 1

    def _not_played(self, call: Row, why: str) -> None:
        self.failed += 1
        self._calls.step(call["call_id"], "not_warned", hold=call["id"], why=why)

    def _play(self, call: Row, file: Path) -> None:
        """rtpengine plays beside the far end's audio, as a second source: so the far end is silent meanwhile."""
        holder = {"call_id": call["sip_call_id"], "from_tag": call["from_tag"]}
        far_end = {"call_id": call["sip_call_id"], "from_tag": call["to_tag"]}
        self._ng.request("block media", **far_end)
        try:
            answer = self._ng.request("play media", **holder, file=str(file))
            self._calls.step(call["call_id"], "warned", hold=call["id"], before_end_s=call["warning_s"])
            duration_ms = answer.get("duration", 0)
            self._stop.wait(min(PROMPT_S_MAX, (duration_ms if isinstance(duration_ms, int) else 0) / 1000))
        finally:
            self._ng.request("unblock media", **far_end)

    def _file(self, language: str) -> Path:
        """Raises FileNotFoundError when the prompts were not rendered."""
        for code in (language, FALLBACK_LANGUAGE):
            file = self._prompts / code / "warning.wav"
            if code and file.is_file():
                return file
        raise FileNotFoundError(f"no warning.wav for {language or 'any language'} in {self._prompts}")
