"""The rating core as a conversation sees it: the methods of ``rating.core.RatingCore``, run in threads and awaited.

Every method may raise ``rating.outcome.LedgerUnavailableError``: nothing was decided, the caller gets an apology.
"""

from typing import Protocol

from rating.model import Authorised, CallRequest, Card, HoldView
from rating.outcome import Refusal


class Switch(Protocol):
    """What ``RatingCore`` promises for each method holds here too; see there for the refusals that each can return."""

    async def enter_pin(self, pin: str, *, ani: str | None, trunk: str) -> Card | Refusal: ...

    async def card(self, card_id: int) -> Card | Refusal: ...

    async def authorise(self, request: CallRequest) -> Authorised | Refusal: ...

    async def void(self, hold_id: str) -> HoldView | Refusal: ...

    async def hold(self, hold_id: str) -> HoldView | Refusal: ...

    async def charge_fee(self, card_id: int, *, fee_id: str, amount_micros: int, note: str) -> Card | Refusal: ...

    async def set_language(self, card_id: int, language: str) -> None: ...

    async def register_ani(self, card_id: int, ani: str) -> Refusal | None: ...

    async def refill_by_voucher(self, card_id: int, pin: str, *, ani: str | None, trunk: str) -> Card | Refusal: ...
