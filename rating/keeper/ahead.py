"""Reading ahead: while the ledger writes one batch of the journal, the next one is read and worked out.

Half of a settlement's time is Python's and half the server's; in turns, each would wait for the other. What is worked
out ahead is only a proposal: the ledger refuses it when a hold has changed meanwhile (see ``Settler.apply``).
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from rating.journal import Batch, JournalReader
from rating.keeper.settle import Applied, Prepared, Settler

EVENTS_MAX = 2000  # of one transaction: some thousand calls
# The thread that writes needs the interpreter a dozen times a batch, each time for a moment. With Python's 5 ms it
# would wait as long for the other thread to let go of it as the whole batch takes.
SWITCH_INTERVAL_S = 0.0001


class JournalApplier:
    """Applies a node's journal. Makes the threads of its process take turns more often."""

    def __init__(self, reader: JournalReader, settler: Settler, events_max: int = EVENTS_MAX) -> None:
        self._reader = reader
        self._settler = settler
        self._events_max = events_max
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._ahead = ThreadPoolExecutor(1, "ahead")

    def apply_from(
        self, offsets: Mapping[str, int], begins: Callable[[Batch], None] | None = None
    ) -> Iterator[tuple[Batch, Applied | None]]:
        """Applies all there is behind ``offsets``: each batch when it is applied. ``begins`` hears of it before.

        Ends after a batch that could not be applied (None): the ledger has other offsets by now.
        """
        done = dict(offsets)
        batch, prepared = self._next(done)
        while batch.offsets:
            if begins is not None:
                begins(batch)
            following: Future[tuple[Batch, Prepared | None]] | None = None
            after = done | batch.offsets
            if len(batch.events) >= self._events_max:  # a backlog: there is more
                following = self._ahead.submit(self._next, after)
            applied = self._settler.apply(batch, done, prepared)
            yield batch, applied
            if applied is None:
                return
            done = after
            batch, prepared = self._next(done) if following is None else following.result()

    def close(self) -> None:
        self._ahead.shutdown(cancel_futures=True)

    def _next(self, offsets: Mapping[str, int]) -> tuple[Batch, Prepared | None]:
        batch = self._reader.read(offsets, self._events_max)
        return batch, self._settler.prepare(batch) if batch.events else None
