"""A server for all tests of the ledger, a fresh ledger and a small world in it for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.stack.mariadb import PrivateMariaDb
from rating.settings import DatabaseSettings
from tests.ledger.world import World
from tests.support.mariadb import fresh_ledger, private_mariadb


@pytest.fixture(scope="session")
def server() -> Iterator[PrivateMariaDb]:
    with private_mariadb() as running:
        yield running


@pytest.fixture
def ledger(server: PrivateMariaDb) -> Iterator[DatabaseSettings]:
    with fresh_ledger(server) as settings:
        yield settings


@pytest.fixture
def world(ledger: DatabaseSettings, tmp_path: Path) -> World:
    return World(ledger, tmp_path)
