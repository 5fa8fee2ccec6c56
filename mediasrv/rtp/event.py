"""Telephone events (RFC 4733, section 2.3): the four bytes that carry a pressed key."""

import struct
from dataclasses import dataclass
from typing import Final, Self

from mediasrv.rtp.packet import PacketError

KEYS: Final = "0123456789*#ABCD"
"""The key of each event code (RFC 4733, table 3); codes from 16 on are not keys."""

DURATION_MAX: Final = 0xFFFF
"""A key held longer than this many samples goes on in a new segment (RFC 4733, 2.5.1.3)."""

BODY: Final = struct.Struct("!BBH")


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """``volume`` is in −dBm0 (0 to 63), ``duration`` in samples since the event's timestamp."""

    code: int
    duration: int
    end: bool = False
    volume: int = 10
    reserved: bool = False

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Reads the payload of one packet. Raises PacketError unless it is exactly four bytes."""
        if len(payload) != BODY.size:
            raise PacketError(f"a telephone event has {BODY.size} bytes, not {len(payload)}")
        code, flags, duration = BODY.unpack(payload)
        return cls(code, duration, flags >= 0x80, flags & 0x3F, bool(flags & 0x40))

    def __bytes__(self) -> bytes:
        return BODY.pack(self.code, self.end << 7 | self.reserved << 6 | self.volume, self.duration)

    @property
    def key(self) -> str | None:
        """The key on the caller's phone; None for events that are not keys (flash, fax tones, …)."""
        return KEYS[self.code] if self.code < len(KEYS) else None
