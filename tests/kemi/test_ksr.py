"""kemi.ksr turns what KEMI answers into what Python means."""

import pytest

from kemi import ksr as kemi_ksr
from tests.kemi.fake_ksr import FakeKsr


@pytest.mark.parametrize(("answer", "meaning"), [(1, True), (-1, False), (0, False), (True, True), (False, False)])
def test_yes_is_more_than_zero(ksr: FakeKsr, answer: int, meaning: bool) -> None:
    ksr.answers["siputils.has_totag"] = answer
    assert kemi_ksr.has_to_tag() is meaning


@pytest.mark.parametrize(("answer", "meaning"), [(1, True), (0, True), (-1, False)])
def test_relay_and_async_succeed_with_zero(ksr: FakeKsr, answer: int, meaning: bool) -> None:
    ksr.answers["tm.t_relay"] = ksr.answers["async.task_route"] = answer
    assert kemi_ksr.relay() is meaning
    assert kemi_ksr.run_in_async_worker("x") is meaning


@pytest.mark.parametrize(
    ("value", "text", "number"), [("7", "7", 7), (7, "7", 7), ("", None, 0), (None, None, 0), ("x", "x", 0)]
)
def test_a_variable_is_text_or_none_and_a_number_or_zero(ksr: FakeKsr, value: object, text: str, number: int) -> None:
    ksr.pv["$x"] = value
    assert kemi_ksr.get("$x") == text
    assert kemi_ksr.get_int("$x") == number


def test_bytes_that_are_not_utf8_are_no_value(ksr: FakeKsr) -> None:
    ksr.pv["$fu"] = b"sip:\xff@x"
    assert kemi_ksr.get("$fu") is None


@pytest.mark.parametrize(("precheck", "check", "known"), [(1, 0, True), (-1, 0, True), (-1, -1, False)])
def test_a_retransmission_is_known_by_a_check_that_answers_zero(
    ksr: FakeKsr, precheck: int, check: int, known: bool
) -> None:
    ksr.answers |= {"tmx.t_precheck_trans": precheck, "tm.t_check_trans": check}
    assert kemi_ksr.retransmission() is known


@pytest.mark.parametrize(
    ("count", "via", "own"),
    [
        ("1", "SIP/2.0/UDP a;branch=x", True),
        ("2", "SIP/2.0/UDP a", False),
        ("1", "SIP/2.0/UDP a, SIP/2.0/UDP b", False),
    ],
)
def test_vias_that_share_a_line_are_not_one(ksr: FakeKsr, count: str, via: str, own: bool) -> None:
    ksr.pv |= {"$hdrc(Via)": count, "$hdr(Via)": via}
    assert kemi_ksr.reply_to_own_request() is own


def test_the_fake_takes_no_call_that_the_server_would_not(ksr: FakeKsr) -> None:
    with pytest.raises(SystemError):
        kemi_ksr.set_text("$x", None)  # type: ignore[arg-type]
