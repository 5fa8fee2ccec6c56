"""The rating core for coroutines: its blocking methods, run in a few threads.

As many calls wait in line as there are threads less; a ledger that does not answer fails each within the time-outs of
``DatabaseSettings``, so the line moves.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from rating.core import RatingCore
from rating.model import AccessNumber, Authorised, CallRequest, Card, HoldView
from rating.outcome import HoldState, Refusal

T = TypeVar("T")

SETTLED_WITHIN_S = 3.0
POLL_S = 0.1


class ThreadedSwitch:
    """Implements ``mediasrv.ivr.switch.Switch``. Every method may raise LedgerUnavailableError."""

    def __init__(self, core: RatingCore, threads: int) -> None:
        self._core = core
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="ledger")

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def access_numbers(self) -> dict[str, AccessNumber]:
        return await self._run(self._core.access_numbers)

    async def enter_pin(self, pin: str, *, ani: str | None, trunk: str) -> Card | Refusal:
        return await self._run(self._core.enter_pin, pin, ani=ani, trunk=trunk)

    async def card(self, card_id: int) -> Card | Refusal:
        return await self._run(self._core.card, card_id)

    async def authorise(self, request: CallRequest) -> Authorised | Refusal:
        return await self._run(self._core.authorise, request)

    async def void(self, hold_id: str) -> HoldView | Refusal:
        return await self._run(self._core.void, hold_id)

    async def hold(self, hold_id: str) -> HoldView | Refusal:
        return await self._run(self._core.hold, hold_id)

    async def settled(self, hold_id: str) -> HoldView | Refusal:
        """The hold once the keeper has settled it, or as it stands after 3 s."""
        deadline = asyncio.get_running_loop().time() + SETTLED_WITHIN_S
        while True:
            view = await self.hold(hold_id)
            if isinstance(view, Refusal) or view.state is not HoldState.HELD:
                return view
            if asyncio.get_running_loop().time() > deadline:
                return view
            await asyncio.sleep(POLL_S)

    async def charge_fee(self, card_id: int, *, fee_id: str, amount_micros: int, note: str) -> Card | Refusal:
        return await self._run(self._core.charge_fee, card_id, fee_id=fee_id, amount_micros=amount_micros, note=note)

    async def set_language(self, card_id: int, language: str) -> None:
        await self._run(self._core.set_language, card_id, language)

    async def speed_dial(self, card_id: int, slot: int) -> str | None:
        return await self._run(self._core.speed_dial, card_id, slot)

    async def set_speed_dial(self, card_id: int, slot: int, dnis: str) -> None:
        await self._run(self._core.set_speed_dial, card_id, slot, dnis)

    async def register_ani(self, card_id: int, ani: str) -> Refusal | None:
        return await self._run(self._core.register_ani, card_id, ani)

    async def refill_by_voucher(self, card_id: int, pin: str, *, ani: str | None, trunk: str) -> Card | Refusal:
        return await self._run(self._core.refill_by_voucher, card_id, pin, ani=ani, trunk=trunk)

    async def _run(self, method: Callable[..., T], *positional: Any, **named: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(method, *positional, **named))
