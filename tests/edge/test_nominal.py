"""Calls that go as everyone hopes. Each story: SIP, call record, balance."""

from tests.edge.parts import ANSWERS, HANGS_UP, RINGS, calls, hangs_up
from tests.edge.sipp import (
    Step,
    ack,
    callee_request,
    invite,
    must_have,
    must_not_have,
    pause,
    receive,
    remember_parties,
    reply,
    reply_in_dialog,
    request,
)
from tests.edge.world import LONDON, MICROS_PER_SECOND, EdgeWorld

NO_SECRETS = must_not_have("X-Cardswitch")
RELAYED = must_have("c=IN IP4 127\\.0\\.0\\.1")  # rtpengine's address; the far ends have others


def test_a_registered_callerid_dials_a_destination_and_is_charged_by_the_second(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    caller = world.caller([*calls(ani), pause(1200), *hangs_up(ani)])
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["outcome"], cdr["ended_by"], cdr["cause"], cdr["dnis"]) == ("captured", "caller", 16, LONDON)
    assert cdr["charge_micros"] == 2 * MICROS_PER_SECOND
    assert world.card(card_id).posted_micros == 1_000_000 - 2 * MICROS_PER_SECOND


def test_the_call_ends_at_its_limit_on_both_legs_and_costs_what_was_held(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(3 * MICROS_PER_SECOND)
    told_why = [receive("BYE", action=must_have("Reason: Q\\.850;cause=102")), *HANGS_UP[1:]]
    gateway = world.gateway([*ANSWERS, *told_why])
    caller = world.caller([*calls(ani), *told_why])
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["ended_by"], cdr["cause"], cdr["charge_micros"]) == ("timeout", 102, 3 * MICROS_PER_SECOND)
    assert 3_000_000 <= cdr["ended_us"] - cdr["answered_us"] <= 5_000_000
    assert world.card(card_id).posted_micros == 0


def test_the_callee_hangs_up_and_the_record_says_so(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    invited = receive("INVITE", rrs=True, action=remember_parties())
    answers = [invited, reply(180, "Ringing"), reply(200, "OK", sdp=True, retrans_ms=500), receive("ACK")]
    gateway = world.gateway([*answers, pause(300), callee_request("BYE"), receive(200)])
    caller = world.caller([*calls(ani), *HANGS_UP])
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["outcome"], cdr["ended_by"], cdr["charge_micros"]) == ("captured", "callee", MICROS_PER_SECOND)


def test_a_trusted_trunk_may_assert_the_callerid_of_an_anonymous_call_and_the_gateway_does_not_see_it(
    world: EdgeWorld,
) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway(
        [receive("INVITE", rrs=True, action=must_not_have("P-Asserted-Identity")), *ANSWERS[1:], *HANGS_UP]
    )
    asserted = f"P-Asserted-Identity: <sip:+{ani}@carrier.example>\nPrivacy: id"
    caller = world.caller([*calls("anonymous", extra=asserted), *hangs_up("anonymous")])
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["ani"] == ani


