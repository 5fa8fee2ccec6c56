"""Calls that are not placed: each with its SIP status, and nothing charged."""

import time

import pytest

from tests.edge.parts import ANSWERS, HANGS_UP, calls, hangs_up, refused
from tests.edge.sipp import must_have, pause
from tests.edge.world import LONDON, PREMIUM, STRANGER, EdgeWorld, wait_for

NOWHERE = "8821650000000"  # a satellite: no rate in the deck


def expect(world: EdgeWorld, ani: str, status: int, number: str = LONDON, *, cause: int = 21) -> None:
    placed = world.metric("cardswitch_edge_journal_events_total")
    world.all_as_written(world.caller(refused(ani, status, number, action=must_have(f"Q\\.850;cause={cause}"))))
    assert world.metric("cardswitch_edge_journal_events_total") == placed


def test_a_source_that_is_no_trunk_is_refused(world: EdgeWorld) -> None:
    caller = world.caller(refused("12125550001", 403), address=STRANGER)
    world.all_as_written(caller)


def test_a_blocked_card_is_refused_and_nothing_charged(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    serial = world.card(card_id).serial
    world.core.block(serial)
    expect(world, ani, 403)
    world.core.unblock(serial)
    assert world.card(card_id).posted_micros == 1_000_000


def test_an_inactive_card_is_refused(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    world.execute("UPDATE card SET state = 'inactive' WHERE card_id = %s", card_id)
    expect(world, ani, 403)


def test_an_expired_card_is_refused_and_nothing_charged(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    world.execute("UPDATE card SET expires_us = %s WHERE card_id = %s", (time.time_ns() // 1000) - 1, card_id)
    expect(world, ani, 403)


def test_an_exhausted_card_is_402(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    world.execute("UPDATE card SET state = 'exhausted' WHERE card_id = %s", card_id)
    expect(world, ani, 402)


def test_a_card_without_enough_for_a_second_is_402(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(999)
    expect(world, ani, 402)
    assert world.card(card_id).posted_micros == 999


def test_a_second_call_at_once_on_one_card_is_busy(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    first = world.caller([*calls(ani), pause(1500), *hangs_up(ani)])
    wait_for(lambda: world.hold_of(card_id))
    world.all_as_written(world.caller(refused(ani, 486, action=must_have("cause=17")), name="second"))
    world.all_as_written(first, gateway)
    world.cdr(card_id)
    assert len(world.core.cdrs(card_id=card_id)) == 1


def test_a_destination_without_a_rate_is_404(world: EdgeWorld) -> None:
    _, ani = world.new_card(1_000_000)
    expect(world, ani, 404, NOWHERE, cause=3)


@pytest.mark.parametrize("number", ["911", "112"])
def test_an_emergency_number_is_not_carried(world: EdgeWorld, number: str) -> None:
    _, ani = world.new_card(1_000_000)
    expect(world, ani, 403, number, cause=3)


@pytest.mark.parametrize("number", ["12", "abc", "0044", "1" * 30])
def test_what_is_no_number_is_484(world: EdgeWorld, number: str) -> None:
    _, ani = world.new_card(1_000_000)
    expect(world, ani, 484, number, cause=28)


def test_a_blocked_destination_is_refused(world: EdgeWorld) -> None:
    _, ani = world.new_card(1_000_000)
    expect(world, ani, 403, PREMIUM)
