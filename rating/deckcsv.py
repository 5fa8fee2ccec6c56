"""Rate decks from CSV.

The first line names the columns, in any order: ``prefix``, ``destination`` and ``rate_per_minute`` must be there,
the rest may: ``connect_fee`` (0), ``increment_s`` (1), ``initial_increment_s`` (as ``increment_s``), ``from_second``
(0), ``effective_from``, ``effective_until``, ``days``, ``hours`` (``rating.deckhours``). An empty field is one that is
not there. ``blocked`` as rate_per_minute blocks the prefix.

The tiers of a rate are rows of the same prefix, dates, days and hours with rising ``from_second``, the first one 0;
connect fee and initial increment are those of the first row. UTF-8, with or without a byte order mark; lines may end
as they like. Everything wrong is reported, each with its line and what to do; nothing is made of a deck with errors.
"""

from __future__ import annotations  # array is not subscriptable before 3.12

import csv
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from rating.deck import BLOCKED, NUMBER_DIGITS, DeckBuilder, DeckTable, DeckTerms, decode_prefix
from rating.deckhours import ALL_DAYS, ALWAYS, When, WhenError, parse_days, parse_hours, parse_moment
from rating.money import AmountError, parse_amount
from rating.rate import FROM_SECOND_MAX, INCREMENT_MAX_S, PRICE_MAX_MICROS, TIERS_MAX, Rate, Tier

REQUIRED = ("prefix", "destination", "rate_per_minute")
OPTIONAL = (
    "connect_fee",
    "initial_increment_s",
    "increment_s",
    "from_second",
    "effective_from",
    "effective_until",
    "days",
    "hours",
)
COLUMNS = REQUIRED + OPTIONAL
DESTINATION_MAX = 100
BLOCKED_WORD = "blocked"

Watch = Callable[[Iterable[str]], Iterable[str]]


class Problem(NamedTuple):
    """Something wrong on a line of a file; line 0 is the file as a whole."""

    line: int
    message: str


