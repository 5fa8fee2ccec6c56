"""What a check of the doctor finds."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """``note``: works, but somebody should know. Only a fault makes the doctor's exit status 1."""

    OK = "ok"
    NOTE = "note"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """``found`` is a sentence; ``advice`` says what to do, empty when there is nothing to do."""

    part: str
    health: Health
    found: str
    advice: str = ""


def ok(part: str, found: str) -> Finding:
    return Finding(part, Health.OK, found)


def note(part: str, found: str, advice: str) -> Finding:
    return Finding(part, Health.NOTE, found, advice)


def fault(part: str, found: str, advice: str) -> Finding:
    return Finding(part, Health.FAULT, found, advice)
