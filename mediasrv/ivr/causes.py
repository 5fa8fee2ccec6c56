"""What a failed second leg means to the caller: by its Q.850 cause if the carrier gave one, else by its SIP status."""

from mediasrv.ivr.caller import BridgeOutcome

# ITU-T Q.850; what is not here is told apart by the SIP status alone.
_BY_CAUSE = {
    1: BridgeOutcome.WRONG_NUMBER,  # unallocated number
    3: BridgeOutcome.UNREACHABLE,  # no route to destination
    17: BridgeOutcome.BUSY,
    18: BridgeOutcome.NO_ANSWER,  # no user responding
    19: BridgeOutcome.NO_ANSWER,  # alerted, no answer
    20: BridgeOutcome.UNREACHABLE,  # subscriber absent
    21: BridgeOutcome.REJECTED,
    22: BridgeOutcome.WRONG_NUMBER,  # number changed
    27: BridgeOutcome.UNREACHABLE,  # destination out of order
    28: BridgeOutcome.WRONG_NUMBER,  # invalid number format
    34: BridgeOutcome.UNREACHABLE,  # no circuit available
    38: BridgeOutcome.UNREACHABLE,  # network out of order
    42: BridgeOutcome.UNREACHABLE,  # switching congestion
}

# RFC 3261 section 21; RFC 3398 section 7.2.4.1 maps the other way round.
_BY_STATUS = {
    404: BridgeOutcome.WRONG_NUMBER,
    410: BridgeOutcome.WRONG_NUMBER,
    484: BridgeOutcome.WRONG_NUMBER,
    604: BridgeOutcome.WRONG_NUMBER,
    408: BridgeOutcome.NO_ANSWER,
    480: BridgeOutcome.NO_ANSWER,
    487: BridgeOutcome.NO_ANSWER,
    486: BridgeOutcome.BUSY,
    600: BridgeOutcome.BUSY,
    603: BridgeOutcome.REJECTED,
    607: BridgeOutcome.REJECTED,
    608: BridgeOutcome.REJECTED,
}


def outcome_of(sip: int, cause: int = 0) -> BridgeOutcome:
    """The outcome of a second leg that was never answered: ``sip`` its final status, ``cause`` Q.850 (0: none)."""
    return _BY_CAUSE.get(cause) or _BY_STATUS.get(sip, BridgeOutcome.UNREACHABLE)
