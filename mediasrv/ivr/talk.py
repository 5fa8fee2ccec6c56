"""What a conversation carries along, and the one way in which a question is asked again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from mediasrv.ivr import questions
from mediasrv.ivr.caller import Caller, NoInput, Question
from mediasrv.ivr.switch import Switch
from mediasrv.prompts.phrase import Phrase
from rating.settings import Settings, SettingsError

T = TypeVar("T")


class Enough(Exception):  # noqa: N818  like HungUp: how a conversation ends, not an error
    """The conversation is over from our side. The phrases are the last words before "goodbye"."""

    def __init__(self, *last_words: Phrase) -> None:
        super().__init__(*last_words)
        self.last_words = last_words


@dataclass(frozen=True, slots=True)
class Manners:
    """How patient and how talkative the conversation is."""

    tries: int = 3  # of a question, in a row
    minutes_spoken_max: int = 180  # more minutes are not announced
    low_balance_micros: int = 1_000_000  # below it the caller is told that the balance is low
    settle_s: float = 3.0  # how long after a call the charge is waited for before the balance is spoken
    settle_poll_s: float = 0.1
    node: str = ""  # our name in the ledger


def manners_of(settings: Settings) -> Manners:
    """The node's name, and what its table ``[conversation]`` sets otherwise. Raises SettingsError."""
    table = settings.table("conversation")
    usual = Manners(node=settings.node)
    for name, value in table.items():
        if name not in Manners.__slots__ or type(value) is not type(getattr(usual, name)):
            raise SettingsError(f"{settings.path}: [conversation] has an unknown or wrong setting: {name} = {value!r}")
    return replace(usual, **table)


@dataclass(slots=True)
class Talk:
    """One caller's conversation."""

    caller: Caller
    switch: Switch
    manners: Manners
    chosen_language: str = ""  # by menu in this call; "" when nobody asked
    fees_paid: set[str] = field(default_factory=set)  # languages whose fee was charged in this call
    surcharge_told_in: str = ""  # currency; a second card may have another
    called_before: bool = False  # in this conversation
    last_dnis: str = ""  # for redial
    dialled_ahead: str = ""  # a destination keyed in where something else was asked
    dialled_first: str = ""  # E.164 digits: what was dialled before anything was asked
    registration_over: bool = False  # offered or done in this call
    refusals_in_a_row: int = 0


@dataclass(frozen=True, slots=True)
class Wrong:
    """An answer that is not one: what to say before the question is asked again. No words: ask again, uncounted."""

    why: Phrase | None


async def ask(
    talk: Talk, question: Question, understand: Callable[[str, str], Awaitable[T | Wrong]], *, tries: int = 0
) -> T | None:
    """Asks until ``understand(digits, end key)`` accepts the answer; None after too many tries.

    Nothing keyed in counts as a try. Being asked to repeat (``Wrong(None)``) counts a quarter of one, so that a stuck
    key does not hold the line for ever.
    """
    quarters = 4 * (tries or talk.manners.tries)
    while quarters > 0:
        answer = await talk.caller.ask(question)
        if isinstance(answer, NoInput):
            understood: T | Wrong = Wrong(questions.NOTHING_HEARD)
        else:
            understood = await understand(answer.digits, answer.end)
        if not isinstance(understood, Wrong):
            return understood
        quarters -= 4 if understood.why else 1
        if understood.why:
            await talk.caller.play(understood.why, fresh=True)
    return None


async def choose(talk: Talk, question: Question, options: tuple[T, ...]) -> T | None:
    """A menu: keys 1, 2, 3 … stand for ``options``; None after too many tries."""

    async def understand(digits: str, _end: str) -> T | Wrong:
        key = int(digits) if digits.isdecimal() else 0
        return options[key - 1] if 1 <= key <= len(options) else Wrong(questions.KEY_WRONG)

    return await ask(talk, question, understand)
