"""Calls: those that run now, call records by card, number and time, sums of them by day and by destination."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from rating.administration.base import (
    PAGE,
    InputError,
    NotFoundError,
    Operators,
    Page,
    build,
    checked_limit,
    known,
    page_of,
)
from rating.administration.batches import serial_number
from rating.administration.parts import Part, PartKind, parse_part
from rating.administration.values import CallRecord, LiveCall, Usage
from rating.database import Row
from rating.rate import Rate, call_cost
from rating.store import callsearch, cards, reports
from rating.store.callsearch import Key

ALL_TIMES_US = (0, 2**62)
LIVE_MAX = 1000
OUTCOMES = ("captured", "void", "expired")
DAY_US = 86_400_000_000
GROUPS_MAX = 1000
DAYS_MAX = 3660
GROUPINGS = ("day", "destination")


class CallFile(Operators):
    """Verbs about calls."""

    def live_calls(self, *, after: str | None = None, limit: int = LIVE_MAX) -> Page[LiveCall]:
        """Calls that ring or are connected now, the oldest first."""
        placed_us, hold_id = _key(after) if after else (0, b"")
        rows = callsearch.open_calls(self._slow, (placed_us, hold_id), checked_limit(limit) + 1)
        return page_of([self._live(row) for row in rows], limit, _cursor)

    def card_live_calls(self, card_id: int) -> tuple[LiveCall, ...]:
        """Those of a card."""
        return tuple(map(self._live, callsearch.open_calls(self._slow, (0, b""), LIVE_MAX, card_id)))

    def open_calls(self) -> list[Row]:
        """Holds that are not settled: calls being placed, and connected ones (``answered_us`` is set)."""
        return reports.open_calls(self._slow)

    def running_call(self, call_id: str) -> Row:
        """The running call of that call id or hold id, with what ending it needs (view open_call). NotFoundError."""
        try:
            key = bytes.fromhex(call_id)
        except ValueError:
            raise InputError(f"{call_id!r} is not a call id: 32 hexadecimal digits") from None
        found = callsearch.open_call(self._slow, key)
        if not found:
            raise NotFoundError(f"no call {call_id} is running")
        return found[0]

    def _live(self, row: Row) -> LiveCall:
        rate = Rate.unpack(row["rate"])
        answered_us = row["answered_us"]
        seconds = 0 if answered_us is None else max(0, (self._now_us() - answered_us) // 1_000_000)
        counted = min(seconds, row["limit_s"])
        return build(
            LiveCall,
            row
            | {
                "state": "ringing" if answered_us is None else "connected",
                "seconds": seconds,
                "left_s": row["limit_s"] - counted,
                "spent_micros": min(row["held_micros"], call_cost(rate, counted)),
            },
        )

    # call records

    def search_calls(
        self,
        *,
        serial: str = "",
        card_id: int | None = None,
        ani: str = "",
        number: str = "",
        outcome: str = "",
        since_us: int = ALL_TIMES_US[0],
        until_us: int = ALL_TIMES_US[1],
        after: str | None = None,
        limit: int = PAGE,
    ) -> Page[CallRecord]:
        """Call records that fit all that is given, the newest first, placed in [since_us, until_us).

        ``ani`` and ``number`` (the one called) are whole, a beginning (``44207*``) or an ending (``*4567``).
        """
        wanted = checked_limit(limit) + 1
        key: Key = (until_us, b"") if after is None else _key(after)
        times = (since_us, min(key, (until_us, b"")))
        where = self._where(serial, card_id, ani, number, outcome)
        rows = None
        parts = [condition for condition in where if condition[0] in callsearch.PARTS]
        if len(parts) == 1 and len(where) == 1:
            # A part that fits many is found among the newest; looking it up in the index would have to sort them all.
            like = (parts[0][0].split()[0], parts[0][1])
            rows = callsearch.recent_records(self._slow, like, times, wanted)
        if rows is None or len(rows) < wanted:
            rows = callsearch.records(self._slow, where, times, wanted)
        return page_of([build(CallRecord, row) for row in rows], limit, _cursor)

    def show_calls(self, call_id: str, card_id: int) -> tuple[CallRecord, ...]:
        """The records of a card's calls with that call id: one for each destination that was dialled in it."""
        rows = reports.cdrs(self._slow, ALL_TIMES_US, card_id, call_id, LIVE_MAX)
        return tuple(build(CallRecord, row) for row in rows)

    def export_calls(self, **filters: Any) -> Iterator[Row]:
        """All call records that fit (as ``search_calls``, without ``after`` and ``limit``), the newest first."""
        since_us, until_us = filters.pop("since_us", ALL_TIMES_US[0]), filters.pop("until_us", ALL_TIMES_US[1])
        named = {"serial": "", "card_id": None, "ani": "", "number": "", "outcome": ""} | filters
        return callsearch.each_record(self._slow, self._where(*named.values()), since_us, until_us)

    def _where(self, serial: str, card_id: int | None, ani: str, number: str, outcome: str) -> list[tuple[str, Any]]:
        where: list[tuple[str, Any]] = []
        if serial:
            row = known(cards.by_serial(self._slow, serial_number(serial)), f"card {serial}")
            card_id = int(row["card_id"])
        if card_id is not None:
            where.append((callsearch.CARD, card_id))
        if number:
            where.append(_dnis(parse_part(number)))
        if ani:
            where.append(_ani(parse_part(ani, "CallerID")))
        if outcome:
            if outcome not in OUTCOMES:
                raise InputError(f"{outcome!r} is not an outcome: {', '.join(OUTCOMES)}")
            where.append((callsearch.OUTCOME, outcome))
        return where

    def cdrs(
        self,
        *,
        since_us: int = ALL_TIMES_US[0],
        until_us: int = ALL_TIMES_US[1],
        card_id: int | None = None,
        call_id: str | None = None,
        limit: int = 10_000,
    ) -> list[Row]:
        """Call records placed in [since_us, until_us), oldest first (columns of the view call_record)."""
        return reports.cdrs(self._slow, (since_us, until_us), card_id, call_id, limit)

    def all_cdrs(self, *, since_us: int = ALL_TIMES_US[0], until_us: int = ALL_TIMES_US[1]) -> Iterator[Row]:
        """All call records placed in [since_us, until_us), oldest first, read piece by piece."""
        return reports.all_cdrs(self._slow, since_us, until_us)

    def usage(self, by: str, first_day: date, last_day: date) -> tuple[Usage, ...]:
        """Calls, minutes, spend and margin of the days (UTC) from the first to the last, by "day" or "destination"."""
        if by not in GROUPINGS:
            raise InputError(f"sums are by {' or '.join(GROUPINGS)}, not by {by!r}")
        days = (_day_number(first_day), _day_number(last_day))
        if not 0 <= days[1] - days[0] < DAYS_MAX:
            raise InputError(f"sums are of 1 to {DAYS_MAX} days, the first one first")
        if by == "day":
            rows = callsearch.usage_by_day(self._slow, days)
        else:
            rows = callsearch.usage_by_destination(self._slow, days, GROUPS_MAX)
        return tuple(build(Usage, row | {"group": _group(by, row["grouped"])}) for row in rows)


def _dnis(part: Part) -> tuple[str, str]:
    match part.kind:
        case PartKind.WHOLE:
            return callsearch.DNIS, part.digits
        case PartKind.BEGINS:
            return callsearch.DNIS_BEGINS, part.like
    return callsearch.DNIS_ENDS, part.like


def _ani(part: Part) -> tuple[str, str]:
    match part.kind:
        case PartKind.WHOLE:
            return callsearch.ANI, part.digits[::-1]
        case PartKind.BEGINS:
            return callsearch.ANI_BEGINS, part.like
    return callsearch.ANI_ENDS, part.like


def _cursor(call: LiveCall | CallRecord) -> str:
    return f"{call.placed_us}-{call.hold_id}"


def _key(text: str) -> Key:
    placed, _, hold_id = text.partition("-")
    try:
        if len(placed) <= 19 and placed.isascii() and len(hold_id) == 32:
            return int(placed), bytes.fromhex(hold_id)
    except ValueError:
        pass
    raise InputError(f"{text!r} is not where a listing of calls can go on")


def _day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _group(by: str, grouped: Any) -> str:
    return str(grouped) if by == "destination" else f"{datetime.fromtimestamp(int(grouped) * 86_400, UTC):%Y-%m-%d}"
