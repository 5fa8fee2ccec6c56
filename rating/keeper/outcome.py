"""What the events of a call mean for its hold: pure, no clock, no SQL.

Events may come twice, late and in any order; an end without its answer event is complete, because it repeats what the
answer said. An end of an answered call beats a failure (the CANCEL that crossed the 200), and the first end wins.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from rating.cards import now_us
from rating.journal import Event
from rating.rate import Rate, billable_seconds, call_cost

ANSWER, END, FAILED = "answer", "end", "failed"
# The largest values that the ledger's columns hold, or that make sense.
_HIGHEST = {
    "t_us": 2**52,  # the year 2112: what is added to it in SQL still fits
    "mono_us": 2**52,
    "answer_us": 2**52,
    "answer_mono_us": 2**52,
    "carrier_id": 2**31 - 1,
    "gateway_id": 2**31 - 1,
    "pdd_ms": 2**31 - 1,
    "cause": 127,
    "sip": 999,
}
_HOLD_ID = re.compile("[0-9a-f]{32}", re.ASCII)


@dataclass(slots=True)
class CallEvents:
    """What a batch of events says about one hold."""

    answer: Event | None = None
    final: Event | None = None

    def add(self, event: Event) -> None:
        if event["ev"] == ANSWER:
            self.answer = self.answer or event
        elif self.final is None or (not _answered(self.final) and _answered(event)):
            self.final = event


@dataclass(slots=True)
class Gathered:
    """Events by hold id, and how many were not understood."""

    calls: dict[str, CallEvents] = field(default_factory=dict)
    strange: int = 0


def gather(events: Iterable[Event]) -> Gathered:
    """Puts the events of each hold together."""
    gathered = Gathered()
    for event in events:
        hold_id = event.get("hold")
        if event.get("ev") not in (ANSWER, END, FAILED) or not _is_hold_id(hold_id):
            gathered.strange += 1
            continue
        gathered.calls.setdefault(str(hold_id), CallEvents()).add(tidied(event))
    return gathered


def tidied(event: Event) -> Event:
    """The event with what the ledger could not store put right: a strange detail must not cost the settlement.

    A time that is none becomes the present one. An answer whose own time is lost stays an answer: when it was follows
    from the machine's clock, or is put where the end is, in the caller's favour.
    """
    answered = event.get("answer_us") not in (None, 0)
    for key, highest in _HIGHEST.items():
        value = event.get(key)
        if value is not None and (type(value) is not int or not 0 <= value <= highest):
            event[key] = 0 if key.endswith("_us") else None
    if _int(event, "t_us") == 0:
        event["t_us"] = now_us()
    if answered and _int(event, "answer_us") == 0:
        lasted_us = _int(event, "mono_us") - _int(event, "answer_mono_us") if _int(event, "answer_mono_us") else 0
        event["answer_us"] = event["t_us"] - max(0, lasted_us)
    return event


@dataclass(frozen=True, slots=True)
class Answered:
    """When a call was answered: wall clock, and the machine's own clock with the start it counts from."""

    at_us: int
    mono_us: int
    boot: str


@dataclass(frozen=True, slots=True)
class Charge:
    """What a hold is settled with. ``seconds`` is the connected time, clamped to the limit."""

    charge_micros: int
    billable_s: int
    seconds: int


def answered_of(event: Event | None) -> Answered | None:
    """The answer that an answer or end event tells of; None when it tells of none."""
    if event is None:
        return None
    if event["ev"] == ANSWER:
        return Answered(_int(event, "t_us"), _int(event, "mono_us"), str(event.get("boot", "")))
    if not _answered(event):
        return None
    boot = str(event.get("answer_boot") or event.get("boot", ""))
    return Answered(_int(event, "answer_us"), _int(event, "answer_mono_us"), boot)


def connected_s(answered: Answered, final: Event) -> int:
    """Connected seconds, a begun one counting whole. By the machine's clock, which nobody sets, when both ends are of
    the same start of the machine; else by the wall clock. Never negative."""
    boot = str(final.get("boot", ""))
    if boot and boot == answered.boot and answered.mono_us > 0:
        elapsed_us = _int(final, "mono_us") - answered.mono_us
    else:
        elapsed_us = _int(final, "t_us") - answered.at_us
    return max(0, -(-elapsed_us // 1_000_000))


def charge_for(rate: Rate, seconds: int, limit_s: int, held_micros: int) -> Charge:
    """The charge of a connected call: never for more than the limit, never more than was held."""
    counted = min(seconds, limit_s)
    return Charge(min(call_cost(rate, counted), held_micros), billable_seconds(rate, counted), counted)


def _answered(event: Event) -> bool:
    return event["ev"] == END and _int(event, "answer_us") > 0


def _int(event: Event, key: str) -> int:
    value = event.get(key, 0)
    return value if isinstance(value, int) else 0


def _is_hold_id(value: object) -> bool:
    return isinstance(value, str) and _HOLD_ID.fullmatch(value) is not None
