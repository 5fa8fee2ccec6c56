"""A small world to test in: one product, one deck, one carrier, a clock that stands still until it is moved."""

from pathlib import Path
from uuid import uuid4

from rating.core import RatingCore
from rating.deck import DeckRow, DeckTable, DeckTerms
from rating.model import Authorised, CallRequest
from rating.outcome import Refusal
from rating.rate import Rate, flat_rate
from rating.settings import DatabaseSettings

LONDON = "442071234567"
PARIS = "33140000000"
NOWHERE = "999140000000"
NOON_US = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC
RATES = {
    "44": flat_rate(60_000, 60, 60),  # 0.06 a minute, whole minutes
    "33": flat_rate(120_000, 30, 6, connect_fee_micros=50_000),
}


class World:
    """``core`` at the world's time; cards by ``new_card``."""

    def __init__(self, ledger: DatabaseSettings, directory: Path) -> None:
        self._join(ledger, directory)
        self.publish(RATES)
        self.product_id = self.core.create_product("World", currency="USD", deck="retail", languages={"en": 0, "es": 5})
        cost = DeckTable.from_rows(DeckTerms("cost", "USD"), self.rows({key: flat_rate(6_000) for key in RATES}))
        self.core.publish_deck(cost)
        carrier = self.core.add_carrier("Acme", deck="cost")
        self.core.add_gateway(carrier, "sip:192.0.2.7:5060")

    @classmethod
    def joined(cls, ledger: DatabaseSettings, directory: Path) -> "World":
        """The same world seen from another process."""
        world = cls.__new__(cls)
        world._join(ledger, directory)
        return world

    def _join(self, ledger: DatabaseSettings, directory: Path) -> None:
        self.now_us = NOON_US
        self.ledger = ledger
        self.directory = directory
        self.core = self.another_core()

    def another_core(self) -> RatingCore:
        return RatingCore(
            self.ledger,
            pepper=b"p" * 32,
            deck_directory=self.directory / "decks",
            clock_us=lambda: self.now_us,
        )

    @staticmethod
    def rows(rates: dict[str, Rate]) -> list[DeckRow]:
        return [DeckRow(prefix, f"Destination {prefix}", rate.pack()) for prefix, rate in rates.items()]

    def publish(self, rates: dict[str, Rate]) -> int:
        return self.core.publish_deck(DeckTable.from_rows(DeckTerms("retail", "USD"), self.rows(rates)), "test")

    def new_card(self, micros: int, product: int | str | None = None) -> int:
        issued = self.core.issue_batch(product or self.product_id, 1, micros)[0]
        card_id = self.core.card_id_of_serial(issued.serial)
        assert card_id is not None
        return card_id

    def call(self, card_id: int, dnis: str = LONDON, **more: str) -> CallRequest:
        return CallRequest(hold_id=uuid4().hex, call_id=uuid4().hex, card_id=card_id, dnis=dnis, **more)

    def authorised(self, card_id: int, dnis: str = LONDON) -> Authorised:
        answer = self.core.authorise(self.call(card_id, dnis))
        assert not isinstance(answer, Refusal), answer
        return answer
