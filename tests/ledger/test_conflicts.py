"""Conflicts (a deadlock, a Galera node that was faster) are tried again, within a bound; nothing is held by half."""

import pytest

from rating.database import CONFLICT_RETRIES_MAX, Database
from rating.model import Authorised
from rating.outcome import LedgerUnavailableError
from tests.ledger.world import World


def meet_conflicts(world: World, count: int) -> None:
    """Each connection's first holds meet so many conflicts."""
    Database(world.ledger).rows(f"""
CREATE TRIGGER conflict BEFORE INSERT ON hold FOR EACH ROW
BEGIN
    IF COALESCE(@conflicts, 0) < {count} THEN
        SET @conflicts = COALESCE(@conflicts, 0) + 1;
        SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'a conflict';
    END IF;
END""")


def test_calls_that_meet_conflicts_are_authorised_once(world: World) -> None:
    meet_conflicts(world, CONFLICT_RETRIES_MAX - 1)
    answers = world.core.authorise_all([world.call(world.new_card(1_000_000)) for _ in range(2)])
    assert all(isinstance(answer, Authorised) for answer in answers)
    check = world.core.check()
    assert (check.ok, check.held) == (True, 2 * 960_000)


def test_conflicts_without_end_are_a_ledger_that_is_away_and_nothing_is_held(world: World) -> None:
    meet_conflicts(world, CONFLICT_RETRIES_MAX)
    with pytest.raises(LedgerUnavailableError):
        world.core.authorise(world.call(world.new_card(1_000_000)))
    check = world.core.check()
    assert (check.ok, check.held) == (True, 0)
