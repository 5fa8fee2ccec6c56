"""What the edge decides, as tables: no server, no message."""

from typing import Any

import pytest

from kemi import callers, farewell, restore
from kemi.causes import answer_to, cause_in_reason, cause_of_status, try_another
from kemi.directory import from_json, to_json
from kemi.place import gateway_uri
from kemi.running import PlacedCall
from rating.keeper.legs import legs_of
from rating.model import AccessNumber, Route, Trunk
from rating.outcome import Refusal
from tests.kemi.fake_ksr import FakeKsr

TRUNK = Trunk(1, "demo", "192.0.2.0/24", True, "US")
NARROW = Trunk(2, "narrow", "192.0.2.7/32", False, "GB")
SIX = Trunk(3, "six", "2001:db8::/32", True, "US")
ACCESS = AccessNumber("12125550100", "Test", "US", ("en", "es"), 5)


@pytest.mark.parametrize(
    ("status", "rang", "another"),
    [
        (503, False, True),
        (500, False, True),
        (408, False, True),
        (480, False, True),
        (480, True, False),
        (408, True, False),
        (486, False, False),
        (603, False, False),
        (404, False, False),
        (600, False, False),
    ],
)
def test_another_gateway_is_tried_when_it_may_help(status: int, rang: bool, another: bool) -> None:
    assert try_another(status, rang=rang) is another


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("Q.850;cause=17", 17),
        ('SIP;cause=200;text="x", Q.850 ;cause = 34', 34),
        ("Q.850", 0),
        (None, 0),
        ("q.850;CAUSE=x", 0),
    ],
)
def test_the_cause_in_a_reason_header(reason: str | None, cause: int) -> None:
    assert cause_in_reason(reason) == cause


@pytest.mark.parametrize(
    ("status", "cause"), [(486, 17), (404, 1), (503, 41), (480, 18), (487, 16), (200, 16), (499, 127)]
)
def test_the_cause_of_a_status(status: int, cause: int) -> None:
    assert cause_of_status(status) == cause


def test_every_refusal_has_an_answer_with_a_cause() -> None:
    answers = [answer_to(refusal) for refusal in Refusal]
    assert all(400 <= answer.status < 600 and answer.cause for answer in answers)


@pytest.mark.parametrize(
    ("identity", "number"),
    [
        ("<sip:+12125550001@x>", "12125550001"),
        ('"J" <sip:2125550001@x;user=phone>;tag=1', "12125550001"),
        ("tel:+442071234567;phone-context=x", "442071234567"),
        ("<sip:anonymous@anonymous.invalid>", None),
        ("<sips:+33140000000@x>, <tel:+1>", "33140000000"),
        ("", None),
        (None, None),
    ],
)
def test_the_number_in_an_identity(identity: str | None, number: str | None) -> None:
    assert callers.number_in(identity, "US") == number


@pytest.mark.parametrize(("privacy", "wanted"), [("id", True), ("none", False), ("header; id", True), (None, False)])
def test_privacy(privacy: str | None, wanted: bool) -> None:
    assert callers.wants_privacy(privacy) is wanted


def test_an_asserted_identity_counts_on_a_trusted_trunk_only(ksr: FakeKsr) -> None:
    ksr.pv |= {"$hdr(P-Asserted-Identity)": "<sip:+12125550001@x>", "$fu": "sip:+12125550002@x"}
    assert callers.identify(TRUNK).ani == "12125550001"
    assert callers.identify(TRUNK).trusted
    untrusted = callers.identify(NARROW)
    assert (untrusted.ani, untrusted.trusted) == ("12125550002", False)


def test_the_directory_survives_json_and_the_narrowest_trunk_wins() -> None:
    directory = from_json(to_json((TRUNK, NARROW, SIX), {ACCESS.number: ACCESS}))
    assert directory.trunk_of("192.0.2.7") == NARROW
    assert directory.trunk_of("192.0.2.8") == TRUNK
    assert directory.trunk_of("2001:db8::1") == SIX
    assert directory.trunk_of("198.51.100.1") is None
    assert directory.trunk_of("not an address") is None
    assert directory.access_numbers == {ACCESS.number: ACCESS}
    assert directory.access_number_for("DE") == ACCESS


