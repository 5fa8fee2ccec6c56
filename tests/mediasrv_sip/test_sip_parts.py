"""The parts that need no socket: texts, messages, tables, timers, keys."""

import asyncio

import pytest

from mediasrv.bridge import Recall
from mediasrv.dtmf_events import parse
from mediasrv.keypad import Keypad, key_of_info
from mediasrv.sip import session_timer
from mediasrv.sip.message import Request, Response, tag_of, uri_of
from mediasrv.sip.session_timer import SessionTimer, Terms
from mediasrv.sip.stack import _session_part
from mediasrv.sip.state import LIFE, SESSION, Event, Life, LocalError, Machine, RemoteError, Session
from mediasrv.sip.text import tidy, to_datagram, to_text

EVERY_BYTE = bytes(range(256))


def test_every_byte_survives_and_only_line_breaks_break_lines() -> None:
    text = to_text(EVERY_BYTE)
    assert to_datagram(text) == EVERY_BYTE
    assert len(text) == 256
    assert len(text.splitlines()) == 3  # LF and CR


TIDIED = [
    ("From: <sip:a@b> ; tag=x", "From: <sip:a@b>;tag=x"),
    ("t: B; x <sip:a@b>;\ttag=x ; y=z", "t: B; x <sip:a@b>;tag=x;y=z"),
    ("Route: <sip:a@b;lr> ; x", "Route: <sip:a@b;lr>;x"),
    ("Subject: a ; b", "Subject: a ; b"),
    ("To: sip:a@b ; tag=x", "To: sip:a@b ; tag=x"),
]


@pytest.mark.parametrize(("line", "tidied"), TIDIED)
def test_white_space_around_parameters_goes_and_bodies_stay(line: str, tidied: str) -> None:
    body = "\r\n\r\nFrom: <sip:a@b> ; tag=x"
    assert tidy(f"BYE x SIP/2.0\r\n{line}{body}") == f"BYE x SIP/2.0\r\n{tidied}{body}"


@pytest.mark.parametrize(
    ("reasons", "cause"),
    [(("Q.850;cause=17",), 17), (("SIP;cause=480, Q.850 ; text=\"x\" ; cause=19",), 19),
     (("q.850;cause = 3;text=x",), 3),
     (("SIP;cause=486", "Q.850;cause=102"), 102), (("SIP;cause=200",), 0), (("Q.850",), 0), ((), 0)],
)  # fmt: skip
def test_the_q850_cause_is_found(reasons: tuple[str, ...], cause: int) -> None:
    assert Response(tuple(("reason", reason) for reason in reasons)).cause == cause


def test_tags_and_uris() -> None:
    assert tag_of('"x;tag=no" <sip:a@b;tag=no>;tag=yes') == "yes"
    assert tag_of("<sip:a@b>") == ""
    assert uri_of('"<x" <sip:a@b;lr>;q=1') == "sip:a@b;lr"
    assert uri_of("sip:a@b;tag=1") == "sip:a@b"


def test_the_session_is_found_in_a_multipart_body() -> None:
    isup = "--b1\r\nContent-Type: application/isup\r\n\r\n\x01\x02\r\n"
    body = isup + "--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b1--"
    assert _session_part(body, 'multipart/mixed; boundary="b1"') == ("v=0\r\n", "application/sdp")
    assert _session_part("v=0", "application/SDP; x=y") == ("v=0", "application/sdp")
    assert _session_part("x", "multipart/mixed;boundary=b1") == ("x", "multipart/mixed")


def machine(life: Life, session: Session) -> Machine:
    made = Machine()
    made.life, made.session = life, session
    return made


@pytest.mark.parametrize("life", Life)
@pytest.mark.parametrize("session", Session)
def test_the_tables_decide_what_may_happen(life: Life, session: Session) -> None:
    for event in Event:
        made = machine(life, session)
        if made.can(event):
            made.move(event)
            assert (made.life, made.session) in {
                (LIFE[life].get(event), session),
                (life, SESSION[session].get(event)),
            }
            continue
        with pytest.raises(RemoteError if event.name.startswith("RECV") else LocalError):
            made.move(event)
        assert (made.life, made.session) == (life, session)


def test_gone_is_for_ever() -> None:
    assert set(LIFE[Life.GONE].values()) == {Life.GONE}


