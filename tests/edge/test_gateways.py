"""Which gateway a call takes, and what the caller is told when none takes it."""

from tests.edge.parts import ANSWERS, HANGS_UP, RINGS, calls, hangs_up, refused, rejects
from tests.edge.sipp import (
    Step,
    ack_refusal,
    cancel,
    invite,
    must_have,
    pause,
    receive,
    remember_invite,
    reply,
    reply_in_dialog,
    reply_to_invite,
)
from tests.edge.world import LONDON, EdgeWorld, wait_for


def nothing_charged(world: EdgeWorld, card_id: int, sip: int, cause: int) -> None:
    cdr = world.cdr(card_id)
    assert (cdr["outcome"], cdr["sip_status"], cdr["cause"], cdr["charge_micros"]) == ("void", sip, cause, 0)
    assert world.card(card_id).posted_micros == 1_000_000


def second_gateway_answers(world: EdgeWorld, first: list[Step]) -> None:
    card_id, ani = world.new_card(1_000_000)
    far = [world.gateway(first)] if first else []
    prefixed = must_have(f"INVITE sip:99{LONDON}@")
    second = world.gateway([receive("INVITE", rrs=True, action=prefixed), *ANSWERS[1:], *HANGS_UP], number=1)
    caller = world.caller([*calls(ani), *hangs_up(ani)])
    world.all_as_written(caller, second, *far)
    cdr = world.cdr(card_id)
    assert cdr["outcome"] == "captured"
    assert cdr["gateway_id"] == 2


def test_a_gateway_that_answers_503_is_left_for_the_next(world: EdgeWorld) -> None:
    second_gateway_answers(world, rejects(503, "Service Unavailable"))


def test_a_gateway_that_answers_500_is_left_for_the_next(world: EdgeWorld) -> None:
    second_gateway_answers(world, rejects(500, "Server Internal Error"))


def test_a_gateway_that_answers_480_is_left_for_the_next(world: EdgeWorld) -> None:
    second_gateway_answers(world, rejects(480, "Temporarily Unavailable"))


def test_a_gateway_that_answers_408_is_left_for_the_next(world: EdgeWorld) -> None:
    second_gateway_answers(world, rejects(408, "Request Timeout"))


def test_a_dead_gateway_is_left_for_the_next(world: EdgeWorld) -> None:
    second_gateway_answers(world, [])


def test_a_gateway_that_does_not_ring_within_the_pdd_limit_is_cancelled_and_left_for_the_next(world: EdgeWorld) -> None:
    cancelled = [receive("CANCEL"), reply_in_dialog()]
    second_gateway_answers(world, [receive("INVITE", rrs=True), reply(100, "Trying"), *cancelled])


def test_all_gateways_dead_is_503_no_circuit_and_nothing_charged(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    caller = world.caller(refused(ani, 503, action=must_have("Q\\.850;cause=34")))
    world.all_as_written(caller)
    nothing_charged(world, card_id, 503, 34)


def test_two_gateways_that_refuse_are_503_for_the_caller(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    far = [world.gateway(rejects(503, "No"), number=number) for number in (0, 1)]
    caller = world.caller(refused(ani, 503))
    world.all_as_written(caller, *far)
    nothing_charged(world, card_id, 503, 34)


def test_a_busy_callee_is_busy_through_any_gateway(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway(rejects(486, "Busy Here"))
    caller = world.caller(refused(ani, 486, action=must_have("Q\\.850;cause=17")))
    world.all_as_written(caller, gateway)
    nothing_charged(world, card_id, 486, 17)


def test_a_declined_call_is_not_tried_again(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway(rejects(603, "Decline"))
    world.all_as_written(world.caller(refused(ani, 603)), gateway)
    nothing_charged(world, card_id, 603, 21)


def test_an_unallocated_number_is_not_tried_again(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway(rejects(404, "Not Found"))
    world.all_as_written(world.caller(refused(ani, 404)), gateway)
    nothing_charged(world, card_id, 404, 1)


def test_the_gateways_own_cause_is_passed_on_and_recorded(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway(rejects(404, "Not Found", extra="Reason: Q.850;cause=22;text=&quot;moved&quot;"))
    world.all_as_written(world.caller(refused(ani, 404, action=must_have("cause=22"))), gateway)
    nothing_charged(world, card_id, 404, 22)


def test_a_callee_that_rang_and_is_then_unavailable_is_not_tried_again(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*RINGS, pause(200), reply(480, "Temporarily Unavailable"), receive("ACK")])
    world.all_as_written(world.caller(refused(ani, 480)), gateway)
    nothing_charged(world, card_id, 480, 18)


def test_a_callee_that_never_answers_is_given_up_and_told_so(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*RINGS, receive("CANCEL"), reply_in_dialog()])
    world.all_as_written(world.caller(refused(ani, 480, action=must_have("Q\\.850;cause=19"))), gateway)
    nothing_charged(world, card_id, 480, 19)


def test_a_caller_who_cancels_while_it_rings_pays_nothing(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    invited = receive("INVITE", rrs=True, action=remember_invite())
    gateway = world.gateway(
        [
            invited,
            RINGS[1],
            receive("CANCEL"),
            reply_in_dialog(),
            reply_to_invite(487, "Request Terminated"),
            receive("ACK"),
        ]
    )
    rings = [invite(LONDON, ani), receive(100, optional=True), receive(180)]
    gives_up = [pause(100), cancel(LONDON, ani), receive(200), receive(487), ack_refusal(LONDON, ani)]
    world.all_as_written(world.caller([*rings, *gives_up]), gateway)
    nothing_charged(world, card_id, 487, 16)


def test_media_ports_are_free_again_after_a_refused_call(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway(rejects(486, "Busy Here"))
    world.all_as_written(world.caller(refused(ani, 486)), gateway)
    world.cdr(card_id)
    wait_for(lambda: world.relayed_calls() == 0)


def test_media_ports_are_free_again_after_a_call(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    world.all_as_written(world.caller([*calls(ani), *hangs_up(ani)]), gateway)
    world.cdr(card_id)
    wait_for(lambda: world.relayed_calls() == 0)
