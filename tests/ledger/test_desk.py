"""Calls authorised together, by the desk and without it: each as if it were alone."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rating.core import RatingCore
from rating.desk.client import DeskAwayError, DeskClient
from rating.desk.server import Desk
from rating.desk.wire import DeskError, pack_request
from rating.model import Authorised, CallRequest
from rating.outcome import LedgerUnavailableError, Refusal
from rating.settings import load_settings
from tests.ledger.test_keeper_process import free_port, wait_for, write_settings
from tests.ledger.world import LONDON, NOWHERE, World

ANI = "14155550123"


def outcomes(answers: list[object]) -> list[object]:
    return [isinstance(answer, Authorised) or answer for answer in answers]


def test_calls_of_several_cards_are_held_together_and_the_refused_ones_harm_nobody(world: World) -> None:
    rich, poor, late = world.new_card(1_000_000), world.new_card(59_999), world.new_card(1_000_000)
    asked = [
        world.call(late),
        world.call(poor),
        world.call(4711),
        world.call(rich, NOWHERE),
        world.call(rich),
        world.call(rich),
    ]
    assert outcomes(world.core.authorise_all(asked)) == [
        True,
        Refusal.NO_CREDIT,
        Refusal.UNKNOWN_CARD,
        Refusal.NO_RATE,
        True,
        Refusal.CALL_LIMIT,  # the card's second call at once: it has seen the first
    ]
    check = world.core.check()
    assert (check.ok, check.held) == (True, 2 * 960_000)


def test_calls_of_one_card_in_one_group_share_its_balance(world: World) -> None:
    world.core.create_product("Crowd", currency="USD", deck="retail", calls_at_once=0, longest_call_s=60)
    card = world.new_card(3 * 60_000, "Crowd")
    answers = outcomes(world.core.authorise_all([world.call(card) for _ in range(5)]))
    assert answers == [True, True, True, Refusal.NO_CREDIT, Refusal.NO_CREDIT]
    check = world.core.check()
    assert (check.ok, check.held) == (True, 3 * 60_000)


def test_a_hold_id_that_comes_twice_is_held_once_and_its_neighbours_are_served(world: World) -> None:
    card, other, third = (world.new_card(1_000_000) for _ in range(3))
    repeated, beside = world.call(card), world.call(other)
    first = world.core.authorise(repeated)
    again, neighbour = world.core.authorise_all([repeated, beside])
    assert again == first
    assert isinstance(neighbour, Authorised)
    twice = world.call(third)
    one, two = world.core.authorise_all([twice, twice])
    assert isinstance(one, Authorised)
    assert one == two
    stranger = replace(world.call(other), hold_id=repeated.hold_id)
    world.core.void(neighbour.hold_id)
    assert world.core.authorise_all([stranger]) == [Refusal.HOLD_USED]
    assert world.core.check().ok


def test_a_hold_id_that_comes_again_with_many_calls_at_once_allowed_gets_the_first_answer(world: World) -> None:
    world.core.create_product("Crowd", currency="USD", deck="retail", calls_at_once=0, longest_call_s=60)
    card, other = world.new_card(1_000_000, "Crowd"), world.new_card(1_000_000, "Crowd")
    request = world.call(card)
    first = world.core.authorise(request)
    assert outcomes(world.core.authorise_all([world.call(other), request])) == [True, True]
    assert world.core.authorise(request) == first
    world.core.void(request.hold_id)
    assert world.core.authorise(request) is Refusal.HOLD_USED
    assert world.core.check().ok


def test_a_call_that_meets_a_bug_fails_alone(world: World) -> None:
    good, bad = world.call(world.new_card(1_000_000)), world.call(world.new_card(1_000_000), "44 is no number")
    answers = world.core.authorise_all([good, bad])
    assert isinstance(answers[0], Authorised)
    assert isinstance(answers[1], ValueError)
    assert world.core.check().held == answers[0].held_micros


def test_a_callerid_is_found_and_held_for_in_one_go(world: World) -> None:
    card = world.new_card(1_000_000)
    assert world.core.register_ani(card, ANI) is None
    request = world.call(0, ani=ANI)
    authorised = world.core.authorise_caller(request)
    assert isinstance(authorised, Authorised)
    assert (authorised.card_id, authorised.limit_s, authorised.ani) == (card, 960, ANI)
    assert world.core.authorise_caller(request) == authorised
    assert world.core.authorise_caller(world.call(0, ani=ANI)) is Refusal.CALL_LIMIT
    assert world.core.authorise_caller(world.call(0, ani="14155550124")) is None
    assert world.core.authorise_caller(world.call(0)) is None  # anonymous
    world.core.forget_ani(card, ANI)
    assert world.core.authorise_caller(world.call(0, ani=ANI)) is None


def test_a_callerid_that_is_attested_too_badly_for_its_card_is_asked_for_the_pin(world: World) -> None:
    world.core.create_product("Signed", currency="USD", deck="retail", attestation="B")
    assert world.core.register_ani(world.new_card(1_000_000, "Signed"), ANI) is None
    for level in ("", "C"):
        assert world.core.authorise_caller(world.call(0, ani=ANI, attestation=level)) is None
    assert isinstance(world.core.authorise_caller(world.call(0, ani=ANI, attestation="A")), Authorised)


@contextmanager
def desk(world: World, path: Path, late_s: float = 60.0) -> Iterator[RatingCore]:
    """A desk, and a rating core that asks it."""
    serving = Desk(path, world.another_core().authorise_all, late_s=late_s)
    serving.start()
    try:
        core = world.another_core()
        core._desk = DeskClient(str(path), 60.0)
        yield core
    finally:
        serving.stop()


def test_the_desk_answers_as_the_core_does(world: World, tmp_path: Path) -> None:
    card = world.new_card(1_000_000)
    assert world.core.register_ani(card, ANI) is None
    with desk(world, tmp_path / "desk") as core:
        request = world.call(card)
        assert core.authorise(request) == world.core.authorise(request)
        assert core.authorise(world.call(card)) is Refusal.CALL_LIMIT
        assert core.authorise(world.call(4711)) is Refusal.UNKNOWN_CARD
        assert core.authorise_caller(world.call(0, ani="14155550124")) is None
        with pytest.raises(DeskError):
            core.authorise(world.call(world.new_card(1_000_000), "44 is no number"))
        core.void(request.hold_id)
        assert isinstance(core.authorise_caller(world.call(0, ani=ANI)), Authorised)
    assert isinstance(core.authorise(world.call(world.new_card(1_000_000))), Authorised)  # the desk is gone: without it


def test_many_at_the_desk_never_hold_more_than_a_card_has(world: World, tmp_path: Path) -> None:
    world.core.create_product("Crowd", currency="USD", deck="retail", calls_at_once=0, longest_call_s=60)
    cards = [world.new_card(10 * 60_000, "Crowd") for _ in range(3)]
    with desk(world, tmp_path / "desk") as core, ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda number: core.authorise(world.call(cards[number % 3])), range(120)))
    assert sum(isinstance(answer, Authorised) for answer in answers) == 30
    assert {answer for answer in answers if isinstance(answer, Refusal)} == {Refusal.NO_CREDIT}
    check = world.core.check()
    assert (check.ok, check.held) == (True, 30 * 60_000)


def test_a_request_that_waited_too_long_holds_nothing(world: World, tmp_path: Path) -> None:
    with desk(world, tmp_path / "desk", late_s=5.0):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client.connect(str(tmp_path / "desk"))
        client.settimeout(30)
        request = world.call(world.new_card(1_000_000))
        client.send(pack_request(request, time.monotonic_ns() // 1000 - 5_000_001))
        assert b"unavailable" in client.recv(65_536)
        client.send(b"no JSON")
        assert client.recv(65_536) == b""  # who talks nonsense is left
        client.close()
    assert world.core.check().held == 0


def test_a_desk_that_does_not_answer_means_that_the_ledger_is_away(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        client = DeskClient(str(tmp_path / "desk"), 0.2)
        request = CallRequest("a" * 32, "b" * 32, 1, LONDON)
        with pytest.raises(DeskAwayError):
            client.authorise(request)
        listener.bind(str(tmp_path / "desk"))
        listener.listen()
        with pytest.raises(LedgerUnavailableError):
            client.authorise(request)


def test_a_killed_desk_costs_no_call_and_holds_none_twice(world: World, tmp_path: Path) -> None:
    config = write_settings(world, tmp_path, free_port())
    patient = config.read_text().replace("[secrets]", "read_timeout_s = 60.0\n[secrets]")
    config.write_text(f'{patient}[desk]\nsocket = "{tmp_path}/desk"\n')
    core = RatingCore.from_settings(load_settings(config))
    cards = [world.new_card(1_000_000) for _ in range(40)]
    command = [sys.executable, "-P", "-m", "rating.desk", "--config", str(config)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        wait_for((tmp_path / "desk").exists, "the desk")
        with ThreadPoolExecutor(4) as clients:
            answers = [clients.submit(core.authorise, world.call(card)) for card in cards]
            answers[10].result(60)
            os.kill(process.pid, signal.SIGKILL)
            assert all(isinstance(answer.result(60), Authorised) for answer in answers)
    finally:
        process.kill()
        process.wait(30)
    check = world.core.check()
    assert (check.ok, check.held) == (True, 40 * 960_000)
