"""Operators' listings and searches with 1,000,000 cards and 10,000,000 call records: the distribution of each.

Fills a ledger of its own (``--cards``, ``--cdrs`` make it smaller) and asks each question ``--turns`` times, each time
for something else: through the verbs of the rating core, which is what the command line calls, then through HTTP.
"""

import argparse
import json
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.console_http import http_questions, served
from bench.console_ledger import DAY_US, DAYS, DESTINATIONS, Filled, Phases, ani_of, fill
from console.stack.mariadb import PrivateMariaDb
from rating.core import RatingCore
from rating.database import Database
from rating.migrate import migrate
from rating.settings import DatabaseSettings

BUFFER_POOL_MB = 2048
LOG_MB = 1024
WANTED_MS = 200
PEPPER = b"bench" * 8
Question = Callable[[random.Random], object]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's times, in seconds."""

    name: str
    times: list[float]

    def quantile(self, share: float) -> float:
        """Milliseconds."""
        return sorted(self.times)[int(len(self.times) * share)] * 1e3

    @property
    def median_ms(self) -> float:
        return statistics.median(self.times) * 1e3


def main(argv: list[str]) -> int:
    """Fills, measures and prints; returns 0, or 1 when a median is above 200 ms."""
    parser = argparse.ArgumentParser(prog="bench console", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cards", type=int, default=1_000_000)
    parser.add_argument("--cdrs", type=int, default=10_000_000)
    parser.add_argument("--turns", type=int, default=40, help="of each question")
    parser.add_argument("--no-http", action="store_true", help="only through the verbs")
    parser.add_argument("--dir", type=Path, help="keep the filled ledger there, and use it when it is there")
    options = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # its server must not outlive it
    with ledger(options.dir) as (settings, folder):
        core = RatingCore(settings, pepper=PEPPER, deck_directory=folder / "decks")
        phases = Phases(folder / "phases.json")
        database = Database(settings, read_timeout_s=900.0)
        filled = fill(core, database, phases, options.cards, options.cdrs)
        filled_s = sum(took for took in phases.state.values() if isinstance(took, float))
        print(f"filled in {filled_s:.0f} s\n\n{'through the verbs':<44} {'median':>8} {'p95':>8} {'worst':>8}  ms")
        found = [ask(name, question, options.turns) for name, question in questions(core, filled).items()]
        if options.no_http:
            return report(filled, filled_s, found)
        print(f"\n{'through HTTP':<44} {'median':>8} {'p95':>8} {'worst':>8}  ms")
        with served(settings, folder, PEPPER) as http_ask:
            found += [ask(name, asked, options.turns) for name, asked in http_questions(http_ask, filled).items()]
    return report(filled, filled_s, found)


def report(filled: Filled, filled_s: float, found: list[Asked]) -> int:
    """Prints the JSON line; the exit status."""
    worst = max(found, key=lambda asked: asked.median_ms)
    figures = {
        "cards": filled.cards,
        "cdrs": filled.cdrs,
        "filled_s": round(filled_s),
        "worst_median_ms": round(worst.median_ms, 1),
        "worst": worst.name,
        "medians_ms": {asked.name: round(asked.median_ms, 1) for asked in found},
    }
    print(json.dumps(figures))
    return 0 if worst.median_ms <= WANTED_MS else 1


def ask(name: str, question: Question, turns: int) -> Asked:
    """Once to warm up, then so many times."""
    chance = random.Random(name)
    question(chance)
    times = []
    for _ in range(turns):
        began = time.perf_counter()
        question(chance)
        times.append(time.perf_counter() - began)
    asked = Asked(name, times)
    print(f"{name:<44} {asked.median_ms:>8.1f} {asked.quantile(0.95):>8.1f} {max(times) * 1e3:>8.1f}", flush=True)
    return asked


def questions(core: RatingCore, filled: Filled) -> dict[str, Question]:
    """Everything that the command line and the page list or search."""
    return cards_asked(core, filled) | calls_asked(core, filled) | sums_asked(core, filled)


def cards_asked(core: RatingCore, filled: Filled) -> dict[str, Question]:
    def serial(chance: random.Random) -> str:
        return filled.serial(chance.randrange(filled.cards))

    def ani(chance: random.Random) -> str:
        return ani_of(chance.randrange(filled.cards))

    return {
        "batches, newest": lambda _: core.list_batches(),
        "batch with its cards' states": lambda chance: core.show_batch(chance.randrange(filled.cards // 20_000) + 1),
        "cards, a page anywhere": lambda chance: core.search_cards(after=serial(chance)),
        "cards, blocked, a page anywhere": lambda chance: core.search_cards(state="blocked", after=serial(chance)),
        "cards of a batch": lambda chance: core.search_cards(batch_id=chance.randrange(filled.cards // 20_000) + 1),
        "card by serial": lambda chance: core.search_cards(serial=serial(chance)),
        "cards by serial, beginning": lambda chance: core.search_cards(serial=f"{serial(chance)[:9]}*"),
        "cards by serial, four last digits": lambda chance: core.search_cards(serial=f"*{serial(chance)[-4:]}"),
        "blocked cards by serial, last digits": lambda chance: core.search_cards(
            serial=f"*{serial(chance)[-4:]}", state="blocked"
        ),
        "card by CallerID": lambda chance: core.search_cards(ani=ani(chance)),
        "cards by CallerID, beginning": lambda chance: core.search_cards(ani=f"{ani(chance)[:6]}*"),
        "cards by CallerID, four last digits": lambda chance: core.search_cards(ani=f"*{ani(chance)[-4:]}"),
        "the search box, a serial": lambda chance: core.find_cards(serial(chance)),
        "the search box, four digits": lambda chance: core.find_cards(ani(chance)[-4:]),
        "CallerIDs, a page anywhere": lambda chance: core.list_caller_ids(after=ani(chance)),
        "a card's story": lambda chance: core.card_story(serial(chance)),
        "a card's story, many calls": lambda chance: core.card_story(filled.serial(chance.randrange(1000) * 1000)),
        "a card explained": lambda chance: core.explain_card(chance.randrange(filled.cards) + 1),
    }


def calls_asked(core: RatingCore, filled: Filled) -> dict[str, Question]:
    def moment(chance: random.Random) -> int:
        return filled.last_us - chance.randrange(DAYS * DAY_US)

    def number(chance: random.Random) -> str:
        found = core.search_calls(until_us=moment(chance), limit=1).items
        return found[0].dnis if found else "442071234567"

    numbers = [number(random.Random(seed)) for seed in range(200)]
    anis = [ani_of(random.Random(seed).randrange(filled.cards)) for seed in range(200)]

    def call_page(chance: random.Random) -> object:
        return core.search_calls(after=f"{moment(chance)}-{'0' * 32}")

    def of_time(chance: random.Random, number: str = "") -> object:
        since_us = moment(chance)
        return core.search_calls(since_us=since_us, until_us=since_us + 3 * 3_600_000_000, number=number)

    return {
        "live calls, 1,000": lambda _: core.live_calls(),
        "calls, newest": lambda _: core.search_calls(),
        "calls, a page anywhere": call_page,
        "calls of three hours": of_time,
        "calls of a card": lambda chance: core.search_calls(serial=filled.serial(chance.randrange(filled.cards))),
        "calls by CallerID": lambda chance: core.search_calls(ani=chance.choice(anis)),
        "calls by CallerID, four last digits": lambda chance: core.search_calls(ani=f"*{chance.choice(anis)[-4:]}"),
        "calls by CallerID, seven last digits": lambda chance: core.search_calls(ani=f"*{chance.choice(anis)[-7:]}"),
        "calls by number": lambda chance: core.search_calls(number=chance.choice(numbers)),
        "calls by number, a country": lambda chance: core.search_calls(number=f"{chance.choice(DESTINATIONS)[0][:2]}*"),
        "calls by number, six first digits": lambda chance: core.search_calls(number=f"{chance.choice(numbers)[:6]}*"),
        "calls by number, eight first digits": lambda chance: core.search_calls(
            number=f"{chance.choice(numbers)[:8]}*"
        ),
        "calls by number, four last digits": lambda chance: core.search_calls(number=f"*{chance.choice(numbers)[-4:]}"),
        "calls by number, six last digits": lambda chance: core.search_calls(number=f"*{chance.choice(numbers)[-6:]}"),
        "calls by number that nobody called": lambda _: core.search_calls(number="999*"),
        "calls by number in three hours": lambda chance: of_time(chance, number=f"{chance.choice(numbers)[:5]}*"),
    }


def sums_asked(core: RatingCore, filled: Filled) -> dict[str, Question]:
    today = datetime.fromtimestamp(filled.last_us // 1_000_000, UTC).date()
    return {
        "minutes, spend, margin by day, 90 days": lambda _: core.usage("day", today - timedelta(89), today),
        "the same by destination, 30 days": lambda _: core.usage("destination", today - timedelta(29), today),
        "products": lambda _: core.list_products(),
        "carriers": lambda _: core.list_carriers(),
        "locked out": lambda _: core.list_lock_outs(),
    }


@contextmanager
def ledger(kept: Path | None) -> Iterator[tuple[DatabaseSettings, Path]]:
    """A migrated ledger on a server of its own, with memory for most of it."""
    with tempfile.TemporaryDirectory(prefix="csdb") as temporary:
        folder = kept or Path(temporary)
        server = PrivateMariaDb(folder)
        server.start(timeout_s=120.0)
        try:
            server.create_database("cardswitch", user="cardswitch", password="bench")  # noqa: S106
            with server.connect() as connection, connection.cursor() as cursor:
                cursor.execute("SET GLOBAL innodb_buffer_pool_size = %s", (BUFFER_POOL_MB * 2**20,))
                cursor.execute("SET GLOBAL innodb_log_file_size = %s", (LOG_MB * 2**20,))
                cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 2")  # filling has to survive no power cut
                for name in ("tmp_table_size", "max_heap_table_size"):  # for the sums
                    cursor.execute(f"SET GLOBAL {name} = {512 * 2**20}")
            settings = DatabaseSettings(unix_socket=str(server.unix_socket), password="bench")  # noqa: S106
            migrate(settings)
            yield settings, folder
        finally:
            server.stop()
