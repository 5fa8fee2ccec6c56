"""The call journal and the log of running dialogs, and what happens when the disk takes nothing.

What cannot be journalled must not be free. An event that could not be written waits in memory that all of Kamailio's
processes share; the directory's timer writes it as soon as the disk takes it. Meanwhile new calls are refused, and
those that run go on to their limit. Only Kamailio's own end loses what waits; the hold's sweeper then settles.
"""

import json
import os
from functools import lru_cache
from typing import Any

from kemi import ksr, metrics, node
from rating.journal import JournalWriter

CALLS, DIALOGS = "calls", "dialogs"
FULL = "journal_full"  # of the shared table: since then nothing could be written
WAITING_MAX = 50_000  # events; more is more than a node can have running


@lru_cache(maxsize=2)
def _writer(log: str, _pid: int) -> JournalWriter:
    directory = node.settings().journal_dir if log == CALLS else node.edge().dialog_log
    return JournalWriter(directory, node.settings().node)


def write_journal(event: dict[str, Any]) -> None:
    """Appends to the call journal."""
    metrics.JOURNAL_EVENTS.labels(event["ev"]).inc()
    _write(CALLS, event, f"{event['ev']} of hold {event['hold']}")


def write_dialog_log(event: dict[str, Any]) -> None:
    """What a restart needs (kemi/survive.py)."""
    _write(DIALOGS, event, f"{event['ev']} of {event['dlg']}")


def is_full() -> bool:
    """Whether events wait that the disk does not take: no new calls then."""
    return ksr.shared_number(FULL) == 1


def _write(log: str, event: dict[str, Any], what: str) -> None:
    if _writer(log, os.getpid()).append(event):
        return
    ksr.share_number(FULL, 1)
    if ksr.keep_waiting(f"{log} {json.dumps(event)}", WAITING_MAX):
        ksr.log_error(f"{log} journal: {what} could not be written; it waits in memory")
    else:
        metrics.JOURNAL_LOST.inc()
        ksr.log_error(f"{log} journal: {what} is lost, neither disk nor memory takes it")


def write_what_waits() -> None:
    """Called every two seconds by one process: in the order in which they came, until the disk says no again."""
    if not is_full():
        return
    for key, text in ksr.waiting():
        log, _, event = text.partition(" ")
        if not _writer(log, os.getpid()).append(json.loads(event)):
            return
        ksr.forget_waiting(key)
    ksr.share_number(FULL, 0)
    ksr.log_warning("the journal can be written again, and has all that waited")