def test_a_number_dialled_with_the_international_prefix_reaches_the_gateway_as_e164(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway(
        [receive("INVITE", rrs=True, action=must_have(f"INVITE sip:{LONDON}@")), *ANSWERS[1:], *HANGS_UP]
    )
    number = f"011{LONDON}"
    caller = world.caller([*calls(ani, number), *hangs_up(ani, number)])
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["dnis"] == LONDON


def test_a_caller_over_tcp_is_connected_to_a_gateway_over_udp(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    caller = world.caller([*calls(ani), *hangs_up(ani)], transport="t1")
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["outcome"] == "captured"


def test_the_dialog_timer_reaches_a_caller_over_tcp(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(2 * MICROS_PER_SECOND)
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    caller = world.caller([*calls(ani), *HANGS_UP], transport="t1")
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["ended_by"] == "timeout"


def test_both_ends_send_their_media_to_the_relay_and_the_gateway_sees_none_of_our_headers(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([receive("INVITE", rrs=True, action=RELAYED), *ANSWERS[1:], *HANGS_UP])
    caller = world.caller([*calls(ani, action=RELAYED), *hangs_up(ani)])
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["outcome"] == "captured"


def test_forged_headers_of_ours_are_removed_on_the_way_to_the_gateway(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([receive("INVITE", rrs=True, action=NO_SECRETS), *ANSWERS[1:], *HANGS_UP])
    forged = f"X-Cardswitch-Hold: {'a' * 32}\nX-Cardswitch-Card: 1"
    caller = world.caller([*calls(ani, extra=forged), *hangs_up(ani)])
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["outcome"] == "captured"


def test_a_late_offer_goes_through_the_relay_in_the_200_and_the_ack(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*ANSWERS[:3], receive("ACK", action=RELAYED), *HANGS_UP])
    caller = world.caller([*calls(ani, sdp=False, action=RELAYED), *hangs_up(ani)])
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["outcome"] == "captured"


def test_early_media_reaches_the_caller_through_the_relay(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    progress = reply(183, "Session Progress", sdp=True)
    gateway = world.gateway([RINGS[0], progress, pause(100), *ANSWERS[2:], *HANGS_UP])
    dials = [invite(LONDON, ani), receive(100, optional=True), receive(183, action=RELAYED)]
    caller = world.caller([*dials, receive(200, rrs=True), ack(LONDON, ani), *hangs_up(ani)])
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["pdd_ms"] < 1000


def test_the_caller_holds_and_resumes_the_call(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    agrees = [receive("INVITE", action=RELAYED), reply_in_dialog(sdp=True), receive("ACK")]
    gateway = world.gateway([*ANSWERS, *agrees, *agrees, *HANGS_UP])

    def reinvites(cseq: int) -> list[Step]:
        again = request("INVITE", LONDON, ani, cseq=cseq, sdp=True)
        return [again, receive(100, optional=True), receive(200), request("ACK", LONDON, ani, cseq=cseq)]

    caller = world.caller([*calls(ani), *reinvites(2), pause(200), *reinvites(3), *hangs_up(ani, cseq=4)])
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["charge_micros"] == MICROS_PER_SECOND


def test_a_call_on_hold_ends_at_its_limit_on_both_sides(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(2 * MICROS_PER_SECOND)
    gateway = world.gateway([*ANSWERS, receive("INVITE"), reply_in_dialog(sdp=True), receive("ACK"), *HANGS_UP])
    hold = request("INVITE", LONDON, ani, cseq=2, sdp=True)
    hold = Step(hold.xml.replace("a=rtpmap:0 PCMU/8000", "a=rtpmap:0 PCMU/8000\na=sendonly"))
    holds = [hold, receive(100, optional=True), receive(200), request("ACK", LONDON, ani, cseq=2)]
    world.all_as_written(world.caller([*calls(ani), *holds, *HANGS_UP]), gateway)
    cdr = world.cdr(card_id)
    assert (cdr["ended_by"], cdr["charge_micros"]) == ("timeout", 2 * MICROS_PER_SECOND)


def test_reinvites_do_not_lengthen_a_call(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(2 * MICROS_PER_SECOND)
    gateway_agrees = [receive("INVITE"), reply_in_dialog(sdp=True), receive("ACK")]
    gateway = world.gateway([*ANSWERS, *gateway_agrees * 3, *HANGS_UP])
    storm = []
    for cseq in (2, 3, 4):
        again = request("INVITE", LONDON, ani, cseq=cseq, sdp=True)
        storm += [pause(450), again, receive(100, optional=True), receive(200)]
        storm += [request("ACK", LONDON, ani, cseq=cseq)]
    caller = world.caller([*calls(ani), *storm, *HANGS_UP])
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert cdr["ended_us"] - cdr["answered_us"] <= 4_000_000
    assert cdr["charge_micros"] == 2 * MICROS_PER_SECOND


def test_info_passes_inside_the_dialog(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*ANSWERS, receive("INFO"), reply_in_dialog(), *HANGS_UP])
    caller = world.caller([*calls(ani), request("INFO", LONDON, ani, cseq=2), receive(200), *hangs_up(ani, cseq=3)])
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["outcome"] == "captured"


def test_a_product_that_allows_it_carries_many_calls_at_once_on_one_card(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(100_000_000, "Many")
    gateway = world.gateway([*ANSWERS, *HANGS_UP], calls=5)
    caller = world.caller([*calls(ani), pause(500), *hangs_up(ani)], calls=5, rate=50)
    world.all_as_written(caller, gateway)
    world.cdr(card_id)
    assert len(world.core.cdrs(card_id=card_id)) == 5
    assert world.card(card_id).posted_micros == 100_000_000 - 5 * MICROS_PER_SECOND


def test_provisional_replies_are_one_call(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    rings_twice = [*RINGS, pause(100), reply(180, "Ringing"), pause(100), *ANSWERS[2:]]
    gateway = world.gateway([*rings_twice, *HANGS_UP])
    dials = [invite(LONDON, ani), receive(100, optional=True), receive(180)]
    caller = world.caller([*dials, receive(200, rrs=True), ack(LONDON, ani), *hangs_up(ani)])
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["outcome"], len(world.core.cdrs(card_id=card_id))) == ("captured", 1)
