"""The audit trail: who did what, when, from where, and what came of it."""

from collections.abc import Callable

from console.web.rights import Actor
from rating.cards import now_us
from rating.database import Database, Row
from rating.store import accounts

LATEST = 2**62


class Trail:
    """Append-only. Callers name what they pass: passwords, PINs, tokens never."""

    def __init__(self, database: Database, clock_us: Callable[[], int] = now_us) -> None:
        self._database, self._clock_us = database, clock_us

    def note(self, actor: Actor, action: str, subject: str = "", *, outcome: str = "ok", detail: str = "") -> None:
        values = (
            self._clock_us(),
            actor.name[:64],
            actor.address[:45],
            action[:32],
            _printable(subject)[:64],
            _printable(outcome)[:32],
            _printable(detail)[:512],
        )
        accounts.add_audit(self._database, values)

    def newest(
        self, *, before: int = LATEST, subject: str | None = None, actor: str | None = None, limit: int = 50
    ) -> list[Row]:
        return accounts.audit(self._database, before, subject, actor, limit)


def _printable(text: str) -> str:
    """One line: nobody can write a second line into a trail that is read on a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
