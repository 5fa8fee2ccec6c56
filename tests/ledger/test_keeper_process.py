"""The keeper as a process: it settles, shows it, survives kill -9 and a ledger that goes away."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from rating.cards import now_us
from rating.database import Database
from rating.journal import JournalWriter, boot_clock_us
from rating.model import Authorised, Card
from rating.settings import DatabaseSettings
from rating.store import settlement
from tests.ledger.world import World

DEADLINE_S = 60.0


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.02)


def free_port() -> int:
    for port in range(21_000 + os.getpid() % 5000, 32_000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


def write_settings(world: World, directory: Path, port: int) -> Path:
    (directory / "pepper").write_bytes(b"p" * 32)
    database: DatabaseSettings = world.ledger
    path = directory / "cardswitch.toml"
    path.write_text(
        f"""
[node]
name = "edge1"
[database]
unix_socket = "{database.unix_socket}"
password = "{database.password}"
name = "{database.name}"
[secrets]
pepper_file = "{directory}/pepper"
[journal]
directory = "{directory}/journal"
[decks]
cache_directory = "{directory}/decks"
[keeper]
http = "127.0.0.1:{port}"
[log]
calls = "{directory}/calls"
"""
    )
    return path


@contextmanager
def keeper(settings: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "rating.keeper", "--config", str(settings)])
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(DEADLINE_S)


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def metric(port: int, line: str) -> str:
    """The value of the metric that is written so (name with labels); "" when it is not there."""
    for found in get(port, "/metrics")[1].splitlines():
        if found.startswith(line + " "):
            return found.removeprefix(line + " ")
    return ""


def end(writer: JournalWriter, authorised: Authorised, seconds: int) -> None:
    at_us, mono_us = now_us(), boot_clock_us()
    assert writer.append(
        {
            "ev": "end",
            "hold": authorised.hold_id,
            "call": authorised.call_id,
            "answer_us": at_us - seconds * 1_000_000,
            "answer_mono_us": mono_us - seconds * 1_000_000,
            "t_us": at_us,
            "mono_us": mono_us,
            "carrier_id": 1,
            "cause": 16,
            "by": "callee",
        }
    )


@pytest.fixture
def busy(world: World) -> int:
    """A card that may place any number of calls, at the keeper's own time."""
    world.now_us = now_us()
    world.core.create_product("Busy", currency="USD", deck="retail", calls_at_once=0, longest_call_s=60)
    return world.new_card(1_000_000_000, "Busy")


def test_the_keeper_settles_within_its_poll_and_shows_the_spend(world: World, busy: int, tmp_path: Path) -> None:
    port = free_port()
    voucher = world.core.issue_batch(world.product_id, 1, 2_500_000)[0]
    assert isinstance(world.core.refill_by_voucher(busy, voucher.pin, ani=None, trunk="t"), Card)
    with keeper(write_settings(world, tmp_path, port)) as process:
        wait_for(lambda: get(port, "/healthz")[0] == 200, "a healthy keeper")
        assert json.loads(get(port, "/healthz")[1])["ok"]
        authorised = world.authorised(busy)
        end(JournalWriter(tmp_path / "journal", "edge1"), authorised, 10)
        to_london = '{currency="USD",destination_group="GB",product="Busy"}'
        wait_for(lambda: metric(port, f"cardswitch_spend_charged_total{to_london}") == "0.06", "the spend")
        assert metric(port, f"cardswitch_spend_cost_total{to_london}") == "0.001"
        assert metric(port, 'cardswitch_calls_settled_total{outcome="captured"}') == "1.0"
        wait_for(lambda: metric(port, "cardswitch_ledger_invariant") == "1.0", "the ledger's check")
        assert metric(port, 'cardswitch_refills_total{currency="USD",product="Busy"}') == "1.0"
        assert metric(port, 'cardswitch_refilled_total{currency="USD",product="Busy"}') == "2.5"
        (step,) = map(json.loads, (tmp_path / "calls" / "keeper.jsonl").read_text().splitlines())
        assert (step["call"], step["step"], step["charge_micros"]) == (authorised.call_id, "settled", 60_000)
        process.terminate()
        assert process.wait(DEADLINE_S) == 0


def test_a_keeper_killed_again_and_again_settles_every_call_once(world: World, busy: int, tmp_path: Path) -> None:
    calls = [world.authorised(busy) for _ in range(300)]
    writer = JournalWriter(tmp_path / "journal", "edge1")
    settings = write_settings(world, tmp_path, free_port())
    database = Database(world.ledger)
    for part in range(3):
        with keeper(settings) as process:
            before = settlement.offsets(database, "edge1")
            for authorised in calls[part * 100 : part * 100 + 100]:
                end(writer, authorised, 10)
            wait_for(lambda: settlement.offsets(database, "edge1") != before, "some progress")  # noqa: B023
            process.send_signal(signal.SIGKILL)
    with keeper(settings):
        wait_for(lambda: world.core.check().held == 0, "all calls settled")
    check = world.core.check()
    assert check.ok, check.problems
    assert check.charged == 300 * 60_000
    assert len(world.core.cdrs()) == 300


def test_bad_settings_end_the_keeper_with_one_clear_line(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    done = subprocess.run(
        [sys.executable, "-m", "rating.keeper", "--config", str(missing)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"the keeper cannot start: cannot read the settings file {missing}: No such file or directory"
    )
