"""The books hold through days of simulated calls with everything going wrong."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.stack.mariadb import PrivateMariaDb
from rating.settings import DatabaseSettings
from tests.simulator.simulation import Simulation
from tests.support.mariadb import fresh_ledger, private_mariadb

CALLS = 20_000  # of the suite; more by `--calls`
SEED = 20_261_128


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateMariaDb]:
    with private_mariadb() as running:
        with running.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 0")  # no machine is switched off here
        yield running


@pytest.fixture
def ledger(server: PrivateMariaDb) -> Iterator[DatabaseSettings]:
    with fresh_ledger(server) as settings:
        yield settings


@pytest.mark.timeout(0)  # a run of millions takes hours; each statement has a time-out of its own
def test_calls_with_faults_leave_the_books_right(
    ledger: DatabaseSettings, tmp_path: Path, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    calls, seed = request.config.getoption("--calls", None), request.config.getoption("--seed", None)
    caplog.set_level(logging.CRITICAL, "rating")  # there is a line for each call that is swept
    report = Simulation(ledger, tmp_path, seed=seed or SEED, calls=calls or CALLS).run()
    print(report)
    assert report.settled > report.placed // 10  # it was no idle run
