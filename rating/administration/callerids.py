"""CallerIDs: the numbers whose owners are not asked for a PIN. Listing, moving, importing many."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rating.administration.base import (
    PAGE,
    ConflictError,
    InputError,
    NotFoundError,
    Operators,
    Page,
    build_all,
    checked_limit,
    known,
    page_of,
)
from rating.administration.batches import serial_number
from rating.administration.parts import PartKind, parse_part
from rating.administration.values import CallerIdView
from rating.database import Connection, Row
from rating.deckcsv import Problem
from rating.numbers import normalise_ani
from rating.store import cards, listing

IMPORT_MAX = 1_000_000  # rows of one file
PROBLEMS_MAX = 1000  # reported of one file


@dataclass(frozen=True, slots=True)
class CallerIdImport:
    """What an import did: ``unchanged`` were on their cards already."""

    added: int
    unchanged: int


class CallerIdImportError(Exception):
    """A file with errors: ``problems`` has all of them by line; nothing was changed."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(f"{file}, line {line}: {message}" for line, message in self.problems))


@dataclass(frozen=True, slots=True)
class _Wish:
    line: int
    serial: int
    ani: str


class CallerIds(Operators):
    """Verbs about CallerIDs; registering one is ``RatingCore.register_ani``."""

    def list_caller_ids(self, part: str = "", *, after: str | None = None, limit: int = PAGE) -> Page[CallerIdView]:
        """By number; with ``part`` (``rating.administration.parts``) those that are, begin or end so."""
        wanted = checked_limit(limit) + 1
        if not part:
            rows = listing.caller_ids(self._slow, after or "", wanted)
            return page_of(list(build_all(CallerIdView, rows)), limit, lambda each: each.ani)
        found = parse_part(part, "CallerID")
        backwards = found.kind is PartKind.ENDS
        start = (after or "")[::-1] if backwards else after or ""
        pattern = found.digits if found.is_whole else found.like
        rows = listing.caller_ids_like(self._slow, (backwards, pattern), start, wanted)
        return page_of(list(build_all(CallerIdView, rows)), limit, lambda each: each.ani)

    def card_caller_ids(self, card_id: int) -> tuple[CallerIdView, ...]:
        """Those of a card, in the order of their registration."""
        return build_all(CallerIdView, listing.caller_ids_of(self._slow, card_id))

    def caller_ids(self, card_id: int) -> tuple[str, ...]:
        return tuple(row["ani"] for row in cards.caller_ids(self._slow, card_id))

    def forget_ani(self, card_id: int, ani: str) -> None:
        cards.forget_ani(self._slow, card_id, ani)

    def remove_caller_id(self, ani: str) -> None:
        """Whatever card it is on. Raises NotFoundError."""
        if not cards.remove_ani(self._slow, ani):
            raise NotFoundError(f"CallerID {ani} is on no card")

    def move_caller_ids(self, from_serial: str, to_serial: str, anis: Iterable[str] = ()) -> tuple[str, ...]:
        """Moves these CallerIDs, or all, from one card to another; which ones. Raises NotFoundError, ConflictError."""
        source_serial, target_serial = serial_number(from_serial), serial_number(to_serial)
        wanted = tuple(anis)

        def work(connection: Connection) -> tuple[str, ...]:
            locked = listing.lock_cards(connection, [source_serial, target_serial])
            source = known(locked.get(source_serial), f"card {from_serial}")
            target = known(locked.get(target_serial), f"card {to_serial}")
            if source["card_id"] == target["card_id"]:
                raise InputError("the CallerIDs are to be moved to another card, not to the same")
            there = tuple(row["ani"] for row in listing.anis_of(connection, source["card_id"]))
            missing = [ani for ani in wanted if ani not in there]
            if missing:
                raise NotFoundError(f"CallerID {missing[0]} is not on card {from_serial}")
            moved = wanted or there
            if target["anis"] + len(moved) > target["most"]:
                raise ConflictError(
                    f"card {to_serial} has {target['anis']} CallerIDs, {len(moved)} more would be above the"
                    f" {target['most']} that its product allows"
                )
            if moved:
                listing.move_caller_ids(connection, moved, target["card_id"])
            return moved

        return self._slow.transaction(work)

    def import_caller_ids(
        self, lines: Iterable[str], file: str = "callerids.csv", *, country: str = ""
    ) -> CallerIdImport:
        """Registers the CallerIDs of a CSV with the columns ``serial`` and ``ani``, all of them or none.

        Numbers without "+" or an international prefix are of ``country`` (ISO 3166, "": they are E.164 already).
        Raises CallerIdImportError with every error and its line.
        """
        problems: list[Problem] = []
        wishes = list(_read(lines, country, problems))

        def work(connection: Connection) -> CallerIdImport:
            found = list(problems)
            added = _new_rows(connection, wishes, found, self._now_us())
            if found:
                raise CallerIdImportError(file, found[:PROBLEMS_MAX])
            listing.add_caller_ids(connection, added)
            return CallerIdImport(len(added), len(wishes) - len(added))

        return self._slow.transaction(work)


