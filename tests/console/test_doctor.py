"""The doctor on machines that are ill: each fault is found and comes with advice. On a healthy stack: tests/e2e."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from console.doctor import machine
from console.doctor.finding import Health
from rating.journal import file_name
from rating.settings import DatabaseSettings, Settings, load_settings
from tests.console.conftest import Run
from tests.ledger.world import World

ILL = 1


def findings(document: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """(health, found) by part."""
    found: dict[str, list[tuple[str, str]]] = {}
    for each in document["findings"]:
        found.setdefault(each["part"], []).append((each["health"], each["found"]))
    return found


@pytest.fixture
def dead_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def changed(config: Path, directory: Path, text: str) -> Path:
    """The settings with some text after them, in a file of their own."""
    file = directory / "cardswitch.toml"
    file.write_text(config.read_text() + text)
    return file


@pytest.fixture(autouse=True)
def prompts_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their check takes seconds, and has tests of its own."""
    monkeypatch.setattr(machine, "prompts", lambda _settings, _languages: iter(()))


def test_parts_that_do_not_answer_are_faults_with_advice(
    run: Run, config: Path, tmp_path: Path, dead_port: int
) -> None:
    parts = "".join(
        f'\n[{part}]\n{key} = "127.0.0.1:{dead_port}"\n'
        for part, key in (("edge", "sip"), ("mediasrv", "sip"), ("rtpengine", "ng"), ("keeper", "http"))
    )
    ended = run("doctor", "--config", changed(config, tmp_path, parts), "--json")
    found = findings(ended.document)
    assert (ended.status, ended.document["ok"]) == (ILL, False)
    for part in ("edge", "mediasrv", "rtpengine", "keeper"):
        assert [health for health, _ in found[part]] == ["fault"], found[part]
    assert ("ok", "answers") in found["ledger"]
    assert found["journal"] == [("ok", "is applied to its end")]
    assert all(each["advice"] for each in ended.document["findings"] if each["health"] == "fault")


def test_a_ledger_out_of_reach_is_a_fault_and_the_rest_is_examined(run: Run, config: Path, tmp_path: Path) -> None:
    file = tmp_path / "cardswitch.toml"
    lines = [
        f'unix_socket = "{tmp_path}/nobody"' if "unix_socket" in line else line
        for line in config.read_text().splitlines()
    ]
    file.write_text("\n".join(lines))
    ended = run("doctor", "--config", file)
    assert ended.status == ILL
    assert "fault ledger          the ledger does not answer" in ended.out
    assert "→ start MariaDB" in ended.out
    assert "MB free at" in ended.out


def test_an_unread_journal_and_empty_decks_are_found(run: Run, config: Path, world: World) -> None:
    world.core.create_product("Empty", currency="USD", deck="nothing-yet")
    journal = load_settings(config).journal_dir
    journal.mkdir(exist_ok=True)
    file = journal / file_name(int(time.time()) // 3600)
    file.write_bytes(b"x\n" * 100_000)
    try:
        found = findings(run("doctor", "--json").document)
    finally:
        file.unlink()
    assert found["journal"] == [("note", "200,000 bytes are not applied yet")], found["journal"]
    assert ("fault", "product Empty has no rates: deck nothing-yet is empty") in found["decks"]


def test_deep_recomputes_the_books(run: Run) -> None:
    assert ("ok", "adds up") in findings(run("doctor", "--deep", "--json").document)["ledger"]


def settings_with(tmp_path: Path, keeper: dict[str, Any]) -> Settings:
    base = {"node": {"name": "x"}, "keeper": keeper}
    return Settings(tmp_path / "c.toml", "x", DatabaseSettings(), tmp_path / "p", tmp_path, tmp_path, base)


def test_a_certificate_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (finding,) = machine.certificates(settings_with(tmp_path, {"certificates": [str(tmp_path / "none.pem")]}))
    assert (finding.health, finding.part) == (Health.FAULT, "certificates")
    (none,) = machine.certificates(settings_with(tmp_path, {}))
    assert none.health is Health.OK


def test_a_full_disk_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        free = 100 * 2**20

    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: Full)
    (finding,) = machine.disk(settings_with(tmp_path, {}))
    assert (finding.health, finding.found) == (Health.FAULT, f"100 MB free at {tmp_path}")


def test_the_clock_is_looked_at() -> None:
    assert all(finding.part == "clock" for finding in machine.clock())
