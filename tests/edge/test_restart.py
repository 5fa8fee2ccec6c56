"""Before an edge is restarted: its new settings are tried aside, and it is drained."""

from pathlib import Path

import pytest

from console.stack.probe import sip_options
from kemi.drain import drain
from kemi.dry_start import DryStartError, as_toml, dry_start
from rating.settings import Settings, load_settings
from tests.edge.parts import ANSWERS, HANGS_UP, calls, hangs_up, refused
from tests.edge.sipp import pause, receive
from tests.edge.world import EDGE, MICROS_PER_SECOND, EdgeWorld, wait_for


def test_an_edge_is_started_aside_while_the_running_one_goes_on(world: EdgeWorld) -> None:
    before = world.kamailio.pid
    dry_start(world.settings)
    assert world.kamailio.poll() is None
    assert world.kamailio.pid == before
    assert sip_options((EDGE, world.sip_port)) == 200


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        (("edge", "longest_call_s", "for ever"), "kamailio -c refuses the configuration"),
        (("database", "password", "wrong"), "does not answer OPTIONS by 200"),
    ],
)
def test_settings_with_which_it_would_take_no_calls_are_told_before_anything_is_touched(
    world: EdgeWorld, tmp_path: Path, setting: tuple[str, str, str], reason: str
) -> None:
    with pytest.raises(DryStartError, match=reason):
        dry_start(changed(world.settings, tmp_path, *setting), answers_within_s=6.0)


def changed(settings: Settings, directory: Path, table: str, name: str, value: str) -> Settings:
    tables = {key: dict(entries) for key, entries in settings.tables.items()}
    tables[table][name] = value
    file = directory / "cardswitch.toml"
    file.write_text(as_toml(tables))
    return load_settings(file)


def test_a_drained_edge_takes_no_new_calls_and_keeps_the_running_one_through_its_restart(world: EdgeWorld) -> None:
    card_id, ani = world.new_card(1_000_000)
    _, other = world.new_card(1_000_000)
    gateway = world.gateway([*ANSWERS, receive("BYE", timeout_ms=30_000), *HANGS_UP[1:]])
    caller = world.caller([*calls(ani), pause(9000), *hangs_up(ani)])
    wait_for(lambda: "ACK" in gateway.messages())
    assert drain(f"{EDGE}:{world.http_port}", within_s=10.0) == 0
    world.all_as_written(world.caller(refused(other, 503)))
    assert sip_options((EDGE, world.sip_port)) == 503
    world.kamailio.terminate()
    world.kamailio.wait(10)
    world.start_kamailio()
    assert sip_options((EDGE, world.sip_port)) == 200
    world.all_as_written(caller, gateway)
    cdr = world.cdr(card_id)
    assert (cdr["ended_by"], cdr["charge_micros"]) == ("caller", 10 * MICROS_PER_SECOND)
