"""The socket filters on real sockets: what wakes the worker, and what the kernel drops."""

import socket
from collections.abc import Iterator

import pytest

from mediasrv.rtp.bpf import NOTHING, Program, attach, events_and_life, everything_of
from mediasrv.rtp.packet import RtpPacket
from tests.rtp.caller import key_packets

AUDIO, EVENTS = 0, 101

JUNK = [b"", b"\x80", b"\x80\x00\x00", bytes(12), b"\x40" + bytes(171), b"\xc0\x65" + bytes(14), bytes(9000)]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A socket that hears, and one that sends to it."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
    ):
        ear.bind(("127.0.0.1", 0))
        ear.setblocking(False)
        mouth.connect(ear.getsockname())
        yield ear, mouth


def passes(pair: tuple[socket.socket, socket.socket], program: Program, datagrams: list[bytes]) -> list[bytes]:
    """Those of the datagrams that the filter lets through. On loopback they are there when ``send`` returns."""
    ear, mouth = pair
    attach(ear, program)
    heard = []
    for datagram in datagrams:
        mouth.send(datagram)
        try:
            heard.append(ear.recv(65_536))
        except BlockingIOError:
            continue
    return heard


def audio(sequence: int, *, payload_type: int = AUDIO, marker: bool = False) -> bytes:
    return bytes(RtpPacket(payload_type, sequence, sequence * 160, 7, bytes(160), marker))


def test_of_the_audio_one_packet_in_64_is_the_sign_of_life(pair: tuple[socket.socket, socket.socket]) -> None:
    packets = [audio(sequence) for sequence in range(65_536 - 256, 65_536)]
    assert passes(pair, events_and_life(AUDIO, EVENTS), packets) == packets[::64]
    assert passes(pair, events_and_life(AUDIO, EVENTS, one_in=1), packets) == packets


def test_every_telephone_event_comes_through(pair: tuple[socket.socket, socket.socket]) -> None:
    packets = [bytes(packet) for packet in key_packets("5", timestamp=1, sequence=1)]
    assert passes(pair, events_and_life(AUDIO, EVENTS), packets) == packets


def test_where_everything_is_heard_it_is_everything_that_was_negotiated(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    packets = [audio(1), audio(2, marker=True), *map(bytes, key_packets("5", timestamp=1))]
    others = [audio(64, payload_type=8), audio(64, payload_type=13)]
    assert passes(pair, everything_of(AUDIO, EVENTS), [*packets, *others]) == packets
    assert passes(pair, everything_of(AUDIO, None), [*packets, *others]) == packets[:2]


@pytest.mark.parametrize("program", [everything_of(AUDIO, EVENTS), everything_of(AUDIO, None),
                                     events_and_life(AUDIO, EVENTS), NOTHING])  # fmt: skip
def test_what_is_not_rtp_of_the_call_wakes_nobody(pair: tuple[socket.socket, socket.socket], program: Program) -> None:
    assert passes(pair, program, [*JUNK, audio(64, payload_type=18), audio(64, payload_type=96)]) == []


def test_before_anybody_knows_the_port_nothing_is_heard(pair: tuple[socket.socket, socket.socket]) -> None:
    assert passes(pair, NOTHING, [audio(64), *map(bytes, key_packets("5", timestamp=1))]) == []


def test_a_share_that_no_mask_gives_is_refused() -> None:
    with pytest.raises(ValueError, match="power of two"):
        events_and_life(AUDIO, EVENTS, one_in=50)
