"""The compiled deck: a longest-prefix match by one binary search in a file that all processes map.

Theory of operation. Numbers padded with zeros to 15 digits lie on a line from 0 to 10**15 - 1. A prefix is an interval
of it, and a longer prefix lies within its shorter ones. Cutting the line at every beginning and end gives disjoint
intervals, each with one longest prefix; ``bounds`` are their beginnings, ``owners`` the row of the prefix, NONE where
no prefix matches; ``leading`` says where each first four digits begin in ``bounds``, which shortens the search. A row
that does not hold now (dates, days, hours), or whose prefix is longer than the number, leads by ``fallback`` to the
next row to try: the same prefix's next one, then the next shorter prefix's.

The file is written beside its place and renamed into it, so that a reader sees the old deck or the new one, whole.
Opening it reads the header only; the pages are shared by all processes of a machine.

A row is four numbers side by side (one cache line): the index of its dates and hours × 16 + the length of its prefix,
where its fallback is, its rate, its destination. The prefix itself is not kept: it is the beginning of the number.

    b"CARDDECK" · uint32 length of the header · header (JSON) · padding to 8 bytes · sections, each padded to 8 bytes
"""

from __future__ import annotations  # array is not subscriptable before 3.12

import json
import mmap
import os
import sys
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from rating.deck import BLOCKED, NUMBER_DIGITS, DeckError, DeckTable, DeckTerms, RowTuple
from rating.deckhours import When, minute_of_week
from rating.outcome import Refusal
from rating.rate import Rate

MAGIC = b"CARDDECK"
FORMAT = 2
NONE = 0xFFFF_FFFF
CACHED_MAX = 50_000  # texts a process keeps unpacked
_ROW = 4  # numbers of a row
_SPAN = tuple(10 ** (NUMBER_DIGITS - length) for length in range(NUMBER_DIGITS + 1))
_LEADING = 10**4  # beginnings of numbers whose place in ``bounds`` is kept
_LEADING_SPAN = 10**NUMBER_DIGITS // _LEADING
_COLUMNS = {  # section: item type
    "leading": "I",
    "bounds": "q",
    "owners": "I",
    "rows": "I",
    "destination_ends": "I",
    "destination_text": "B",
    "rate_ends": "I",
    "rate_text": "B",
}


class RateMatch(NamedTuple):
    """The longest prefix of a number that has a rate at that moment. ``packed`` is ``rate.pack()``."""

    prefix: str
    destination: str
    rate: Rate
    packed: str


