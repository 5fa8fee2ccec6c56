"""Imports of rate decks through the web: uploaded, read with progress, shown as what would change, then published."""

import logging
import os
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from rating.core import RatingCore
from rating.deck import DeckError, DeckTable, DeckTerms
from rating.deckcsv import DeckImportError
from rating.deckdiff import DeckDiff, describe
from rating.outcome import LedgerUnavailableError

LOG = logging.getLogger("cardswitch.console")
KEPT_MAX = 8  # a read deck takes memory: about 60 MB a million rows
KEPT_S = 3600
PROBLEMS_SHOWN = 100
EXAMPLES_SHOWN = 20


class Stage(StrEnum):
    """waiting → reading → ready → publishing → done; or failed."""

    WAITING = "waiting"
    READING = "reading"
    READY = "ready"
    PUBLISHING = "publishing"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class Import:
    """One import. ``rows_read`` of ``rows``; ``problems`` are sentences with their lines."""

    import_id: str
    deck: str
    currency: str
    file: str
    made_by: str
    stage: Stage = Stage.WAITING
    rows: int = 0
    rows_read: int = 0
    problems: tuple[str, ...] = ()
    problem_count: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    version: int = 0
    table: DeckTable | None = field(default=None, repr=False)
    before_version: int = 0
    began_s: float = field(default_factory=time.monotonic)

    @property
    def percent(self) -> int:
        """Of the reading."""
        return (
            100
            if self.stage in {Stage.READY, Stage.PUBLISHING, Stage.DONE}
            else 100 * self.rows_read // max(1, self.rows)
        )

    @property
    def running(self) -> bool:
        return self.stage in {Stage.WAITING, Stage.READING, Stage.PUBLISHING}


class ImportBusyError(Exception):
    """Too many imports wait already."""


class Imports:
    """All of this process. One is worked on at a time: calls matter more."""

    def __init__(self, core: RatingCore, work_dir: Path) -> None:
        self._core, self._work_dir = core, work_dir
        self._lock = threading.Lock()
        self._found: dict[str, Import] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="deck-import")

    def new_file(self) -> Path:
        """Where an upload is written to; whoever asked removes it, or hands it to ``begin``."""
        self._work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._work_dir / f"upload-{secrets.token_hex(8)}.csv"

    def begin(self, deck: str, currency: str, path: Path, *, file: str, made_by: str) -> Import:
        """Starts to read an uploaded file, which is removed afterwards. Raises ImportBusyError."""
        started = Import(secrets.token_hex(16), deck, currency, file[-255:], made_by)
        with self._lock:
            self._forget_old()
            if len(self._found) >= KEPT_MAX:
                raise ImportBusyError
            self._found[started.import_id] = started
        self._worker.submit(self._read, started, path)
        return started

    def find(self, import_id: str) -> Import | None:
        return self._found.get(import_id)

    def publish(self, import_id: str) -> Import | None:
        """Starts to replace the deck; None unless that import is ready."""
        with self._lock:
            found = self._found.get(import_id)
            if found is None or found.stage is not Stage.READY:
                return None
            found.stage = Stage.PUBLISHING
        self._worker.submit(self._publish, found)
        return found

    def forget(self, import_id: str) -> None:
        with self._lock:
            found = self._found.get(import_id)
            if found is not None and not found.running:
                del self._found[import_id]

    def close(self) -> None:
        """A deck that is being published is published whole; what waits is dropped."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _read(self, job: Import, path: Path) -> None:
        job.stage = Stage.READING

        def progress(done: int, total: int) -> None:
            job.rows_read, job.rows = done, total

        try:
            table = self._core.read_deck(path, DeckTerms(job.deck, job.currency), progress)
            diff = self._core.diff_deck(table, EXAMPLES_SHOWN)
            decks = {deck.name: deck.version for deck in self._core.list_decks()}
            job.before_version = decks.get(job.deck, 0)
            _show(job, diff)
            job.table, job.stage = table, Stage.READY
        except DeckImportError as error:
            lines = [f"line {problem.line}: {problem.message}" for problem in error.problems[:PROBLEMS_SHOWN]]
            _fail(job, lines, len(error.problems))
        except (DeckError, UnicodeError) as error:
            _fail(job, [str(error)])
        except LedgerUnavailableError:
            _fail(job, ["the ledger does not answer"])
        except Exception:
            LOG.exception("reading the deck %s failed", job.deck)
            _fail(job, ["reading it failed; the console's log says why"])
        finally:
            os.unlink(path)

    def _publish(self, job: Import) -> None:
        table = job.table
        assert table is not None  # noqa: S101 - it is ready
        try:
            decks = {deck.name: deck.version for deck in self._core.list_decks()}
            if decks.get(job.deck, 0) != job.before_version:
                _fail(job, ["the deck was replaced by somebody else meanwhile: look at the changes again"])
                return
            job.version = self._core.publish_deck(table, job.file)
            job.stage = Stage.DONE
        except DeckError as error:
            _fail(job, [str(error)])
        except LedgerUnavailableError:
            _fail(job, ["the ledger does not answer; look at the deck's version before trying again"])
        except Exception:
            LOG.exception("publishing the deck %s failed", job.deck)
            _fail(job, ["publishing it failed; the console's log says why"])
        finally:
            job.table = None

    def _forget_old(self) -> None:
        old = time.monotonic() - KEPT_S
        for found in sorted(self._found.values(), key=lambda job: job.began_s):
            spare = len(self._found) >= KEPT_MAX and found.stage in {Stage.DONE, Stage.FAILED, Stage.READY}
            if not found.running and (found.began_s < old or spare):
                del self._found[found.import_id]


def _show(job: Import, diff: DeckDiff) -> None:
    job.changes = {str(kind): count for kind, count in diff.counts.items()} | {"unchanged": diff.unchanged}
    job.examples = tuple(list(describe(diff))[1:])


def _fail(job: Import, problems: list[str], count: int = 1) -> None:
    job.problems, job.problem_count, job.stage = tuple(problems), count, Stage.FAILED
