"""What the cheapest call of a deck costs."""

from rating.deck import BLOCKED, DeckRow, DeckTable, DeckTerms
from rating.decks import least_price_micros
from rating.rate import flat_rate
from tests.ledger.world import NOON_US


def least(*rows: DeckRow) -> int:
    return least_price_micros(DeckTable.from_rows(DeckTerms("d", "USD"), rows), NOON_US)


def test_the_cheapest_call_that_costs_anything_is_found() -> None:
    dear, cheap = flat_rate(60_000, 60, 60), flat_rate(30_000, 30, 6, connect_fee_micros=5_000)
    ended = flat_rate(60, 1, 1)
    assert least(DeckRow("44", "UK", dear.pack()), DeckRow("33", "France", cheap.pack())) == 20_000
    assert least(DeckRow("44", "UK", dear.pack()), DeckRow("33", "", ended.pack(), None, NOON_US)) == 60_000
    assert least(DeckRow("44", "UK", dear.pack()), DeckRow("33", "", ended.pack(), NOON_US + 1)) == 1
    assert least(DeckRow("44", "UK", dear.pack()), DeckRow("800", "", flat_rate(0).pack())) == 60_000
    assert least(DeckRow("44", "UK", BLOCKED)) == 1
    assert least() == 1
