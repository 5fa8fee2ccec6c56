"""The ledger away, hung, and back: new calls fail fast, nothing is decided, and what was written before counts."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from console.stack.mariadb import PrivateMariaDb
from rating.cards import now_us
from rating.journal import JournalReader, JournalWriter, file_name
from rating.model import Authorised, Card
from rating.outcome import LedgerUnavailableError, Refusal
from rating.settings import DatabaseSettings
from tests.ledger.test_keeper_process import end, free_port, get, keeper, wait_for, write_settings
from tests.ledger.world import World
from tests.support.mariadb import fresh_ledger, private_mariadb


@pytest.fixture(scope="module")
def own_server() -> Iterator[PrivateMariaDb]:
    """A server of this module's own: it is stopped and frozen."""
    with private_mariadb() as running:
        yield running


@pytest.fixture
def own_world(own_server: PrivateMariaDb, tmp_path: Path) -> Iterator[World]:
    with fresh_ledger(own_server) as ledger:
        yield World(replace(ledger, read_timeout_s=0.5), tmp_path)


def test_a_new_call_is_refused_fast_while_the_ledger_is_down_and_placed_when_it_is_back(
    own_world: World, own_server: PrivateMariaDb
) -> None:
    card = own_world.new_card(1_000_000)
    own_world.core.card(card)
    request = own_world.call(card)
    own_server.stop()
    with pytest.raises(LedgerUnavailableError):
        own_world.core.authorise(request)
    assert own_world.core.access_numbers() == {}  # identifying goes on with what is known
    own_server.start()
    assert isinstance(own_world.core.authorise(request), Authorised)


def test_a_connection_that_the_server_closed_is_replaced_unnoticed(
    own_world: World, own_server: PrivateMariaDb
) -> None:
    card = own_world.new_card(1_000_000)
    own_world.core.card(card)
    own_server.stop()
    own_server.start()
    assert isinstance(own_world.core.card(card), Card)


def test_a_frozen_ledger_costs_the_read_timeout_and_no_more(own_world: World, own_server: PrivateMariaDb) -> None:
    card = own_world.new_card(1_000_000)
    own_world.core.card(card)
    request = own_world.call(card)
    assert own_server.process is not None
    os.kill(own_server.process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(LedgerUnavailableError):
            own_world.core.authorise(request)
    finally:
        os.kill(own_server.process.pid, signal.SIGCONT)
    # Whether the frozen server went on with it or not: asking again by the same hold id holds once.
    answer = own_world.core.authorise(request)
    assert isinstance(answer, Authorised), answer
    assert own_world.core.check().held == answer.held_micros


def test_a_wrong_password_is_an_outage_not_a_crash(own_world: World) -> None:
    settings: DatabaseSettings = replace(own_world.ledger, password="wrong")
    own_world.ledger = settings
    with pytest.raises(LedgerUnavailableError):
        own_world.another_core().card(1)


def test_the_keeper_waits_for_the_ledger_and_settles_what_ended_meanwhile(
    own_world: World, own_server: PrivateMariaDb, tmp_path: Path
) -> None:
    port = free_port()
    own_world.now_us = now_us()  # the keeper's clock
    authorised = own_world.authorised(own_world.new_card(1_000_000))
    writer = JournalWriter(tmp_path / "journal", "edge1")
    with keeper(write_settings(own_world, tmp_path, port)):
        wait_for(lambda: get(port, "/healthz")[0] == 200, "a healthy keeper")
        own_server.stop()
        end(writer, authorised, 10)
        wait_for(lambda: get(port, "/healthz")[0] == 503, "the keeper to notice")
        own_server.start()
        wait_for(lambda: own_world.core.check().held == 0, "the call to be settled")
        wait_for(lambda: get(port, "/healthz")[0] == 200, "a healthy keeper")
    assert own_world.core.check().charged == 60_000


def test_a_full_disk_loses_the_record_not_the_call(tmp_path: Path) -> None:
    hour = int(time.time()) // 3600
    for name in (file_name(hour), file_name(hour + 1)):
        (tmp_path / name).symlink_to("/dev/full")
    writer = JournalWriter(tmp_path, "edge1")
    assert not writer.append({"ev": "end"})
    assert writer.failures == 1
    for file in tmp_path.iterdir():
        file.unlink()
    (tmp_path / file_name(hour)).touch()
    assert writer.append({"ev": "end"})  # there is room again
    assert len(JournalReader(tmp_path).read({}, 10).events) == 1


def test_refusals_stay_refusals(own_world: World) -> None:
    assert own_world.core.card(4711) is Refusal.UNKNOWN_CARD
