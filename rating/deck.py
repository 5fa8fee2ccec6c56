"""A rate deck as a table: which prefixes there are, what they cost and when.

``DeckTable`` is what an import makes, what the ledger stores (as ``DeckRow``) and what is compiled into a ``Deck``
(``rating.deckfile``) that answers lookups. It keeps columns of numbers instead of a million objects.
"""

from __future__ import annotations  # array is not subscriptable before 3.12

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rating.deckhours import ALWAYS, When, format_days, format_hours, parse_days, parse_hours
from rating.rate import Rate

NUMBER_DIGITS = 15  # of E.164
BLOCKED = ""  # in place of a packed rate


class DeckError(ValueError):
    """The deck as a whole cannot be what it is asked to be; the message says why."""


@dataclass(frozen=True, slots=True)
class DeckTerms:
    """What all rates of a deck share. ``minimum_charge_micros`` and ``free_grace_s`` become part of each rate."""

    name: str = "deck"
    currency: str = "USD"
    time_zone: str = "UTC"
    minimum_charge_micros: int = 0
    free_grace_s: int = 0

    def zone(self) -> ZoneInfo:
        """The time zone. Raises DeckError when there is none of that name."""
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise DeckError(f"no time zone {self.time_zone!r}; write it as Europe/Berlin or UTC") from None


RowTuple = tuple[str, str, str, "int | None", "int | None", str, str]  # a DeckRow, or the like of it from a cursor


class DeckRow(NamedTuple):
    """One rate of one prefix, as a database keeps it. All tiers are in ``rate`` (``Rate.pack``); "" is a blocked
    prefix. ``days`` and ``hours`` are as in ``rating.deckhours``, "" for always."""

    prefix: str
    destination: str
    rate: str
    effective_from_us: int | None = None
    effective_until_us: int | None = None
    days: str = ""
    hours: str = ""


def encode_prefix(prefix: str) -> int:
    """A number that sorts prefixes as a telephone book: each prefix before its longer ones, and those together."""
    return int(prefix.ljust(NUMBER_DIGITS, "0")) << 4 | len(prefix)


def decode_prefix(code: int) -> str:
    """The prefix of ``encode_prefix``."""
    return f"{code >> 4:0{NUMBER_DIGITS}d}"[: code & 15]


@dataclass(slots=True)
class DeckTable:
    """Sorted by prefix; among the rates of one prefix the one to try first comes first."""

    terms: DeckTerms
    codes: array[int] = field(default_factory=lambda: array("q"))
    destination_of: array[int] = field(default_factory=lambda: array("I"))
    rate_of: array[int] = field(default_factory=lambda: array("I"))
    when_of: array[int] = field(default_factory=lambda: array("I"))
    destinations: list[str] = field(default_factory=list)
    rates: list[str] = field(default_factory=list)  # packed
    whens: list[When] = field(default_factory=lambda: [ALWAYS])

    @classmethod
    def from_rows(cls, terms: DeckTerms, rows: Iterable[RowTuple]) -> DeckTable:
        """The table of rows in any order, plain tuples in the order of ``DeckRow``. Raises RateError, WhenError."""
        builder = DeckBuilder(terms)
        for prefix, destination, rate, begins, ends, days, hours in rows:
            when = ALWAYS
            if begins is not None or ends is not None or days or hours:
                when = When(begins, ends, parse_days(days), parse_hours(hours))
            builder.add(encode_prefix(prefix), destination, rate, when)
        return builder.finish()

    def __len__(self) -> int:
        return len(self.codes)

    def sort(self) -> None:
        """Puts the rows in their order after the columns were filled."""
        codes, when_of, whens = self.codes, self.when_of, self.whens
        if len(whens) == 1:
            order = sorted(range(len(codes)), key=codes.__getitem__)
        else:
            by_precedence = sorted(range(len(whens)), key=lambda index: whens[index].precedence())
            rank = {index: place for place, index in enumerate(by_precedence)}
            order = sorted(range(len(codes)), key=lambda row: (codes[row], rank[when_of[row]]))
        for name in ("codes", "destination_of", "rate_of", "when_of"):
            column: array[int] = getattr(self, name)
            setattr(self, name, array(column.typecode, map(column.__getitem__, order)))

    def row(self, index: int) -> DeckRow:
        when = self.whens[self.when_of[index]]
        return DeckRow(
            decode_prefix(self.codes[index]),
            self.destinations[self.destination_of[index]],
            self.rates[self.rate_of[index]],
            when.from_us,
            when.until_us,
            format_days(when.days),
            format_hours(when.hours),
        )

    def rows(self) -> Iterator[DeckRow]:
        """All rates, sorted by prefix."""
        return map(self.row, range(len(self)))

    def content(self, begin: int, end: int) -> list[tuple[str, str, When]]:
        """Destination, packed rate and time of the rows [begin, end): what makes two decks differ in a prefix."""
        return [
            (self.destinations[self.destination_of[row]], self.rates[self.rate_of[row]], self.whens[self.when_of[row]])
            for row in range(begin, end)
        ]

    def prefix_count(self) -> int:
        """How many different prefixes there are."""
        return sum(1 for _ in self.groups())

    def groups(self) -> Iterator[tuple[int, int, int]]:
        """(code, begin, end) of each prefix: its rates are the rows [begin, end)."""
        begin = 0
        codes = self.codes
        for index in range(1, len(codes) + 1):
            if index == len(codes) or codes[index] != codes[begin]:
                yield codes[begin], begin, index
                begin = index


class DeckBuilder:
    """Collects rates in any order; equal texts are kept once."""

    def __init__(self, terms: DeckTerms) -> None:
        self._table = DeckTable(terms)
        self._destinations: dict[str, int] = {}
        self._rates: dict[str, int] = {}
        self._whens: dict[When, int] = {ALWAYS: 0}

    def add(self, code: int, destination: str, rate: str, when: When = ALWAYS) -> None:
        """A rate (packed, or BLOCKED) of the prefix with that code. Raises RateError."""
        table = self._table
        at = self._rates.get(rate)
        if at is None:
            if rate != BLOCKED:
                Rate.unpack(rate)
            at = self._rates[rate] = len(table.rates)
            table.rates.append(rate)
        place = self._destinations.get(destination)
        if place is None:
            place = self._destinations[destination] = len(table.destinations)
            table.destinations.append(destination)
        table.codes.append(code)
        table.destination_of.append(place)
        table.rate_of.append(at)
        table.when_of.append(self._when(when) if when is not ALWAYS else 0)

    def finish(self) -> DeckTable:
        """The table, sorted. The builder is of no use afterwards."""
        self._table.sort()
        return self._table

    def _when(self, when: When) -> int:
        at = self._whens.get(when)
        if at is None:
            at = self._whens[when] = len(self._table.whens)
            self._table.whens.append(when)
        return at
