"""One call without its worker: what only shows from inside."""

import contextlib
import gc
import socket
from pathlib import Path

import pytest

from mediasrv.rtp.codec import Law, PromptCache, PromptError
from mediasrv.rtp.inband import InbandBank
from mediasrv.rtp.messages import Connect, DigitHeard, Notice
from mediasrv.rtp.packet import RtpPacket
from mediasrv.rtp.stats import Stats
from mediasrv.rtp.stream import Stream, Surroundings
from tests.rtp.caller import DEADLINE_S, EVENT_TYPE, bound, key_packets, tone, write_wav
from tests.rtp.ports import free_port_range


def new_stream(port: int) -> tuple[Stream, list[Notice]]:
    """A stream on ``port`` and the one after, and the list of what it reports."""
    notices: list[Notice] = []
    around = Surroundings(Stats(), PromptCache(), notices.append, InbandBank(), lambda *_: None)
    return Stream(1, ("127.0.0.1", port), Law.PCMU, around), notices


def next_packet(stream: Stream, tick: int) -> bytes:
    return (stream.ahead or stream.make(tick)).pop()


def live_and_die(port: int, event_type: int | None, prompt: Path) -> None:
    """A call with all that can happen in one."""
    stream, _ = new_stream(port)
    with bound(0) as caller:
        host, port_of_caller = caller.getsockname()
        stream.connect(Connect(1, host, port_of_caller, 0, event_type, 20, 0.1))
        stream.play("id", [prompt])
        stream.transmit(next_packet(stream, 1))
        packets = [*key_packets("1", timestamp=1), RtpPacket(0, 1, 1, 7, bytes(160))]
        for data in (b"junk", *map(bytes, packets)):
            caller.sendto(data, ("127.0.0.1", port))
            with contextlib.suppress(BlockingIOError):  # the filter drops junk
                stream.receive(*stream.take())
        stream.connect(Connect(1, "127.0.0.1", 9, 8, event_type, 20, 0.1))
        for tick in range(1, 10_000, 1000):
            stream.transmit(next_packet(stream, tick))
            stream.mind(tick)
        stream.release(1 << 40)
        stream.hold(True)
        stream.close()


@pytest.mark.parametrize("event_type", [EVENT_TYPE, None])
def test_a_call_leaves_nothing_behind_without_a_garbage_collector(event_type: int | None, tmp_path: Path) -> None:
    """The worker has none: a reference cycle would be a leak."""
    first, _ = free_port_range(2)
    prompt = write_wav(tmp_path / "a.wav", tone(440, 0.5))
    live_and_die(first, event_type, prompt)
    gc.collect()
    gc.disable()
    try:
        live_and_die(first, event_type, prompt)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_caller_whose_port_was_closed_is_sent_to_when_it_is_back() -> None:
    """On a connected socket the kernel reports the ICMP error of one packet in place of sending the next."""
    first, _ = free_port_range(2)
    stream, _ = new_stream(first)
    with bound(0) as caller:
        host, port = caller.getsockname()
        stream.connect(Connect(1, host, port, 0, EVENT_TYPE, 20, 0.0))
        caller.sendto(bytes(key_packets("1", timestamp=1)[0]), ("127.0.0.1", first))
        stream.receive(*stream.take())
    for tick in range(20):
        with contextlib.suppress(ConnectionRefusedError):
            stream.transmit(next_packet(stream, tick * 20))
        with contextlib.suppress(ConnectionRefusedError, BlockingIOError):
            stream.receive(*stream.take())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.bind((host, port))
        caller.settimeout(DEADLINE_S)
        for tick in (400, 420):
            with contextlib.suppress(ConnectionRefusedError):
                stream.transmit(next_packet(stream, tick))
        assert RtpPacket.parse(caller.recv(2048)).payload_type == 0
    stream.close()


