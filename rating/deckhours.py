"""When a rate of a deck is in effect: effective dates, days of the week and hours, in the deck's own time zone.

- ``effective_from`` and ``effective_until`` name moments: the rate holds from the first one until just before the
  second. A date is its first instant in the deck's time zone; a time without an offset is of that zone too.
- ``days``: "Mon-Fri", "Sat,Sun", "Fri-Mon", "1-5" (1 is Monday). Separators are comma, space or semicolon.
- ``hours``: "08:00-18:00", "18-8" (past midnight), "8:00-12:00 14:00-18:00"; the end is not included. Days and hours
  are looked up each for itself on the deck's clock, so that "Mon-Fri" with "18:00-08:00" is early on Monday too.
"""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

ALL_DAYS = 0b1111111
DAY_MINUTES = 24 * 60
DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_NUMBERS = {name.lower(): number for number, name in enumerate(DAY_NAMES)}
_FULL_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))?", re.ASCII)

Hours = tuple[tuple[int, int], ...]


class WhenError(ValueError):
    """A date, days or hours cannot be read; the message says how to write them."""


class When(NamedTuple):
    """``from_us`` and ``until_us`` are epoch microseconds (None: no limit); ``days`` has bit 0 for Monday;
    ``hours`` are rising [from, until) minutes of the day, () for the whole day."""

    from_us: int | None = None
    until_us: int | None = None
    days: int = ALL_DAYS
    hours: Hours = ()

    @property
    def is_restricted(self) -> bool:
        """Whether it holds on some days or at some hours only."""
        return self.days != ALL_DAYS or bool(self.hours)

    def precedence(self) -> tuple[bool, int, int, Hours]:
        """Sort key among the rates of one prefix, the one to try first first: days and hours are exceptions from a
        rate without them; of two rates alike, the one that took effect later has replaced the other."""
        since = -1 if self.from_us is None else self.from_us
        return (not self.is_restricted, -since, self.days, self.hours)

    def shares_time_with(self, other: "When") -> bool:
        """Whether some minute of the week belongs to both."""
        if not self.days & other.days:
            return False
        mine, theirs = self.hours or ((0, DAY_MINUTES),), other.hours or ((0, DAY_MINUTES),)
        return any(a < d and c < b for a, b in mine for c, d in theirs)

    def holds_at(self, at_us: int, weekday: int, minute: int) -> bool:
        """Whether it is in effect at ``at_us``, which is ``minute`` of ``weekday`` (0: Monday) on the deck's clock."""
        if self.from_us is not None and at_us < self.from_us:
            return False
        if self.until_us is not None and at_us >= self.until_us:
            return False
        if not self.days >> weekday & 1:
            return False
        return not self.hours or any(begin <= minute < end for begin, end in self.hours)


ALWAYS = When()


def minute_of_week(at_us: int, zone: ZoneInfo) -> tuple[int, int]:
    """Weekday (0: Monday) and minute of the day that a moment is in a time zone."""
    local = datetime.fromtimestamp(at_us // 1_000_000, zone)
    return local.weekday(), local.hour * 60 + local.minute


def parse_moment(text: str, zone: ZoneInfo) -> int | None:
    """Epoch microseconds of "2026-11-22", "2026-11-22T09:00" or "2026-11-22T09:00Z"; None for "". Raises WhenError."""
    plain = text.strip()
    if not plain:
        return None
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError:
        raise WhenError(f"{plain!r} is not a date; write it as 2026-11-22 or 2026-11-22T09:00Z") from None
    if not date(1970, 1, 2) <= moment.date() <= date(9998, 12, 31):
        raise WhenError(f"{plain!r} is out of range")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@lru_cache(maxsize=1024)
def parse_days(text: str) -> int:
    """Bits of the days named, bit 0 for Monday; all of them for "". Raises WhenError."""
    if not text.strip():
        return ALL_DAYS
    days = 0
    for part in re.split(r"[,;\s]+", re.sub(r"\s*-\s*", "-", text.strip())):
        first, dash, last = part.partition("-")
        begin = _day(first, text)
        end = _day(last, text) if dash else begin
        for step in range((end - begin) % 7 + 1):
            days |= 1 << (begin + step) % 7
    return days


@lru_cache(maxsize=1024)
def parse_hours(text: str) -> Hours:
    """Rising [from, until) minutes of the day; () for "" and for the whole day. Raises WhenError."""
    if not text.strip():
        return ()
    minutes: set[int] = set()
    for part in re.split(r"[,;\s]+", re.sub(r"\s*-\s*", "-", text.strip())):
        first, _, last = part.partition("-")
        begin, end = _minute(first, text), _minute(last, text)
        if begin == end:
            raise WhenError(f"hours {part!r} begin and end at the same time; leave hours empty for the whole day")
        minutes.update(range(begin, end) if begin < end else [*range(begin, DAY_MINUTES), *range(end)])
    return () if len(minutes) == DAY_MINUTES else _ranges(minutes)


def format_days(days: int) -> str:
    """Text that ``parse_days`` reads: "" for all days, "Mon-Fri", "Sat,Sun"."""
    if days == ALL_DAYS:
        return ""
    runs = _ranges({day for day in range(7) if days >> day & 1})
    return ",".join(DAY_NAMES[a] if b == a + 1 else f"{DAY_NAMES[a]}-{DAY_NAMES[b - 1]}" for a, b in runs)


def format_hours(hours: Hours) -> str:
    """Text that ``parse_hours`` reads: "" for the whole day, "08:00-18:00"."""
    return " ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in hours)


def _day(name: str, text: str) -> int:
    lower = name.lower()
    if lower in _FULL_DAYS:
        lower = lower[:3]
    if lower in _DAY_NUMBERS:
        return _DAY_NUMBERS[lower]
    if lower in ("1", "2", "3", "4", "5", "6", "7"):
        return int(lower) - 1
    raise WhenError(f"days {text!r}: {name!r} is not a day; write them as Mon-Fri or Sat,Sun")


def _minute(clock: str, text: str) -> int:
    found = _CLOCK.fullmatch(clock)
    minute = int(found[1]) * 60 + int(found[2] or 0) if found else -1
    if found is None or minute > DAY_MINUTES or int(found[2] or 0) > 59:
        raise WhenError(f"hours {text!r}: {clock!r} is not a time; write them as 08:00-18:00")
    return minute


def _ranges(numbers: set[int]) -> Hours:
    """A set of numbers as rising [first, last + 1) runs."""
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number:
            runs[-1] = (runs[-1][0], number + 1)
        else:
            runs.append((number, number + 1))
    return tuple(runs)
