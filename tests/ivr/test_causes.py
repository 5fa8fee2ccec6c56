"""What a failed second leg is called."""

import pytest

from mediasrv.ivr.caller import BridgeOutcome
from mediasrv.ivr.causes import outcome_of


@pytest.mark.parametrize(
    ("sip", "cause", "outcome"),
    [
        (486, 0, BridgeOutcome.BUSY),
        (486, 17, BridgeOutcome.BUSY),
        (600, 0, BridgeOutcome.BUSY),
        (480, 0, BridgeOutcome.NO_ANSWER),
        (480, 20, BridgeOutcome.UNREACHABLE),
        (408, 0, BridgeOutcome.NO_ANSWER),
        (480, 19, BridgeOutcome.NO_ANSWER),
        (404, 0, BridgeOutcome.WRONG_NUMBER),
        (404, 3, BridgeOutcome.UNREACHABLE),
        (404, 1, BridgeOutcome.WRONG_NUMBER),
        (484, 28, BridgeOutcome.WRONG_NUMBER),
        (603, 0, BridgeOutcome.REJECTED),
        (603, 21, BridgeOutcome.REJECTED),
        (503, 0, BridgeOutcome.UNREACHABLE),
        (503, 34, BridgeOutcome.UNREACHABLE),
        (500, 127, BridgeOutcome.UNREACHABLE),
        (0, 0, BridgeOutcome.UNREACHABLE),
    ],
)
def test_the_cause_is_named(sip: int, cause: int, outcome: BridgeOutcome) -> None:
    assert outcome_of(sip, cause) is outcome
