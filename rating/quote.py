"""What a call would cost: the rate of a number, the seconds a balance pays for, and what to hold for them.

The command line for it is in ``rating.quote_command``.
"""

from typing import NamedTuple

from rating.deckfile import Deck, RateMatch
from rating.outcome import Refusal
from rating.rate import Rate, affordable, call_cost, shortest_charged_s


class DeckQuote(NamedTuple):
    """A call that can be paid for. ``limit_s`` is None when nothing ends it; then ``hold_micros`` is what it costs at
    most. ``hold_micros`` pays for the whole of it."""

    match: RateMatch
    limit_s: int | None
    hold_micros: int


def quote_call(
    deck: Deck,
    dnis: str,
    at_us: int,
    available_micros: int,
    longest_s: int | None = None,
    *,
    surcharge_micros: int = 0,
) -> DeckQuote | Refusal:
    """The rate of ``dnis`` (E.164 digits) at ``at_us`` (epoch microseconds), and how long the balance lasts at it.

    NO_RATE, BLOCKED_DESTINATION as ``Deck.find``; NO_CREDIT when not even the shortest charged call can be paid.
    """
    match = deck.find(dnis, at_us)
    if isinstance(match, Refusal):
        return match
    rate = match.rate
    if surcharge_micros:
        rate = rate.with_surcharge(surcharge_micros)
        match = RateMatch(match.prefix, match.destination, rate, rate.pack())
    return quote_of_match(match, available_micros, longest_s)


def quote_of_match(match: RateMatch, available_micros: int, longest_s: int | None = None) -> DeckQuote | Refusal:
    """How long the balance lasts at a rate that was found; NO_CREDIT."""
    limit_s, hold_micros = affordable(match.rate, available_micros, longest_s)
    if not hold_micros and not _is_paid(match.rate, available_micros):
        return Refusal.NO_CREDIT
    return DeckQuote(match, limit_s, hold_micros)


def _is_paid(rate: Rate, available_micros: int) -> bool:
    """Whether the shortest call that is not free by rule can be paid."""
    return call_cost(rate, shortest_charged_s(rate)) <= available_micros
