"""Session descriptions: what is taken, what is declined, and what the answer says."""

import pytest

from mediasrv import sdp

HEAD = "v=0\r\no=alice 5 7 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
ORIGIN = sdp.Origin(42, 1, "127.0.0.1")

TAKEN = [
    # media lines                                                        law   type  event  ptime direction  host
    ("m=audio 4000 RTP/AVP 0", ("PCMU", 0, None, 20, "sendrecv", "192.0.2.1")),
    ("m=audio 4000 RTP/AVP 8 0", ("PCMA", 8, None, 20, "sendrecv", "192.0.2.1")),
    ("m=audio 4000 RTP/AVP 18 0 8", ("PCMU", 0, None, 20, "sendrecv", "192.0.2.1")),
    ("m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000", ("PCMU", 0, 101, 20, "sendrecv", "192.0.2.1")),
    ("m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 TELEPHONE-EVENT/8000/1", ("PCMU", 0, 96, 20, "sendrecv", "192.0.2.1")),
    ("m=audio 4000 RTP/AVP 0\r\na=rtpmap:101 telephone-event/8000", ("PCMU", 0, None, 20, "sendrecv", "192.0.2.1")),
    ("m=audio 4000 RTP/AVP 0\r\na=ptime:30", ("PCMU", 0, None, 30, "sendrecv", "192.0.2.1")),
    ("m=audio 4000 RTP/AVP 0\r\na=ptime:999", ("PCMU", 0, None, 20, "sendrecv", "192.0.2.1")),
    ("m=audio 4000 RTP/AVP 0\r\na=sendonly", ("PCMU", 0, None, 20, "sendonly", "192.0.2.1")),
    ("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1", ("PCMU", 0, None, 20, "sendrecv", "2001:db8::1")),
    ("m=video 4002 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 0", ("PCMU", 0, None, 20, "sendrecv", "192.0.2.1")),
]

REFUSED = [
    ("m=audio 4000 RTP/AVP 18", "no audio on G.711"),
    ("m=audio 0 RTP/AVP 0", "no audio on G.711"),
    ("m=audio 4000 RTP/SAVP 0", "no audio on G.711"),
    ("m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 PCMU/8000", "no audio on G.711"),
    ("m=video 4000 RTP/AVP 0", "no audio on G.711"),
    ("m=audio x RTP/AVP 0", "not a media line"),
    ("m=audio", "not a media line"),
    ("m=audio 70000 RTP/AVP 0", "no such port"),
    ("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 phone.example.com", "no address"),
    ("m=audio 4000 RTP/AVP 0 999\r\na=rtpmap:999 telephone-event/8000", "no such payload type"),
    ("", "no audio on G.711"),
]


@pytest.mark.parametrize(("media", "expected"), TAKEN)
def test_an_offer_with_g711_is_read(media: str, expected: tuple[object, ...]) -> None:
    audio = sdp.read(HEAD + media + "\r\n")
    assert audio.port == 4000
    heard = (audio.law, audio.payload_type, audio.event_payload_type, audio.ptime_ms, audio.direction, audio.host)
    assert heard == expected


@pytest.mark.parametrize(("media", "why"), REFUSED)
def test_an_offer_without_g711_is_not_acceptable(media: str, why: str) -> None:
    with pytest.raises(sdp.NotAcceptableError, match=why):
        sdp.read(HEAD + media + "\r\n")


def test_the_answer_takes_one_codec_and_declines_every_other_line() -> None:
    offered = (
        HEAD + "m=video 4002 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 8 0 101\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=sendonly\r\nm=audio 4004 RTP/AVP 0\r\n"
    )
    answered = sdp.answer(offered, sdp.read(offered), address="127.0.0.1", port=20000, origin=ORIGIN)
    assert [line for line in answered.splitlines() if line.startswith("m=")] == [
        "m=video 0 RTP/AVP 31",
        "m=audio 20000 RTP/AVP 8 101",
        "m=audio 0 RTP/AVP 0",
    ]
    assert "a=recvonly" in answered
    assert str(ORIGIN) in answered


@pytest.mark.parametrize("first", ["PCMU", "PCMA"])
def test_our_own_offer_can_be_read(first: str) -> None:
    audio = sdp.read(sdp.offer(address="::1", port=20000, origin=ORIGIN, first=first))
    assert (audio.host, audio.port, audio.law, audio.event_payload_type) == ("::1", 20000, first, 101)


@pytest.mark.parametrize(
    ("lines", "hears"),
    [
        ("a=sendrecv", True),
        ("a=recvonly", True),
        ("a=sendonly", False),
        ("a=inactive", False),
        ("c=IN IP4 0.0.0.0", False),
    ],
)
def test_a_caller_on_hold_hears_nothing(lines: str, hears: bool) -> None:
    assert sdp.read(HEAD + f"m=audio 4000 RTP/AVP 0\r\n{lines}\r\n").hears is hears


def test_what_is_passed_on_goes_under_our_own_origin() -> None:
    theirs = HEAD + "m=audio 4000 RTP/AVP 0\r\n"
    ours = sdp.with_origin(theirs, ORIGIN.next())
    assert "o=- 42 2 IN IP4 127.0.0.1\r\n" in ours
    assert "alice" not in ours
    assert sdp.read(ours) == sdp.read(theirs)


def test_an_unchanged_version_is_a_mere_refresh() -> None:
    one = sdp.offer(address="127.0.0.1", port=1, origin=ORIGIN)
    assert sdp.same_version(one, one)
    assert not sdp.same_version(one, sdp.offer(address="127.0.0.1", port=1, origin=ORIGIN.next()))
    assert not sdp.same_version("", "")
