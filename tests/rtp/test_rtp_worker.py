"""The worker process as a media server and its callers see it: real processes, real UDP on loopback."""

import asyncio
import contextlib
import random
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediasrv.rtp.client import (
    Digit,
    Played,
    PromptFileError,
    RtpClient,
    RtpPort,
    RtpSettings,
    Silence,
)
from mediasrv.rtp.codec import Law
from mediasrv.rtp.event import TelephoneEvent
from mediasrv.rtp.packet import RtpPacket
from mediasrv.rtp.rtcp import CanonicalName, Goodbye, SenderReport, split_compound
from tests.rtp.caller import EVENT_TYPE, Caller, bound, key_packets, keys_heard, next_event, payloads, tone, write_wav
from tests.rtp.ports import free_port_range
from tests.rtp.test_rtp_parts import keys_as_audio

NewCaller = Callable[[], Caller]


# --- what a caller hears ---


async def test_a_caller_hears_the_prompts_sample_for_sample(port: RtpPort, caller: Caller, tmp_path: Path) -> None:
    first, second = tone(440, 0.13), tone(880, 0.21)
    play_id = await port.play([write_wav(tmp_path / "1.wav", first), write_wav(tmp_path / "2.wav", second)])
    assert await next_event(port) == Played(play_id)
    prompt = Law.PCMU.encode(first + second)
    heard = payloads(await caller.hear(20) + caller.drain())
    start = heard.find(prompt)
    assert start % 160 == 0, "the prompt begins with a packet"
    assert set(heard[:start] + heard[start + len(prompt) :]) <= set(Law.PCMU.silence)


async def test_packets_are_numbered_and_timed_without_a_gap(port: RtpPort, caller: Caller) -> None:
    packets = await caller.hear(20)
    assert packets[0].marker
    assert not any(packet.marker for packet in packets[1:])
    assert len({packet.ssrc for packet in packets}) == 1
    for before, after in pairwise(packets):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        assert (after.timestamp - before.timestamp) & 0xFFFF_FFFF == 160


async def test_a_law_caller_hears_a_law(client: RtpClient, caller: Caller, tmp_path: Path) -> None:
    port = await client.open(law="PCMA")
    await port.connect(caller.address, payload_type=8, event_payload_type=None)
    await port.play([write_wav(tmp_path / "a.wav", tone(440, 0.1))])
    await next_event(port)
    heard = await caller.hear(6)
    assert {packet.payload_type for packet in heard} == {8}
    assert Law.PCMA.encode(tone(440, 0.1)) in payloads(heard + caller.drain())


async def test_a_prompt_goes_on_in_the_other_law_after_a_change(port: RtpPort, caller: Caller, tmp_path: Path) -> None:
    play_id = await port.play([write_wav(tmp_path / "a.wav", tone(440, 0.4))])
    await caller.hear(5)
    await port.connect(caller.address, payload_type=8, event_payload_type=EVENT_TYPE)
    assert await next_event(port) == Played(play_id)
    packets = caller.heard + caller.drain()
    # Each law's packets decoded by their own law are one tone: louder than any splice of the wrong law would be.
    decoded = b"".join(Law(packet.payload_type).decode(packet.payload) for packet in packets)
    expected = {law: law.decode(law.encode(tone(440, 0.4))) for law in Law}
    assert {packet.payload_type for packet in packets} == {0, 8}
    start = decoded.find(expected[Law.PCMU][:640])
    assert start >= 0
    assert decoded[start + 5120 : start + 6400] == expected[Law.PCMA][5120:6400]


async def test_a_new_playing_replaces_the_old_one_and_stop_ends_it(port: RtpPort, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "long.wav", tone(440, 60))
    first = await port.play([path])
    second = await port.play([path])
    assert await next_event(port) == Played(first, finished=False)
    await port.stop()
    assert await next_event(port) == Played(second, finished=False)


