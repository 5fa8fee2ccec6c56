"""Calls that go as everyone hopes. Each story: SIP, call record, balance."""

from tests.edge.sipp import (
    ack,
    invite,
    pause,
    receive,
    reply,
    reply_in_dialog,
    request,
)
from tests.edge.world import LONDON, MICROS_PER_SECOND, EdgeWorld

ANSWERS = [
    receive("INVITE", rrs=True),
    reply(180, "Ringing"),
    reply(200, "OK", sdp=True, retrans_ms=500),
    receive("ACK"),
]
HANGS_UP = [receive("BYE"), reply_in_dialog()]


def calls(ani: str, number: str = LONDON, **more: str) -> list:
    return [
        invite(number, ani, **more),
        receive(100, optional=True),
        receive(180, optional=True),
        receive(200, rrs=True),
        ack(number, ani),
    ]


def test_a_registered_callerid_dials_a_destination_and_is_charged_by_the_second(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    caller = world.caller([*calls(ani), pause(1200), request("BYE", LONDON, ani), receive(200)])
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["outcome"], cdr["ended_by"], cdr["sip_status"]) == ("captured", "caller", 0)
    assert cdr["charge_micros"] == 2 * MICROS_PER_SECOND
    assert world.card(card_id).posted_micros == 1_000_000 - 2 * MICROS_PER_SECOND


def test_the_call_ends_at_its_limit_on_both_legs_and_costs_what_was_held(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(3 * MICROS_PER_SECOND)
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    caller = world.caller([*calls(ani), *HANGS_UP])
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["ended_by"], cdr["charge_micros"]) == ("timeout", 3 * MICROS_PER_SECOND)
    assert 3_000_000 <= cdr["ended_us"] - cdr["answered_us"] <= 5_000_000
    assert world.card(card_id).posted_micros == 0
