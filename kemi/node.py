"""What each of Kamailio's processes has of its own: settings, the rating core's connection, the journal's file.

All of it is made at first use, never before the processes are forked.
"""

import os
from functools import lru_cache
from typing import Any

from kemi import ksr, metrics
from kemi.settings import EdgeSettings, Neighbours, edge_settings, host_and_port, neighbours
from rating.core import RatingCore
from rating.journal import JournalWriter
from rating.settings import Settings, load_settings


@lru_cache(maxsize=1)
def settings() -> Settings:
    return load_settings()


@lru_cache(maxsize=1)
def edge() -> EdgeSettings:
    return edge_settings(settings())


@lru_cache(maxsize=1)
def near() -> Neighbours:
    return neighbours(settings())


@lru_cache(maxsize=1)
def media_server_addresses() -> frozenset[tuple[str, int]]:
    return frozenset(map(host_and_port, near().media_servers))


def core() -> RatingCore:
    """The rating core of this process."""
    return _core_of(os.getpid())


@lru_cache(maxsize=1)
def _core_of(_pid: int) -> RatingCore:
    return RatingCore.from_settings(settings())


@lru_cache(maxsize=1)
def _journal_of(_pid: int) -> JournalWriter:
    return JournalWriter(settings().journal_dir, settings().node)


@lru_cache(maxsize=1)
def _dialog_log_of(_pid: int) -> JournalWriter:
    return JournalWriter(edge().dialog_log, settings().node)


def write_dialog_log(event: dict[str, Any]) -> None:
    """What a restart needs (kemi/survive.py)."""
    if not _dialog_log_of(os.getpid()).append(event):
        metrics.JOURNAL_LOST.inc()
        ksr.log_error(f"dialog log: {event['ev']} of {event['dlg']} could not be written")


def write_journal(event: dict[str, Any]) -> None:
    """Appends to the call journal; what cannot be written is in the log and in a metric."""
    metrics.JOURNAL_EVENTS.labels(event["ev"]).inc()
    if not _journal_of(os.getpid()).append(event):
        metrics.JOURNAL_LOST.inc()
        ksr.log_error(f"journal: {event['ev']} of hold {event['hold']} could not be written")
