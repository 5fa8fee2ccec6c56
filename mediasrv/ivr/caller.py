"""What the conversation knows of a call: the words it says, the questions it asks, the answers it gets.

The conversation (``mediasrv/ivr/conversation.py``) is written against the two protocols of this file and of
``mediasrv/ivr/switch.py`` only, so that its tests need no socket. ``mediasrv/call.py`` implements ``Caller`` over SIP
and RTP; ``tests/ivr/support.py`` implements it as a transcript.

Wrong input and no input are values (``Digits``, ``NoInput``). A hang-up is an exception (``HungUp``), raised by
``answer``, ``play`` and ``ask``, and caught once, at the top of the conversation.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from mediasrv.prompts.phrase import Phrase
from rating.model import AccessNumber, Authorised


class HungUp(Exception):  # noqa: N818  a hang-up is the normal end of a call, not an error
    """The caller is gone: hung up, or silent for longer than the product allows."""


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt and the manner in which its answer is taken. How often it is asked again is the conversation's affair.

    A question with ``max_digits=1`` is a menu: the first key answers it.
    """

    prompt: tuple[Phrase, ...]
    max_digits: int = 1  # 1 to 32; the answer is complete with so many
    ends: str = "#"  # each of these keys completes the answer at once, and is not part of it
    first_digit_s: float = 6.0  # silence after the end of the prompt until NoInput
    inter_digit_s: float = 4.0  # silence after a digit that completes the answer
    barge_in: bool = True  # a digit stops the prompt
    fresh: bool = False  # forget digits typed before the prompt began (consent to a fee must not be typed ahead)
    secret: bool = False  # a PIN or voucher: the digits may not appear in logs, metrics or traces


@dataclass(frozen=True, slots=True)
class Digits:
    """What was keyed in. ``digits`` may be empty when ``end`` is not: a key of ``Question.ends`` came alone."""

    digits: str = field(repr=False)  # may be a PIN
    end: str = ""  # the key that completed it; "" when complete by count or by time


@dataclass(frozen=True, slots=True)
class NoInput:
    """No key was pressed in time."""


Answer = Digits | NoInput


class BridgeOutcome(StrEnum):
    """How a second leg went, as far as the caller is concerned. ``mediasrv.ivr.causes.outcome_of`` names them."""

    COMPLETED = "completed"  # was connected; the far end hung up
    RECALLED = "recalled"  # was connected; the caller asked for the next call with "##"
    LIMIT = "limit"  # was connected; ended because the held seconds were used up
    CALLER_LEFT = "caller_left"  # the caller hung up (before or after the answer); the next play raises HungUp
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"  # the person called declined
    WRONG_NUMBER = "wrong_number"  # not in service, incomplete, changed
    UNREACHABLE = "unreachable"  # switched off, out of coverage, congestion, a fault on the way


@dataclass(frozen=True, slots=True)
class BridgeResult:
    """The end of a second leg.

    ``placed`` is False only when no INVITE for it left this process: only then may the conversation void the hold,
    because from the INVITE on the call journal decides what is charged.
    """

    outcome: BridgeOutcome
    seconds: int = 0  # connected, rounded up; 0: never answered
    cause: int = 0  # Q.850; 0: not known
    sip: int = 0  # final status of the second leg; 0: none
    placed: bool = True


class Caller(Protocol):
    """A caller on the line. Everything but ``hang_up`` and ``bridge`` may raise HungUp."""

    call_id: str  # 32 hexadecimal digits, the platform's id of the caller's call
    trunk: str  # name of the trunk that the call came in by, or ""
    ani: str | None  # E.164 digits; None: anonymous
    ani_trusted: bool  # the trunk is entitled to assert it
    attestation: str  # STIR/SHAKEN "A", "B", "C" or ""
    card_id: int | None  # the card of a registered, trusted CallerID: no PIN is asked
    access: AccessNumber  # the number that was dialled, or what stands in for it when that was a destination
    dnis: str  # the destination that was dialled instead of an access number, E.164 digits; "" when none was
    language: str  # set by the conversation; phrases without a language of their own are spoken in it

    async def answer(self) -> None:
        """200 OK to the caller; media flows when it returns."""

    async def play(self, *phrases: Phrase, skippable: bool = True, fresh: bool = False) -> None:
        """Returns when all is played. A key skips the rest if ``skippable``; keys are kept for the next question.

        ``fresh`` forgets the keys typed before: what was typed ahead of a wrong answer was meant for another question.
        """

    async def ask(self, question: Question) -> Answer:
        """Plays the prompt, returns what was keyed in. Keys pressed since the last question count, unless ``fresh``."""

    async def bridge(self, authorised: Authorised) -> BridgeResult:
        """Places the second leg, lets the caller hear it ring, connects, returns at its end with the caller back here.

        Never raises HungUp: a caller who hung up is ``BridgeOutcome.CALLER_LEFT``. Keys pressed meanwhile are lost.
        """

    async def expect_media(self, silence_s: int) -> None:
        """From now on a caller from whom nothing comes for so long is gone; 0: for ever."""

    async def hang_up(self) -> None:
        """BYE; repeated or after a hang-up it does nothing."""
