"""The stories do not meet: what one leaves behind is not taken for a call by the next one's far end."""

import socket

import pytest

from tests.edge.parts import ANSWERS, HANGS_UP, calls, hangs_up
from tests.edge.world import EDGE, GATEWAY, EdgeWorld, wait_for


def knock(world: EdgeWorld, method: str, call_id: str) -> None:
    """A request as the edge repeats it, at the first gateway's address."""
    text = (
        f"{method} sip:1@{GATEWAY} SIP/2.0\r\nVia: SIP/2.0/UDP {EDGE}:9;branch=z9hG4bKx\r\n"
        f"From: <sip:a@b>;tag=1\r\nTo: <sip:1@{GATEWAY}>;tag=2\r\nCall-ID: {call_id}\r\nCSeq: 2 {method}\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((EDGE, 0))
        udp.sendto(text.encode(), (GATEWAY, world.gateway_ports[0]))


@pytest.mark.parametrize("method", ["INVITE", "BYE", "CANCEL"])
def test_a_request_that_is_repeated_for_an_earlier_story_is_no_call_of_the_next(world: EdgeWorld, method: str) -> None:
    card_id, ani = world.new_card(1_000_000)
    earlier, turned_away = f"earlier-{method}", world.desks[0].turned_away
    knock(world, method, earlier)
    wait_for(lambda: world.desks[0].turned_away > turned_away)
    gateway = world.gateway([*ANSWERS, *HANGS_UP])
    knock(world, method, earlier)
    world.all_as_written(world.caller([*calls(ani), *hangs_up(ani)]), gateway)
    assert earlier not in gateway.messages()
    assert world.cdr(card_id)["outcome"] == "captured"
