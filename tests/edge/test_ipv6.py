"""Signalling and media over IPv6."""

from collections.abc import Iterator

import pytest

from console.stack.ports import free_port
from tests.edge.parts import ANSWERS, HANGS_UP, calls
from tests.edge.sipp import Step, must_have, receive
from tests.edge.world import MICROS_PER_SECOND, EdgeWorld, edge_world, wait_for

SIX = "::1"
PORT = free_port(SIX)


@pytest.fixture(scope="module")
def six() -> Iterator[EdgeWorld]:
    with edge_world(udp_workers=2, sip6=f"[{SIX}]:{PORT}") as running:
        yield running


def over_six(steps: list[Step]) -> list[Step]:
    """SIPp writes its own address in brackets, which a session description does not have."""
    texts = [step.xml.replace("IP[local_ip_type] [local_ip]", f"IP6 {SIX}") for step in steps]
    return [Step(text.replace("IP[media_ip_type] [media_ip]", f"IP6 {SIX}")) for text in texts]


def test_a_call_from_an_ipv6_trunk_to_an_ipv6_gateway_ends_at_its_limit(six: EdgeWorld) -> None:
    gateway_port, version = free_port(SIX), six.metric("cardswitch_edge_directory_version")
    (carrier,) = six.database.rows("SELECT carrier_id FROM carrier", ())
    six.core.add_trunk("six-trunk", f"{SIX}/128", ani_trusted=True, country="US")
    six.core.add_gateway(carrier["carrier_id"], f"sip:[{SIX}]:{gateway_port}", priority=1)
    wait_for(lambda: six.metric("cardswitch_edge_directory_version") > version)
    card_id, ani = six.new_card(2 * MICROS_PER_SECOND)
    relayed = must_have("c=IN IP6 ::1")
    invited = receive("INVITE", rrs=True, action=relayed)
    gateway = six.far_end(over_six([invited, *ANSWERS[1:], *HANGS_UP]), SIX, port=gateway_port)
    caller = six.caller(over_six([*calls(ani, action=relayed), *HANGS_UP]), address=SIX, to=f"[{SIX}]:{PORT}")
    six.all_as_written(caller, gateway)
    cdr = six.cdr(card_id)
    assert (cdr["ended_by"], cdr["charge_micros"]) == ("timeout", 2 * MICROS_PER_SECOND)
