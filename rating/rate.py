"""A rate, what a call costs at it, and how long a balance lasts. Whole numbers only.

The rule, in the form in which it can be ported (the ledger's stored procedure does it in SQL)
---------------------------------------------------------------------------------------------
A call is a chain of increments. The first one begins at second 0, has ``initial_increment_s`` seconds and is billed
at the first tier's rate. Each further one begins where the one before ended, at second ``p``; it belongs to the last
tier whose ``from_second <= p`` and has that tier's rate and increment. An increment that has begun is billed whole,
even when it reaches into the next tier (which may thus begin late, or be skipped).

``usage`` below is the sum of rate_per_minute_micros × seconds over all begun increments: sixtieths of micro-units.

Cost of ``seconds``::

    if seconds <= 0 or seconds < free_grace_s: return 0
    p = initial;  usage = initial * tier[0].rate
    for each tier i:                                   -- end: where the next tier begins, or the call ends
        end = min(seconds, tier[i+1].from_second)      -- the last tier: end = seconds
        if p < end:
            n = ceil((end - p) / tier[i].increment)
            p += n * tier[i].increment;  usage += n * tier[i].increment * tier[i].rate
    billable = p
    cost = max(minimum_charge, connect_fee + ceil(usage / 60))         -- the only rounding

Longest affordable duration of ``available`` micro-units, never above ``longest``::

    free = min(longest, max(0, free_grace_s - 1))      -- so long a call costs nothing
    if available < minimum_charge: return free
    budget = (available - connect_fee) * 60 - initial * tier[0].rate
    if budget < 0: return free                         -- ceil(x / 60) <= b  exactly when  x <= b * 60
    p = initial
    for each tier i:
        end = min(longest, tier[i+1].from_second)      -- the last tier: end = longest
        if p < end:
            n = ceil((end - p) / tier[i].increment)
            step = tier[i].increment * tier[i].rate
            k = n if step = 0 else min(n, floor(budget / step))
            p += k * tier[i].increment;  budget -= k * step
            if k < n: return max(free, min(p, longest))
    return max(free, min(p, longest))

A call may be placed when its shortest charged form can be paid: ``call_cost(shortest_charged_s(rate)) <= available``,
in other words when the longest duration is at least ``max(1, free_grace_s)``. Otherwise it is NO_CREDIT: a free grace
is not for calling without a balance.

Packed form (``Rate.pack``), decimal numbers, no spaces, at most 8 tiers, at most 320 characters::

    connect_fee_micros,minimum_charge_micros,free_grace_s,initial_increment_s
    ;from_second,rate_per_minute_micros,increment_s      (once per tier, the first one from 0, rising)

for example ``50000,0,0,60;0,12000,60;3600,8000,1``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import overload

from rating.increments import begun

TIERS_MAX = 8
PRICE_MAX_MICROS = 10**12  # a million: of a rate per minute, a fee, a minimum charge
INCREMENT_MAX_S = 86_400
FROM_SECOND_MAX = 864_000
PACKED_MAX = 320
UNENDING_S = 10**9  # longer than all tiers and fees matter: a call without an end costs no more from there on


class RateError(ValueError):
    """The terms cannot be a rate; the message says which of them is wrong."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A price from a second of the call on: micro-units per minute, billed in increments of ``increment_s``."""

    from_second: int
    rate_per_minute_micros: int
    increment_s: int

    def __post_init__(self) -> None:
        _within("from_second", self.from_second, 0, FROM_SECOND_MAX)
        _within("rate_per_minute", self.rate_per_minute_micros, 0, PRICE_MAX_MICROS)
        _within("increment_s", self.increment_s, 1, INCREMENT_MAX_S)


