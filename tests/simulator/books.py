"""The books as anyone would keep them beside the ledger: what each call was, what it must cost, what each card has."""

from dataclasses import dataclass, field
from fractions import Fraction

MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """A price list's row. Says what a call costs in its own words, sharing nothing with ``rating.rate``."""

    per_minute: int
    initial_s: int
    increment_s: int
    fee: int = 0

    def cost(self, seconds: int) -> int:
        """Micro-units; every begun increment counts whole, and the sum is rounded up once."""
        if seconds <= 0:
            return 0
        further = max(0, seconds - self.initial_s)
        billed = self.initial_s + (further + self.increment_s - 1) // self.increment_s * self.increment_s
        exact = self.fee + Fraction(self.per_minute * billed, 60)
        return -(-exact.numerator // exact.denominator)


@dataclass(slots=True)
class SimulatedCall:
    """What really happened, known to nobody but the simulation. Times are true ones, in microseconds."""

    number: int
    hold_id: str
    card: int
    node: str
    price: Price
    limit_s: int
    held: int
    placed_us: int
    answered_us: int | None = None
    ended_us: int | None = None  # nobody hears anybody any more
    hangs_up_us: int = 0  # when one of the two would
    edge_knows: bool = True  # the edge has its dialog, and will tell its end
    told_ends: list[int] = field(default_factory=list)  # when the ends that the journal tells of were
    settled: bool = False
    charge: int = 0
    certain: bool = True  # authorise answered; otherwise the hold may be there or not

    def due(self, ended_us: int) -> int:
        """What the call costs when it ends then, in micro-units: begun seconds count, and none above the limit."""
        if self.answered_us is None:
            return 0
        return self.price.cost(min(-(-(ended_us - self.answered_us) // MICROS), self.limit_s))


@dataclass(slots=True)
class SimulatedCard:
    """``posted`` as it must be; ``open`` are the numbers of calls whose holds are open."""

    card_id: int
    posted: int
    longest_s: int
    at_once: int
    pin: str = field(repr=False)
    open: set[int] = field(default_factory=set)
    unsure: int = 0  # so many changes were asked for, and no answer came
    transferred: int = 0  # in all, to other cards


class ViolationError(AssertionError):
    """The ledger says something that must never be true."""