class DeckImportError(Exception):
    """A deck with errors: ``problems`` has all of them, in the order of their lines; nothing was imported."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(self.lines()))

    def lines(self) -> Iterator[str]:
        """One line of text for each problem."""
        for line, message in self.problems:
            yield f"{self.file}, line {line}: {message}" if line else f"{self.file}: {message}"


class _Line(NamedTuple):
    """What a row says beside prefix and destination. ``rate_micros`` None: blocked; ``fee_micros`` and ``initial_s``
    None: not said."""

    rate_micros: int | None
    fee_micros: int | None
    initial_s: int | None
    increment_s: int
    from_second: int
    when: When


def read_deck(path: str | os.PathLike[str], terms: DeckTerms, watch: Watch = iter) -> DeckTable:
    """The table of a CSV file; its lines pass through ``watch``, for a progress bar.

    Raises DeckImportError, DeckError (an unknown time zone), OSError.
    """
    file = Path(path)
    with file.open("rb") as raw:
        if raw.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            raise DeckImportError(file.name, [Problem(0, 'is UTF-16; save it as "CSV UTF-8"')])
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        return read_deck_lines(watch(text), terms, file.name)


def read_deck_lines(lines: Iterable[str], terms: DeckTerms, file: str = "deck.csv") -> DeckTable:
    """The table of the lines of a CSV file; ``file`` is what it is called in errors. As ``read_deck``."""
    reader = _Reader(terms, file)
    reader.read(lines)
    table = reader.build()
    if reader.problems:
        raise DeckImportError(file, reader.problems)
    return table


class _Reader:
    """Reads all rows into columns of numbers first, then puts the rows of each prefix together."""

    def __init__(self, terms: DeckTerms, file: str) -> None:
        self.problems: list[Problem] = []
        self._terms, self._file, self._zone = terms, file, terms.zone()
        self._codes, self._places = array("q"), array("I")
        self._said_of, self._line_of = array("I"), array("I")
        self._destinations: dict[str, int] = {}
        self._as_written: dict[str, int] = {}  # the same with the spaces around them that the file has
        self._said: list[_Line] = []

    def read(self, lines: Iterable[str]) -> None:
        """Takes in all rows; what is wrong with single ones goes to ``problems``."""
        rows = csv.reader(lines, strict=True)
        try:
            header = next(rows, None)
            if header is None or not any(header):
                self._problem(0, f"is empty; the first line names the columns: {','.join(COLUMNS)}")
            elif not self._check_header(header):
                self._read_rows(rows, [name.strip().lower() for name in header])
        except csv.Error as error:
            self._problem(rows.line_num, f"is not CSV ({error}); nothing after it was read")

    def build(self) -> DeckTable:
        """The deck of the rows taken in; only good when there are no problems afterwards."""
        builder = DeckBuilder(self._terms)
        names = list(self._destinations)
        codes = self._codes
        packed: dict[int, str] = {}
        order = sorted(range(len(codes)), key=codes.__getitem__)
        for code, group in groupby(order, key=codes.__getitem__):
            rows = list(group)
            said = self._said_of[rows[0]]
            if len(rows) > 1 or self._said[said].from_second:
                self._add_prefix(builder, code, rows, names)
                continue
            if said not in packed:
                packed[said] = self._pack([rows[0]])
            builder.add(code, names[self._places[rows[0]]], packed[said], self._said[said].when)
        if not codes and not self.problems:
            self._problem(0, "has no rates; there must be a row for each prefix")
        return builder.finish()

    def _check_header(self, header: list[str]) -> int:
        """Reports what is wrong with the names of the columns; how many things."""
        names = [name.strip().lower() for name in header]
        before = len(self.problems)
        if len(names) == 1 and names[0].count(";") > 1:
            self._problem(1, "columns are separated by semicolons; separate them by commas")
            return 1
        for name in REQUIRED:
            if name not in names:
                self._problem(1, f"column {name} is missing; the columns are {','.join(COLUMNS)}")
        for name in dict.fromkeys(names):
            if name not in COLUMNS:
                self._problem(1, f"column {name!r} is not known; the columns are {','.join(COLUMNS)}")
            elif names.count(name) > 1:
                self._problem(1, f"column {name} is there twice; leave one out")
        return len(self.problems) - before

    def _read_rows(self, rows: Iterator[list[str]], names: list[str]) -> None:
        """The quick way for rows like others before them; a new or a wrong one goes to ``_read_row``."""
        width, at_prefix, at_name = len(names), names.index("prefix"), names.index("destination")
        rest = itemgetter(*(at for at, name in enumerate(names) if name not in ("prefix", "destination")))
        known: dict[object, int] = {}
        for row in rows:
            line: int = rows.line_num  # type: ignore[attr-defined]
            prefix = row[at_prefix] if len(row) == width else ""
            said = known.get(rest(row)) if prefix.isdecimal() and prefix.isascii() else None
            place = self._as_written.get(row[at_name]) if said is not None else None
            if said is None or place is None or len(prefix) > NUMBER_DIGITS:
                if not any(row):
                    continue
                if len(row) != width:
                    self._problem(line, f"has {len(row)} fields, the first line has {width}; quote names with commas")
                    continue
                fields = dict(zip(names, row, strict=True))
                found = self._read_row(line, fields)
                if found is None:
                    continue
                prefix, place, said = found
                known[rest(row)] = said
            self._codes.append(int(prefix.ljust(NUMBER_DIGITS, "0")) << 4 | len(prefix))
            self._places.append(place)
            self._said_of.append(said)
            self._line_of.append(line)

    def _read_row(self, line: int, fields: dict[str, str]) -> tuple[str, int, int] | None:
        """Prefix, place of the destination and of what the row says; None when something is wrong with it."""
        before = len(self.problems)
        if not "".join(fields.values()).isprintable():
            self._check_text(line, fields)
        prefix = fields["prefix"].strip().removeprefix("+")
        if not (prefix.isascii() and prefix.isdecimal() and len(prefix) <= NUMBER_DIGITS):
            self._problem(line, f"prefix {fields['prefix']!r} must be 1 to {NUMBER_DIGITS} digits")
        destination = fields["destination"].strip()
        if not 1 <= len(destination) <= DESTINATION_MAX:
            fault = f"is longer than {DESTINATION_MAX} characters" if destination else "is empty; name the destination"
            self._problem(line, f"destination {fault}")
        said = self._say(line, {name: text.strip() for name, text in fields.items()})
        if len(self.problems) > before:
            return None
        place = self._destinations.setdefault(destination, len(self._destinations))
        self._as_written[fields["destination"]] = place
        self._said.append(said)
        return prefix, place, len(self._said) - 1

    def _check_text(self, line: int, fields: dict[str, str]) -> None:
        for name, text in fields.items():
            if any("\ud800" <= char <= "\udfff" for char in text):
                self._problem(line, f'{name} is not UTF-8; save the file as "CSV UTF-8"')
            elif not text.strip().isprintable():
                self._problem(line, f"{name} {text!r} has control characters; take them out")

    def _say(self, line: int, fields: dict[str, str]) -> _Line:
        """What the row says beside prefix and destination; what is wrong is reported and read as if not said."""
        rate = fields["rate_per_minute"]
        increment_s = self._seconds(line, fields, "increment_s", 1, INCREMENT_MAX_S)
        return _Line(
            None if rate.lower() == BLOCKED_WORD else self._price(line, "rate_per_minute", rate) or 0,
            self._price(line, "connect_fee", fields["connect_fee"]) if fields.get("connect_fee") else None,
            self._seconds(line, fields, "initial_increment_s", 1, INCREMENT_MAX_S) or increment_s,
            increment_s or 1,
            self._seconds(line, fields, "from_second", 0, FROM_SECOND_MAX) or 0,
            self._when(line, fields),
        )

    def _price(self, line: int, name: str, text: str) -> int | None:
        try:
            micros = parse_amount(text)
        except AmountError as error:
            wording = f"{name} is empty; write 0 for a free call, or blocked" if not text else f"{name} {error}"
            self._problem(line, wording)
            return None
        if not 0 <= micros <= PRICE_MAX_MICROS:
            self._problem(line, f"{name} {text} must be 0 to {PRICE_MAX_MICROS // 10**6}")
        return micros

    def _seconds(self, line: int, fields: dict[str, str], name: str, lowest: int, highest: int) -> int | None:
        text = fields.get(name, "")
        if not text:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) <= 9 and lowest <= int(text) <= highest):
            self._problem(line, f"{name} {text!r} must be whole seconds, {lowest} to {highest}")
            return None
        return int(text)

    def _when(self, line: int, fields: dict[str, str]) -> When:
        begins = ends = None
        days, hours = ALL_DAYS, ALWAYS.hours
        before = len(self.problems)
        for name in ("effective_from", "effective_until", "days", "hours"):
            try:
                match name:
                    case "effective_from":
                        begins = parse_moment(fields.get(name, ""), self._zone)
                    case "effective_until":
                        ends = parse_moment(fields.get(name, ""), self._zone)
                    case "days":
                        days = parse_days(fields.get(name, ""))
                    case _:
                        hours = parse_hours(fields.get(name, ""))
            except WhenError as error:
                self._problem(line, f"{name}: {error}")
        if begins is not None and ends is not None and begins >= ends and len(self.problems) == before:
            self._problem(
                line,
                f"effective_until {fields['effective_until']} is not after effective_from {fields['effective_from']}",
            )
        when = When(begins, ends, days, hours)
        return ALWAYS if when == ALWAYS else when

    def _add_prefix(self, builder: DeckBuilder, code: int, rows: list[int], names: list[str]) -> None:
        """The rates of a prefix with several rows, in the order of their lines: tiers, and different times."""
        by_when: dict[When, list[int]] = {}
        for row in rows:
            by_when.setdefault(self._said[self._said_of[row]].when, []).append(row)
        before = len(self.problems)
        for tiers in by_when.values():
            self._check_tiers(code, tiers)
        if len(self.problems) == before:
            self._check_times(code, by_when)
        if len(self.problems) == before:
            for when, tiers in by_when.items():
                builder.add(code, names[self._places[tiers[0]]], self._pack(tiers), when)

    def _check_tiers(self, code: int, rows: list[int]) -> None:
        """Reports what is wrong with rows of the same prefix and time: they must be the tiers of one rate."""
        prefix = decode_prefix(code)
        lines = [self._line_of[row] for row in rows]
        said = [self._said[self._said_of[row]] for row in rows]
        begins = [tier.from_second for tier in said]
        if said[0].from_second:
            self._problem(
                lines[0],
                f"prefix {prefix} begins at from_second {begins[0]}; put a row from second 0 with the same dates, "
                "days and hours before it",
            )
        for place in range(1, len(rows)):
            if begins[place] in begins[:place]:
                self._twice(prefix, lines[begins.index(begins[place])], lines[place], begins[place])
            elif begins[place] < begins[place - 1]:
                fault = f"from_second {begins[place]} follows {begins[place - 1]}; put the rows in rising order"
                self._problem(lines[place], f"prefix {prefix}: {fault}")
            if said[place].fee_micros not in (None, 0, said[0].fee_micros):
                self._problem(
                    lines[place], f"prefix {prefix}: a call has one connect_fee; leave it empty on later tiers"
                )
            if (said[place].rate_micros is None) != (said[0].rate_micros is None):
                self._problem(lines[place], f"prefix {prefix} cannot be blocked for a part of the call")
        if len(rows) > TIERS_MAX:
            self._problem(lines[TIERS_MAX], f"prefix {prefix} has {len(rows)} tiers; at most {TIERS_MAX} are possible")

    def _check_times(self, code: int, by_when: dict[When, list[int]]) -> None:
        """Reports rates of a prefix of which neither is the exception from the other."""
        seen: list[tuple[When, int]] = []
        for when, rows in by_when.items():
            for other, line in seen:
                alike = when.is_restricted == other.is_restricted and when.from_us == other.from_us
                if alike and when.shares_time_with(other):
                    self._twice(decode_prefix(code), line, self._line_of[rows[0]], 0)
                    break
            seen.append((when, self._line_of[rows[0]]))

    def _twice(self, prefix: str, first: int, second: int, from_second: int) -> None:
        tier = f" with from_second {from_second}" if from_second else ""
        self._problem(second, f"prefix {prefix} appears twice{tier}, on lines {first} and {second} of {self._file}")

    def _pack(self, rows: list[int]) -> str:
        said = [self._said[self._said_of[row]] for row in rows]
        first = said[0]
        if first.rate_micros is None:
            return BLOCKED
        tiers = tuple(Tier(tier.from_second, tier.rate_micros or 0, tier.increment_s) for tier in said)
        terms = self._terms
        return Rate(
            first.fee_micros or 0, first.initial_s or 1, tiers, terms.minimum_charge_micros, terms.free_grace_s
        ).pack()

    def _problem(self, line: int, message: str) -> None:
        self.problems.append(Problem(line, message))
