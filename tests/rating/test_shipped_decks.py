"""The decks that come with the demo."""

from importlib.resources import as_file, files

import phonenumbers
import pytest

from rating.deck import DeckTable, DeckTerms
from rating.deckcsv import read_deck
from rating.deckfile import Deck, RateMatch
from rating.outcome import Refusal
from rating.rate import Rate, call_cost


def shipped(name: str) -> DeckTable:
    with as_file(files("rating") / "data" / f"{name}.csv") as file:
        return read_deck(file, DeckTerms(name))


@pytest.fixture(scope="module")
def retail() -> Deck:
    return Deck.from_table(shipped("retail"))


def test_the_retail_deck_has_the_kinds_of_rates_there_are() -> None:
    table = shipped("retail")
    rates = [Rate.unpack(packed) for packed in table.rates if packed]
    assert len(table.destinations) >= 200
    assert {(60, 60), (30, 6), (1, 1)} <= {(rate.initial_increment_s, rate.tiers[0].increment_s) for rate in rates}
    assert any(rate.connect_fee_micros for rate in rates)
    assert any(len(rate.tiers) == 2 for rate in rates)
    assert "" in table.rates


@pytest.mark.parametrize("kind", [phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE])
def test_every_country_has_a_rate_for_its_own_example_numbers(retail: Deck, kind: int) -> None:
    examples = [phonenumbers.example_number_for_type(region, kind) for region in phonenumbers.SUPPORTED_REGIONS]
    numbers = [
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:] for number in examples if number
    ]
    assert len(numbers) > 230
    assert [number for number in numbers if isinstance(retail.find(number, 0), Refusal)] == []


def test_premium_ranges_are_blocked(retail: Deck) -> None:
    assert retail.find("449012345678", 0) == Refusal.BLOCKED_DESTINATION
    assert retail.find("19005550100", 0) == Refusal.BLOCKED_DESTINATION


@pytest.mark.parametrize("carrier", ["carrier-atlantic", "carrier-meridian"])
def test_a_carrier_never_costs_more_than_retail_earns(retail: Deck, carrier: str) -> None:
    for row in shipped(carrier).rows():
        found = retail.find(row.prefix, 0)
        assert isinstance(found, RateMatch)
        assert call_cost(Rate.unpack(row.rate), 180) <= call_cost(found.rate, 180), row
