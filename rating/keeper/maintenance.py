"""Periodic maintenance fees of products that have one."""

from collections.abc import Callable

from rating.database import Database
from rating.store import keeping


def charge_maintenance(database: Database, now_us: int, stopped: Callable[[], bool] = lambda: False) -> int:
    """Takes all fees that are due, missed periods too, one transaction each; micro-units taken. Idempotent."""
    taken = 0
    while not stopped():
        after, found = 0, False
        while cards := keeping.due_maintenance(database, after, now_us):
            found = True
            for card_id in cards:
                taken += keeping.charge_maintenance(database, card_id, now_us)
            after = cards[-1]
        if not found:
            break
    return taken
