"""A ledger that refuses, hangs, loses answers, and callers that die between any two of their statements."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pymysql

import rating.database
from rating.settings import DatabaseSettings
from tests.simulator.clock import MICROS, SimulatedTime

Untyped: Any = pymysql.Connection  # the stubs leave out what is overridden here

HANGS_S = 5.0  # longer than any time-out of a statement
REFUSED, HANGING = "refused", "hanging"
DIES_BEFORE, DIES_AFTER, LOST_BEFORE, LOST_AFTER = "dies before", "dies after", "lost before", "lost after"


class SimulatedCrashError(BaseException):
    """The process that was at work is gone; nothing it has in memory is kept."""


class Faults:
    """What goes wrong with the ledger. ``outage`` holds until it is taken back; an armed fault strikes once, at a
    statement (BEGIN and COMMIT are statements, too) some way ahead."""

    def __init__(self, clock: SimulatedTime) -> None:
        self.outage: str | None = None
        self.struck = 0
        self.mortal = False  # whether the code that runs now is of a process that may die
        self._clock = clock
        self._armed: tuple[str, int] | None = None

    def arm(self, kind: str, statements_ahead: int) -> None:
        self._armed = (kind, statements_ahead)

    def disarm(self) -> None:
        self._armed = None

    def next(self) -> str | None:
        """The fault of the statement that is about to be sent."""
        if self._armed is None:
            return None
        kind, ahead = self._armed
        if ahead > 0:
            self._armed = (kind, ahead - 1)
            return None
        self._armed = None
        self.struck += 1
        return kind if self.mortal else {DIES_BEFORE: LOST_BEFORE, DIES_AFTER: LOST_AFTER}.get(kind, kind)

    def check_outage(self) -> None:
        """Raises as the client library does when nobody listens, or nobody answers in time."""
        if self.outage == REFUSED:
            raise pymysql.OperationalError(2003, "simulated: connection refused")
        if self.outage == HANGING:
            self._clock.now_us += int(HANGS_S * MICROS)
            raise pymysql.OperationalError(2013, "simulated: no answer in time")

    @contextmanager
    def installed(self) -> Iterator[None]:
        """All new connections to the ledger are subject to the faults."""
        genuine = rating.database.connect

        def connect(settings: DatabaseSettings, **how: Any) -> Any:
            self.check_outage()
            with patch.object(pymysql, "connect", lambda **options: FaultyConnection(self, **options)):
                return genuine(settings, **how)

        with patch.object(rating.database, "connect", connect):
            yield


class FaultyConnection(Untyped):  # type: ignore[misc]
    """A real connection that breaks where it is told to."""

    def __init__(self, faults: Faults, **options: Any) -> None:
        self._faults: Faults | None = None  # none while it connects
        super().__init__(**options)
        self._faults = faults

    def _execute_command(self, command: int, sql: Any) -> None:
        faults = self._faults
        if faults is None:
            super()._execute_command(command, sql)
            return
        if faults.outage is not None:
            self._force_close()
            faults.check_outage()
        kind = faults.next()
        if kind in (DIES_AFTER, LOST_AFTER):
            super()._execute_command(command, sql)
            self._read_query_result()  # it has been done when the line breaks
        if kind is not None:
            self._force_close()
        if kind in (DIES_BEFORE, DIES_AFTER):
            raise SimulatedCrashError
        if kind in (LOST_BEFORE, LOST_AFTER):
            raise pymysql.OperationalError(2013, "simulated: connection lost")
        super()._execute_command(command, sql)


def some_fault(chance: random.Random) -> str:
    return chance.choice([DIES_BEFORE, DIES_AFTER, LOST_BEFORE, LOST_AFTER])
