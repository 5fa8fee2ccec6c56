"""The ledger on a real MariaDB with durable commits: authorise beside the bare floor, few cards and many, the keeper.

The floor is one conditional UPDATE of one row, autocommitted: the least that can decide about money durably. Floor and
authorise take turns in the same run, with the same clients (processes), cards drawn evenly. ``authorise`` is the whole
of it, as the edge asks for it: through the node's desk (a process of its own on the same cores), directory, rate,
routes, transaction. ``direct`` is the same without a desk. The keeper's settlements are measured beside single
transactions, the same calls settled one by one (CALL settle_hold) by one client.
"""

import argparse
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from uuid import uuid4

from console.stack.mariadb import PrivateMariaDb
from rating.core import RatingCore
from rating.database import Database
from rating.deck import DeckRow, DeckTable, DeckTerms
from rating.desk.client import DeskClient
from rating.desk.server import THREADS, Desk, serve
from rating.journal import JournalReader, JournalWriter
from rating.keeper.ahead import JournalApplier
from rating.keeper.settle import Settler
from rating.migrate import migrate
from rating.model import CallRequest
from rating.outcome import Refusal
from rating.rate import flat_rate
from rating.settings import DatabaseSettings
from rating.store import settlement

CLIENTS = (1, 4, 16)
FEW, MANY = 10_000, 5_000_000
BUFFER_POOL_MB = 2048  # five million cards are meant to fit
BALANCE_MICROS = 10**12
PEPPER = b"bench" * 8
LONDON = "442071234567"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client process finds the ledger. ``cards`` are numbered from 1."""

    settings: DatabaseSettings
    decks: Path
    cards: int

    def core(self, *, desk: bool = False) -> RatingCore:
        client = DeskClient(str(self.desk), 30.0) if desk else None
        return RatingCore(self.settings, pepper=PEPPER, deck_directory=self.decks, desk=client)

    @property
    def desk(self) -> Path:
        """The desk's socket."""
        return self.decks / "desk.sock"


Client = Callable[[Place, float], list[float]]


def main(argv: list[str]) -> int:
    """Measures and prints; returns 0."""
    parser = argparse.ArgumentParser(prog="bench rating_ledger", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--many", type=int, default=MANY, help="cards of the large ledger; 0: leave it out")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--desk-threads", type=int, default=THREADS, help="groups that the desk has under way")
    parser.add_argument("--settlements", type=int, default=8000, help="of one turn")
    options = parser.parse_args(argv)
    _desk_threads[:] = [options.desk_threads]
    figures: dict[str, float] = {}
    with small_ledger(FEW) as place:
        figures |= measure_authorise(place, options.seconds, options.rounds)
        if options.settlements:
            figures |= measure_keeper(place, options.settlements, options.rounds)
    if options.many:
        figures |= measure_sizes(options.many, options.seconds, options.rounds)
    print(json.dumps(figures))
    return 0


def measure_authorise(place: Place, seconds: float, rounds: int) -> dict[str, float]:
    """Authorise beside the floor; the smallest of the ratios counts."""
    print(f"{place.cards:,} cards")
    heads = ("clients", "floor/s", "authorise/s", "direct/s", "ratio", "direct", "p50 ms", "p99 ms")
    print("  ".join(f"{head:>11}" for head in heads))
    figures: dict[str, float] = {}
    for clients in CLIENTS:
        floors, rates, directs, times = [], [], [], []
        with desk(place):
            for _ in range(rounds):
                floors.append(len(run_clients(floor_client, place, clients, seconds)) / seconds)
                took = run_clients(authorise_client, place, clients, seconds)
                rates.append(len(took) / seconds)
                directs.append(len(run_clients(direct_client, place, clients, seconds)) / seconds)
                times += took
        ratio, direct_ratio = (
            statistics.median(rate / floor for rate, floor in zip(found, floors, strict=True))
            for found in (rates, directs)
        )
        p50, p99 = quantile(times, 0.50) * 1e3, quantile(times, 0.99) * 1e3
        floor, rate, direct = (statistics.median(found) for found in (floors, rates, directs))
        shown = [f"{clients}", f"{floor:,.0f}", f"{rate:,.0f}", f"{direct:,.0f}"]
        shown += [f"{ratio:.2f}", f"{direct_ratio:.2f}", f"{p50:.2f}", f"{p99:.2f}"]
        print("  ".join(f"{each:>11}" for each in shown), flush=True)
        figures |= {
            f"floor_per_s_{clients}": round(floor),
            f"authorise_per_s_{clients}": round(rate),
            f"authorise_vs_floor_{clients}": round(ratio, 3),
            f"direct_vs_floor_{clients}": round(direct_ratio, 3),
            f"authorise_p50_ms_{clients}": round(p50, 3),
            f"authorise_p99_ms_{clients}": round(p99, 3),
        }
    return {"authorise_vs_floor": min(figures[f"authorise_vs_floor_{clients}"] for clients in CLIENTS)} | figures