async def test_a_bad_prompt_is_named_and_what_plays_goes_on(port: RtpPort, tmp_path: Path) -> None:
    play_id = await port.play([write_wav(tmp_path / "a.wav", tone(440, 0.2))])
    with pytest.raises(PromptFileError, match=r"nowhere\.wav: No such file"):
        await port.play([tmp_path / "nowhere.wav"])
    assert await next_event(port) == Played(play_id)


async def test_nothing_is_sent_on_hold_and_time_has_passed_after_it(port: RtpPort, caller: Caller) -> None:
    last = (await caller.hear(3))[-1]
    await port.hold(True)
    last = [last, *caller.drain()][-1]
    await port.hold(False)
    first = (await caller.hear(1))[0]
    assert first.marker
    assert (first.sequence - last.sequence) & 0xFFFF == 1
    assert (first.timestamp - last.timestamp) & 0xFFFF_FFFF > 0


async def test_a_packet_time_of_30_ms_is_kept(port: RtpPort, caller: Caller) -> None:
    await port.connect(caller.address, payload_type=0, event_payload_type=EVENT_TYPE, ptime_ms=30)
    caller.drain()
    first, second = await caller.hear(2)
    assert len(second.payload) == 240
    assert (second.timestamp - first.timestamp) & 0xFFFF_FFFF == 240


async def test_a_sender_report_and_a_goodbye_reach_the_callers_rtcp_port(client: RtpClient) -> None:
    first, _ = free_port_range(2)
    with bound(first) as rtp, bound(first + 1) as rtcp:
        port = await client.open()
        await port.connect(("127.0.0.1", first), payload_type=0, event_payload_type=EVENT_TYPE)
        rtp.recv(2048)
        await port.close()
        report, name, goodbye = split_compound(rtcp.recv(2048))
    assert SenderReport.parse(report).packets >= 1
    assert Goodbye.parse(goodbye).ssrcs == (CanonicalName.parse(name).ssrc,) == (SenderReport.parse(report).ssrc,)


# --- what the server hears ---


async def test_keys_are_heard_once_and_in_order(port: RtpPort, caller: Caller) -> None:
    caller.press(port, "0123456789*#ABCD")
    assert await keys_heard(port, 16) == "0123456789*#ABCD"


async def test_keys_are_heard_with_half_of_their_packets_lost_and_the_rest_shuffled(
    port: RtpPort, caller: Caller
) -> None:
    chance = random.Random(5)
    for i, key in enumerate("4821907356"):
        packets = chance.sample(key_packets(key, timestamp=i * 1600), k=4)
        for packet in packets:
            caller.send(port, packet)
    assert await keys_heard(port, 10) == "4821907356"


async def test_keys_are_heard_in_the_audio_where_no_events_were_negotiated(client: RtpClient, caller: Caller) -> None:
    port = await client.open()
    await port.connect(caller.address, payload_type=0, event_payload_type=None)
    await speak_keys(port, caller, "159#")
    events = [await next_event(port) for _ in "159#"]
    assert events == [Digit(key, "inband") for key in "159#"]


async def speak_keys(port: RtpPort, caller: Caller, keys: str) -> None:
    audio = Law.PCMU.encode(keys_as_audio(keys, tone_ms=80, pause_ms=60))
    for start in range(0, len(audio), 160):
        caller.speak(port, audio=audio[start : start + 160])
        await caller.hear(1)  # the worker's own packets are the clock


@pytest.mark.parametrize("jump", [0x7FFF, 0x8000, 0xFF00])
async def test_jumps_of_sequence_and_timestamp_lose_no_key(client: RtpClient, new_caller: NewCaller, jump: int) -> None:
    """As when a gateway starts anew within a call; in the audio as in events."""
    events, audio = new_caller(), new_caller()
    ports = []
    for caller, event_type in ((events, EVENT_TYPE), (audio, None)):
        ports.append(await client.open())
        await ports[-1].connect(caller.address, payload_type=0, event_payload_type=event_type)
    for n, key in enumerate("137"):
        for packet in key_packets(key, timestamp=n * jump << 16, sequence=n * jump):
            events.send(ports[0], packet)
        assert await next_event(ports[0]) == Digit(key, "rfc4733")
        audio.sequence += jump
        await speak_keys(ports[1], audio, key)
        assert await next_event(ports[1]) == Digit(key, "inband")
    assert ports[0].events.empty()
    assert ports[1].events.empty()


