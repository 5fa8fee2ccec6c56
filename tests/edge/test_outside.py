"""Running calls ended, shortened and lengthened from outside; and who may not do that."""

import http.client
from contextlib import closing

import pytest

from rating import edges
from tests.edge.parts import ANSWERS, HANGS_UP, calls
from tests.edge.sipp import must_not_have, receive
from tests.edge.world import EDGE, MICROS_PER_SECOND, EdgeWorld, wait_for

ENDS = [receive("BYE", timeout_ms=20_000), *HANGS_UP[1:]]


def connected(world: EdgeWorld, card_id: int) -> dict[str, str]:
    """The ledger's row of the card's call, once its answer is known there and the edge has the ACK."""

    def found() -> dict[str, str] | None:
        hold = world.hold_of(card_id)
        rows = world.database.rows("SELECT *, LOWER(HEX(call_id)) AS call_key FROM hold WHERE answered_us IS NOT NULL")
        running = [row for row in rows if hold and row["hold_id"].hex() == hold]
        return running[0] if running and world.rpc("dlg.stats_active")["ongoing"] else None

    row: dict[str, str] = wait_for(found)
    return row


@pytest.mark.parametrize("key", ["hold", "call"])
def test_a_running_call_is_hung_up_from_outside_by_its_hold_or_its_call_id(world: EdgeWorld, key: str) -> None:
    card_id, ani = world.new_card(1_000_000)
    without_reason = [receive("BYE", action=must_not_have("Reason: ")), *HANGS_UP[1:]]
    gateway = world.gateway([*ANSWERS, *without_reason])
    caller = world.caller([*calls(ani), *without_reason])
    row = connected(world, card_id)
    assert edges.end_call(world.settings, str(world.hold_of(card_id)) if key == "hold" else row["call_key"])
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["outcome"], cdr["ended_by"], cdr["charge_micros"]) == ("captured", "platform", MICROS_PER_SECOND)
    assert not edges.end_call(world.settings, cdr["hold_id"])  # nothing runs any more


def test_a_call_is_lengthened_by_its_timer_but_never_charged_more_than_was_held(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(2 * MICROS_PER_SECOND)
    gateway = world.gateway([*ANSWERS, *ENDS])
    caller = world.caller([*calls(ani), *ENDS])
    connected(world, card_id)
    assert edges.set_limit(world.settings, str(world.hold_of(card_id)), 5)
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert cdr["ended_us"] - cdr["answered_us"] >= 5_000_000
    assert (cdr["ended_by"], cdr["charge_micros"]) == ("timeout", 2 * MICROS_PER_SECOND)


def test_a_call_is_shortened(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    gateway = world.gateway([*ANSWERS, *ENDS])
    caller = world.caller([*calls(ani), *ENDS])
    connected(world, card_id)
    assert edges.set_limit(world.settings, str(world.hold_of(card_id)), 1)
    world.all_as_written(caller, gateway)
    assert world.cdr(card_id)["ended_by"] == "timeout"


def test_what_does_not_run_cannot_be_ended_and_a_node_that_nobody_knows_is_named(world: EdgeWorld) -> None:
    assert not edges.end_call(world.settings, "0" * 32)
    assert not edges.end_call(world.settings, "no id")
    assert not edges.Edges(world.settings).end("edge1", "1:2")
    with pytest.raises(edges.EdgeUnavailableError, match="where is edge edge7"):
        edges.Edges(world.settings).end("edge7", "1:2")


@pytest.mark.parametrize("path", ["/rpc", "/metrics", "/calls/1:2/end", "/calls/1:2/limit/9"])
def test_the_sip_port_offers_none_of_the_http_listeners_doors(world: EdgeWorld, path: str) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"core.version"}'

    def ask(port: int) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection(EDGE, port, timeout=5)) as connection:
            connection.request("GET" if path == "/metrics" else "POST", path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()

    status, answer = ask(world.http_port)
    assert status == 200 or answer == b"no such call\n"
    assert ask(world.sip_port) == (404, b"\n")
