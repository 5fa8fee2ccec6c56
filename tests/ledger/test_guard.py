"""Calls whose end nobody told, and calls past their limit."""

import json
import socket
from pathlib import Path

import pytest

from rating.calllog import CallLog
from rating.database import Database
from rating.journal import JournalReader, JournalWriter
from rating.keeper.guard import Guard, GuardTimes, life_us
from rating.keeper.settle import Settler
from rating.model import Authorised, HoldView
from rating.outcome import HoldState
from rating.store import keeping, settlement
from tests.ledger.world import World

TIMES = GuardTimes(confirm_s=0)
SECOND_US = 1_000_000


class Edge:
    """A node's keeper without its process: settler and guard at the world's time."""

    def __init__(
        self, world: World, directory: Path, rpc_socket: Path | None = None, times: GuardTimes = TIMES
    ) -> None:
        self.world = world
        self.node = node = "edge1"
        self.directory = directory
        self.database = Database(world.ledger)
        self.settler = Settler(self.database, node, lambda *_: None, lambda: world.now_us)
        self.wall_us = 0  # by how much the clock on the wall was set forward
        self.guard = Guard(
            self.database,
            node,
            self.settler,
            ng=None,
            rpc_socket=rpc_socket,
            calls=CallLog(directory.parent, "keeper", node),
            times=times,
            clock_us=lambda: world.now_us + self.wall_us,
            boot_us=lambda: world.now_us,
        )

    def steps(self) -> list[tuple[str, str]]:
        """Call and step of each line of the call log."""
        lines = (self.directory.parent / "keeper.jsonl").read_text().splitlines()
        return [(step["call"], step["step"]) for step in map(json.loads, lines)]

    def answer(self, authorised: Authorised) -> None:
        writer = JournalWriter(self.directory, self.node)
        now = self.world.now_us
        times = {"t_us": now + self.wall_us, "mono_us": now}
        event = {"ev": "answer", "hold": authorised.hold_id, "dlg": "12:345", "callid": "c", **times}
        assert writer.append(event)
        offsets = settlement.offsets(self.database, self.node)
        assert self.settler.apply(JournalReader(self.directory).read(offsets, 10), offsets) is not None

    def wait(self, seconds: int) -> int:
        """Time passes; how many holds the sweeper then finds."""
        self.world.now_us += seconds * SECOND_US
        return self.guard.sweep()


@pytest.fixture
def edge(world: World, tmp_path: Path) -> Edge:
    return Edge(world, tmp_path / "journal")


def view(world: World, authorised: Authorised) -> HoldView:
    found = world.core.hold(authorised.hold_id)
    assert isinstance(found, HoldView)
    return found


def authorised_at(world: World, node: str) -> Authorised:
    card = world.new_card(1_000_000)
    request = world.call(card, node=node)
    answer = world.core.authorise(request)
    assert isinstance(answer, Authorised)
    return answer


def test_a_hold_never_answered_expires_and_is_free(world: World, edge: Edge) -> None:
    authorised = authorised_at(world, "edge1")
    assert edge.wait(TIMES.unanswered_s) == 0
    assert edge.wait(1) == 1
    assert view(world, authorised).state is HoldState.EXPIRED
    (record,) = world.core.cdrs()
    assert (record["outcome"], record["charge_micros"], record["ended_by"]) == ("expired", 0, "sweeper")
    assert edge.steps() == [(authorised.call_id, "swept")]
    check = world.core.check()
    assert (check.ok, check.held, check.charged) == (True, 0, 0)


def test_a_call_without_an_end_is_charged_up_to_its_last_sign_of_life(world: World, edge: Edge) -> None:
    authorised = authorised_at(world, "edge1")
    edge.answer(authorised)
    keeping.seen_alive(edge.database, authorised.hold_id, world.now_us + 60 * SECOND_US + SECOND_US - 1)
    keeping.seen_alive(edge.database, authorised.hold_id, world.now_us)  # signs of life never go back
    assert edge.wait(authorised.limit_s + TIMES.no_end_s) == 0
    assert edge.wait(1) == 1
    assert view(world, authorised).charge_micros == 60_000  # 60 whole seconds, the begun one is the caller's
    assert world.core.check().ok


