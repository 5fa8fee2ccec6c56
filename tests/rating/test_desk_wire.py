"""What is said at the desk arrives as it was sent, and what the keeper reads may be strange."""

import pytest

from rating.desk.wire import DeskError, pack_answer, pack_request, unpack_answer, unpack_request
from rating.journal import Batch
from rating.keeper.keeper import oldest_us
from rating.model import Authorised, CallRequest, Route
from rating.outcome import LedgerUnavailableError, Refusal

HOLD, CALL = "a" * 32, "b" * 32
ROUTES = (Route(1, "Acmé", 2, "sip:192.0.2.7:5060"), Route(3, "Beta", 4, "sip:[2001:db8::1];transport=tcp", "99"))
AUTHORISED = Authorised(HOLD, CALL, 7, "442071234567", None, 960, 960_000, 40_000, "USD", "en", 60, "London", ROUTES)


def test_a_request_arrives_as_it_was_sent() -> None:
    request = CallRequest(HOLD, CALL, 0, "442071234567", "14155550123", "trunk-1", None, "A", "es", "edge1")
    assert unpack_request(pack_request(request, 1_234)) == (request, 1_234)


@pytest.mark.parametrize("answer", [AUTHORISED, Refusal.NO_CREDIT, None])
def test_an_answer_arrives_as_it_was_given(answer: Authorised | Refusal | None) -> None:
    assert unpack_answer(HOLD, pack_answer(HOLD, answer)) == answer


def test_a_ledger_that_is_away_and_a_bug_are_raised_where_the_call_is() -> None:
    with pytest.raises(LedgerUnavailableError, match="gone"):
        unpack_answer(HOLD, pack_answer(HOLD, LedgerUnavailableError("gone")))
    with pytest.raises(DeskError, match="ValueError"):
        unpack_answer(HOLD, pack_answer(HOLD, ValueError("4821 is not for others to see")))


def test_an_answer_to_another_request_is_not_taken() -> None:
    with pytest.raises(DeskError):
        unpack_answer(CALL, pack_answer(HOLD, AUTHORISED))


def test_an_event_whose_time_is_no_number_does_not_stop_the_keeper() -> None:
    events = [{"t_us": "soon"}, {"t_us": None}, {}, {"t_us": 9}, {"t_us": 7}, {"t_us": [1]}]
    assert oldest_us(Batch(events)) == 7
    assert oldest_us(Batch(events[:3])) == 0
