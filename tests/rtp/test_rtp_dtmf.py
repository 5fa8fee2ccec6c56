"""Telephone events: every key once and in order, whatever the network loses, repeats or reorders."""

import random

from hypothesis import given
from hypothesis import strategies as st

from mediasrv.rtp.dtmf import PENDING_MAX, REMEMBERED, SETTLE_MS, EventReceiver
from mediasrv.rtp.event import KEYS, TelephoneEvent
from mediasrv.rtp.packet import RtpPacket
from tests.rtp.caller import key_packets

FAR_FUTURE = 1 << 40


def hear(receiver: EventReceiver, packets: list[RtpPacket], tick: int = 0) -> str:
    """The keys of packets that come at once."""
    for packet in packets:
        receiver.receive(packet, tick)
    return receiver.release(tick + SETTLE_MS)


def hear_timed(arrivals: list[tuple[float, RtpPacket]]) -> str:
    """The keys of packets with their times of arrival (ms)."""
    receiver, keys = EventReceiver(), ""
    for at_ms, packet in sorted(arrivals, key=lambda arrival: arrival[0]):
        keys += receiver.release(int(at_ms))
        receiver.receive(packet, int(at_ms))
    return keys + receiver.release(FAR_FUTURE)


def test_a_key_counts_once_however_many_packets_it_has() -> None:
    receiver = EventReceiver()
    assert hear(receiver, key_packets("5", timestamp=1)) == "5"
    assert hear(receiver, key_packets("5", timestamp=1)) == ""


def test_the_same_key_again_is_another_key() -> None:
    assert hear(EventReceiver(), key_packets("5", timestamp=1) + key_packets("5", timestamp=1601)) == "55"


def test_any_single_packet_of_a_key_proves_it() -> None:
    for survivor in key_packets("7", timestamp=42):
        assert hear(EventReceiver(), [survivor]) == "7"


def test_a_key_waits_until_it_has_settled() -> None:
    receiver = EventReceiver()
    assert receiver.receive(key_packets("1", timestamp=1)[0], 100)
    assert receiver.release(100 + SETTLE_MS - 1) == ""
    assert receiver.release(100 + SETTLE_MS) == "1"
    assert receiver.release(100 + SETTLE_MS) == ""


def test_keys_that_overtake_each_other_are_told_as_they_were_pressed() -> None:
    packets = key_packets("1", timestamp=1000)[-1:] + key_packets("2", timestamp=2000)
    assert hear(EventReceiver(), packets[::-1]) == "12"


def test_the_timestamp_may_wrap_between_two_keys() -> None:
    packets = key_packets("1", timestamp=0xFFFF_FF00) + key_packets("2", timestamp=0x100)
    assert hear(EventReceiver(), packets) == "12"
    assert hear(EventReceiver(), packets[::-1]) == "12"


def test_late_packets_of_old_keys_are_known_for_a_second() -> None:
    receiver = EventReceiver()
    keys = [key_packets(KEYS[i], timestamp=i * 640) for i in range(REMEMBERED)]
    assert hear(receiver, [packet for packets in keys for packet in packets]) == KEYS[:REMEMBERED]
    assert hear(receiver, keys[0]) == ""


def test_a_key_held_for_twenty_seconds_is_one_key() -> None:
    segments = [RtpPacket(101, i, i * 0xFFFF, 7, bytes(TelephoneEvent(5, 0xFFFF))) for i in range(3)]
    assert hear(EventReceiver(), segments) == "5"


def test_a_sender_that_never_moves_its_timestamp_is_still_understood() -> None:
    assert hear(EventReceiver(), key_packets("1", timestamp=9) + key_packets("2", timestamp=9)) in ("12", "21")


def test_a_new_source_starts_anew() -> None:
    first = key_packets("1", timestamp=4_000_000_000, ssrc=1)
    second = key_packets("2", timestamp=5, ssrc=2)
    assert hear(EventReceiver(), first + second) == "12"


def test_events_that_are_not_keys_and_junk_are_no_keys() -> None:
    receiver = EventReceiver()
    flash = RtpPacket(101, 1, 1, 7, bytes(TelephoneEvent(16, 160)))
    short = RtpPacket(101, 1, 1, 7, b"\1")
    long = RtpPacket(101, 1, 1, 7, bytes(1400))
    assert hear(receiver, [flash, short, long]) == ""


def test_a_flood_of_keys_is_bounded() -> None:
    receiver = EventReceiver()
    flood = [RtpPacket(101, 0, i * 1000, 7, bytes(TelephoneEvent(1, 160))) for i in range(10_000)]
    assert len(hear(receiver, flood)) == PENDING_MAX


@given(st.lists(st.tuples(st.integers(0, 0xFFFF_FFFF), st.integers(0, 3), st.binary(max_size=6)), max_size=60))
def test_hostile_events_give_keys_or_nothing(packets: list[tuple[int, int, bytes]]) -> None:
    receiver = EventReceiver()
    keys = hear(receiver, [RtpPacket(101, 0, timestamp, ssrc, payload) for timestamp, ssrc, payload in packets])
    assert set(keys) <= set(KEYS)
    assert len(keys) <= min(len(packets), PENDING_MAX)


def test_keys_of_which_one_packet_survives_however_late_are_told_in_order() -> None:
    """The shortest keys there are, any packet up to 100 ms late, and of each key at least one comes."""
    chance = random.Random(40)
    for _ in range(2000):
        arrivals: list[tuple[float, RtpPacket]] = []
        for i, key in enumerate("8135"):
            packets = list(enumerate(key_packets(key, timestamp=i * 640, tone_ms=40)))
            for n, packet in chance.sample(packets, k=chance.choice((1, 1, 2, 5))):
                arrivals.append((i * 80 + min(n, 2) * 20 + chance.choice((0, 50, 100)), packet))
        assert hear_timed(arrivals) == "8135"


def test_a_thousand_pins_survive_loss_reordering_and_jitter() -> None:
    """5 % loss, 3 % held back by a packet or two, 60 ms jitter, the shortest keys there are (40 ms, 40 ms apart)."""
    chance = random.Random(4733)
    for _ in range(1000):
        pin = "".join(chance.choices("0123456789", k=10))
        arrivals: list[tuple[float, RtpPacket]] = []
        for i, key in enumerate(pin):
            for n, packet in enumerate(key_packets(key, timestamp=i * 640, tone_ms=40)):
                sent_ms = i * 80 + min(n, 2) * 20
                held_ms = 40 if chance.random() < 0.03 else 0
                if chance.random() >= 0.05:
                    arrivals.append((sent_ms + chance.uniform(0, 60) + held_ms, packet))
        assert hear_timed(arrivals) == pin