def test_a_prompt_that_is_gone_when_the_law_changes_refuses_the_change(tmp_path: Path) -> None:
    first, _ = free_port_range(2)
    stream, notices = new_stream(first)
    path = write_wav(tmp_path / "a.wav", tone(440, 0.5))
    with bound(0) as caller:
        host, port = caller.getsockname()
        stream.connect(Connect(1, host, port, 0, EVENT_TYPE, 20, 0.0))
        stream.play("id", [path])
        path.unlink()
        with pytest.raises(PromptError, match=r"a\.wav: No such file"):
            stream.connect(Connect(1, host, port, 8, EVENT_TYPE, 20, 0.0))
        stream.transmit(next_packet(stream, 20))
        packet = RtpPacket.parse(caller.recv(2048))
    assert packet.payload == Law.PCMU.encode(tone(440, 0.5))[:160]
    assert notices == []
    stream.close()


def test_a_key_that_waits_in_the_socket_is_told_before_the_one_that_overtook_it() -> None:
    """As after a stall of the worker: the first key's time is over, the second's packets have not been looked at."""
    first, _ = free_port_range(2)
    stream, notices = new_stream(first)
    one, two = key_packets("1", timestamp=1000), key_packets("2", timestamp=1640)
    with bound(0) as caller:
        stream.connect(Connect(1, *caller.getsockname(), 0, EVENT_TYPE, 20, 0.0))
        for packet in (two[0], one[-1], two[1]):
            caller.sendto(bytes(packet), ("127.0.0.1", first))
        stream.receive(*stream.take())
        stream.release(1 << 40)
    assert notices == [DigitHeard(1, "1", "rfc4733"), DigitHeard(1, "2", "rfc4733")]
    stream.close()


@pytest.mark.parametrize("near_the_wrap", [False, True])
@pytest.mark.parametrize("every", [1, 3, 16, 17])
def test_what_is_made_ahead_is_taken_back_when_something_happens(
    every: int, near_the_wrap: bool, tmp_path: Path
) -> None:
    """A hold, a change of law and a report every few packets: no sample, number or octet is lost or doubled."""
    first, _ = free_port_range(2)
    stream, _ = new_stream(first)
    sound = tone(440, 1.5)
    if near_the_wrap:
        stream._sequence, stream._timestamp_offset = 0xFFFF - 20, 0xFFFF_FFFF - 25 * 160
    stream.connect(Connect(1, "127.0.0.1", 9, 0, EVENT_TYPE, 20, 0.0))
    stream.play("id", [write_wav(tmp_path / f"{i}.wav", sound[i * 8000 : i * 8000 + 8000]) for i in range(3)])
    packets = []
    for n in range(100):
        if n % every == 0:
            stream.connect(Connect(1, "127.0.0.1", 9, 8 if n % 2 else 0, EVENT_TYPE, 20, 0.0))
            stream.hold(True)
            stream.hold(False)
        packets.append(RtpPacket.parse(next_packet(stream, 20 * n)))
        assert (stream._packets - len(stream.ahead), stream._octets - 160 * len(stream.ahead)) == (n + 1, 160 * (n + 1))
    stream.close()
    for n, packet in enumerate(packets):
        law = Law(packet.payload_type)
        due = (law.encode(sound) + law.silence * 16_000)[n * 160 : n * 160 + 160]
        assert packet.payload == due
        assert packet.sequence == (packets[0].sequence + n) & 0xFFFF
        assert packet.timestamp == (packets[0].timestamp + 160 * n) & 0xFFFF_FFFF


def test_what_comes_as_a_repetition_of_an_event_must_be_one() -> None:
    """The quick way past the parser is for exact repetitions from the caller only."""
    first, _ = free_port_range(2)
    stream, notices = new_stream(first)
    stream.connect(Connect(1, "127.0.0.1", 9, 0, EVENT_TYPE, 20, 0.0))
    caller, stranger = ("127.0.0.1", 4000), ("127.0.0.1", 4001)
    event = key_packets("5", timestamp=1)[0]
    stream.receive(bytes(event), caller)
    other_key = bytes(event)[:12] + b"\6" + bytes(event)[13:]
    for data, source in ((other_key, stranger), (bytes(event)[:15], caller), (b"\x90" + bytes(event)[1:], caller)):
        stream.receive(data, source)
    stream.receive(bytes(key_packets("5", timestamp=1)[3]), caller)
    stream.receive(bytes(key_packets("6", timestamp=1601)[3]), caller)
    stream.release(1 << 40)
    assert notices == [DigitHeard(1, "5", "rfc4733"), DigitHeard(1, "6", "rfc4733")]
    stream.close()
