"""Everything the conversation says and asks, in one place. The texts: mediasrv/prompts/languages."""

from mediasrv.ivr.caller import BridgeOutcome, Question
from mediasrv.prompts.phrase import Minutes, Money, Phrase, Seconds, Spelled, say
from rating.model import Card
from rating.outcome import Refusal

PIN_DIGITS_MAX = 20
NUMBER_DIGITS_MAX = 24  # E.164 has 15; international prefixes and a national zero come on top

NOTHING_HEARD = say("nothing_heard")
KEY_WRONG = say("key_wrong")
TOO_MANY_TRIES = say("too_many_tries")
CONNECTING = say("connecting")
BALANCE_LOW = say("balance_low")
LANGUAGE_NOT_OFFERED = say("language_not_offered")
VOUCHER_DONE = say("voucher_done")
VOUCHER_IS_NO_CARD = say("voucher_is_no_card")
REGISTER_DONE = say("register_done")
SPEED_DIAL_EMPTY = say("speed_dial_empty")
APOLOGY = say("apology")
GOODBYE = say("goodbye")

PIN = Question((say("pin_ask"),), max_digits=PIN_DIGITS_MAX, ends="#*", secret=True)
VOUCHER = Question((say("voucher_ask"),), max_digits=PIN_DIGITS_MAX, ends="#*", secret=True)
# More than one digit: a caller who dials on instead of answering is understood (see conversation.offer_registration).
REGISTER = Question((say("register_offer"),), max_digits=NUMBER_DIGITS_MAX, inter_digit_s=2.0, fresh=True)
SPEED_DIAL_KEY = Question((say("speed_dial_ask"),))
FEE_CHOICE = Question((say("language_fee_choice"),), fresh=True)

CALL_ENDED = {
    BridgeOutcome.COMPLETED: say("call_completed"),
    BridgeOutcome.BUSY: say("call_busy"),
    BridgeOutcome.NO_ANSWER: say("call_no_answer"),
    BridgeOutcome.REJECTED: say("call_rejected"),
    BridgeOutcome.WRONG_NUMBER: say("call_wrong_number"),
    BridgeOutcome.UNREACHABLE: say("call_unreachable"),
}
CREDIT_USED_UP = say("call_credit_used_up")
LONGEST_CALL = say("call_longest")


def refused(refusal: Refusal) -> Phrase:
    """The spoken reason of a refusal."""
    return say(f"refusal_{refusal.value.lower()}")


def welcome(access_number: str) -> Phrase:
    """The welcome; an access number may have a recording of its own, ``welcome-<number>.wav``."""
    return say("welcome", variant=access_number)


def language_menu(languages: tuple[str, ...]) -> Question:
    """Each language offers itself in its own words. At most nine."""
    lines = [say("language_choice", language=code, key=Spelled(str(key))) for key, code in _numbered(languages)]
    return Question(tuple(lines))


def menu(options: tuple[str, ...]) -> Question:
    """``option_…`` prompts with the keys 1, 2, 3, …"""
    return Question(tuple(say(f"option_{name}", key=Spelled(str(key))) for key, name in _numbered(options)))


def language_fee(amount_micros: int, currency: str) -> Phrase:
    return say("language_fee", amount=Money(amount_micros, currency))


def surcharge(amount_micros: int, currency: str) -> Phrase:
    return say("surcharge", amount=Money(amount_micros, currency))


def balance(card: Card) -> Phrase:
    return say("balance", amount=Money(card.available_micros, card.product.currency))


def destination(*, first: bool, redial: bool) -> Question:
    """Where to? ``#`` alone dials the last number again, ``1#`` to ``9#`` stored ones, ``0#`` is for other services.

    ``*`` repeats the question. The stored numbers are not spoken of here: who stored one was told how to call it.
    """
    ask = say("destination_ask") if first else say("destination_next")
    lines = (ask, say("destination_redial")) if redial else (ask,)
    return Question((*lines, say("destination_services")), max_digits=NUMBER_DIGITS_MAX, ends="#*", first_digit_s=8.0)


def speed_dial_done(slot: int) -> Phrase:
    return say("speed_dial_done", key=Spelled(str(slot)))


def time_left(limit_s: int, minutes_spoken_max: int) -> tuple[Phrase, ...]:
    """How long the call may last: whole minutes, under one minute seconds, above the limit no number at all.

    Rounded down: never more is announced than is held.
    """
    if limit_s < 60:
        return (say("seconds", seconds=Seconds(limit_s)),)
    if limit_s // 60 > minutes_spoken_max:
        return ()
    return (say("minutes", minutes=Minutes(limit_s // 60)),)


def _numbered(things: tuple[str, ...]) -> list[tuple[int, str]]:
    return list(enumerate(things[:9], start=1))
