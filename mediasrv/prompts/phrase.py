"""What is said: a prompt by its name, and the values that stand in its blanks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in micro-units; spoken to the whole sub-unit (cent), rounded down: never more than there is."""

    micros: int
    currency: str  # ISO 4217


@dataclass(frozen=True, slots=True)
class Minutes:
    """Whole minutes, 0 and up."""

    count: int


@dataclass(frozen=True, slots=True)
class Seconds:
    """Whole seconds, 0 and up."""

    count: int


@dataclass(frozen=True, slots=True)
class Spelled:
    """Digits said one by one: a telephone number, a serial number, the key to press."""

    digits: str


Value = Money | Minutes | Seconds | Spelled


@dataclass(frozen=True, slots=True)
class Phrase:
    """One prompt with its blanks filled; write it with ``say``."""

    prompt: str  # a name of mediasrv.prompts.texts
    values: tuple[tuple[str, Value], ...] = ()
    language: str = ""  # "": the caller's
    variant: str = ""  # a recording "<prompt>-<variant>.wav" is preferred: a welcome of an access number's own


def say(prompt: str, *, language: str = "", variant: str = "", **values: Value) -> Phrase:
    """The short way to write a phrase: ``say("balance", amount=Money(4_500_000, "USD"))``."""
    return Phrase(prompt, tuple(sorted(values.items())), language, variant)
