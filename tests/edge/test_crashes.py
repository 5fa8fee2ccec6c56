"""What survives: each story crashes something real."""

import time

from tests.edge.parts import ANSWERS, HANGS_UP, calls, hangs_up
from tests.edge.sipp import must_have, pause, receive
from tests.edge.world import LONDON, MICROS_PER_SECOND, EdgeWorld, wait_for


def test_a_call_ends_at_its_limit_though_kamailio_was_killed_and_started_again_in_between(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(8 * MICROS_PER_SECOND)
    ends = [receive("BYE", timeout_ms=20_000, action=must_have("Reason: Q\\.850;cause=102")), *HANGS_UP[1:]]
    gateway = world.gateway([*ANSWERS, *ends])
    caller = world.caller([*calls(ani), *ends])
    wait_for(lambda: "ACK" in gateway.messages())
    world.kill_kamailio()
    world.start_kamailio()
    assert world.active_dialogs() == 1
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["ended_by"], cdr["charge_micros"]) == ("timeout", 8 * MICROS_PER_SECOND)
    # Not before its time; how soon after it depends on how long Kamailio was away (`bench limit` has the figure).
    assert cdr["ended_us"] - cdr["answered_us"] >= 8_000_000


def test_a_call_hung_up_after_a_crash_is_charged_for_what_it_lasted(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*ANSWERS, receive("BYE", timeout_ms=20_000), *HANGS_UP[1:]])
    caller = world.caller([*calls(ani), pause(7000), *hangs_up(ani, LONDON)])
    wait_for(lambda: "ACK" in gateway.messages())
    world.kill_kamailio()
    world.start_kamailio()
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["ended_by"], cdr["charge_micros"]) == ("caller", 8 * MICROS_PER_SECOND)


def test_a_limit_that_passed_while_kamailio_was_down_is_enforced_at_its_start(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1 * MICROS_PER_SECOND)
    ends = [receive("BYE", timeout_ms=20_000), *HANGS_UP[1:]]
    gateway = world.gateway([*ANSWERS, *ends])
    caller = world.caller([*calls(ani), *ends])
    wait_for(lambda: "ACK" in gateway.messages())
    world.kill_kamailio()
    killed = time.monotonic()
    wait_for(lambda: time.monotonic() > killed + 3)  # the limit passes
    world.start_kamailio()
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["charge_micros"] == 1 * MICROS_PER_SECOND


def test_an_ended_call_does_not_come_back(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    world.all_as_written(world.caller([*calls(ani), *hangs_up(ani)]), gateway)
    world.cdr(card_id)
    world.kill_kamailio()
    world.start_kamailio()
    assert world.active_dialogs() == 0
