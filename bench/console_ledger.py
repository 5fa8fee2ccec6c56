"""A large ledger for bench/console.py: cards, CallerIDs, entries, call records, running calls, made in bulk.

Every value is worked out from the row's number, so that two runs fill alike. The secondary indexes of the call records
are taken away while they are filled and built afterwards: ten million rows take minutes then instead of hours.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rating.core import RatingCore
from rating.database import Database
from rating.deck import DeckRow, DeckTable, DeckTerms
from rating.keeper.months import months_ahead
from rating.rate import flat_rate
from rating.store import keeping

BATCH = 20_000  # cards of one
FIRST_SERIAL = 100_001
FACE_MICROS = 20_000_000
DAYS = 90  # of call records
DAY_US = 86_400_000_000
PIECE = 1_000_000  # call records of one statement
LIVE = 2_000
BLOCKED_EVERY = 5_000
PEOPLE = 4  # cards of which one has a second CallerID
RATE = flat_rate(60_000, 60, 60).pack()
# (prefix, destination): a few countries have most calls, as in life
DESTINATIONS = (
    ("44207", "United Kingdom London"), ("447", "United Kingdom mobile"), ("521", "Mexico mobile"), ("9180", "India"),
    ("63917", "Philippines mobile"), ("5037", "El Salvador"), ("4916", "Germany mobile"), ("336", "France mobile"),
    ("380", "Ukraine"), ("8613", "China mobile"), ("23480", "Nigeria mobile"), ("2519", "Ethiopia"),
    ("92300", "Pakistan mobile"), ("88017", "Bangladesh"), ("50937", "Haiti"), ("18095", "Dominican Republic"),
    ("421905", "Slovakia mobile"), ("48501", "Poland mobile"), ("66812", "Thailand"), ("849", "Vietnam mobile"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filled:
    """How much there is. ``last_us`` is when the newest call was placed."""

    cards: int
    cdrs: int
    last_us: int

    @property
    def step_us(self) -> int:
        """From one call's placing to the next one's."""
        return DAYS * DAY_US // max(1, self.cdrs)

    def serial(self, number: int) -> str:
        """Of the card with that number, from 0."""
        return f"{FIRST_SERIAL + number % self.cards:012d}"


class Phases:
    """What of the filling is done, in a file: a run that was ended goes on there the next time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.state: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}

    def do(self, what: str, work: Callable[[], object]) -> None:
        """Does it unless it was done, and says how long it took."""
        if what in self.state:
            return
        began = time.perf_counter()
        work()
        self.set(what, round(time.perf_counter() - began, 1))
        print(f"{what}: {self.state[what]:.1f} s", flush=True)

    def set(self, name: str, value: Any) -> None:
        self.state[name] = value
        self._file.write_text(json.dumps(self.state))