@dataclass(frozen=True, slots=True)
class Rate:
    """What a call costs. ``minimum_charge_micros`` and ``free_grace_s`` (calls shorter than that are free) come from
    the deck; a call that costs anything costs at least the minimum charge."""

    connect_fee_micros: int
    initial_increment_s: int
    tiers: tuple[Tier, ...]
    minimum_charge_micros: int = 0
    free_grace_s: int = 0
    # What ``affordable`` needs when there is nothing but one tier that costs something (nearly every rate):
    # the increment, sixtieths of the connect fee and the first increment, sixtieths of each further one.
    plain: tuple[int, int, int] | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        self._check()
        only = self.tiers[0]
        step = only.increment_s * only.rate_per_minute_micros
        if len(self.tiers) == 1 and step and not self.minimum_charge_micros and not self.free_grace_s:
            first = self.connect_fee_micros * 60 + self.initial_increment_s * only.rate_per_minute_micros
            object.__setattr__(self, "plain", (only.increment_s, first, step))

    def _check(self) -> None:
        _within("connect_fee", self.connect_fee_micros, 0, PRICE_MAX_MICROS)
        _within("minimum_charge", self.minimum_charge_micros, 0, PRICE_MAX_MICROS)
        _within("free_grace_s", self.free_grace_s, 0, INCREMENT_MAX_S)
        _within("initial_increment_s", self.initial_increment_s, 1, INCREMENT_MAX_S)
        _within("number of tiers", len(self.tiers), 1, TIERS_MAX)
        if self.tiers[0].from_second != 0:
            raise RateError(f"the first tier must begin at second 0, not at {self.tiers[0].from_second}")
        for before, tier in zip(self.tiers, self.tiers[1:], strict=False):
            if tier.from_second <= before.from_second:
                raise RateError(f"tiers must rise: from_second {tier.from_second} follows {before.from_second}")

    def with_surcharge(self, surcharge_micros: int) -> "Rate":
        """The same rate with a per-call surcharge (an access number's): it adds to the connect fee."""
        if surcharge_micros == 0:
            return self
        return replace(self, connect_fee_micros=self.connect_fee_micros + surcharge_micros)

    def pack(self) -> str:
        """The terms as one short text, stored with a hold; ``unpack`` gives back an equal Rate."""
        head = f"{self.connect_fee_micros},{self.minimum_charge_micros},{self.free_grace_s},{self.initial_increment_s}"
        tiers = (f";{tier.from_second},{tier.rate_per_minute_micros},{tier.increment_s}" for tier in self.tiers)
        return head + "".join(tiers)

    @staticmethod
    def unpack(packed: str) -> "Rate":
        """The Rate of a packed text. Raises RateError when it is not one."""
        return _unpack(packed)


def flat_rate(
    rate_per_minute_micros: int, initial_increment_s: int = 1, increment_s: int = 1, connect_fee_micros: int = 0
) -> Rate:
    """A rate of one tier."""
    return Rate(connect_fee_micros, initial_increment_s, (Tier(0, rate_per_minute_micros, increment_s),))


