"""RTCP packets that an answering side sends (RFC 3550, section 6): sender report, CNAME, BYE.

We send no reception blocks: the socket's filter hides nearly all of the caller's audio from us, so we cannot count
its losses, and RFC 3550 allows a report without blocks.
"""

import struct
from dataclasses import dataclass
from typing import Final, Self

from mediasrv.rtp.packet import VERSION, PacketError

SENDER_REPORT: Final = 200
SOURCE_DESCRIPTION: Final = 202
GOODBYE: Final = 203
CNAME: Final = 1
CNAME_LENGTH_MAX: Final = 255

HEADER: Final = struct.Struct("!BBH")
SENDER: Final = struct.Struct("!IQIII")
RECEPTION: Final = struct.Struct("!IIIIII")
NTP_EPOCH_OFFSET_S: Final = 2_208_988_800


def ntp_timestamp(unix_ns: int) -> int:
    """Nanoseconds since 1970 as a 64-bit NTP time: seconds since 1900 and a binary fraction (RFC 3550, section 4)."""
    seconds, nanoseconds = divmod(unix_ns, 1_000_000_000)
    return ((seconds + NTP_EPOCH_OFFSET_S) << 32 | (nanoseconds << 32) // 1_000_000_000) & 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class ReceptionBlock:
    """One block of RFC 3550, 6.4.1. ``loss`` holds the fraction (upper 8 bits) and the cumulative count (24)."""

    ssrc: int
    loss: int
    highest_sequence: int
    jitter: int
    last_sender_report: int
    delay_since_last: int

    def __bytes__(self) -> bytes:
        return RECEPTION.pack(
            self.ssrc, self.loss, self.highest_sequence, self.jitter, self.last_sender_report, self.delay_since_last
        )


@dataclass(frozen=True, slots=True)
class SenderReport:
    """What we have sent so far, and which NTP time belongs to which RTP timestamp (RFC 3550, 6.4.1)."""

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReceptionBlock, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Reads a packet that is one sender report and nothing more. Raises PacketError."""
        count, body = _open(data, SENDER_REPORT)
        if len(body) != SENDER.size + count * RECEPTION.size:
            raise PacketError(f"a sender report with {count} blocks cannot have {len(body)} bytes")
        blocks = (ReceptionBlock(*fields) for fields in RECEPTION.iter_unpack(body[SENDER.size :]))
        ssrc, ntp, rtp_timestamp, packets, octets = SENDER.unpack_from(body)
        return cls(ssrc, ntp, rtp_timestamp, packets, octets, tuple(blocks))

    def __bytes__(self) -> bytes:
        sender = SENDER.pack(self.ssrc, self.ntp, self.rtp_timestamp, self.packets, self.octets)
        return _close(SENDER_REPORT, len(self.blocks), sender + b"".join(map(bytes, self.blocks)))


@dataclass(frozen=True, slots=True)
class CanonicalName:
    """A source description with the one item every compound packet must have (RFC 3550, 6.5.1)."""

    ssrc: int
    name: str

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Reads a description of one source with one CNAME. Raises PacketError."""
        count, body = _open(data, SOURCE_DESCRIPTION)
        if count != 1 or len(body) < 8 or body[4] != CNAME:
            raise PacketError("not a description of one source by its CNAME")
        end = 6 + body[5]
        if not 1 <= len(body) - end <= 4 or any(body[end:]):
            raise PacketError(f"a CNAME of {body[5]} bytes does not fill {len(body)} bytes")
        try:
            return cls(int.from_bytes(body[:4], "big"), body[6:end].decode())
        except UnicodeDecodeError as error:
            raise PacketError("the CNAME is not UTF-8") from error

    def __bytes__(self) -> bytes:
        name = self.name.encode()[:CNAME_LENGTH_MAX]
        chunk = self.ssrc.to_bytes(4, "big") + bytes((CNAME, len(name))) + name
        return _close(SOURCE_DESCRIPTION, 1, chunk + bytes(4 - len(chunk) % 4))


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The sources that leave (RFC 3550, 6.6); no reason text."""

    ssrcs: tuple[int, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Reads one BYE without a reason. Raises PacketError."""
        count, body = _open(data, GOODBYE)
        if len(body) != 4 * count:
            raise PacketError(f"a BYE of {count} sources cannot have {len(body)} bytes")
        return cls(struct.unpack(f"!{count}I", body))

    def __bytes__(self) -> bytes:
        return _close(GOODBYE, len(self.ssrcs), struct.pack(f"!{len(self.ssrcs)}I", *self.ssrcs))


def split_compound(data: bytes) -> list[bytes]:
    """Cuts a compound packet (RFC 3550, 6.1) into its packets. Raises PacketError when the lengths do not add up."""
    packets = []
    while data:
        if len(data) < HEADER.size:
            raise PacketError("the compound packet ends within a header")
        end = 4 + 4 * int.from_bytes(data[2:4], "big")
        if end > len(data):
            raise PacketError("the compound packet ends within a packet")
        packets.append(data[:end])
        data = data[end:]
    return packets


def _open(data: bytes, packet_type: int) -> tuple[int, bytes]:
    """Checks the common header; returns its count and what follows it."""
    if len(data) < HEADER.size:
        raise PacketError(f"{len(data)} bytes are too few for an RTCP header")
    flags, found, words = HEADER.unpack_from(data)
    if flags >> 6 != VERSION or flags & 0x20 or found != packet_type or len(data) != 4 + 4 * words:
        raise PacketError(f"not a whole RTCP packet of type {packet_type}")
    return flags & 0x1F, data[HEADER.size :]


def _close(packet_type: int, count: int, body: bytes) -> bytes:
    return HEADER.pack(VERSION << 6 | count, packet_type, len(body) // 4) + body
