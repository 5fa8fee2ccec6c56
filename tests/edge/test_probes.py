"""Gateways are probed by OPTIONS: one that is dead is tried last."""

from collections.abc import Iterator

import pytest

from console.stack.ports import free_port
from tests.edge.media_server import MediaServer
from tests.edge.parts import calls, hangs_up
from tests.edge.world import GATEWAY, EdgeWorld, edge_world, wait_for

GATEWAY_1, GATEWAY_2, GATEWAY_3 = 1, 2, 3  # ids in the ledger


@pytest.fixture(scope="module")
def probing() -> Iterator[EdgeWorld]:
    with edge_world(udp_workers=2, any_reply_ms=1500, probe_gateways=True) as running:
        yield running


def wait_until(world: EdgeWorld, port: int, *, up: bool) -> None:
    wait_for(lambda: world.probed(f"sip:{GATEWAY}:{port}", up=up), 20)


def gateway_of_a_call(world: EdgeWorld) -> tuple[int, float]:
    """Which gateway a call took, and how many others were tried before."""
    card_id, ani = world.new_card(1_000_000)
    failovers = world.metric("cardswitch_edge_failovers_total")
    world.all_as_written(world.caller([*calls(ani), *hangs_up(ani)]))
    return world.cdr(card_id)["gateway_id"], world.metric("cardswitch_edge_failovers_total") - failovers


def test_a_dead_gateway_is_not_tried_first_until_it_lives_again(probing: EdgeWorld) -> None:
    first, second = probing.gateway_ports
    with MediaServer(second, GATEWAY):
        with MediaServer(first, GATEWAY):
            wait_until(probing, first, up=True)
            assert gateway_of_a_call(probing) == (GATEWAY_1, 0)
        wait_until(probing, first, up=False)
        assert gateway_of_a_call(probing) == (GATEWAY_2, 0)
        with MediaServer(first, GATEWAY):
            wait_until(probing, first, up=True)
            assert gateway_of_a_call(probing) == (GATEWAY_1, 0)


def test_gateways_that_are_all_dead_are_tried_all_the_same(probing: EdgeWorld) -> None:
    """The probes have not seen yet that the second is back: the first, dead, is tried, and then the second."""
    first, second = probing.gateway_ports
    for port in (first, second):
        wait_until(probing, port, up=False)
    with MediaServer(second, GATEWAY):
        assert gateway_of_a_call(probing)[0] == GATEWAY_2


def test_a_gateway_that_is_added_is_probed_without_a_restart(probing: EdgeWorld) -> None:
    port = free_port(GATEWAY)
    (carrier,) = {row["carrier_id"] for row in probing.database.rows("SELECT carrier_id FROM carrier", ())}
    with MediaServer(port, GATEWAY):
        probing.core.add_gateway(carrier, f"sip:{GATEWAY}:{port}", priority=1)
        wait_until(probing, port, up=True)
        assert gateway_of_a_call(probing) == (GATEWAY_3, 0)