async def test_the_keys_of_one_call_are_not_heard_in_another(client: RtpClient, new_caller: NewCaller) -> None:
    ports = []
    for key in "123456":
        caller = new_caller()
        port = await client.open()
        await port.connect(caller.address, payload_type=0, event_payload_type=EVENT_TYPE)
        caller.press(port, key * 2)
        ports.append((port, key))
    for port, key in ports:
        assert await keys_heard(port, 2) == key * 2
        assert port.events.empty()


async def test_a_silent_caller_is_reported_once_until_heard_again(port: RtpPort, caller: Caller) -> None:
    await port.connect(caller.address, payload_type=0, event_payload_type=EVENT_TYPE, silence_after_s=0.2)
    assert isinstance(await next_event(port), Silence)
    caller.press(port, "1")
    assert await next_event(port) == Digit("1", "rfc4733")
    assert isinstance(await next_event(port), Silence)


# --- whose packets count ---


async def test_media_follows_the_first_sender_and_then_only_that_one_counts(
    port: RtpPort, caller: Caller, new_caller: NewCaller
) -> None:
    behind_nat, stranger = new_caller(), new_caller()
    behind_nat.speak(port)
    await behind_nat.hear(3)
    stranger.press(port, "666")
    caller.press(port, "777")
    behind_nat.press(port, "1")
    assert await keys_heard(port, 1) == "1"
    assert port.events.empty()
    assert stranger.drain() == []


async def test_a_new_address_in_the_signalling_is_followed(
    port: RtpPort, caller: Caller, new_caller: NewCaller
) -> None:
    caller.press(port, "1")
    assert await keys_heard(port, 1) == "1"
    other = new_caller()
    await port.connect(other.address, payload_type=0, event_payload_type=EVENT_TYPE)
    await other.hear(2)
    other.press(port, "2")
    assert await keys_heard(port, 1) == "2"


HOSTILE_FIELDS = (
    (0x00, 0x40, 0x80, 0x90, 0xA0, 0xBF, 0xC0),
    (0, 8, 72, 101, 128, 229),
    (0, 0x7FFF, 0xFFFF),
    (0, 3_000_000_000, 0xFFFF_FFFF),
    (7, 9),
)


def hostile_datagrams() -> st.SearchStrategy[bytes]:
    """Anything, and RTP of the call's own payload types with every field extreme."""
    u16, u32 = st.sampled_from([0, 1, 0x7FFF, 0xFFFF]), st.sampled_from([0, 1, 3_000_000_000, 0xFFFF_FFFF])
    event = st.builds(
        lambda code, flags, length: struct.pack("!BBH", code, flags, length),
        st.integers(16, 255),
        st.integers(0, 255),
        u16,
    )
    header = st.builds(
        lambda flags, kind, sequence, timestamp: struct.pack("!BBHII", flags, kind, sequence, timestamp, 9),
        st.integers(0, 255),
        st.sampled_from([0, 8, 72, 101, 127, 200, 229]),
        u16,
        u32,
    )
    junk = st.one_of(st.binary(max_size=8), st.integers(0, 3000).map(bytes), st.just(bytes(60_000)))
    return st.one_of(junk, st.builds(bytes.__add__, header, st.one_of(event, st.binary(max_size=3), junk)))


async def test_hostile_datagrams_do_not_disturb_who_keys_in_the_sound(
    client: RtpClient, caller: Caller, new_caller: NewCaller
) -> None:
    """Where every packet of the caller is looked at: short, huge, wrong version, wrong payload, jumps."""
    port, stranger, chance = await client.open(), new_caller(), random.Random(66)
    await port.connect(caller.address, payload_type=0, event_payload_type=None)
    await speak_keys(port, caller, "4")
    assert await next_event(port) == Digit("4", "inband")
    for _ in range(300):
        head = struct.pack("!BBHII", *(chance.choice(values) for values in HOSTILE_FIELDS))
        for sender in (stranger, caller):
            sender.send(port, (head + chance.randbytes(chance.choice((0, 1, 4, 700, 1800))))[chance.choice((0, 3)) :])
    await speak_keys(port, caller, "2")
    assert await next_event(port) == Digit("2", "inband")
    assert port.events.empty()


