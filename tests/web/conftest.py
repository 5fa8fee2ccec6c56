"""One database server and one console for all tests of this package."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.stack.mariadb import PrivateMariaDb
from tests.support.mariadb import private_mariadb
from tests.web.world import Console, running_console


@pytest.fixture(scope="session")
def server() -> Iterator[PrivateMariaDb]:
    with private_mariadb() as running:
        yield running


@pytest.fixture(scope="session")
def console(server: PrivateMariaDb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(server, tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest.fixture
def own_console(server: PrivateMariaDb, tmp_path: Path) -> Iterator[Console]:
    """One that nobody else uses: its lock-outs and limits are the test's own."""
    with running_console(server, tmp_path) as running:
        yield running
