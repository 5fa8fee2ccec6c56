"""Signalling that goes wrong on the way: lost, doubled, crossed, late."""

import pytest

from tests.edge.parts import ANSWERS, HANGS_UP, RINGS, calls, hangs_up, refused
from tests.edge.sipp import (
    Step,
    ack,
    ack_refusal,
    cancel,
    invite,
    pause,
    receive,
    remember_invite,
    reply,
    reply_in_dialog,
    reply_to_invite,
    request,
)
from tests.edge.world import LONDON, MICROS_PER_SECOND, EdgeWorld, wait_for


def test_a_call_that_is_never_acknowledged_still_ends_at_its_limit(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(2 * MICROS_PER_SECOND)
    gateway = world.gateway([*RINGS, reply(200, "OK", sdp=True), receive("BYE"), reply_in_dialog()])
    caller = world.caller([*calls(ani)[:-1], *HANGS_UP])
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["ended_by"], cdr["charge_micros"]) == ("timeout", 2 * MICROS_PER_SECOND)


def test_a_gateway_that_does_not_answer_the_bye_keeps_nobody_connected(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1 * MICROS_PER_SECOND)
    gateway = world.gateway([*ANSWERS, receive("BYE")])
    caller = world.caller([*calls(ani), *HANGS_UP])
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["charge_micros"] == 1 * MICROS_PER_SECOND


def test_a_bye_sent_twice_is_one_end(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    again = request("BYE", LONDON, ani, cseq=2)
    caller = world.caller([*calls(ani), again, receive(200), Step(again.xml.replace('retrans="500"', ""))])
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["charge_micros"], len(world.core.cdrs(card_id=card_id))) == (MICROS_PER_SECOND, 1)


def test_a_repeated_invite_is_one_call_and_one_hold(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*RINGS, pause(1200), *ANSWERS[2:], *HANGS_UP])
    # Without waiting for the 100, SIPp repeats the INVITE after 500 ms.
    first, again = invite(LONDON, ani), invite(LONDON, ani)
    assert first == again
    caller = world.caller([*calls(ani), *hangs_up(ani)])
    world.all_as_written(caller, gateway)
    world.cdr(card_id)
    assert len(world.core.cdrs(card_id=card_id)) == 1


def test_a_gateway_that_answers_although_the_caller_cancelled_is_a_call(world: EdgeWorld) -> None:
    """RFC 3261, section 9.1: the 200 was already on its way. The caller acknowledges it and hangs up."""
    card_id, ani = world.new_card(1_000_000)
    invited = receive("INVITE", rrs=True, action=remember_invite())
    late = [receive("CANCEL"), reply_in_dialog(), reply_to_invite(200, "OK", sdp=True), receive("ACK")]
    gateway = world.gateway([invited, reply(180, "Ringing"), *late, *HANGS_UP])
    gives_up = [receive(180), pause(100), cancel(LONDON, ani), receive(200)]
    dials = [invite(LONDON, ani), receive(100, optional=True), *gives_up]
    caller = world.caller([*dials, receive(200, rrs=True), ack(LONDON, ani), *hangs_up(ani)])
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["outcome"] == "captured"


