"""``cardswitch quote``: what a call would cost by a rate deck in a CSV file; no database is asked.

It prints the matched prefix, the tiers, billable seconds, charge and the longest duration. With ``--json`` the keys
are ``prefix``, ``destination``, ``billable_seconds``, ``charge``, ``max_duration_s`` (null: nothing ends the call), and
others beside them; amounts are strings with six decimals. Billable seconds and charge are those of ``--seconds``;
without it, of the longest call. Exit status 2 is a refusal (``{"refused": "NO_RATE"}``), 1 an error.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from rating.deck import DeckError, DeckTerms
from rating.deckcsv import DeckImportError, read_deck
from rating.deckfile import Deck
from rating.deckhours import WhenError, parse_moment
from rating.money import AMOUNT_MAX_MICROS, AmountError, format_amount, parse_amount
from rating.numbers import normalise_dnis
from rating.outcome import Refusal
from rating.quote import DeckQuote, quote_call
from rating.rate import INCREMENT_MAX_S, PRICE_MAX_MICROS, Rate, billable_seconds, call_cost

EXIT_ERROR, EXIT_REFUSED = 1, 2

REASONS = {
    Refusal.NO_RATE: "no prefix of the deck matches the number at that time",
    Refusal.NO_CREDIT: "the balance does not pay for the shortest call",
    Refusal.BLOCKED_DESTINATION: "the deck blocks this prefix",
    Refusal.BAD_NUMBER: "this is not a number that can be dialled",
    Refusal.EMERGENCY: "emergency and short numbers are not carried",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A call that can be made; ``seconds`` None: the longest call."""

    quote: DeckQuote
    seconds: int | None
    currency: str

    @property
    def counted_s(self) -> int | None:
        """The seconds that are priced; None when the longest call has no end."""
        return self.quote.limit_s if self.seconds is None else self.seconds

    def as_json(self) -> dict[str, Any]:
        """The printed object."""
        rate, counted = self.quote.match.rate, self.counted_s
        return {
            "prefix": self.quote.match.prefix,
            "destination": self.quote.match.destination,
            "currency": self.currency,
            "connect_fee": format_amount(rate.connect_fee_micros),
            "minimum_charge": format_amount(rate.minimum_charge_micros),
            "free_grace_s": rate.free_grace_s,
            "initial_increment_s": rate.initial_increment_s,
            "tiers": [
                {
                    "from_second": tier.from_second,
                    "rate_per_minute": format_amount(tier.rate_per_minute_micros),
                    "increment_s": tier.increment_s,
                }
                for tier in rate.tiers
            ],
            "seconds": counted,
            "billable_seconds": None if counted is None else billable_seconds(rate, counted),
            "charge": None if counted is None else format_amount(call_cost(rate, counted)),
            "max_duration_s": self.quote.limit_s,
        }

    def as_text(self) -> str:
        """The same for people."""
        rate, counted, limit = self.quote.match.rate, self.counted_s, self.quote.limit_s
        rows = [
            ("prefix", f"{self.quote.match.prefix}  {self.quote.match.destination}"),
            *_rate_rows(rate, self.currency),
        ]
        if counted is not None:
            cost = format_amount(call_cost(rate, counted), self.currency)
            rows.append(("charge", f"{cost} for {counted} s ({billable_seconds(rate, counted)} s billable)"))
        rows.append(("longest call", "no limit: it costs no more" if limit is None else f"{limit} s ({clock(limit)})"))
        if limit is not None and counted is not None and counted > limit:
            rows.append(("", f"the balance does not pay for {counted} s"))
        return "\n".join(f"{name:<14}{text}" for name, text in rows)


