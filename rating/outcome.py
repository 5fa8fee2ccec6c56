"""Named outcomes of the rating core: everything a caller can run into. Exceptions are for bugs and lost connections."""

from enum import StrEnum


class Refusal(StrEnum):
    """Why a call, a PIN or a refill is refused. The value is what the ledger, logs, CDRs and JSON show."""

    NO_RATE = "NO_RATE"  # no prefix of the deck matches the dialled number now
    NO_CREDIT = "NO_CREDIT"  # not even the initial increment (or the product's minimum balance) can be held
    NO_ROUTE = "NO_ROUTE"  # no carrier would carry the call, or none without a loss
    BAD_NUMBER = "BAD_NUMBER"  # not a number that can be dialled
    BLOCKED_DESTINATION = "BLOCKED_DESTINATION"  # a blocked prefix
    EMERGENCY = "EMERGENCY"  # an emergency or short number: not carried, by policy
    UNKNOWN_CARD = "UNKNOWN_CARD"
    CARD_INACTIVE = "CARD_INACTIVE"
    CARD_BLOCKED = "CARD_BLOCKED"
    CARD_EXPIRED = "CARD_EXPIRED"
    CARD_EXHAUSTED = "CARD_EXHAUSTED"  # a one-time card that can no longer pay for any call
    CALL_LIMIT = "CALL_LIMIT"  # as many calls at once as the product allows
    VELOCITY = "VELOCITY"  # more calls or more spend in a period than the product allows
    WRONG_PIN = "WRONG_PIN"
    LOCKED = "LOCKED"  # too many wrong PINs from this ANI, this trunk or altogether
    NOT_REFILLABLE = "NOT_REFILLABLE"
    VOUCHER_USED = "VOUCHER_USED"  # a wrong, spent or foreign-currency voucher
    ANI_TAKEN = "ANI_TAKEN"  # registered on another card already, or the product allows no more CallerIDs
    UNKNOWN_HOLD = "UNKNOWN_HOLD"
    HOLD_USED = "HOLD_USED"  # the hold was claimed by another call, captured or voided


class HoldState(StrEnum):
    """held → captured | void | expired; nothing ever leaves the last three."""

    HELD = "held"
    CAPTURED = "captured"
    VOID = "void"
    EXPIRED = "expired"


class LedgerUnavailableError(Exception):
    """The ledger could not be reached, or did not answer in time: nothing was decided. Fail closed for new calls."""