def billable_seconds(rate: Rate, seconds: int) -> int:
    """Seconds billed for a call of ``seconds``: all begun increments; 0 within the free grace."""
    if not _is_charged(rate, seconds):
        return 0
    if rate.plain is not None:
        initial_s, increment_s = rate.initial_increment_s, rate.plain[0]
        return initial_s + max(0, -(-(seconds - initial_s) // increment_s)) * increment_s
    return _usage(rate, seconds)[0]


def call_cost(rate: Rate, seconds: int) -> int:
    """Micro-units a connected call of ``seconds`` costs; never falls as the seconds grow."""
    if not _is_charged(rate, seconds):
        return 0
    if rate.plain is not None:  # nearly every rate, and without a walk along the tiers
        increment_s, first, step = rate.plain
        return -(-(first + max(0, -(-(seconds - rate.initial_increment_s) // increment_s)) * step) // 60)
    usage = _usage(rate, seconds)[1]
    return max(rate.minimum_charge_micros, rate.connect_fee_micros - (-usage // 60))


def shortest_charged_s(rate: Rate) -> int:
    """The shortest call that is not free of charge by rule: 1 second, or the free grace."""
    return max(1, rate.free_grace_s)


@overload
def max_duration_s(rate: Rate, available_micros: int, longest_s: int) -> int: ...


@overload
def max_duration_s(rate: Rate, available_micros: int, longest_s: None = None) -> int | None: ...


def max_duration_s(rate: Rate, available_micros: int, longest_s: int | None = None) -> int | None:
    """The longest call, in seconds, that ``available_micros`` (0 or more) pay for; never above ``longest_s``.

    ``call_cost`` of the result is never above the balance; one second more is, or ``longest_s`` is reached. Without
    ``longest_s`` no cap applies, and None is returned when the call has no end (its last tier is free of charge).
    """
    free = max(0, rate.free_grace_s - 1)
    if longest_s is not None:
        free = min(free, longest_s)
    budget = (available_micros - rate.connect_fee_micros) * 60
    budget -= rate.initial_increment_s * rate.tiers[0].rate_per_minute_micros
    if budget < 0 or available_micros < rate.minimum_charge_micros:
        return free
    paid = _paid_seconds(rate, budget, longest_s)
    if paid is None:
        return longest_s
    return max(free, paid if longest_s is None else min(paid, longest_s))


def affordable(rate: Rate, available_micros: int, longest_s: int | None = None) -> tuple[int | None, int]:
    """``max_duration_s`` and what such a call costs: the seconds and micro-units to hold.

    Without an end (None) the cost is that of all there is to pay. Most rates need no walk along the tiers: that case
    is computed here in one go, being what every quote waits for.
    """
    if rate.plain is None:
        seconds = max_duration_s(rate, available_micros, longest_s)
        return seconds, call_cost(rate, UNENDING_S if seconds is None else seconds)
    increment_s, first, step = rate.plain
    budget = available_micros * 60 - first
    if budget < 0:
        return 0, 0
    taken = budget // step
    seconds = rate.initial_increment_s + taken * increment_s
    if longest_s is not None and seconds > longest_s:
        return longest_s, call_cost(rate, longest_s)
    return seconds, -(-(first + taken * step) // 60)


def _paid_seconds(rate: Rate, budget: int, longest_s: int | None) -> int | None:
    """Where the paid chain of increments ends, ``budget`` sixtieths of micro-units after the first one; None: never."""
    position = rate.initial_increment_s
    for tier, end in _tiers_with_ends(rate, longest_s):
        if end is not None and position >= end:
            continue
        step = tier.increment_s * tier.rate_per_minute_micros
        wanted = None if end is None else begun(position, end, tier.increment_s)
        affordable = budget // step if step else None
        if affordable is None and wanted is None:
            return None
        taken = min(count for count in (wanted, affordable) if count is not None)
        position += taken * tier.increment_s
        budget -= taken * step
        if taken != wanted:
            return position
    return position


def _usage(rate: Rate, seconds: int) -> tuple[int, int]:
    """Billable seconds, and rate × seconds in sixtieths of micro-units, of a call of one second or more."""
    position = rate.initial_increment_s
    usage = position * rate.tiers[0].rate_per_minute_micros
    for tier, end in _tiers_with_ends(rate, seconds):
        if end is not None and position < end:
            billed = begun(position, end, tier.increment_s) * tier.increment_s
            position += billed
            usage += billed * tier.rate_per_minute_micros
    return position, usage


def _tiers_with_ends(rate: Rate, last_end: int | None) -> Iterator[tuple[Tier, int | None]]:
    """Each tier with the second at which it is over: the next tier begins, or the call ends; None: never."""
    for tier, following in zip(rate.tiers, rate.tiers[1:], strict=False):
        yield tier, following.from_second if last_end is None else min(last_end, following.from_second)
    yield rate.tiers[-1], last_end


def _is_charged(rate: Rate, seconds: int) -> bool:
    return seconds > 0 and seconds >= rate.free_grace_s


def _within(name: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise RateError(f"{name} must be {lowest} to {highest}, not {value}")


@lru_cache(maxsize=16_384)
def _unpack(packed: str) -> Rate:
    try:
        head, *tiers = packed.split(";")
        fee, minimum, grace, initial = (int(number) for number in head.split(","))
        return Rate(fee, initial, tuple(Tier(*map(int, tier.split(","))) for tier in tiers), minimum, grace)
    except (ValueError, TypeError) as error:
        raise RateError(f"not a packed rate: {packed!r} ({error})") from error