@pytest.mark.parametrize(
    ("uri", "prefix", "expected"),
    [
        ("sip:192.0.2.7:5060", "", "sip:44207@192.0.2.7:5060"),
        ("sip:192.0.2.7;transport=tcp", "99", "sip:9944207@192.0.2.7;transport=tcp"),
        ("sip:[2001:db8::1]:5060", "", "sip:44207@[2001:db8::1]:5060"),
    ],
)
def test_the_number_goes_in_front_of_the_gateways_address(uri: str, prefix: str, expected: str) -> None:
    assert gateway_uri(Route(1, "Acme", 1, uri, prefix), "44207") == expected


def test_a_call_reads_back_as_it_was_written() -> None:
    call = PlacedCall("a" * 32, "b" * 32, 60, 123)
    assert PlacedCall.parse(str(call)) == call


def kept(key: str, timeout: int) -> dict[str, object]:
    fields = dict.fromkeys(("callid", "from_uri", "from_tag", "to_uri", "to_tag", "caller_cseq", "callee_cseq"), "7")
    fields |= dict.fromkeys(("caller_route_set", "callee_route_set", "caller_contact", "callee_contact"), "sip:a:1")
    fields |= dict.fromkeys(("caller_sock", "callee_sock"), "udp:127.0.0.1:5060")
    return {"ev": "kept", "dlg": key, "start": 1, "timeout": timeout, "fields": fields, "vars": {"call": "x"}}


def test_dialogs_that_are_not_gone_are_restored_with_their_last_limit() -> None:
    gone = {"ev": "gone", "dlg": "2:2"}
    moved = {"ev": "limit", "dlg": "1:1", "timeout": 500}
    found = restore.still_running(
        [gone, kept("1:1", 100), kept("2:2", 100), moved, kept("3:3", -9999)], restore.Clocks(0)
    )
    assert [(dialog.entry, dialog.dialog_id, dialog.timeout) for dialog in found] == [(1, 1, 500)]


def test_the_tables_escape_what_separates_their_columns() -> None:
    (dialog,) = restore.still_running([kept("1:1", 100)], restore.Clocks(0))
    tables = restore.tables([dialog])
    assert "udp\\:127.0.0.1\\:5060" in tables["dialog"]
    assert len(tables["dialog"].splitlines()[1].replace("\\:", "").split(":")) == 24
    assert tables["dialog_vars"].splitlines()[1] == "0:1:1:call:x"


@pytest.mark.parametrize("missing", restore.NEEDED)
def test_a_dialog_that_is_half_known_is_left_out(missing: str) -> None:
    """With it Kamailio would not start."""
    half: dict[str, Any] = kept("1:1", 100)
    half["fields"][missing] = ""
    assert restore.still_running([half, kept("2:2", 100)], restore.Clocks(0)) == restore.still_running(
        [kept("2:2", 100)], restore.Clocks(0)
    )


def test_a_deadline_holds_though_the_clock_was_set() -> None:
    event = {"timeout": 1_000, "timeout_mono_us": 500_000_000, "boot": "this"}
    assert restore.Clocks(90_000, 440_000_000, "this").deadline(event) == 90_060
    assert restore.Clocks(90_000, 440_000_000, "another start").deadline(event) == 1_000


LEGS = {"from_uri": "sip:a@x", "from_tag": "1", "to_uri": "sip:b@y", "to_tag": "2", "callid": "c@z"} | {
    "caller_contact": "sip:a@192.0.2.1:5062",
    "callee_contact": "sip:b@192.0.2.2",
    "caller_route_set": "<sip:192.0.2.9;lr>",
    "callee_route_set": "",
}


def test_a_dead_edges_call_gets_a_bye_to_each_side(ksr: FakeKsr) -> None:
    assert farewell.send_byes(legs_of(LEGS))
    to_caller, to_callee = ksr.called("tm.t_uac_send")
    assert to_caller[:3] == ("BYE", "sip:a@192.0.2.1:5062", "sip:192.0.2.9;lr")
    assert to_callee[:3] == ("BYE", "sip:b@192.0.2.2", ".")
    assert "From: <sip:b@y>;tag=2\r\nTo: <sip:a@x>;tag=1\r\nCall-ID: c@z\r\n" in to_caller[4]
    assert "Route: <sip:192.0.2.9;lr>\r\n" in to_caller[4]
    assert "Route" not in to_callee[4]


@pytest.mark.parametrize("text", ["", "{}", "[]", legs_of(LEGS | {"to_uri": "sip:b@y\r\nX: y"})])
def test_what_is_no_pair_of_legs_sends_nothing(ksr: FakeKsr, text: str) -> None:
    assert not farewell.send_byes(text)
    assert ksr.called("tm.t_uac_send") == []