def test_a_call_that_gave_no_sign_of_life_is_free(world: World, edge: Edge) -> None:
    authorised = authorised_at(world, "edge1")
    edge.answer(authorised)
    assert edge.wait(authorised.limit_s + TIMES.no_end_s + 1) == 1
    assert view(world, authorised).charge_micros == 0
    assert world.core.check().held == 0


def test_calls_of_another_node_are_left_to_it_for_longer(world: World, edge: Edge) -> None:
    authorised = authorised_at(world, "edge2")
    assert edge.wait(TIMES.unanswered_s + 1) == 0
    assert edge.wait(TIMES.other_nodes_s) == 1
    assert view(world, authorised).state is HoldState.EXPIRED


def test_an_end_that_comes_after_the_sweeper_changes_no_charge(world: World, edge: Edge) -> None:
    authorised = authorised_at(world, "edge1")
    edge.answer(authorised)
    edge.wait(authorised.limit_s + TIMES.no_end_s + 1)
    event = {"ev": "end", "hold": authorised.hold_id, "answer_us": 1, "answer_mono_us": 1}
    assert JournalWriter(edge.directory, "edge1").append(event)
    offsets = settlement.offsets(edge.database, "edge1")
    applied = edge.settler.apply(JournalReader(edge.directory).read(offsets, 10), offsets)
    assert applied is not None
    assert applied.repeated == 1
    assert world.core.check().charged == 0


def test_a_call_past_its_limit_is_ended_through_the_edge(world: World, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as rpc:
        rpc.bind(str(tmp_path / "rpc"))
        rpc.setblocking(False)
        edge = Edge(world, tmp_path / "journal", tmp_path / "rpc")
        authorised = authorised_at(world, "edge1")
        edge.answer(authorised)
        world.now_us += (authorised.limit_s + TIMES.overdue_s) * SECOND_US
        edge.guard.end_overdue()
        assert edge.guard.ended == 0
        world.now_us += 1
        edge.guard.end_overdue()
        request = json.loads(rpc.recv(4096))
    assert (request["method"], request["params"]) == ("dlg.end_dlg", [12, 345])
    assert edge.guard.ended == 1
    assert edge.steps() == [(authorised.call_id, "ended_overdue")]


def test_a_clock_that_is_set_forward_ends_no_call_and_frees_none(world: World, tmp_path: Path) -> None:
    edge = Edge(world, tmp_path / "journal", times=GuardTimes())
    ringing, connected = authorised_at(world, "edge1"), authorised_at(world, "edge1")
    edge.answer(connected)
    edge.wall_us += 86_400 * SECOND_US
    edge.guard.end_overdue()
    assert (edge.guard.ended, edge.guard.sweep()) == (0, 0)
    assert edge.wait(GuardTimes().confirm_s - 1) == 0
    assert edge.wait(1) == 1  # that INVITE did not ring so long
    assert view(world, ringing).state is HoldState.EXPIRED
    assert view(world, connected).state is HoldState.HELD


def test_a_sign_of_life_counts_by_the_time_that_went_by(world: World, edge: Edge) -> None:
    answered = {"boot": "b", "answer_mono_us": 10 * SECOND_US, "answered_us": 1_000 * SECOND_US}
    set_forward = keeping.Moment(wall_us=9_020 * SECOND_US, boot_us=30 * SECOND_US, boot="b")
    assert life_us(answered, 9_015 * SECOND_US, set_forward) == 1_015 * SECOND_US
    after_a_reboot = keeping.Moment(wall_us=1_100 * SECOND_US, boot_us=5 * SECOND_US, boot="c")
    assert life_us(answered, 1_090 * SECOND_US, after_a_reboot) == 1_090 * SECOND_US
