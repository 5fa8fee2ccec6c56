"""Callers behind NAT say an inside address; they are reached where their packets come from, in the whole dialog."""

from tests.edge.parts import ANSWERS, HANGS_UP, PROVISIONAL, calls
from tests.edge.sipp import (
    Step,
    callee_request,
    must_have,
    must_not_have,
    pause,
    receive,
    remember_parties,
    reply,
    reply_in_dialog,
    request,
)
from tests.edge.world import LONDON, MICROS_PER_SECOND, TRUSTED, EdgeWorld

INSIDE = "10.9.8.7:5060"
ENDS = [receive("BYE", timeout_ms=10_000), *HANGS_UP[1:]]
INVITED = receive("INVITE", rrs=True, action=remember_parties())
ANSWERED = [INVITED, reply(180, "Ringing"), reply(200, "OK", sdp=True, retrans_ms=500), receive("ACK")]
NOTES_CONTACT = '<ereg regexp="sip:[^&gt;]+" search_in="hdr" header="Contact:" assign_to="target"/>'


def behind_nat(steps: list[Step]) -> list[Step]:
    """The scenario of a phone that knows its inside address only."""
    here = "[local_ip]:[local_port]"
    texts = [step.xml for step in steps]
    for prefix in ("SIP/2.0/[transport] ", "sipp@", "far@"):
        texts = [text.replace(prefix + here, prefix + INSIDE) for text in texts]
    return [Step(text) for text in texts]


def to_noted(step: Step) -> Step:
    """The callee's request, sent to the Contact that it noted last."""
    return Step(step.xml.replace("[next_url]", "[$target]"))


def reinvites(ani: str) -> list[Step]:
    again = request("INVITE", LONDON, ani, cseq=2, sdp=True)
    return [again, *PROVISIONAL, receive(200), request("ACK", LONDON, ani, cseq=2)]


def test_a_caller_behind_nat_is_told_of_the_end_where_the_call_came_from(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(2 * MICROS_PER_SECOND)
    gateway = world.gateway([*ANSWERS, *ENDS])
    world.all_as_written(world.caller(behind_nat([*calls(ani), *ENDS])), gateway)
    assert world.cdr(card_id)["ended_by"] == "timeout"


def test_a_reinvite_from_behind_nat_does_not_bring_the_inside_address_back(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    noted = receive("INVITE", action=NOTES_CONTACT)
    agrees = [noted, reply_in_dialog(sdp=True), receive("ACK")]
    gateway = world.gateway([*ANSWERED, *agrees, pause(100), to_noted(callee_request("BYE")), receive(200)])
    world.all_as_written(world.caller(behind_nat([*calls(ani), *reinvites(ani), *ENDS])), gateway)
    assert world.cdr(card_id)["ended_by"] == "callee"


def test_the_answer_to_a_reinvite_from_behind_nat_does_not_bring_the_inside_address_back(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    answered = receive(200, action=NOTES_CONTACT + must_not_have(INSIDE))
    acknowledges = Step(to_noted(callee_request("ACK")).xml.replace(' retrans="500"', ""))
    again = [callee_request("INVITE", sdp=True), receive(100, optional=True), answered, acknowledges]
    ends = [pause(100), to_noted(callee_request("BYE", cseq=2)), receive(200)]
    gateway = world.gateway([*ANSWERED, pause(200), *again, *ends])
    agrees = [receive("INVITE"), reply_in_dialog(sdp=True), receive("ACK")]
    world.all_as_written(world.caller(behind_nat([*calls(ani), *agrees, *ENDS])), gateway)
    assert world.cdr(card_id)["ended_by"] == "callee"


def test_the_gateway_sees_neither_the_inside_nor_the_outside_address(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    hidden = must_not_have(f"(Contact|Via|Record-Route):[^\\r\\n]*(10\\.9\\.8\\.7|{TRUSTED})")
    invited = receive("INVITE", rrs=True, action=hidden)
    gateway = world.gateway([invited, *ANSWERS[1:], *ENDS])
    caller = world.caller(behind_nat([*calls(ani), request("BYE", LONDON, ani), receive(200)]))
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["ended_by"] == "caller"


def test_neither_side_reads_where_the_other_one_is(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(2 * MICROS_PER_SECOND)
    of_caller = must_not_have(f"(Contact|Via|Record-Route|Route):[^\\r\\n]*{TRUSTED}")
    of_gateway = must_not_have("127\\.0\\.0\\.3[0-9]") + must_have("Contact: <sip:192\\.0\\.2\\.1;line=")
    gateway = world.gateway([receive("INVITE", rrs=True, action=of_caller), *ANSWERS[1:], *ENDS])
    world.all_as_written(world.caller([*calls(ani, action=of_gateway), *ENDS]), gateway)
    assert world.cdr(card_id)["charge_micros"] == 2 * MICROS_PER_SECOND
