"""Calls from the media server: known by address and hold, each hold once."""

from uuid import uuid4

from rating.model import Authorised, CallRequest
from tests.edge.parts import ANSWERS, HANGS_UP, calls, hangs_up, refused, rejects
from tests.edge.sipp import must_have, must_not_have, receive
from tests.edge.world import LONDON, MICROS_PER_SECOND, EdgeWorld


def held(world: EdgeWorld, card_id: int) -> Authorised:
    answer = world.core.authorise(CallRequest(hold_id=uuid4().hex, call_id=uuid4().hex, card_id=card_id, dnis=LONDON))
    assert isinstance(answer, Authorised), answer
    return answer


def hold_header(hold_id: str) -> str:
    return f"X-Cardswitch-Hold: {hold_id}"


def test_a_second_leg_is_placed_on_its_hold_and_charged(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    authorised = held(world, card_id)
    no_secrets = receive("INVITE", rrs=True, action=must_not_have("X-Cardswitch"))
    gateway = world.gateway([no_secrets, *ANSWERS[1:], *HANGS_UP])
    leg = world.second_leg([*calls(ani, extra=hold_header(authorised.hold_id)), *hangs_up(ani)])
    world.all_as_written(leg, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["hold_id"], cdr["outcome"], cdr["charge_micros"]) == (
        authorised.hold_id,
        "captured",
        MICROS_PER_SECOND,
    )


def test_a_second_leg_ends_at_its_limit_with_the_cause_that_says_so(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(2 * MICROS_PER_SECOND)
    authorised = held(world, card_id)
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    told_why = [receive("BYE", action=must_have("Reason: Q\\.850;cause=102")), *HANGS_UP[1:]]
    leg = world.second_leg([*calls(ani, extra=hold_header(authorised.hold_id)), *told_why])
    world.all_as_written(leg, gateway)
    assert world.cdr(card_id)["charge_micros"] == 2 * MICROS_PER_SECOND


def test_a_busy_second_leg_tells_the_media_server_and_frees_the_hold(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    authorised = held(world, card_id)
    gateway = world.gateway(rejects(486, "Busy Here"))
    busy = refused(ani, 486, extra=hold_header(authorised.hold_id), action=must_have("Q\\.850;cause=17"))
    world.all_as_written(world.second_leg(busy), gateway)
    assert world.cdr(card_id)["outcome"] == "void"


def test_a_hold_serves_one_call_only(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    authorised = held(world, card_id)
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    leg = world.second_leg([*calls(ani, extra=hold_header(authorised.hold_id)), *hangs_up(ani)])
    world.all_as_written(leg, gateway)
    world.cdr(card_id)
    again = world.second_leg(refused(ani, 403, extra=hold_header(authorised.hold_id)))
    world.all_as_written(again)
    assert len(world.core.cdrs(card_id=card_id)) == 1


def test_a_hold_that_nobody_made_is_refused(world: EdgeWorld) -> None:
    world.all_as_written(world.second_leg(refused("12125550001", 403, extra=hold_header(uuid4().hex))))


def test_a_hold_that_is_no_hold_id_is_refused(world: EdgeWorld) -> None:
    world.all_as_written(world.second_leg(refused("12125550001", 403, extra=hold_header("' OR 1=1 --"))))


def test_a_second_leg_without_a_hold_is_refused(world: EdgeWorld) -> None:
    world.all_as_written(world.second_leg(refused("12125550001", 403)))


def test_a_hold_presented_by_a_stranger_is_worth_nothing(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    authorised = held(world, card_id)
    stranger = world.caller(refused(ani, 403, extra=hold_header(authorised.hold_id)), address="127.0.0.66")
    world.all_as_written(stranger)
    assert world.card(card_id).held_micros == authorised.held_micros
    world.core.void(authorised.hold_id)


def test_a_hold_presented_from_another_port_of_the_media_servers_address_is_worth_nothing(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    authorised = held(world, card_id)
    neighbour = world.caller(refused(ani, 403, extra=hold_header(authorised.hold_id)), address="127.0.0.1")
    world.all_as_written(neighbour)
    world.core.void(authorised.hold_id)
