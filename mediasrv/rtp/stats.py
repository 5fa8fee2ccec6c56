"""What a worker counts. Counters only grow; the reader takes differences."""

from bisect import bisect_left
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

PACING_BOUNDS_US: Final = (250, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""Upper bounds of the pacing histogram's buckets; one more bucket takes the rest."""


@dataclass(slots=True)
class Stats:
    """One worker's figures. ``pacing`` counts packets by how late they left; ``pacing_sum_us`` sums their lateness."""

    calls: int = 0
    calls_opened: int = 0
    packets_sent: int = 0
    packets_unsent: int = 0
    packets_received: int = 0
    packets_refused: int = 0
    digits_rfc4733: int = 0
    digits_inband: int = 0
    silences: int = 0
    slots_skipped: int = 0
    messages_dropped: int = 0
    bugs: int = 0
    prompt_cache_bytes: int = 0
    cpu_s: float = 0.0
    resident_bytes: int = 0
    pacing_sum_us: int = 0
    pacing: list[int] = field(default_factory=lambda: [0] * (len(PACING_BOUNDS_US) + 1))

    def observe_pacing(self, late_us: int, packets: int) -> None:
        """Counts ``packets`` that left ``late_us`` after their deadline."""
        self.pacing[bisect_left(PACING_BOUNDS_US, late_us)] += packets
        self.pacing_sum_us += late_us * packets

    def as_dict(self) -> dict[str, Any]:
        """For the message to the parent."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """What ``as_dict`` made."""
        return cls(**values)

    def __add__(self, other: "Stats") -> "Stats":
        """The figures of two workers together."""
        mine, theirs = asdict(self), asdict(other)
        pacing = [a + b for a, b in zip(mine.pop("pacing"), theirs.pop("pacing"), strict=True)]
        return Stats(**{name: mine[name] + theirs[name] for name in mine}, pacing=pacing)
