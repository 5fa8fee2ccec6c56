"""RTP packets (RFC 3550, section 5.1): bytes to values and back, nothing else."""

import struct
from dataclasses import dataclass
from typing import Final, Self

VERSION: Final = 2
FIXED_HEADER: Final = struct.Struct("!BBHII")
EXTENSION_HEADER: Final = struct.Struct("!HH")


class PacketError(ValueError):
    """These bytes are not such a packet; the message says why. Nothing has been changed."""


@dataclass(frozen=True, slots=True)
class HeaderExtension:
    """RFC 3550, 5.3.1. ``data`` is a whole number of 32-bit words; what it means is up to ``profile``."""

    profile: int
    data: bytes

    def __bytes__(self) -> bytes:
        return EXTENSION_HEADER.pack(self.profile, len(self.data) // 4) + self.data


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet. ``padding`` holds the padding bytes as they came, the count at their end included."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    extension: HeaderExtension | None = None
    padding: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Reads one datagram. Raises PacketError for anything that is not a whole RTP version 2 packet."""
        if len(data) < FIXED_HEADER.size:
            raise PacketError(f"{len(data)} bytes are too few for an RTP header")
        flags, marker_and_type, sequence, timestamp, ssrc = FIXED_HEADER.unpack_from(data)
        if flags >> 6 != VERSION:
            raise PacketError(f"RTP version {flags >> 6}, not {VERSION}")
        csrcs, start = _parse_csrcs(data, flags & 0x0F)
        extension = None
        if flags & 0x10:
            extension, start = _parse_extension(data, start)
        end = len(data) - _padding_length(data, start) if flags & 0x20 else len(data)
        return cls(
            marker_and_type & 0x7F,
            sequence,
            timestamp,
            ssrc,
            data[start:end],
            marker_and_type >= 0x80,
            csrcs,
            extension,
            data[end:],
        )

    def __bytes__(self) -> bytes:
        flags = VERSION << 6 | bool(self.padding) << 5 | (self.extension is not None) << 4 | len(self.csrcs)
        marker_and_type = self.marker << 7 | self.payload_type
        fixed = FIXED_HEADER.pack(flags, marker_and_type, self.sequence, self.timestamp, self.ssrc)
        csrcs = b"".join(csrc.to_bytes(4, "big") for csrc in self.csrcs)
        extension = bytes(self.extension) if self.extension else b""
        return fixed + csrcs + extension + self.payload + self.padding


def _parse_csrcs(data: bytes, count: int) -> tuple[tuple[int, ...], int]:
    end = FIXED_HEADER.size + 4 * count
    if len(data) < end:
        raise PacketError(f"the packet ends within its {count} contributing sources")
    return struct.unpack_from(f"!{count}I", data, FIXED_HEADER.size), end


def _parse_extension(data: bytes, start: int) -> tuple[HeaderExtension, int]:
    body = start + EXTENSION_HEADER.size
    if len(data) < body:
        raise PacketError("the packet ends within the header of its extension")
    profile, words = EXTENSION_HEADER.unpack_from(data, start)
    if len(data) < body + 4 * words:
        raise PacketError(f"the packet ends within its extension of {words} words")
    return HeaderExtension(profile, data[body : body + 4 * words]), body + 4 * words


def _padding_length(data: bytes, start: int) -> int:
    if not 1 <= data[-1] <= len(data) - start:
        raise PacketError(f"{data[-1]} bytes of padding in {len(data) - start} bytes of payload")
    return data[-1]