def expires(value: str, *more: tuple[str, str]) -> Request:
    return Request((("session-expires", value), *more))


def test_session_timer_terms() -> None:
    able = ("supported", "100rel, timer")
    assert Terms.of(expires("1800 ; refresher=UAS")) == Terms(1800, "uas")
    assert Terms.of(expires("soon")) is None
    assert session_timer.terms_for(Request(())) is None
    assert session_timer.terms_for(expires("1800", able)) == Terms(1800, "uac")
    assert session_timer.terms_for(expires("1800;refresher=uas", able)) == Terms(1800, "uas")
    assert session_timer.terms_for(expires("1800;refresher=uac")) == Terms(1800, "uas")  # it cannot: we do
    assert session_timer.too_small(expires("89"))
    assert not session_timer.too_small(expires("90"))
    assert session_timer.headers_of(Terms(90, "uac")) == [("Require", "timer"), ("Session-Expires", "90;refresher=uac")]


@pytest.mark.parametrize("ours", [True, False])
async def test_the_session_timer_refreshes_or_gives_up(ours: bool) -> None:
    refreshed, expired = asyncio.Event(), asyncio.Event()

    async def refresh() -> None:
        refreshed.set()

    timer = SessionTimer(refresh, expired.set)
    timer.agreed(Terms(1, "uac" if ours else "uas"), we_asked=True)
    await asyncio.wait_for((refreshed if ours else expired).wait(), 10)
    assert (refreshed.is_set(), expired.is_set()) == (ours, not ours)
    timer.agreed(None, we_asked=True)
    timer.stop()


INFOS = [
    ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5"),
    ("application/dtmf-relay", "Signal= *\nDuration=160", "*"),
    ("application/dtmf-relay", "signal=11", "#"),
    ("application/dtmf-relay", "Duration=160", None),
    ("application/dtmf-relay", "Signal=77", None),
    ("application/dtmf", "#", "#"),
    ("application/dtmf", " 0\r\n", "0"),
    ("application/dtmf", "10", "*"),
    ("application/dtmf", "", None),
    ("text/plain", "5", None),
]


@pytest.mark.parametrize(("kind", "body", "key"), INFOS)
def test_keys_of_info(kind: str, body: str, key: str | None) -> None:
    assert key_of_info(kind, body) == key


def test_a_key_sent_in_two_ways_is_heard_once() -> None:
    keypad = Keypad()
    for kind in ("rfc4733", "info"):
        keypad.press("5", kind, 0.0)
    keypad.press("6", "rfc4733", 0.0)
    assert keypad.next() + keypad.next() == "56"
    assert not keypad


@pytest.mark.parametrize(("at_s", "taken"), [(1.0, False), (3.0, True)])
def test_the_hash_after_a_complete_answer_belongs_to_it(at_s: float, taken: bool) -> None:
    keypad = Keypad()
    keypad.ignore_once("#", 2.0)
    assert keypad.press("#", "info", at_s) is taken
    assert keypad.press("#", "info", at_s)


def test_a_hash_typed_ahead_after_a_complete_answer_belongs_to_it() -> None:
    keypad = Keypad()
    keypad.press("#", "info", 0.0)
    keypad.press("1", "info", 0.0)
    keypad.ignore_once("#", 2.0)
    assert keypad.next() == "1"


RECALLS = [
    ([("#", "a", 0.0), ("#", "a", 1.9)], True),
    ([("#", "a", 0.0), ("#", "a", 2.1)], False),
    ([("#", "a", 0.0), ("1", "a", 0.5), ("#", "a", 1.0)], False),
    ([("#", "a", 0.0), ("#", "b", 0.1)], False),  # one key, told twice
    ([("#", "a", 0.0), ("#", "b", 0.1), ("#", "a", 0.5)], True),
]


@pytest.mark.parametrize(("keys", "wanted"), RECALLS)
async def test_two_hashes_in_a_row_recall(keys: list[tuple[str, str, float]], wanted: bool) -> None:
    recall = Recall()
    for key in keys:
        recall.key(*key)
    assert recall.wanted.is_set() is wanted


@pytest.mark.parametrize(
    "datagram", [b"", b"\xff", b"[]", b"{}", b'{"callid":"a","source_tag":"b","event":16}', b'{"event":1}']
)
def test_what_is_no_key_of_rtpengine_is_nothing(datagram: bytes) -> None:
    assert parse(datagram) is None