def fill(core: RatingCore, database: Database, phases: Phases, cards: int, cdrs: int) -> Filled:
    """Fills a migrated ledger, or what is missing in it."""
    if "filled" not in phases.state:
        phases.set("filled", [cards, cdrs, time.time_ns() // 1000])
    filled = Filled(*phases.state["filled"])
    phases.do("network", lambda: make_network(core))
    phases.do("partitions", lambda: make_partitions(database, filled))
    phases.do(f"{filled.cards:,} cards with CallerIDs and entries", lambda: make_cards(database, filled))
    phases.do("indexes away", lambda: drop_indexes(database))
    for begin in range(0, filled.cdrs, PIECE):
        end = min(begin + PIECE, filled.cdrs) - 1
        phases.do(f"call records {begin:,} to {end:,}", partial(make_records, database, filled, begin, end))
    phases.do("indexes", lambda: add_indexes(database))
    phases.do("sums by day", lambda: make_sums(database))
    phases.do(f"{LIVE:,} running calls", lambda: make_live(database, filled))
    phases.do("index statistics", lambda: database.rows("ANALYZE TABLE card, caller_id, entry, cdr, hold, call_day"))
    return filled


def make_partitions(database: Database, filled: Filled) -> None:
    for name, until_us in months_ahead(filled.last_us - DAYS * DAY_US, months=6):
        keeping.add_cdr_partition(database, name, until_us)


def make_sums(database: Database) -> None:
    database.rows("DELETE FROM call_day")  # of a run that was ended in the middle
    database.rows(
        "INSERT INTO call_day SELECT placed_us DIV 86400000000 AS placed_day, destination, 'USD', node, COUNT(*),"
        " COUNT(answered_us), SUM(seconds), SUM(billable_s), SUM(charge_micros), SUM(charge_micros),"
        " SUM(COALESCE(cost_micros, 0)) FROM cdr GROUP BY placed_day, destination, node"
    )
    database.rows(
        "INSERT INTO call_day SELECT day, '', currency, node, SUM(calls), SUM(answered), SUM(seconds), SUM(billable_s),"
        " SUM(charge_micros), SUM(costed_micros), SUM(cost_micros) FROM call_day WHERE destination > ''"
        " GROUP BY day, currency, node"
    )


def make_network(core: RatingCore) -> None:
    for deck, price in (("retail", 60_000), ("cost", 6_000)):
        rows = [DeckRow(prefix, name, flat_rate(price, 60, 60).pack()) for prefix, name in DESTINATIONS]
        core.publish_deck(DeckTable.from_rows(DeckTerms(deck, "USD"), rows))
    for name in ("Bench", "Night", "Pocket"):
        core.create_product(name, currency="USD", deck="retail", calls_at_once=0, longest_call_s=3600)
    for number in range(5):
        core.add_gateway(core.add_carrier(f"Carrier {number}", deck="cost"), f"sip:192.0.2.{number + 1}:5060")


def make_cards(database: Database, filled: Filled) -> None:
    for number, begin in enumerate(range(0, filled.cards, BATCH)):
        count = min(BATCH, filled.cards - begin)
        database.rows(
            "INSERT INTO batch (product_id, first_serial, cards, face_value_micros, pin_length, issued_us)"
            " VALUES (%s, %s, %s, %s, 12, %s)",
            (number % 3 + 1, FIRST_SERIAL + begin, count, FACE_MICROS, filled.last_us - DAYS * DAY_US),
        )
    last = filled.cards - 1
    database.rows(
        "INSERT INTO card (card_id, product_id, batch_id, state, posted_micros, serial, pin_hash)"  # noqa: S608
        f" SELECT seq + 1, seq DIV {BATCH} MOD 3 + 1, seq DIV {BATCH} + 1,"
        f" IF(seq MOD {BLOCKED_EVERY} = 7, 'blocked', IF(seq MOD 3 = 0, 'inactive', 'active')), {FACE_MICROS},"
        f" seq + {FIRST_SERIAL}, UNHEX(SHA2(seq, 256)) FROM seq_0_to_{last}"
    )
    database.rows(
        "INSERT INTO entry (card_id, kind, amount_micros, reference, at_us)"  # noqa: S608
        f" SELECT seq + 1, 'issue', {FACE_MICROS}, CONCAT('batch ', seq DIV {BATCH} + 1), %s FROM seq_0_to_{last}",
        (filled.last_us - DAYS * DAY_US,),
    )
    # 7,919 and the like are primes: neighbouring cards have numbers that are not neighbours.
    for first, every in ((0, 1), (1, PEOPLE)):
        database.rows(
            "INSERT IGNORE INTO caller_id (ani, card_id, registered_us)"  # noqa: S608
            f" SELECT {ani_sql(f'seq * {every}', first)}, seq * {every} + 1, %s FROM seq_0_to_{last // every}",
            (filled.last_us,),
        )


def ani_sql(card: str, which: int) -> str:
    """The CallerID of a card's number: 13 to 15 … of ten digits, spread over all endings."""
    return f"CONCAT('1', 2010000000 + ({card} * 7919 + {which} * 500009) MOD 7989999989)"


def ani_of(card: int, which: int = 0) -> str:
    """The same in Python."""
    return f"1{2010000000 + (card * 7919 + which * 500009) % 7989999989}"


def dnis_sql(number: str) -> str:
    """The number called by the record of that number: a destination's prefix and digits to twelve."""
    return f"RPAD(CONCAT({prefix_sql(number)}, ({number} * 104729) MOD 99999989 + 10000000), 12, '7')"


def prefix_sql(number: str) -> str:
    return f"ELT({_destination(number)}, {', '.join(repr(prefix) for prefix, _ in DESTINATIONS)})"


def destination_sql(number: str) -> str:
    """A country's network: twelve for each of the above, as many destinations as a small deck has."""
    names = ", ".join(repr(name) for _, name in DESTINATIONS)
    return f"CONCAT(ELT({_destination(number)}, {names}), ' ', {number} * 7 MOD 12 + 1)"


def _destination(number: str) -> str:
    """1 to 20; the first ones far more often."""
    return f"1 + FLOOR(POW(({number} * 31) MOD 1009 / 1009, 2) * {len(DESTINATIONS)})"


def make_records(database: Database, filled: Filled, begin: int, end: int) -> None:
    """Those with the numbers from begin to end."""
    begin_us = filled.last_us - filled.step_us * filled.cdrs
    # Every hundredth call is of one card of thousand: some have far more calls than others.
    card = f"(IF(seq MOD 100 = 0, seq DIV 100 * 1000, seq * 15485863) MOD {filled.cards})"
    answered = "seq MOD 10 < 6"
    seconds = "(seq * 37 MOD 600 + 5)"
    placed = f"({begin_us} + seq * {filled.step_us})"
    database.rows(
        "INSERT INTO cdr (placed_us, hold_id, call_id, card_id, product_id, outcome, ani, dnis, prefix,"  # noqa: S608
        " destination, trunk, access_number, attestation, node, rate, carrier_id, gateway_id, pdd_ms, answered_us,"
        " ended_us, seconds, billable_s, charge_micros, cost_micros, cause, sip_status, ended_by)"
        f" SELECT {placed}, UNHEX(MD5(seq)), UNHEX(MD5(CONCAT('c', seq))), {card} + 1,"
        f" {card} DIV {BATCH} MOD 3 + 1, IF({answered}, 'captured', 'void'), {ani_sql(card, 0)}, {dnis_sql('seq')},"
        f" {prefix_sql('seq')}, {destination_sql('seq')}, CONCAT('trunk-', seq MOD 7), NULL, '',"
        f" CONCAT('edge', seq MOD 4 + 1), '{RATE}', seq MOD 5 + 1, seq MOD 5 + 1, 900,"
        f" IF({answered}, {placed} + 4000000, NULL), {placed} + 4000000 +"
        f" IF({answered}, {seconds}, 0) * 1000000, IF({answered}, {seconds}, 0),"
        f" IF({answered}, CEIL({seconds} / 60) * 60, 0), IF({answered}, CEIL({seconds} / 60) * 60000, 0),"
        f" IF({answered}, CEIL({seconds} / 60) * 6000, 0), 16, IF({answered}, 200, 486), 'caller'"
        f" FROM seq_{begin}_to_{end}"
    )


def make_live(database: Database, filled: Filled) -> None:
    number = f"(seq * 7919 MOD {filled.cards})"
    database.rows(
        "INSERT INTO hold (hold_id, call_id, card_id, held_micros, limit_s, product_id, rate, prefix,"  # noqa: S608
        " destination, dnis, ani, trunk, node, placed_us, answered_us, carrier_id, gateway_id)"
        f" SELECT UNHEX(MD5(CONCAT('live', seq))), UNHEX(MD5(CONCAT('call', seq))), {number} + 1, 600000, 600,"
        f" {number} DIV {BATCH} MOD 3 + 1, '{RATE}', '44207', 'United Kingdom London', '442071234567',"
        f" {ani_sql(number, 0)}, 'trunk-1', 'edge1', %s - seq * 100000, IF(seq MOD 5, %s - seq * 90000, NULL), 1, 1"
        f" FROM seq_1_to_{LIVE}",
        (filled.last_us, filled.last_us),
    )


INDEXES = {
    "cdr_card": "(card_id, placed_us)",
    "cdr_dnis": "(dnis, placed_us)",
    "cdr_dnis_ending": "(dnis_reversed, placed_us)",
    "cdr_ani_ending": "(ani_reversed, placed_us)",
}


def drop_indexes(database: Database) -> None:
    database.rows(f"ALTER TABLE cdr {', '.join(f'DROP KEY {name}' for name in INDEXES)}")


def add_indexes(database: Database) -> None:
    database.rows(f"ALTER TABLE cdr {', '.join(f'ADD KEY {name} {columns}' for name, columns in INDEXES.items())}")