def _read(lines: Iterable[str], country: str, problems: list[Problem]) -> Iterator[_Wish]:
    """The rows of a file that could be right; what cannot goes to ``problems``."""
    rows = csv.reader(lines, strict=True)
    seen: dict[str, int] = {}
    try:
        header = [name.strip().lower().lstrip("\ufeff") for name in next(rows, [])]
        if not {"serial", "ani"} <= set(header):
            problems.append(Problem(1, "the first line names the columns: serial,ani"))
            return
        at_serial, at_ani = header.index("serial"), header.index("ani")
        for row in rows:
            line = rows.line_num
            if not any(row):
                continue
            if line > IMPORT_MAX + 1:
                problems.append(Problem(line, f"is too much: a file has up to {IMPORT_MAX:,} rows; split it"))
                return
            wish = _wish(line, row, (at_serial, at_ani), country, problems)
            if wish is None:
                continue
            if wish.ani in seen:
                problems.append(Problem(line, f"CallerID {wish.ani} is on line {seen[wish.ani]} already"))
                continue
            seen[wish.ani] = line
            yield wish
    except csv.Error as error:
        problems.append(Problem(rows.line_num, f"is not CSV ({error}); nothing after it was read"))


def _wish(line: int, row: list[str], at: tuple[int, int], country: str, problems: list[Problem]) -> _Wish | None:
    if len(row) <= max(at):
        problems.append(Problem(line, "has too few columns"))
        return None
    ani = normalise_ani(row[at[1]], country)
    if ani is None:
        problems.append(Problem(line, f"{row[at[1]][:40]!r} is not a telephone number"))
    try:
        serial = serial_number(row[at[0]][:40])
    except InputError as error:
        problems.append(Problem(line, str(error)))
        return None
    return None if ani is None else _Wish(line, serial, ani)


def _new_rows(
    connection: Connection, wishes: list[_Wish], problems: list[Problem], now_us: int
) -> list[tuple[str, int, int]]:
    """The rows to insert; what stands against them goes to ``problems``."""
    locked = listing.lock_cards(connection, sorted({wish.serial for wish in wishes}))
    owners = listing.owners(connection, [wish.ani for wish in wishes])
    added: list[tuple[str, int, int]] = []
    for wish in wishes:
        card: Row | None = locked.get(wish.serial)
        owner = owners.get(wish.ani)
        if card is None:
            problems.append(Problem(wish.line, f"there is no card {wish.serial:012d}"))
        elif owner is not None and owner != card["card_id"]:
            problems.append(Problem(wish.line, f"CallerID {wish.ani} is on another card already"))
        elif owner is None and card["anis"] >= card["most"]:
            problems.append(
                Problem(wish.line, f"card {wish.serial:012d} has the {card['most']} CallerIDs its product allows")
            )
        elif owner is None:
            card["anis"] += 1
            added.append((wish.ani, card["card_id"], now_us))
    return added
