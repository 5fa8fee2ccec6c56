"""Who sends in which millisecond: senders spread evenly over 1 ms slots.

With 5 ms slots the packets of a slot leave in one burst and p99 of the gap error is 7 to 14 ms; with 1 ms slots it
stays under 1 ms until the core is full.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeVar

PTIMES_MS: Final = (10, 20, 30, 40, 60)
SLOTS: Final = 120
"""The least common multiple of the packet times."""

T = TypeVar("T")


class Wheel(Generic[T]):
    """A member with packet time p has a turn in every p-th slot."""

    def __init__(self) -> None:
        self._slots: tuple[dict[T, None], ...] = tuple({} for _ in range(SLOTS))
        self._members: dict[T, range] = {}

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[T]:
        return iter(self._members)

    def add(self, member: T, ptime_ms: int) -> None:
        """Gives ``member`` the emptiest slots; its old ones are taken away. ``ptime_ms`` is one of PTIMES_MS."""
        self.remove(member)
        phase = min(range(ptime_ms), key=lambda slot: len(self._slots[slot]))
        turns = range(phase, SLOTS, ptime_ms)
        self._members[member] = turns
        for slot in turns:
            self._slots[slot][member] = None

    def remove(self, member: T) -> None:
        """Takes ``member`` out; nothing happens when it is not in."""
        for slot in self._members.pop(member, range(0)):
            del self._slots[slot][member]

    def at(self, tick_ms: int) -> Iterable[T]:
        """Whose turn it is in millisecond ``tick_ms``."""
        return self._slots[tick_ms % SLOTS]
