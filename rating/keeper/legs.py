"""How both sides of running calls are reached, told to the ledger: another node's keeper may have to end them.

The edge notes each dialog in a local log when it is acknowledged (kemi/survive.py). What has lasted for some seconds is
copied to the ledger from there: most calls cost it nothing, and no SIP worker waits for SQL. Log files that no running
call can be in any more are removed.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rating.database import Database
from rating.journal import JournalReader
from rating.store import keeping

SETTLED_DOWN_S = 5.0
EVENTS_MAX = 10_000
LEGS_MAX = 2_000  # characters; the column's length
KEPT_S = 90_000  # log files: the longest call, and an hour


class Legs:
    """Reads one node's dialog log. ``directory`` need not be there yet."""

    def __init__(self, database: Database, directory: Path) -> None:
        self._database = database
        self._reader = JournalReader(directory)
        self._offsets: dict[str, int] = {}
        self._young: dict[str, tuple[float, str, str]] = {}  # dialog: since when, hold, legs

    def poll(self) -> None:
        """Raises LedgerUnavailableError."""
        now = time.monotonic()
        while (batch := self._reader.read(self._offsets, EVENTS_MAX)).offsets:
            for event in batch.events:
                self._hear(event, now)
            self._offsets |= batch.offsets
        for dialog, (since, hold, legs) in list(self._young.items()):
            if now - since >= SETTLED_DOWN_S:
                keeping.remember_legs(self._database, hold, legs)
                del self._young[dialog]

    def tidy(self) -> None:
        """Removes what has been read and is too old to matter."""
        for name in self._reader.remove_applied(self._offsets, KEPT_S):
            self._offsets.pop(name, None)

    def _hear(self, event: Mapping[str, Any], now: float) -> None:
        dialog = str(event.get("dlg"))
        if event.get("ev") == "kept" and event.get("vars", {}).get("call"):
            legs = legs_of(event["fields"])
            if len(legs) <= LEGS_MAX:
                self._young[dialog] = (now, str(event["vars"]["call"]).split(" ")[0], legs)
        elif event.get("ev") == "gone":
            self._young.pop(dialog, None)


def legs_of(fields: Mapping[str, str]) -> str:
    """What a BYE to either side needs, as JSON (RFC 3261, section 12.2.1.1)."""
    caller = f"<{fields['from_uri']}>;tag={fields['from_tag']}"
    callee = f"<{fields['to_uri']}>;tag={fields['to_tag']}"
    byes = [
        {"to": caller, "from": callee, "uri": fields["caller_contact"], "route": fields["caller_route_set"]},
        {"to": callee, "from": caller, "uri": fields["callee_contact"], "route": fields["callee_route_set"]},
    ]
    return json.dumps({"callid": fields["callid"], "byes": byes}, separators=(",", ":"))