async def test_hostile_datagrams_from_anybody_change_nothing(
    port: RtpPort, caller: Caller, new_caller: NewCaller
) -> None:
    stranger = new_caller()
    caller.speak(port)
    caller.press(port, "1")
    assert await keys_heard(port, 1) == "1"

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(hostile_datagrams().filter(_is_no_key), max_size=20))
    def attack(datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            with contextlib.suppress(OSError):  # longer than a datagram can be
                stranger.send(port, datagram)
                caller.send(port, datagram)

    attack()
    caller.press(port, "2", timestamp=900_000)
    assert await keys_heard(port, 1) == "2"
    assert port.events.empty()
    caller.drain()
    before, after = await caller.hear(2)
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert stranger.drain() == []


def _is_no_key(datagram: bytes) -> bool:
    """A well-formed event of the caller would rightly be a key."""
    try:
        packet = RtpPacket.parse(datagram)
        return packet.payload_type != EVENT_TYPE or TelephoneEvent.parse(packet.payload).key is None
    except ValueError:
        return True


# --- two engines ---


async def test_two_engines_talk_to_each_other(client: RtpClient, tmp_path: Path) -> None:
    """What one plays as tones the other hears as keys, and the other way round."""
    async with RtpClient(RtpSettings("127.0.0.1", *free_port_range(4))) as far:
        here, there = await client.open(), await far.open()
        await here.connect((there.address, there.port), payload_type=8, event_payload_type=None)
        await there.connect((here.address, here.port), payload_type=8, event_payload_type=None)
        await here.play([write_wav(tmp_path / "a.wav", keys_as_audio("147", tone_ms=80, pause_ms=80))])
        await there.play([write_wav(tmp_path / "b.wav", keys_as_audio("369", tone_ms=80, pause_ms=80))])
        for port, keys in ((here, "369"), (there, "147")):
            heard = ""
            while len(heard) < 3:
                event = await next_event(port)
                heard += event.char if isinstance(event, Digit) else ""
            assert heard == keys


async def test_callers_who_are_gone_do_not_disturb_the_others(client: RtpClient, new_caller: NewCaller) -> None:
    """Their ICMP errors come up while other callers' packets are sent in the same millisecond."""
    callers = [new_caller() for _ in range(20)]
    for caller in callers:
        port = await client.open()
        await port.connect(caller.address, payload_type=0, event_payload_type=EVENT_TYPE)
        caller.speak(port)
        await caller.hear(1)
    for caller in callers[1::2]:
        caller.close()
    for caller in callers[::2]:
        caller.drain()
        before, *_, after = await caller.hear(10)
        assert (after.sequence - before.sequence) & 0xFFFF == 9


async def test_a_flood_from_one_caller_leaves_the_others_their_packets_and_keys(
    client: RtpClient, port: RtpPort, caller: Caller, new_caller: NewCaller
) -> None:
    """Event packets that are no keys pass the filter; twenty thousand of them keep the worker busy, no more."""
    victim = new_caller()
    quiet = await client.open()
    await quiet.connect(victim.address, payload_type=0, event_payload_type=EVENT_TYPE)
    caller.speak(port)
    victim.speak(quiet)
    flood = bytes(RtpPacket(EVENT_TYPE, 1, 1, 7, bytes(TelephoneEvent(16, 160))))
    for _ in range(20_000):
        caller.send(port, flood)
    victim.press(quiet, "42")
    assert await keys_heard(quiet, 2) == "42"
    victim.drain()
    for before, after in pairwise(victim.heard):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
    while port.events.empty():  # what the flooder's own full buffer drops comes again
        caller.press(port, "7")
        await asyncio.sleep(0.01)
    assert await keys_heard(port, 1) == "7"
