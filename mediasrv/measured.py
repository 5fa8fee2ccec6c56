"""The rating core as the conversations see it, with what it answers counted and timed."""

from time import perf_counter

from mediasrv.metrics import OK, UNAVAILABLE, Metrics
from mediasrv.switch import ThreadedSwitch
from rating.core import RatingCore
from rating.model import Authorised, CallRequest, Card
from rating.outcome import Refusal


class MeasuredSwitch(ThreadedSwitch):
    """Counts PINs, vouchers and authorisations by outcome; neither a PIN nor whose it is is noted."""

    def __init__(self, core: RatingCore, threads: int, metrics: Metrics) -> None:
        super().__init__(core, threads)
        self._metrics = metrics

    async def enter_pin(self, pin: str, *, ani: str | None, trunk: str) -> Card | Refusal:
        found = await super().enter_pin(pin, ani=ani, trunk=trunk)
        self._metrics.pins.labels(outcome_of(found)).inc()
        return found

    async def refill_by_voucher(self, card_id: int, pin: str, *, ani: str | None, trunk: str) -> Card | Refusal:
        found = await super().refill_by_voucher(card_id, pin, ani=ani, trunk=trunk)
        self._metrics.refills.labels(outcome_of(found)).inc()
        return found

    async def authorise(self, request: CallRequest) -> Authorised | Refusal:
        began_s = perf_counter()
        outcome = UNAVAILABLE
        try:
            found = await super().authorise(request)
            outcome = outcome_of(found)
        finally:
            self._metrics.authorised.labels(outcome).inc()
            self._metrics.authorise_s.observe(perf_counter() - began_s)
        return found


def outcome_of(found: object) -> str:
    """A refusal's name, or OK."""
    return found.value if isinstance(found, Refusal) else OK
