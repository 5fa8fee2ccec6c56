"""Sixty-four clients, each its own process with its own connections, on one card."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TypeVar

import pytest

from rating.core import RatingCore
from rating.model import Authorised
from rating.outcome import LedgerUnavailableError
from rating.settings import DatabaseSettings
from tests.ledger.world import World

CLIENTS = 64
CALLS_EACH = 5
Answer = TypeVar("Answer")
BALANCE = 20 * 60_000  # pays for twenty first minutes


def client(ledger: DatabaseSettings, directory: Path, card: int, number: int, barrier: Barrier) -> None:
    """Calls again and again; every third call is given up, every other one lasts a second."""
    world = World.joined(ledger, directory)
    barrier.wait(60)
    for attempt in range(CALLS_EACH):
        request = world.call(card)
        answer = until_heard(partial(world.core.authorise, request))
        if not isinstance(answer, Authorised):
            continue
        settle(world.core, answer.hold_id, given_up=(number + attempt) % 3 == 0)


def settle(core: RatingCore, hold_id: str, *, given_up: bool) -> None:
    if given_up:
        until_heard(lambda: core.void(hold_id))
    else:
        until_heard(lambda: core.capture(hold_id, 1))
        until_heard(lambda: core.capture(hold_id, 3600))


def until_heard(ask: Callable[[], Answer]) -> Answer:
    """Sixty-four processes on two cores may keep a row locked for longer than the ledger waits for it: ask again."""
    while True:
        with suppress(LedgerUnavailableError):
            return ask()


@pytest.mark.timeout(150)
def test_sixty_four_clients_on_one_card_never_spend_more_than_it_has(world: World) -> None:
    world.core.create_product("Crowd", currency="USD", deck="retail", calls_at_once=0, longest_call_s=60)
    card = world.new_card(BALANCE, "Crowd")
    context = get_context("fork")
    barrier = context.Barrier(CLIENTS)
    clients = [
        context.Process(target=client, args=(world.ledger, world.directory, card, number, barrier), daemon=True)
        for number in range(CLIENTS)
    ]
    for process in clients:
        process.start()
    deadline = time.monotonic() + 90
    for process in clients:
        process.join(max(0.0, deadline - time.monotonic()))
        process.kill()  # one that hangs must not keep pytest from ending
    assert [process.exitcode for process in clients] == [0] * CLIENTS
    while isinstance(rest := world.core.authorise(world.call(card)), Authorised):
        settle(world.core, rest.hold_id, given_up=False)  # what was given up when nobody else called any more
    check = world.core.check()
    assert check.ok, check.problems
    assert check.held == 0
    assert check.charged == BALANCE  # every minute was sold, none twice
    assert -sum(entry["amount_micros"] for entry in world.core.entries(card)[1:]) == BALANCE
