"""A call's charge from the rate deck's CSV, computed anew in fractions: it shares no code with the rating core."""

import csv
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """What the deck says of a number, and what so many seconds cost."""

    prefix: str
    destination: str
    rate_per_minute: str
    billable_s: int
    charge_micros: int


def price(deck: Path, dnis: str, seconds: int) -> Price:
    """The price of a call of ``seconds`` to ``dnis``. Raises LookupError for a number that the deck does not price.

    Only for rows with one tier and no times of day, which is all that the demo dials.
    """
    with deck.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if dnis.startswith(row["prefix"])]
    best = max((len(row["prefix"]) for row in rows), default=0)
    matching = [row for row in rows if len(row["prefix"]) == best]
    if len(matching) != 1 or matching[0]["rate_per_minute"] == "blocked":
        raise LookupError(f"{dnis} has no single price in {deck.name}")
    row = matching[0]
    initial, increment = int(row["initial_increment_s"]), int(row["increment_s"])
    billable = 0 if seconds == 0 else max(initial, initial + ceil(Fraction(seconds - initial, increment)) * increment)
    per_minute, connect = Fraction(row["rate_per_minute"]), Fraction(row["connect_fee"] or 0)
    charge = ceil((connect + per_minute * Fraction(billable, 60)) * MICROS) if billable else 0
    return Price(row["prefix"], row["destination"], row["rate_per_minute"], billable, charge)
