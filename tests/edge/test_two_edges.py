"""An edge dies with its keeper, for good: another node's keeper ends its calls through that node's edge."""

from collections.abc import Iterator

import pytest

from console.stack.ports import free_port
from tests.edge.parts import ANSWERS, HANGS_UP, calls
from tests.edge.sipp import must_have, receive
from tests.edge.world import EDGE, MICROS_PER_SECOND, EdgeWorld, edge_world, wait_for

ENDS = [receive("BYE", timeout_ms=40_000, action=must_have("Reason: Q\\.850;cause=102")), *HANGS_UP[1:]]


@pytest.fixture
def first() -> Iterator[EdgeWorld]:
    with edge_world(udp_workers=2, async_workers=1, keeper=True) as running:
        yield running


def start_second_node(world: EdgeWorld) -> None:
    """Its own Kamailio and keeper; ledger and media relay are those of the first."""
    directory, http = world.directory / "edge2", free_port(EDGE)
    directory.mkdir()
    text = world.settings.path.read_text()
    for old, new in (
        ('name = "edge1"', 'name = "edge2"'),
        (world.edge, f"{EDGE}:{free_port(EDGE)}"),
        (f"{EDGE}:{world.http_port}", f"{EDGE}:{http}"),
        (f"{EDGE}:{world.keeper_port}", f"{EDGE}:{free_port(EDGE)}"),
        (f"{world.directory}/kamailio", f"{directory}/kamailio"),
        (f"{world.directory}/metrics", f"{directory}/metrics"),
        (f"{world.directory}/journal", f"{directory}/journal"),
    ):
        assert old in text
        text = text.replace(old, new)
    file = directory / "cardswitch.toml"
    file.write_text(f'{text}dead_edge_s = 2\n[edges]\nedge1 = "{EDGE}:{world.http_port}"\n')
    for name, module in (("kamailio2", "kemi.launch"), ("keeper2", "rating.keeper")):
        world.start_process(name, [world.python, "-m", module, "--config", str(file)])
    wait_for((directory / "kamailio" / "rpc.sock").exists, 20)


def test_the_calls_of_a_dead_edge_are_ended_through_another_edge(first: EdgeWorld) -> None:
    card_id, ani = first.new_card(9 * MICROS_PER_SECOND)
    start_second_node(first)
    gateway = first.gateway([*ANSWERS, *ENDS], timeout_s=60)
    caller = first.caller([*calls(ani), *ENDS], timeout_s=60)
    wait_for(lambda: first.database.rows("SELECT 1 FROM hold WHERE legs IS NOT NULL"), 20)
    first.kill_kamailio()
    first.kill_keeper()
    assert first.relayed_calls() == 1
    first.all_as_written(caller, gateway)
    wait_for(lambda: first.relayed_calls() == 0)
    assert first.card(card_id).held_micros == 9 * MICROS_PER_SECOND  # until edge1's journal is there, or the sweeper
    assert first.core.check().ok
