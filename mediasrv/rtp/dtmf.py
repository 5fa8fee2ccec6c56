"""Keys from telephone events (RFC 4733), whatever the network did to them.

A key arrives as a dozen packets that share one RTP timestamp: starts, updates, three ends. Any one of them proves
that the key was pressed, so the first that arrives counts, and the rest are known by the timestamp. Counting only
packets with the marker bit, as softphones do, loses 9 % of ten-digit PINs at 1 % packet loss.
"""

from collections import deque
from typing import Final

from mediasrv.rtp.event import DURATION_MAX, TelephoneEvent
from mediasrv.rtp.packet import PacketError, RtpPacket

REMEMBERED: Final = 16
"""Events kept against late packets. Keys come at most every 80 ms or so: more than a second of reordering."""

TIMESTAMP_MASK: Final = 0xFFFF_FFFF


class EventReceiver:
    """Turns the event packets of one caller into keys. Memory and time per packet are bounded."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int, int]] = deque(maxlen=REMEMBERED)

    def receive(self, packet: RtpPacket) -> str | None:
        """The key that ``packet`` proves for the first time; None for repetitions, other events, and junk."""
        try:
            event = TelephoneEvent.parse(packet.payload)
        except PacketError:
            return None
        if event.key is None:
            return None
        press = (packet.ssrc, packet.timestamp, event.code)
        if press in self._seen:
            return None
        held = (packet.ssrc, (packet.timestamp - DURATION_MAX) & TIMESTAMP_MASK, event.code)
        known = held in self._seen
        self._seen.append(press)
        return None if known else event.key
