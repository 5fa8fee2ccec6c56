"""RTP, telephone events and RTCP: every parse serialised back, every truncated packet refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasrv.rtp.event import KEYS, TelephoneEvent
from mediasrv.rtp.packet import HeaderExtension, PacketError, RtpPacket
from mediasrv.rtp.rtcp import (
    CanonicalName,
    Goodbye,
    ReceptionBlock,
    SenderReport,
    ntp_timestamp,
    split_compound,
)

# Written from RFC 3550, 5.1, by hand: bytes and what they mean.
PACKETS = {
    "8000 0001 00000002 00000003 ffff": RtpPacket(0, 1, 2, 3, b"\xff\xff"),
    "8088 ffff ffffffff 00000003": RtpPacket(8, 0xFFFF, 0xFFFF_FFFF, 3, b"", marker=True),
    "8265 0001 00000002 00000003 0000000a 0000000b 01": RtpPacket(101, 1, 2, 3, b"\x01", csrcs=(10, 11)),
    "9000 0001 00000002 00000003 bede0001 10ff0000 d5": RtpPacket(
        0, 1, 2, 3, b"\xd5", extension=HeaderExtension(0xBEDE, b"\x10\xff\0\0")
    ),
    "a000 0001 00000002 00000003 d5 000003": RtpPacket(0, 1, 2, 3, b"\xd5", padding=b"\0\0\3"),
    "a000 0001 00000002 00000003 01": RtpPacket(0, 1, 2, 3, b"", padding=b"\1"),
}

NOT_RTP = {
    "": "too few",
    "80": "too few",
    "8000 0001 00000002 000000": "too few",
    "4000 0001 00000002 00000003": "version 1",
    "8f00 0001 00000002 00000003 00000000": "15 contributing sources",
    "9000 0001 00000002 00000003 bede": "header of its extension",
    "9000 0001 00000002 00000003 bedeffff 00000000": "extension of 65535 words",
    "a000 0001 00000002 00000003 d500": "0 bytes of padding",
    "a000 0001 00000002 00000003 d503": "3 bytes of padding",
}


@pytest.mark.parametrize(("text", "packet"), PACKETS.items())
def test_a_packet_is_read_and_written_back(text: str, packet: RtpPacket) -> None:
    data = bytes.fromhex(text)
    assert RtpPacket.parse(data) == packet
    assert bytes(packet) == data


@pytest.mark.parametrize(("text", "reason"), NOT_RTP.items())
def test_what_is_not_rtp_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(PacketError, match=reason):
        RtpPacket.parse(bytes.fromhex(text))


@given(st.binary(max_size=80))
def test_whatever_comes_is_refused_or_written_back_as_it_came(data: bytes) -> None:
    try:
        packet = RtpPacket.parse(data)
    except PacketError:
        return
    assert bytes(packet) == data


@given(st.integers(0, 3), st.binary(min_size=12, max_size=80))
def test_rtp_with_every_flag_is_refused_or_written_back_as_it_came(flags: int, data: bytes) -> None:
    shaped = bytes([0x80 | flags << 4 | data[0] & 0x0F]) + data[1:]
    try:
        packet = RtpPacket.parse(shaped)
    except PacketError:
        return
    assert bytes(packet) == shaped


@given(st.binary(min_size=4, max_size=4))
def test_a_telephone_event_is_written_back_as_it_came(payload: bytes) -> None:
    event = TelephoneEvent.parse(payload)
    assert bytes(event) == payload
    assert event.key == (KEYS[payload[0]] if payload[0] < 16 else None)


@pytest.mark.parametrize("payload", [b"", b"\1", b"\1\n\0", b"\1\n\0\xa0\0", bytes(1400)])
def test_a_telephone_event_of_another_length_is_refused(payload: bytes) -> None:
    with pytest.raises(PacketError, match="has 4 bytes"):
        TelephoneEvent.parse(payload)


def test_the_example_of_rfc_4733_is_understood() -> None:
    """Section 5, table 5 style: key 9, second packet, end not yet, volume 7, duration 400."""
    assert TelephoneEvent.parse(bytes.fromhex("0907 0190")) == TelephoneEvent(9, 400, volume=7)


@given(st.binary(max_size=90))
def test_rtcp_is_refused_or_written_back_as_it_came(data: bytes) -> None:
    for kind in (SenderReport, CanonicalName, Goodbye):
        try:
            packet = kind.parse(data)
        except PacketError:
            continue
        assert bytes(packet) == data


words = st.integers(0, 0xFFFF_FFFF)
blocks = st.builds(ReceptionBlock, words, words, words, words, words, words)
reports = st.builds(
    SenderReport, words, st.integers(0, 2**64 - 1), words, words, words, st.lists(blocks, max_size=31).map(tuple)
)
names = st.builds(CanonicalName, words, st.text(max_size=60))
goodbyes = st.builds(Goodbye, st.lists(words, max_size=31).map(tuple))


@given(reports, names, goodbyes)
def test_a_compound_packet_falls_apart_into_what_it_was_made_of(
    report: SenderReport, name: CanonicalName, goodbye: Goodbye
) -> None:
    first, second, third = split_compound(bytes(report) + bytes(name) + bytes(goodbye))
    assert (SenderReport.parse(first), CanonicalName.parse(second), Goodbye.parse(third)) == (report, name, goodbye)


@given(reports, st.integers(1, 27))
def test_a_cut_sender_report_is_refused(report: SenderReport, length: int) -> None:
    with pytest.raises(PacketError):
        SenderReport.parse(bytes(report)[:length])
    with pytest.raises(PacketError):
        split_compound(bytes(report)[:length])


def test_ntp_time_is_counted_from_1900() -> None:
    assert ntp_timestamp(0) == 2_208_988_800 << 32
    assert ntp_timestamp(500_000_000) == 2_208_988_800 << 32 | 1 << 31