def test_a_caller_who_cancels_before_anything_rings_pays_nothing(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    invited = receive("INVITE", rrs=True, action=remember_invite())
    ended = [receive("CANCEL"), reply_in_dialog(), reply_to_invite(487, "Request Terminated"), receive("ACK")]
    gateway = world.gateway([invited, reply(100, "Trying"), *ended])
    gives_up = [receive(100), pause(200), cancel(LONDON, ani), receive(200), receive(487), ack_refusal(LONDON, ani)]
    world.all_as_written(world.caller([invite(LONDON, ani), *gives_up]), gateway)
    cdr = world.cdr(card_id)
    assert (cdr["outcome"], cdr["sip_status"]) == ("void", 487)


def test_glare_is_left_to_the_ends_and_the_call_goes_on(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway(
        [*ANSWERS, receive("INVITE"), reply_in_dialog(491, "Request Pending"), receive("ACK"), *HANGS_UP]
    )
    again = [request("INVITE", LONDON, ani, cseq=2, sdp=True), receive(100, optional=True), receive(491)]
    caller = world.caller([*calls(ani), *again, ack_refusal_in_dialog(ani), *hangs_up(ani, cseq=3)])
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["outcome"] == "captured"


def ack_refusal_in_dialog(ani: str) -> Step:
    """The ACK of a refused re-INVITE: to the same next hop, with the same branch."""
    step = request("ACK", LONDON, ani, cseq=2)
    return Step(step.xml.replace("Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]", "[last_Via:]"))


def test_a_request_for_a_dialog_that_is_over_is_481(world: EdgeWorld) -> None:
    _, ani = world.new_card(1_000_000)
    headers = request("BYE", LONDON, ani).xml.replace("[next_url]", f"sip:{LONDON}@[remote_ip]:[remote_port]")
    step = Step(headers.replace("[routes]\n", "").replace("[peer_tag_param]", ";tag=nobody"))
    world.all_as_written(world.caller([step, receive(481)]))


def test_the_second_answer_of_a_forked_call_is_not_connected_for_nothing(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    invited = receive("INVITE", rrs=True, action=remember_invite())
    second = reply_to_invite(200, "OK", sdp=True, tag="fork")
    gateway = world.gateway([invited, reply(180, "Ringing"), *ANSWERS[2:], second, *HANGS_UP])
    caller = world.caller([*calls(ani), pause(800), *hangs_up(ani)])
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["outcome"], cdr["charge_micros"]) == ("captured", MICROS_PER_SECOND)
    assert "fork" not in caller.messages()


def test_a_session_description_that_is_none_is_not_acceptable_and_frees_the_hold(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    broken = Step(invite(LONDON, ani).xml.replace("v=0", "this is not SDP").replace("m=audio [media_port]", "nonsense"))
    world.all_as_written(world.caller([broken, receive(100, optional=True), receive(488), ack_refusal(LONDON, ani)]))
    cdr = world.cdr(card_id)
    assert (cdr["outcome"], cdr["sip_status"]) == ("void", 488)


def test_a_200_to_an_invite_that_is_forgotten_connects_nobody(world: EdgeWorld) -> None:
    """Kamailio was killed while it rang: nothing of the call is left that could end it."""
    card_id, ani = world.new_card(1_000_000)
    invited = receive("INVITE", rrs=True, action=remember_invite())
    late = [pause(6000), reply_to_invite(200, "OK", sdp=True), pause(1000)]
    gateway = world.gateway([invited, reply(180, "Ringing"), *late])
    caller = world.caller([invite(LONDON, ani), receive(100), receive(180), receive(200, timeout_ms=9000)])
    wait_for(lambda: "180 Ringing" in caller.messages())
    world.kill_kamailio()
    world.start_kamailio()
    assert gateway.wait() == 0
    assert "SIP/2.0 200 OK" in gateway.messages()
    assert caller.wait() != 0
    assert "SIP/2.0 200 OK" not in caller.messages()
    hold_id = str(world.hold_of(card_id))
    assert hold_id not in [event["hold"] for event in world.events()]
    world.core.void(hold_id)  # the sweeper does it after five minutes


def test_a_second_caller_with_the_call_id_of_a_running_call_is_refused_and_leaves_no_ports_behind(
    world: EdgeWorld,
) -> None:
    card_id, ani = world.new_card(1_000_000)
    other_card, other = world.new_card(1_000_000)
    one_call_id = ["-cid_str", f"twice-{card_id}"]
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    caller = world.caller([*calls(ani), pause(5000), *hangs_up(ani)], extra=one_call_id)
    wait_for(lambda: "ACK" in gateway.messages())
    world.all_as_written(world.caller(refused(other, 482), name="second", extra=one_call_id))
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["charge_micros"] >= 5 * MICROS_PER_SECOND
    # The story before this one leaves a call behind: its Kamailio was killed.
    wait_for(lambda: world.relayed_calls(f"twice-{card_id}") == 0)
    assert world.card(other_card).posted_micros == 1_000_000
    with pytest.raises(RuntimeError):  # no such key: the Call-ID is free again
        world.rpc("htable.get", "begun", f"twice-{card_id}")
