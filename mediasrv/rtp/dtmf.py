"""Keys from telephone events (RFC 4733), whatever the network did to them.

A key arrives as a dozen packets that share one RTP timestamp: starts, updates, three ends. Any one of them proves
that the key was pressed, so the first that arrives counts, and the rest are known by the timestamp. Counting only
packets with the marker bit, as softphones do, loses 9 % of ten-digit PINs at 1 % packet loss.

A key is told SETTLE_MS after its first packet. When that packet was a late one because the earlier ones were lost, the
next key can overtake it; waiting lets both be told in the order of their timestamps.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from mediasrv.rtp.event import DURATION_MAX, TelephoneEvent
from mediasrv.rtp.packet import PacketError, RtpPacket

REMEMBERED: Final = 16
"""Events kept against late packets. Keys come at most every 80 ms or so: more than a second of reordering."""

SETTLE_MS: Final = 80
"""At the shortest keys (40 ms, 40 ms apart) with packets up to 100 ms late the order is right from 60 ms on, even when
of a key only its last packet survives; the rest is for machines that stall. Nobody hears it in an answer."""

PENDING_MAX: Final = 16
"""Keys that may wait at once: a second of them after a stall; more is a flood, and is dropped."""

TIMESTAMP_MASK: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True, order=True)
class _Press:
    """Ordered as the caller pressed: by source, then by distance from the source's first event."""

    generation: int
    offset: int
    key: str
    due_tick: int


class EventReceiver:
    """Turns the event packets of one caller into keys. Memory and time per packet are bounded."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int, int]] = deque(maxlen=REMEMBERED)
        self._pending: list[_Press] = []
        self._ssrc: int | None = None
        self._generation = 0
        self._first_timestamp = 0

    def receive(self, packet: RtpPacket, tick: int) -> bool:
        """True when ``packet`` is the first of a key: ``release`` will tell it in SETTLE_MS.

        Repetitions, events that are not keys, and junk change nothing.
        """
        try:
            event = TelephoneEvent.parse(packet.payload)
        except PacketError:
            return False
        if event.key is None or not self._is_new(packet, event) or len(self._pending) >= PENDING_MAX:
            return False
        generation, offset = self._place(packet)
        self._pending.append(_Press(generation, offset, event.key, tick + SETTLE_MS))
        return True

    def release(self, tick: int) -> str:
        """The keys that are due at ``tick``, and those pressed before them, in order."""
        due = [press for press in self._pending if press.due_tick <= tick]
        if not due:
            return ""
        ready = sorted(press for press in self._pending if press <= max(due))
        self._pending = [press for press in self._pending if press not in ready]
        return "".join(press.key for press in ready)

    def _is_new(self, packet: RtpPacket, event: TelephoneEvent) -> bool:
        """Whether no packet of this event came before; remembers it. A new segment of a key held on is not new."""
        press = (packet.ssrc, packet.timestamp, event.code)
        if press in self._seen:
            return False
        segment_before = (packet.ssrc, (packet.timestamp - DURATION_MAX) & TIMESTAMP_MASK, event.code)
        new = segment_before not in self._seen
        self._seen.append(press)
        return new

    def _place(self, packet: RtpPacket) -> tuple[int, int]:
        """Which source, and samples from its first event: negative for one that should have come before it."""
        if packet.ssrc != self._ssrc:
            self._ssrc = packet.ssrc
            self._generation += 1
            self._first_timestamp = packet.timestamp
        distance = (packet.timestamp - self._first_timestamp) & TIMESTAMP_MASK
        offset = distance - (TIMESTAMP_MASK + 1) if distance > TIMESTAMP_MASK // 2 else distance
        return self._generation, offset