class Deck:
    """A compiled deck. Lookups take no locks and change nothing but caches: any number of threads may share one."""

    __slots__ = (
        "_bounds", "_clock", "_columns", "_destinations", "_leading", "_owners", "_rates", "_rows", "_whens", "_zone",
        "size_bytes", "terms",
    )  # fmt: skip

    def __init__(self, data: bytes | mmap.mmap) -> None:
        """Raises DeckError when ``data`` is not a whole compiled deck of this version and machine."""
        header, base = _read_header(data)
        view = memoryview(data)
        self._columns: dict[str, memoryview] = {}
        for name, kind in _COLUMNS.items():
            begin, length = header["sections"][name]
            self._columns[name] = view[base + begin : base + begin + length].cast(kind)  # type: ignore[call-overload]
        self.terms = DeckTerms(**header["terms"])
        self.size_bytes = len(view)
        self._bounds, self._owners = self._columns["bounds"], self._columns["owners"]
        self._rows, self._leading = self._columns["rows"], self._columns["leading"]
        self._whens = [When(a, b, days, tuple(map(tuple, hours))) for a, b, days, hours in header["whens"]]
        self._zone = self.terms.zone()
        self._clock = (-1, 0, 0)
        self._rates: dict[int, tuple[Rate | None, str]] = {}
        self._destinations: dict[int, str] = {}

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Deck:
        """Maps a file written by ``write_deck``. Raises DeckError, and OSError when it cannot be read."""
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise DeckError(f"{os.fspath(path)} is empty; compile the deck again")
            return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    @classmethod
    def from_table(cls, table: DeckTable) -> Deck:
        """Compiles in memory, for one process."""
        return cls(compile_deck(table))

    @classmethod
    def from_rows(cls, terms: DeckTerms, rows: Iterable[RowTuple]) -> Deck:
        """Compiles rows (plain tuples do) in memory, for one process."""
        return cls.from_table(DeckTable.from_rows(terms, rows))

    def __len__(self) -> int:
        return len(self._rows) // _ROW

    def find(self, dnis: str, at_us: int) -> RateMatch | Refusal:
        """The rate of the longest prefix of ``dnis`` (E.164 digits) in effect at ``at_us`` (epoch microseconds).

        NO_RATE when no prefix matches, BLOCKED_DESTINATION when the longest one is blocked.
        """
        digits = len(dnis)
        padded = dnis.ljust(NUMBER_DIGITS, "0") if digits <= NUMBER_DIGITS else dnis[:NUMBER_DIGITS]
        number = int(padded)
        leading = number // _LEADING_SPAN
        place = bisect_right(self._bounds, number, self._leading[leading], self._leading[leading + 1])
        at = self._owners[place - 1]
        rows = self._rows
        while at != NONE:
            when = rows[at]
            if when & 15 <= digits and (when < 16 or self._holds(when >> 4, at_us)):
                rate, packed = self._rates.get(rows[at + 2]) or self._load_rate(rows[at + 2])
                if rate is None:
                    return Refusal.BLOCKED_DESTINATION
                name = self._destinations.get(rows[at + 3]) or self._load_destination(rows[at + 3])
                return RateMatch(dnis[: when & 15], name, rate, packed)
            at = rows[at + 1]
        return Refusal.NO_RATE

    def table(self) -> DeckTable:
        """What was compiled, for a comparison with another deck (``rating.deckdiff``)."""
        rows, seen = self._rows, bytearray(len(self))
        table = DeckTable(self.terms, whens=list(self._whens))
        table.destinations = [self._text("destination", at) for at in range(len(self._columns["destination_ends"]))]
        table.rates = [self._text("rate", at) for at in range(len(self._columns["rate_ends"]))]
        for bound, owner in zip(self._bounds, self._owners, strict=True):
            # Each row is reached from the first interval of its prefix, which is its own or that of a longer prefix.
            at = owner
            while at != NONE and not seen[at // _ROW]:
                seen[at // _ROW] = True
                length, span = rows[at] & 15, _SPAN[rows[at] & 15]
                table.codes.append(bound // span * span << 4 | length)
                table.when_of.append(rows[at] >> 4)
                table.rate_of.append(rows[at + 2])
                table.destination_of.append(rows[at + 3])
                at = rows[at + 1]
        table.sort()
        return table

    def _holds(self, when: int, at_us: int) -> bool:
        minute = at_us // 60_000_000
        clock = self._clock
        if clock[0] != minute:
            clock = self._clock = (minute, *minute_of_week(at_us, self._zone))
        return self._whens[when].holds_at(at_us, clock[1], clock[2])

    def _load_rate(self, at: int) -> tuple[Rate | None, str]:
        packed = self._text("rate", at)
        loaded = (None if packed == BLOCKED else Rate.unpack(packed), packed)
        if len(self._rates) >= CACHED_MAX:
            self._rates.clear()
        self._rates[at] = loaded
        return loaded

    def _load_destination(self, place: int) -> str:
        if len(self._destinations) >= CACHED_MAX:
            self._destinations.clear()
        name = self._destinations[place] = self._text("destination", place)
        return name

    def _text(self, kind: str, at: int) -> str:
        ends = self._columns[f"{kind}_ends"]
        begin = ends[at - 1] if at else 0
        return bytes(self._columns[f"{kind}_text"][begin : ends[at]]).decode()


def write_deck(path: str | os.PathLike[str], table: DeckTable) -> None:
    """Compiles ``table`` into a file at ``path``, replacing what is there at once. Raises OSError."""
    place = Path(path)
    with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}.", delete=False) as file:
        try:
            file.write(compile_deck(table))
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.replace(file.name, place)
        except BaseException:
            os.unlink(file.name)
            raise


def compile_deck(table: DeckTable) -> bytes:
    """The bytes of a compiled deck."""
    bounds, owners, fallback = _flatten(table.codes)
    rows = array("I", bytes(4 * _ROW * len(table)))
    rows[0::_ROW] = array("I", (when << 4 | code & 15 for when, code in zip(table.when_of, table.codes, strict=True)))
    rows[1::_ROW] = fallback
    rows[2::_ROW] = table.rate_of
    rows[3::_ROW] = table.destination_of
    destination_ends, destination_text = _join(table.destinations)
    rate_ends, rate_text = _join(table.rates)
    columns: dict[str, array[int] | bytes] = {
        "leading": array("I", (bisect_right(bounds, lead * _LEADING_SPAN) for lead in range(_LEADING + 1))),
        "bounds": bounds,
        "owners": owners,
        "rows": rows,
        "destination_ends": destination_ends,
        "destination_text": destination_text,
        "rate_ends": rate_ends,
        "rate_text": rate_text,
    }
    return _assemble(table, columns)


def _assemble(table: DeckTable, columns: dict[str, array[int] | bytes]) -> bytes:
    sections: dict[str, tuple[int, int]] = {}
    parts: list[bytes] = []
    place = 0
    for name, column in columns.items():
        data = bytes(column)
        sections[name] = (place, len(data))
        parts += [data, bytes(-len(data) % 8)]
        place += len(data) + -len(data) % 8
    terms = {name: getattr(table.terms, name) for name in DeckTerms.__slots__}
    header = json.dumps(
        {
            "format": FORMAT,
            "byteorder": sys.byteorder,
            "body_bytes": place,
            "terms": terms,
            "whens": table.whens,
            "sections": sections,
        }
    ).encode()
    head = MAGIC + len(header).to_bytes(4, "little") + header
    return b"".join([head, bytes(-len(head) % 8), *parts])


def _read_header(data: bytes | mmap.mmap) -> tuple[dict[str, Any], int]:
    """The header, and where the sections begin."""
    if data[: len(MAGIC)] != MAGIC:
        raise DeckError("not a compiled deck")
    begin = len(MAGIC) + 4
    length = int.from_bytes(data[len(MAGIC) : begin], "little")
    try:
        header = json.loads(data[begin : begin + length])
    except ValueError:
        raise DeckError("the compiled deck is damaged; compile it again") from None
    if header.get("format") != FORMAT or header.get("byteorder") != sys.byteorder:
        raise DeckError("the compiled deck is of another version or machine; compile it again")
    base = begin + length
    base += -base % 8
    if len(data) != base + header["body_bytes"]:
        raise DeckError("the compiled deck is cut short; compile it again")
    return header, base


def _flatten(codes: array[int]) -> tuple[array[int], array[int], array[int]]:
    """Bounds, owners and fallbacks of sorted prefixes: a walk along the line with a stack of open intervals.

    Owners and fallbacks are places in ``rows``.
    """
    bounds, owners = array("q", [0]), array("I", [NONE])
    fallback = array("I", [NONE]) * len(codes)
    open_ends: list[int] = []
    open_rows: list[int] = [NONE]  # one deeper than open_ends: below all prefixes there is none
    previous = -1
    for row, code in enumerate(codes):
        if code == previous:
            fallback[row] = fallback[row - 1]
            fallback[row - 1] = row * _ROW
            continue
        previous = code
        start = code >> 4
        while open_ends and open_ends[-1] <= start:
            open_rows.pop()
            _cut(bounds, owners, open_ends.pop(), open_rows[-1])
        fallback[row] = open_rows[-1]
        _cut(bounds, owners, start, row * _ROW)
        open_ends.append(start + _SPAN[code & 15])
        open_rows.append(row * _ROW)
    while open_ends:
        open_rows.pop()
        _cut(bounds, owners, open_ends.pop(), open_rows[-1])
    return bounds, owners, fallback


def _cut(bounds: array[int], owners: array[int], position: int, owner: int) -> None:
    """From ``position`` on the line belongs to ``owner``; a later word on the same position wins."""
    if bounds[-1] == position:
        owners[-1] = owner
    else:
        bounds.append(position)
        owners.append(owner)


def _join(texts: Iterable[str]) -> tuple[array[int], bytes]:
    """Texts end to end in UTF-8, and where each one ends."""
    ends = array("I")
    parts: list[bytes] = []
    place = 0
    for text in texts:
        data = text.encode()
        place += len(data)
        ends.append(place)
        parts.append(data)
    return ends, b"".join(parts)
