"""With the ledger slow or away: new calls are refused fast, running ones go on, nothing is lost."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.edge.parts import ANSWERS, HANGS_UP, calls, hangs_up, refused
from tests.edge.sipp import must_have, pause, receive
from tests.edge.test_hostile import options
from tests.edge.world import MICROS_PER_SECOND, EdgeWorld, wait_for


@contextmanager
def frozen(world: EdgeWorld) -> Iterator[None]:
    """The database server stands still, as with a dead disk."""
    pid = world.database_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def breaker_is(world: EdgeWorld, *, open_: bool) -> bool:
    return (world.metric("cardswitch_edge_breaker_open") > 0) == open_


def test_with_a_frozen_ledger_new_calls_are_503_at_once_and_come_back_with_it(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    with frozen(world):
        wait_for(lambda: breaker_is(world, open_=True), 15)
        began = time.monotonic()
        answer = refused(ani, 503, action=must_have("Retry-After: 5"))
        caller = world.caller(answer)
        world.all_as_written(caller)
        assert time.monotonic() - began < 5  # the time of a SIPp process; the figure is in the next story
    wait_for(lambda: breaker_is(world, open_=False), 15)
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    world.all_as_written(world.caller([*calls(ani), *hangs_up(ani)]), gateway)
    assert world.cdr(card_id)["charge_micros"] == MICROS_PER_SECOND


def test_a_call_in_progress_goes_on_with_a_frozen_ledger_to_its_limit_and_is_settled_later(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(4 * MICROS_PER_SECOND)
    ends = [receive("BYE", timeout_ms=15_000), *HANGS_UP[1:]]
    gateway = world.gateway([*ANSWERS, *ends])
    caller = world.caller([*calls(ani), *ends])
    wait_for(lambda: "ACK" in gateway.messages())
    with frozen(world):
        world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id, 15)
    assert (cdr["ended_by"], cdr["charge_micros"]) == ("timeout", 4 * MICROS_PER_SECOND)
    wait_for(lambda: breaker_is(world, open_=False), 15)


def test_while_authorising_waits_for_the_ledger_options_and_byes_are_answered_at_once(world: EdgeWorld) -> None:
    """Every async worker is busy waiting: eight calls, each kept by the ledger for its time-out."""
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    talking = world.caller([*calls(ani), pause(2500), *hangs_up(ani)], name="talking")
    wait_for(lambda: "ACK" in gateway.messages())
    others = [world.new_card(1_000_000)[1] for _ in range(8)]
    took_ms: list[float] = []
    with frozen(world):
        waiting = [world.caller(refused(other, 503), name=f"waiting{n}") for n, other in enumerate(others)]
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            began = time.perf_counter()
            assert options(world, quick=True)[0].startswith(b"SIP/2.0 200")
            took_ms.append(1000 * (time.perf_counter() - began))
        world.all_as_written(talking, gateway, *waiting)
    # They do not wait for the ledger's time-out; how fast they are says `bench slow_ledger`.
    assert sorted(took_ms)[len(took_ms) // 2] < 1000 * world.ledger_timeout_s / 2, took_ms
    assert world.cdr(card_id, 15)["outcome"] == "captured"
    wait_for(lambda: breaker_is(world, open_=False), 15)
