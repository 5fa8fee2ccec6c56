"""One server and one ledger for all tests of the commands: each makes cards and numbers of its own."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from console.main import main
from rating.settings import DatabaseSettings
from tests.ledger.world import World
from tests.support.mariadb import fresh_ledger, private_mariadb


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture(scope="session")
def ledger() -> Iterator[DatabaseSettings]:
    with private_mariadb() as server, fresh_ledger(server) as settings:
        yield replace(settings, connect_timeout_s=20.0, read_timeout_s=20.0)  # a busy machine is no outage


@pytest.fixture(scope="session")
def world(ledger: DatabaseSettings, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(ledger, tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def config(ledger: DatabaseSettings, world: World) -> Path:
    (world.directory / "pepper").write_bytes(b"p" * 32)
    file = world.directory / "cardswitch.toml"
    file.write_text(
        f"""
        [node]
        name = "test"
        [database]
        unix_socket = "{ledger.unix_socket}"
        user = "{ledger.user}"
        password = "{ledger.password}"
        name = "{ledger.name}"
        connect_timeout_s = {ledger.connect_timeout_s}
        read_timeout_s = {ledger.read_timeout_s}
        [secrets]
        pepper_file = "{world.directory}/pepper"
        [journal]
        directory = "{world.directory}/journal"
        [decks]
        cache_directory = "{world.directory}/decks"
        """
    )
    return file


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process, without a terminal; a first part that ends in "--json" is what it says."""
    monkeypatch.setenv("CARDSWITCH_CONFIG", str(config))
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ended(int(ended.value.code or 0), out, err)

    return call
