"""Signalling and media over IPv6, and between the two families. To Paris there is a gateway on IPv6 that is cheaper."""

from collections.abc import Iterator

import pytest

from console.stack.ports import free_port
from rating.deck import DeckRow, DeckTable, DeckTerms
from rating.rate import flat_rate
from tests.edge.parts import ANSWERS, HANGS_UP, calls, hangs_up
from tests.edge.sipp import Sipp, Step, must_have, receive
from tests.edge.world import PARIS, EdgeWorld, edge_world, wait_for

SIX = "::1"
SIX_MEDIA, FOUR_MEDIA = must_have("c=IN IP6 ::1"), must_have("c=IN IP4 127\\.0\\.0\\.1")
SECOND = 1_000  # what one costs, in micro-units


class SixWorld:
    """An edge on both families with a trunk and a gateway on IPv6."""

    def __init__(self, world: EdgeWorld, port: int) -> None:
        self.world, self.port, self.gateway_port = world, port, free_port(SIX)
        core, version = world.core, world.metric("cardswitch_edge_directory_version")
        rows = [DeckRow("33", "Paris", flat_rate(3_000).pack())]
        core.publish_deck(DeckTable.from_rows(DeckTerms("six", "USD"), rows))
        core.add_gateway(core.add_carrier("Six", deck="six"), f"sip:[{SIX}]:{self.gateway_port}")
        core.add_trunk("six-trunk", f"{SIX}/128", ani_trusted=True, country="US")
        wait_for(lambda: world.metric("cardswitch_edge_directory_version") > version)

    def gateway(self, steps: list[Step]) -> Sipp:
        return self.world.far_end(over_six(steps), SIX, port=self.gateway_port)

    def caller(self, steps: list[Step]) -> Sipp:
        return self.world.caller(over_six(steps), address=SIX, to=f"[{SIX}]:{self.port}")


@pytest.fixture(scope="module")
def six() -> Iterator[SixWorld]:
    port = free_port(SIX)
    with edge_world(udp_workers=2, sip6=f"[{SIX}]:{port}") as running:
        yield SixWorld(running, port)


def over_six(steps: list[Step]) -> list[Step]:
    """SIPp writes its own address in brackets, which a session description does not have."""
    texts = [step.xml.replace("IP[local_ip_type] [local_ip]", f"IP6 {SIX}") for step in steps]
    return [Step(text.replace("IP[media_ip_type] [media_ip]", f"IP6 {SIX}")) for text in texts]


def answering(media: str) -> list[Step]:
    return [receive("INVITE", rrs=True, action=media), *ANSWERS[1:], *HANGS_UP]


def test_a_call_from_an_ipv6_trunk_to_an_ipv6_gateway_ends_at_its_limit(six: SixWorld) -> None:
    card_id, ani = six.world.new_card(2 * SECOND)
    gateway = six.gateway(answering(SIX_MEDIA))
    caller = six.caller([*calls(ani, PARIS, action=SIX_MEDIA), *HANGS_UP])
    six.world.all_as_written(caller, gateway)
    cdr = six.world.cdr(card_id)
    assert (cdr["ended_by"], cdr["charge_micros"]) == ("timeout", 2 * SECOND)


def test_an_ipv6_caller_is_connected_to_an_ipv4_gateway(six: SixWorld) -> None:
    card_id, ani = six.world.new_card(1_000_000)
    gateway = six.world.gateway(answering(FOUR_MEDIA))
    caller = six.caller([*calls(ani, action=SIX_MEDIA), *hangs_up(ani)])
    six.world.all_as_written(caller, gateway)
    cdr = six.world.cdr(card_id)
    assert (cdr["outcome"], cdr["ended_by"]) == ("captured", "caller")


def test_an_ipv4_caller_is_connected_to_an_ipv6_gateway_and_ended_at_the_limit(six: SixWorld) -> None:
    card_id, ani = six.world.new_card(2 * SECOND)
    gateway = six.gateway(answering(SIX_MEDIA))
    caller = six.world.caller([*calls(ani, PARIS, action=FOUR_MEDIA), *HANGS_UP])
    six.world.all_as_written(caller, gateway)
    cdr = six.world.cdr(card_id)
    assert (cdr["ended_by"], cdr["charge_micros"]) == ("timeout", 2 * SECOND)
