"""The keeper's work, in three threads: the journal, the warnings, and looking after the rest."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rating.calllog import CallLog
from rating.cards import now_us
from rating.core import RatingCore
from rating.database import Database
from rating.edges import Edges
from rating.journal import Batch, JournalReader
from rating.keeper.ahead import JournalApplier
from rating.keeper.certificates import ends_of
from rating.keeper.collector import KeeperCollector
from rating.keeper.guard import Guard, GuardTimes
from rating.keeper.legs import Legs
from rating.keeper.maintenance import charge_maintenance
from rating.keeper.monitor import State
from rating.keeper.months import months_ahead
from rating.keeper.ng import Relays
from rating.keeper.raiser import Raiser
from rating.keeper.settle import Settler
from rating.keeper.warner import Warner
from rating.outcome import LedgerUnavailableError
from rating.settings import Settings, host_and_port
from rating.store import keeping, settlement

LOG = logging.getLogger(__name__)
JOURNAL_POLL_S = 0.05
WARNING_POLL_S = 0.5
GUARD_POLL_S = 2.0
REFILL_POLL_S = 1.0
LEGS_POLL_S = 1.0
LIFE_POLL_S = 15.0
TIDY_POLL_S = 3600.0
RETRY_S = 0.5
COUNT_POLL_S = 10.0
CHECK_EVERY_S = 30.0
CHECK_SHARE = 20  # a check that takes long is made rarely: at most a twentieth of the time


class Keeper:
    """Everything a node's keeper does; ``run`` returns after ``stop``."""

    def __init__(self, settings: Settings, clock_us: Callable[[], int] = now_us) -> None:
        self.state = State()
        self._clock_us = clock_us
        self._node = settings.node
        self._calls = CallLog.of(settings, "keeper")
        self._core = RatingCore.from_settings(settings)
        self._database = Database(settings.database, read_timeout_s=10.0)
        self._reader = JournalReader(settings.journal_dir)
        self._settler = Settler(self._database, settings.node, self._core.carrier_cost, clock_us)
        self._applier = JournalApplier(self._reader, self._settler)
        ng, edges = _relays(settings), Edges(settings)
        prompts = settings.table("mediasrv").get("prompt_cache_dir")
        self._warner = None
        if ng is not None and prompts:
            self._warner = Warner(self._database, settings.node, ng, Path(prompts), clock_us, calls=self._calls)
        rpc_socket = settings.table("edge").get("rpc_socket")
        self._guard = Guard(
            self._database,
            settings.node,
            self._settler,
            ng=ng,
            rpc_socket=Path(rpc_socket) if rpc_socket else None,
            times=_guard_times(settings),
            clock_us=clock_us,
            calls=self._calls,
            edges=edges,
        )
        self._raiser = Raiser(self._database, self._core, settings.node, edges)
        self._legs = _legs(settings, self._database)
        self.state.silent = lambda: self._guard.silent
        self._journal_dir = settings.journal_dir
        self._certificates = [Path(name) for name in settings.table("keeper").get("certificates", [])]
        self._offsets: dict[str, int] | None = None
        self._stop = threading.Event()

    def collector(self) -> KeeperCollector:
        warner, guard = self._warner, self._guard
        return KeeperCollector(
            self.state,
            {
                ("cardswitch_warnings_played", "Warnings before the limit"): lambda: warner.played if warner else 0,
                ("cardswitch_warnings_failed", "Warnings not played"): lambda: warner.failed if warner else 0,
                ("cardswitch_calls_lengthened", "Calls whose limit a refill raised"): lambda: self._raiser.raised,
                ("cardswitch_calls_ended_by_guard", "Calls ended past their limit"): lambda: guard.ended,
            },
            self._journal_dir,
        )

    def run(self) -> None:
        """Works until ``stop``."""
        threads = [
            self._thread("warnings", WARNING_POLL_S, self._warner.poll if self._warner else lambda: None),
            self._thread("guard", GUARD_POLL_S, self._look_after),
            self._thread("refills", REFILL_POLL_S, self._raiser.poll),
            self._thread("legs", LEGS_POLL_S, self._legs.poll if self._legs else lambda: None),
            self._thread("life", LIFE_POLL_S, self._guard.note_signs_of_life),
            self._thread("tidy", TIDY_POLL_S, self._tidy),
            self._thread("maintenance", TIDY_POLL_S, self._charge_maintenance),
            self._thread("check", CHECK_EVERY_S, self._check),
            self._thread("count", COUNT_POLL_S, self._count),
        ]
        self._repeat("journal", JOURNAL_POLL_S, self._catch_up)
        for thread in threads:
            thread.join()
        self._applier.close()
        if self._warner is not None:
            self._warner.close()

    def stop(self) -> None:
        self._stop.set()

    def _thread(self, name: str, every_s: float, work: Callable[[], object]) -> threading.Thread:
        thread = threading.Thread(target=self._repeat, args=(name, every_s, work), name=name)
        thread.start()
        return thread

    def _repeat(self, name: str, every_s: float, work: Callable[[], object]) -> None:
        """Does the work until stopped. A ledger that is away is waited for; a bug in one part stops no other part."""
        away = False
        while not self._stop.is_set():
            wait_s = every_s
            try:
                work()
                if away:
                    LOG.info("%s: the ledger is back", name)
                away = False
            except LedgerUnavailableError as error:
                self.state.ledger_up = False
                if not away:
                    LOG.warning("%s: %s", name, error)
                away, wait_s = True, RETRY_S
            except Exception:
                LOG.exception("%s failed, and is tried again", name)
                wait_s = max(every_s, RETRY_S)
            self._stop.wait(wait_s)

    def _catch_up(self) -> None:
        """Applies the journal until nothing is left."""
        offsets, self._offsets = self._offsets, None  # whatever goes wrong now: ask the ledger where we are
        if offsets is None:
            offsets = settlement.offsets(self._database, self._node)
        for batch, applied in self._applier.apply_from(offsets, self._begin):
            if applied is None:
                return
            offsets = offsets | batch.offsets
            self.state.torn += applied.torn
            self.state.strange += applied.strange
            self.state.unknown += applied.unknown
            self._calls.steps(applied.steps)
            if self._stop.is_set():
                return
        self._offsets = offsets
        self.state.oldest_unread_us = 0
        self.state.looked = time.monotonic()

    def _begin(self, batch: Batch) -> None:
        self.state.oldest_unread_us = oldest_us(batch)

    def _look_after(self) -> None:
        state = self.state
        state.open_counts = keeping.open_counts(self._database)
        state.products, state.carriers = keeping.names(self._database)
        state.tallies = keeping.tallies(self._database, self._node)
        state.ledger_up = True
        offsets = self._offsets or {}
        state.journal_bytes, state.unread_bytes = self._reader.size_bytes(), self._reader.unread_bytes(offsets)
        self._guard.end_overdue()
        self._guard.end_overdue_elsewhere()
        if state.unread_bytes == 0:  # what is not applied yet may tell the end that is missed
            self._guard.sweep()

    def _check(self) -> None:
        """Recomputes the books. Made from all entries, so the next one waits the longer the longer this one took."""
        began = time.monotonic()
        check = self._core.check()
        if not check.ok:
            LOG.error("the books do not agree: %s", "; ".join(check.problems))
        self.state.ledger_ok = check.ok
        self.state.books = {currency: dict(amounts) for currency, amounts in check.currencies.items()}
        self.state.cards = keeping.card_counts(self._database)
        self.state.batches = keeping.batch_counts(self._database)
        self.state.refills = keeping.refill_counts(self._database)
        self.state.liability = {row["currency"]: int(row["micros"]) for row in keeping.liability(self._database)}
        self._stop.wait((time.monotonic() - began) * CHECK_SHARE)

    def _count(self) -> None:
        """What needs no second's precision."""
        self.state.pin_guard = keeping.pin_guard(self._database, self._clock_us())
        self.state.gateways = keeping.gateways(self._database)

    def _charge_maintenance(self) -> None:
        charge_maintenance(self._database, self._clock_us(), self._stop.is_set)

    def _tidy(self) -> None:
        """Partitions for the months to come, and away with journal files that are long applied."""
        for name, until_us in months_ahead(self._clock_us()):
            keeping.add_cdr_partition(self._database, name, until_us)
        removed = self._reader.remove_applied(settlement.offsets(self._database, self._node))
        settlement.forget_offsets(self._database, self._node, removed)
        if self._legs:
            self._legs.tidy()
        self.state.certificates = ends_of(self._certificates)


def oldest_us(batch: Batch) -> int:
    """The time of its oldest event, 0 when none has one: what a journal says need not be a number."""
    times = (event.get("t_us") for event in batch.events)
    return min((time_us for time_us in times if isinstance(time_us, int)), default=0)


def _relays(settings: Settings) -> Relays | None:
    """[rtpengine] ng: one address, or a list of them."""
    found = settings.table("rtpengine").get("ng")
    if not found:
        return None
    return Relays([host_and_port(address) for address in ([found] if isinstance(found, str) else found)])


def _legs(settings: Settings, database: Database) -> Legs | None:
    """Of the edge on this node, when there is one."""
    edge = settings.table("edge")
    directory = edge.get("dialog_log_dir") or (Path(edge["rpc_socket"]).parent / "dialogs" if edge else None)
    return None if directory is None else Legs(database, Path(directory))


def _guard_times(settings: Settings) -> GuardTimes:
    """[keeper] overdue_s, dead_edge_s, unanswered_s, no_end_s, other_nodes_s, where given."""
    table = settings.table("keeper")
    given = {name: int(table[name]) for name in GuardTimes.__slots__ if name in table}
    return GuardTimes(**given)