def measure_sizes(many: int, seconds: float, rounds: int, clients: int = 4) -> dict[str, float]:
    """The p99 of authorise with many cards over that with few, in turns on two databases of one server."""
    with server() as running:
        few, large = make_ledger(running, FEW), make_ledger(running, many)
        ratios, shown = [], []
        with desk(few), desk(large):
            for place in (few, large):
                run_clients(authorise_client, place, clients, seconds)  # warms pages and caches alike
            for _ in range(rounds + 2):
                p99 = [quantile(run_clients(authorise_client, place, clients, seconds), 0.99) for place in (few, large)]
                ratios.append(p99[1] / p99[0])
                shown.append(p99)
        ratio = statistics.median(ratios)
    for place, column in ((few, 0), (large, 1)):
        p99_ms = statistics.median(p99[column] for p99 in shown) * 1e3
        print(f"authorise p99 with {place.cards:>9,} cards: {p99_ms:.2f} ms")
    print(f"ratio {ratio:.2f} (median of {', '.join(f'{each:.2f}' for each in ratios)})")
    return {"authorise_p99_ratio_5m_vs_10k": round(ratio, 3), "cards_many": many}


def measure_keeper(place: Place, count: int, rounds: int) -> dict[str, float]:
    """Settlements a second from the journal, and one by one, in turns; the median of the ratios counts."""
    core, singles, keepers = place.core(), [], []
    settler = Settler(Database(place.settings), "bench", core.carrier_cost, lambda: time.time_ns() // 1000)
    for _ in range(rounds):
        singles.append(settle_singly(core, hold_calls(core, place, count // 8)))
        keepers.append(settle_from_journal(settler, place, hold_calls(core, place, count)))
    ratio = statistics.median(keeper / single for keeper, single in zip(keepers, singles, strict=True))
    keeper, single = statistics.median(keepers), statistics.median(singles)
    print(f"settlements/s: keeper {keeper:,.0f}, single transactions {single:,.0f}, ratio {ratio:.1f}")
    return {
        "keeper_vs_single": round(ratio, 2),
        "keeper_settlements_per_s": round(keeper),
        "single_settlements_per_s": round(single),
    }


def settle_singly(core: RatingCore, hold_ids: list[str]) -> float:
    """Settlements a second, each its own transaction."""
    began = time.perf_counter()
    for hold_id in hold_ids:
        core.capture(hold_id, 61)
    return len(hold_ids) / (time.perf_counter() - began)


def settle_from_journal(settler: Settler, place: Place, hold_ids: list[str]) -> float:
    """Settlements a second, as the keeper makes them."""
    with tempfile.TemporaryDirectory() as folder:
        writer = JournalWriter(folder, "bench")
        for hold_id in hold_ids:
            write_call(writer, hold_id)
        began = time.perf_counter()
        settled = catch_up(settler, Database(place.settings), folder)
        took_s = time.perf_counter() - began
    assert settled == len(hold_ids)
    return settled / took_s


def hold_calls(core: RatingCore, place: Place, count: int) -> list[str]:
    chance = random.Random(2)
    requests = [request(chance.randint(1, place.cards)) for _ in range(count)]
    for each in requests:
        assert not isinstance(core.authorise(each), Refusal)
    return [each.hold_id for each in requests]


def write_call(writer: JournalWriter, hold_id: str) -> None:
    call = {"hold": hold_id, "call": hold_id, "carrier_id": 1, "gateway_id": 1, "pdd_ms": 900}
    now_us = time.time_ns() // 1000
    answer = {"ev": "answer", "t_us": now_us, "mono_us": 10**9, "callid": uuid4().hex, "from_tag": "a", "to_tag": "b"}
    assert writer.append(call | answer)
    end = {"answer_us": now_us, "answer_mono_us": 10**9, "t_us": now_us + 61_000_000, "mono_us": 10**9 + 61_000_000}
    assert writer.append(call | {"ev": "end", "cause": 16, "by": "caller"} | end)


def catch_up(settler: Settler, database: Database, folder: str) -> int:
    """Applies the journal as the keeper does; how many calls were charged."""
    settlement.forget_offsets(database, "bench", settlement.offsets(database, "bench"))  # of the turn before
    applier, settled = JournalApplier(JournalReader(folder), settler), 0
    for _, applied in applier.apply_from(settlement.offsets(database, "bench")):
        assert applied is not None
        settled += applied.captured
    applier.close()
    return settled


# clients


def run_clients(client: Client, place: Place, count: int, seconds: float) -> list[float]:
    """The times in seconds of all operations of ``count`` processes within ``seconds``."""
    context = get_context("fork")
    barrier = context.Barrier(count)  # all at once: clients that begin late would find the server idle
    with context.Pool(count, initializer=_use_barrier, initargs=(barrier,)) as pool:
        return [took for times in pool.starmap(client, [(place, seconds)] * count, chunksize=1) for took in times]


_barriers: list[Barrier] = []


def _use_barrier(barrier: Barrier) -> None:
    _barriers[:] = [barrier]


@contextmanager
def desk(place: Place) -> Iterator[None]:
    """The place's desk, as a process of its own."""
    process = get_context("fork").Process(target=_serve, args=(place,), daemon=True)
    process.start()
    try:
        deadline = time.monotonic() + 30
        while not place.desk.exists():
            assert time.monotonic() < deadline, "no desk"
            time.sleep(0.01)
        yield
    finally:
        process.terminate()
        process.join(30)
        place.desk.unlink(missing_ok=True)


def _serve(place: Place) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    serve(Desk(place.desk, place.core().authorise_all, threads=_desk_threads[0], late_s=30.0), stop)


_desk_threads = [THREADS]


def authorise_client(place: Place, seconds: float) -> list[float]:
    return call_after_call(place.core(desk=True), place, seconds)


def direct_client(place: Place, seconds: float) -> list[float]:
    return call_after_call(place.core(), place, seconds)


def call_after_call(core: RatingCore, place: Place, seconds: float) -> list[float]:
    chance = random.Random(os.getpid())

    def operation() -> None:
        answer = core.authorise(request(chance.randint(1, place.cards)))
        assert not isinstance(answer, Refusal), answer

    return timed(operation, seconds)


def floor_client(place: Place, seconds: float) -> list[float]:
    database, chance = Database(place.settings), random.Random(os.getpid())
    sql = "UPDATE bare SET available = available - 1 WHERE card_id = %s AND available >= 1"
    return timed(lambda: database.rows(sql, (chance.randint(1, min(place.cards, FEW)),)), seconds)


def timed(operation: Callable[[], object], seconds: float) -> list[float]:
    operation()
    times: list[float] = []
    _barriers[0].wait(timeout=60)
    began = now = time.perf_counter()
    while now - began < seconds:
        operation()
        times.append((after := time.perf_counter()) - now)
        now = after
    return times


def request(card_id: int) -> CallRequest:
    return CallRequest(uuid4().hex, uuid4().hex, card_id, LONDON, ani="14155550123", trunk="bench", node="bench")


def quantile(times: list[float], share: float) -> float:
    return sorted(times)[int(len(times) * share)]


# the ledger


@contextmanager
def server() -> Iterator[PrivateMariaDb]:
    with tempfile.TemporaryDirectory(prefix="csdb") as folder:
        running = PrivateMariaDb(Path(folder))
        running.start()
        try:
            with running.connect() as connection, connection.cursor() as cursor:
                cursor.execute("SET GLOBAL innodb_buffer_pool_size = %s", (BUFFER_POOL_MB * 2**20,))
            yield running
        finally:
            running.stop()


@contextmanager
def small_ledger(cards: int) -> Iterator[Place]:
    with server() as running:
        yield make_ledger(running, cards)


def make_ledger(running: PrivateMariaDb, cards: int) -> Place:
    """A migrated ledger with so many cards, loaded in bulk (their PINs are random bytes: nobody enters them)."""
    name = f"cardswitch_{cards}"
    running.create_database(name, user="cardswitch", password="bench")  # noqa: S106
    settings = DatabaseSettings(unix_socket=str(running.unix_socket), password="bench", name=name)  # noqa: S106
    migrate(settings)
    place = Place(settings, running.directory / name, cards)
    core = place.core()
    for deck, price in (("retail", 60_000), ("cost", 6_000)):
        rows = [DeckRow("44", "United Kingdom", flat_rate(price, 60, 60).pack())]
        core.publish_deck(DeckTable.from_rows(DeckTerms(deck, "USD"), rows))
    core.create_product("Bench", currency="USD", deck="retail", calls_at_once=0, longest_call_s=3600)
    core.add_gateway(core.add_carrier("Acme", deck="cost"), "sip:192.0.2.7:5060")
    slow = Database(settings, read_timeout_s=3600.0)
    began = time.perf_counter()
    columns = "card_id, product_id, batch_id, state, posted_micros, serial, pin_hash"
    made = f"SELECT seq, 1, 0, 'active', {BALANCE_MICROS}, seq, UNHEX(SHA2(seq, 256)) FROM seq_1_to_{cards}"  # noqa: S608
    slow.rows(f"INSERT INTO card ({columns}) {made}")
    slow.rows("CREATE TABLE bare (card_id BIGINT PRIMARY KEY, available BIGINT NOT NULL)")
    slow.rows(f"INSERT INTO bare SELECT seq, 1000000000 FROM seq_1_to_{min(cards, FEW)}")  # noqa: S608
    print(f"{cards:,} cards loaded in {time.perf_counter() - began:.1f} s", flush=True)
    return place


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
