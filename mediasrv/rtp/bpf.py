"""Socket filters (classic BPF) that keep a caller's audio from waking Python.

A caller sends 50 packets a second of which the conversation needs only the keys. The kernel drops the rest before
the socket sees it: at 1,000 callers that is 640 wake-ups a second instead of 35,000.

On a UDP socket the filter sees the datagram from its UDP header on; a load past its end makes it drop the datagram.
"""

import ctypes
import socket
import struct
from dataclasses import dataclass
from functools import cache
from typing import Final

SO_ATTACH_FILTER: Final = 26
ACCEPT: Final = 0xFFFF
DROP: Final = 0

# Instruction codes of linux/filter.h, named as bpf_asm names them.
LDB: Final = 0x30
AND: Final = 0x54
JEQ: Final = 0x15
RET: Final = 0x06

UDP_HEADER: Final = 8
RTP_FLAGS: Final = UDP_HEADER
RTP_TYPE: Final = UDP_HEADER + 1
RTP_SEQUENCE_LOW: Final = UDP_HEADER + 3
RTP_HEADER_END: Final = UDP_HEADER + 11


@dataclass(frozen=True, slots=True)
class Instruction:
    """One ``struct sock_filter``: jumps count instructions from the next one."""

    code: int
    k: int
    if_true: int = 0
    if_false: int = 0

    def __bytes__(self) -> bytes:
        return struct.pack("=HBBI", self.code, self.if_true, self.if_false, self.k)


class Program:
    """Instructions as the kernel reads them. Made once for each pair of payload types, and kept."""

    def __init__(self, *instructions: Instruction) -> None:
        code = b"".join(map(bytes, instructions))
        self._code = ctypes.create_string_buffer(code, len(code))
        self.sock_fprog = struct.pack("HP", len(instructions), ctypes.addressof(self._code))


NOTHING: Final = Program(Instruction(RET, DROP))
"""For a port nobody has been told to send to yet, and for the RTCP port."""


@cache
def everything_of(audio_type: int, event_type: int | None) -> Program:
    """Lets through every RTP version 2 packet of the negotiated payload types."""
    event = audio_type if event_type is None else event_type
    return Program(
        *_version_2(drop=5),
        Instruction(LDB, RTP_TYPE),
        Instruction(AND, 0x7F),
        Instruction(JEQ, event, if_true=1),
        Instruction(JEQ, audio_type, if_true=0, if_false=1),
        Instruction(RET, ACCEPT),
        Instruction(RET, DROP),
    )


@cache
def events_and_life(audio_type: int, event_type: int, *, one_in: int = 64) -> Program:
    """Lets through telephone events, and of the audio one packet in ``one_in`` (a power of two up to 256).

    The audio that comes through is the sign of life: with 20 ms packets every 1.28 s.
    """
    if one_in not in (1, 2, 4, 8, 16, 32, 64, 128, 256):
        raise ValueError(f"one_in must be a power of two up to 256, not {one_in}")
    return Program(
        *_version_2(drop=8),
        Instruction(LDB, RTP_TYPE),
        Instruction(AND, 0x7F),
        Instruction(JEQ, event_type, if_true=4),
        Instruction(JEQ, audio_type, if_false=4),
        Instruction(LDB, RTP_SEQUENCE_LOW),
        Instruction(AND, one_in - 1),
        Instruction(JEQ, 0, if_false=1),
        Instruction(RET, ACCEPT),
        Instruction(RET, DROP),
    )


def _version_2(*, drop: int) -> tuple[Instruction, ...]:
    """Goes on when there is a whole header of RTP version 2; else ``drop`` instructions further."""
    return (
        Instruction(LDB, RTP_HEADER_END),
        Instruction(LDB, RTP_FLAGS),
        Instruction(AND, 0xC0),
        Instruction(JEQ, 0x80, if_false=drop),
    )


def attach(sock: socket.socket, program: Program) -> None:
    """Puts the filter on a socket, in place of the one it has. Attach before ``bind``: nothing slips in between."""
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program.sock_fprog)