def quote_command(
    *,
    deck: Annotated[Path, typer.Option(help="Rate deck, a CSV file.")],
    balance: Annotated[str, typer.Option(help="What the card has, as 10.00.")],
    dest: Annotated[str, typer.Option(help="The number called: E.164 digits, or as dialled (+, 00, 011).")],
    seconds: Annotated[int | None, typer.Option(min=0, help="Price a call of so many seconds.")] = None,
    at: Annotated[str, typer.Option(help="When it begins, as 2026-11-22T09:00Z; without it, now.")] = "",
    longest: Annotated[
        int | None, typer.Option(min=1, help="The product's longest call in seconds; without it, no cap.")
    ] = None,
    country: Annotated[str, typer.Option(help="Country of national numbers (as GB); without it there are none.")] = "",
    currency: Annotated[str, typer.Option(help="Currency of the deck.")] = "USD",
    time_zone: Annotated[str, typer.Option(help="The deck's own time zone, as Europe/Berlin.")] = "UTC",
    minimum_charge: Annotated[str, typer.Option(help="The deck's minimum charge of a call.")] = "0",
    free_grace: Annotated[
        int, typer.Option(min=0, max=INCREMENT_MAX_S, help="Calls shorter than so many seconds are free.")
    ] = 0,
    surcharge: Annotated[str, typer.Option(help="An access number's surcharge per call.")] = "0",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """What a call would cost by a rate deck, and how long a balance lasts."""
    try:
        terms = DeckTerms(deck.stem, currency, time_zone, _amount("--minimum-charge", minimum_charge), free_grace)
        at_us = _moment(at, terms)
        available, extra = _amount("--balance", balance, AMOUNT_MAX_MICROS), _amount("--surcharge", surcharge)
        compiled = Deck.from_table(read_deck(deck, terms))
    except OSError as error:
        _fail(f"cannot read {deck}: {error.strerror}")
    except (DeckImportError, DeckError, AmountError, WhenError) as error:
        _fail(str(error))
    number = called_number(dest, country)
    found = (
        number
        if isinstance(number, Refusal)
        else quote_call(compiled, number, at_us, available, longest, surcharge_micros=extra)
    )
    if isinstance(found, Refusal):
        typer.echo(json.dumps({"refused": found.value}) if as_json else f"refused: {found.value}, {REASONS[found]}")
        raise typer.Exit(EXIT_REFUSED)
    answer = Answer(found, seconds, currency)
    typer.echo(json.dumps(answer.as_json(), ensure_ascii=False) if as_json else answer.as_text())


def called_number(dest: str, country: str) -> str | Refusal:
    """The digits to look up. Without a country, those no country has are kept: a deck may be tried out with them."""
    number = normalise_dnis(dest, country)
    plain = dest.strip().removeprefix("+")
    if number == Refusal.BAD_NUMBER and not country and plain.isascii() and plain.isdecimal() and len(plain) <= 15:
        return plain
    return number


def clock(seconds: int) -> str:
    """Hours, minutes and seconds: 3661 is "1:01:01"."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _rate_rows(rate: Rate, currency: str) -> list[tuple[str, str]]:
    rows = []
    for place, tier in enumerate(rate.tiers):
        initial = tier.increment_s if place else rate.initial_increment_s
        price = format_amount(tier.rate_per_minute_micros, currency)
        begin = f" from second {tier.from_second}" if len(rate.tiers) > 1 else ""
        rows.append(("" if place else "rate", f"{price} per minute, {initial}/{tier.increment_s}{begin}"))
    for name, micros in (("connect fee", rate.connect_fee_micros), ("minimum", rate.minimum_charge_micros)):
        if micros:
            rows.append((name, format_amount(micros, currency)))
    if rate.free_grace_s:
        rows.append(("free grace", f"calls shorter than {rate.free_grace_s} s cost nothing"))
    return rows


def _amount(option: str, text: str, highest: int = PRICE_MAX_MICROS) -> int:
    micros = parse_amount(text)
    if not 0 <= micros <= highest:
        raise AmountError(f"{option} {text} must be 0 to {highest // 10**6}")
    return micros


def _moment(text: str, terms: DeckTerms) -> int:
    at_us = parse_moment(text, terms.zone())
    return time.time_ns() // 1000 if at_us is None else at_us


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(EXIT_ERROR)
