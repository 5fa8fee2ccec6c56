"""Rows of the ledger as the values of rating/model.py."""

from rating.cards import serial_text
from rating.database import Row
from rating.model import Card, Product, Quote
from rating.outcome import Refusal
from rating.quote import DeckQuote

_REFUSALS = {
    "inactive": Refusal.CARD_INACTIVE,
    "blocked": Refusal.CARD_BLOCKED,
    "exhausted": Refusal.CARD_EXHAUSTED,
}


def refusal_of_state(row: Row, now_us: int) -> Refusal | None:
    """Why the card of the row may not be used at all, None when it may. In the order of
    rating/authorising.py."""
    state = row["state"]
    if state in ("inactive", "blocked"):
        return _REFUSALS[state]
    if 0 < row["expires_us"] <= now_us:
        return Refusal.CARD_EXPIRED
    return _REFUSALS.get(state)


def card_of(row: Row, product: Product) -> Card:
    return Card(
        card_id=row["card_id"],
        serial=serial_text(row["serial"]),
        product=product,
        posted_micros=row["posted_micros"],
        held_micros=row["held_micros"],
        language=row["language"] or None,
        last_dnis=str(row["last_dnis"]) if row["last_dnis"] else None,
    )


def quote_of(found: DeckQuote, dnis: str, card: Card) -> Quote:
    """The quote of a card's call; ``found`` has a limit, as every product's calls end."""
    if found.limit_s is None:
        raise AssertionError("a product's call has no end")
    rate = found.match.rate
    return Quote(
        dnis=dnis,
        prefix=found.match.prefix,
        destination=found.match.destination,
        limit_s=found.limit_s,
        hold_micros=found.hold_micros,
        rate_per_minute_micros=rate.tiers[0].rate_per_minute_micros,
        connect_fee_micros=rate.connect_fee_micros,
        available_micros=card.available_micros,
        currency=card.product.currency,
    )
