"""Live calls for whoever watches: one look at the ledger a second serves all open pages."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool

from rating.core import RatingCore
from rating.outcome import LedgerUnavailableError

LOG = logging.getLogger("cardswitch.console")
PERIOD_S = 1.0
SHOWN_MAX = 200
STREAM_S = 300  # then the browser connects again, and its session is looked at again


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The calls at one moment, the oldest first, at most SHOWN_MAX. ``total``: how many there are."""

    number: int
    calls: tuple[Any, ...] = ()
    connected: int = 0
    more: bool = False
    ledger_away: bool = False


class Live:
    """``run`` is a task of the application; ``close`` ends all streams, so that a shutdown need not wait for them."""

    def __init__(self, core: RatingCore) -> None:
        self._core = core
        self._news = asyncio.Condition()
        self._latest = Snapshot(0)
        self._watchers = 0
        self._closed = False

    @property
    def latest(self) -> Snapshot:
        return self._latest

    async def run(self) -> None:
        """Looks while somebody watches; until cancelled."""
        while not self._closed:
            if self._watchers:
                try:
                    snapshot = await run_in_threadpool(self.look)
                except Exception:
                    LOG.exception("looking at the live calls failed")
                    snapshot = Snapshot(self._latest.number + 1, ledger_away=True)
                async with self._news:
                    self._latest = snapshot
                    self._news.notify_all()
            await asyncio.sleep(PERIOD_S)

    def look(self) -> Snapshot:
        """The calls now."""
        try:
            page = self._core.live_calls(limit=SHOWN_MAX)
        except LedgerUnavailableError:
            return Snapshot(self._latest.number + 1, ledger_away=True)
        connected = sum(call.state == "connected" for call in page.items)
        return Snapshot(self._latest.number + 1, page.items, connected, page.next is not None)

    async def snapshots(self) -> AsyncIterator[Snapshot]:
        """Each new one, until ``close`` or STREAM_S."""
        self._watchers += 1
        try:
            seen = self._latest.number  # what was seen before this browser came is old
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STREAM_S):
                    while not self._closed:
                        async with self._news:
                            await self._news.wait_for(self._is_news(seen))
                        if not self._closed:
                            seen = self._latest.number
                            yield self._latest
        finally:
            self._watchers -= 1

    def _is_news(self, seen: int) -> Callable[[], bool]:
        return lambda: self._closed or self._latest.number > seen

    async def close(self) -> None:
        self._closed = True
        async with self._news:
            self._news.notify_all()
