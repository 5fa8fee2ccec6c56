"""What the keeper makes of the journal."""

from pathlib import Path
from typing import Any

import pytest

from rating.database import Database
from rating.journal import JournalReader, JournalWriter, encode, file_name
from rating.keeper.ahead import JournalApplier
from rating.keeper.settle import Applied, Settler
from rating.model import Authorised, Card, HoldView
from rating.outcome import HoldState
from rating.store import keeping, settlement
from rating.store.keeping import Moment
from tests.ledger.world import World

BOOT_US = 1_000_000_000


class Keeper:
    """A journal, and what reads it; ``catch_up`` applies everything there is."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.database = Database(world.ledger)
        self.writer = JournalWriter(directory, "edge1")
        self.reader = JournalReader(directory)
        self.settler = Settler(self.database, "edge1", lambda *_: (7, "USD"), lambda: world.now_us)

    def answer(self, authorised: Authorised, **more: Any) -> None:
        self.writer.append(self.event("answer", authorised, 0) | more)

    def end(self, authorised: Authorised, after_us: int, **more: Any) -> None:
        answer = {"answer_us": self.world.now_us, "answer_mono_us": BOOT_US, "cause": 16, "by": "caller"}
        self.writer.append(self.event("end", authorised, after_us) | answer | more)

    def failed(self, authorised: Authorised) -> None:
        self.writer.append(self.event("failed", authorised, 0) | {"sip": 486, "cause": 17})

    def catch_up(self) -> Applied:
        offsets = settlement.offsets(self.database, "edge1")
        applied = self.settler.apply(self.reader.read(offsets, 1000), offsets)
        assert applied is not None
        return applied

    def event(self, kind: str, authorised: Authorised, after_us: int) -> dict[str, Any]:
        return {
            "ev": kind,
            "hold": authorised.hold_id,
            "call": authorised.call_id,
            "t_us": self.world.now_us + after_us,
            "mono_us": BOOT_US + after_us,
            "carrier_id": 1,
            "gateway_id": 1,
            "pdd_ms": 120,
        }


@pytest.fixture
def keeper(world: World, tmp_path: Path) -> Keeper:
    return Keeper(world, tmp_path / "journal")


def test_an_answer_and_an_end_become_a_charge_and_a_call_record(world: World, keeper: Keeper) -> None:
    card = world.new_card(1_000_000)
    authorised = world.authorised(card)
    keeper.answer(authorised)
    assert keeper.catch_up().answered == 1
    assert [call["answered_us"] for call in world.core.open_calls()] == [world.now_us]
    keeper.end(authorised, 61_000_001)
    assert keeper.catch_up().captured == 1
    assert world.core.hold(authorised.hold_id) == HoldView(
        authorised.hold_id, HoldState.CAPTURED, 960_000, 960, 120_000, 120
    )
    (record,) = world.core.cdrs(card_id=card)
    assert (record["seconds"], record["billable_s"], record["charge_micros"]) == (62, 120, 120_000)
    assert (record["carrier"], record["cost_micros"], record["margin_micros"]) == ("Acme", 7, 119_993)
    assert (record["cause"], record["ended_by"], record["pdd_ms"]) == (16, "caller", 120)
    check = world.core.check()
    assert (check.ok, check.charged, check.held, check.posted) == (True, 120_000, 0, 880_000)


def test_a_settlement_is_a_step_of_the_call(world: World, keeper: Keeper) -> None:
    """For the call log: what was charged, and nothing again when the events come again."""
    authorised = world.authorised(world.new_card(1_000_000))
    keeper.end(authorised, 61_000_001)
    (step,) = keeper.catch_up().steps
    assert step == {
        "call": authorised.call_id, "step": "settled", "hold": authorised.hold_id, "outcome": "captured",
        "charge_micros": 120_000, "currency": "USD", "seconds": 62, "billable_s": 120, "cause": 16, "by": "caller",
    }  # fmt: skip
    keeper.end(authorised, 61_000_001)
    assert keeper.catch_up().steps == []


def test_events_that_come_twice_or_in_the_wrong_order_charge_once(world: World, keeper: Keeper) -> None:
    authorised = world.authorised(world.new_card(1_000_000))
    keeper.end(authorised, 1)
    keeper.end(authorised, 100_000_000)
    keeper.answer(authorised)
    keeper.catch_up()
    keeper.end(authorised, 200_000_000)
    assert keeper.catch_up().repeated == 1
    assert world.core.check().charged == 60_000
    assert len(world.core.cdrs()) == 1


def test_a_failed_call_is_void_and_its_record_says_why(world: World, keeper: Keeper) -> None:
    authorised = world.authorised(world.new_card(1_000_000))
    keeper.failed(authorised)
    assert keeper.catch_up().void == 1
    (record,) = world.core.cdrs()
    assert (record["outcome"], record["charge_micros"], record["sip_status"]) == ("void", 0, 486)
    assert world.core.check().held == 0


def test_a_hold_voided_before_its_failure_is_told_still_gets_one_record(world: World, keeper: Keeper) -> None:
    authorised = world.authorised(world.new_card(1_000_000))
    world.core.void(authorised.hold_id)
    keeper.failed(authorised)
    keeper.failed(authorised)
    keeper.catch_up()
    assert len(world.core.cdrs()) == 1
    assert world.core.check().ok


def test_a_call_past_its_limit_is_charged_what_was_held_and_no_more(world: World, keeper: Keeper) -> None:
    authorised = world.authorised(world.new_card(1_000_000))
    keeper.end(authorised, 10_000_000_000)
    keeper.catch_up()
    assert world.core.check().charged == authorised.held_micros


def test_a_clock_that_was_set_during_a_call_changes_nothing(world: World, keeper: Keeper) -> None:
    authorised = world.authorised(world.new_card(1_000_000))
    keeper.answer(authorised)
    keeper.end(authorised, 61_000_000, t_us=5)
    keeper.catch_up()
    assert world.core.check().charged == 120_000


def test_after_a_restart_of_the_machine_the_wall_clock_counts(world: World, keeper: Keeper) -> None:
    authorised = world.authorised(world.new_card(1_000_000))
    keeper.answer(authorised, boot="before")
    keeper.catch_up()
    keeper.end(authorised, 61_000_000, mono_us=5, boot="after", answer_boot="before")
    keeper.catch_up()
    assert world.core.check().charged == 120_000


def test_a_torn_record_harms_itself_only(world: World, keeper: Keeper, tmp_path: Path) -> None:
    first, second = (world.authorised(world.new_card(1_000_000)) for _ in range(2))
    keeper.end(first, 1)
    (path,) = keeper.reader.files()
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert keeper.catch_up().captured == 0
    keeper.end(second, 1)
    assert keeper.catch_up().captured == 1
    keeper.end(first, 1)
    assert keeper.catch_up().captured == 1


def test_a_late_record_in_an_old_file_is_found(world: World, keeper: Keeper) -> None:
    first, second = (world.authorised(world.new_card(1_000_000)) for _ in range(2))
    keeper.end(first, 1)
    keeper.catch_up()
    (path,) = keeper.reader.files()
    late = keeper.event("end", second, 1) | {"answer_us": world.now_us, "answer_mono_us": BOOT_US}
    path.with_name(file_name(1)).write_bytes(encode(late))
    assert keeper.catch_up().captured == 1


def test_a_batch_read_from_offsets_the_ledger_has_left_is_not_applied(world: World, keeper: Keeper) -> None:
    keeper.end(world.authorised(world.new_card(1_000_000)), 1)
    batch = keeper.reader.read({}, 1000)
    assert keeper.settler.apply(batch, {}) is not None
    assert keeper.settler.apply(batch, {}) is None


def test_strange_details_of_an_event_do_not_cost_the_settlement(world: World, keeper: Keeper) -> None:
    authorised = world.authorised(world.new_card(1_000_000))
    keeper.end(authorised, 1, cause="normal", sip=-1, pdd_ms=2**70, carrier_id=[1], by=None)
    keeper.writer.append({"ev": "end", "hold": "x"})
    keeper.writer.append({"ev": "unheard of", "hold": authorised.hold_id})
    applied = keeper.catch_up()
    assert (applied.captured, applied.strange) == (1, 2)
    assert world.core.check().charged == 60_000


@pytest.mark.parametrize("when", [2**62, -5, 0, 2**53, "noon", None, 1.5])
def test_a_strange_time_stops_no_settlement_and_makes_no_call_free(world: World, keeper: Keeper, when: Any) -> None:
    authorised, other = (world.authorised(world.new_card(1_000_000)) for _ in range(2))
    keeper.answer(authorised, t_us=when)
    keeper.catch_up()
    world.core.open_calls()
    keeping.overdue(keeper.database, "edge1", Moment(world.now_us, 0, ""), 5)
    keeping.due_warnings(keeper.database, "edge1", Moment(world.now_us, 0, ""), 0)
    keeper.end(authorised, 61_000_000, t_us=when, **({} if when in (0, None) else {"answer_us": when}))
    keeper.end(other, 1)
    assert keeper.catch_up().captured == 2
    assert world.core.check().charged == 120_000 + 60_000  # by the machine's own clock


def test_one_event_that_cannot_be_applied_does_not_hold_up_the_others(world: World, keeper: Keeper) -> None:
    good, bad = (world.authorised(world.new_card(1_000_000)) for _ in range(2))
    keeper.end(bad, 1, by="\ud800")  # half a character: no database takes it
    keeper.end(good, 1)
    applied = keeper.catch_up()
    assert (applied.captured, applied.strange) == (1, 1)
    assert keeper.catch_up() == Applied()
    assert world.core.check().ok


def test_a_journal_that_cannot_be_written_says_so_and_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    writer = JournalWriter(tmp_path / "file", "edge1")
    assert not writer.append({"ev": "end"})
    assert not writer.append({"ev": object()})
    assert writer.failures == 2


def test_a_one_time_card_is_exhausted_with_its_last_call(world: World, keeper: Keeper) -> None:
    world.core.create_product("Once", currency="USD", deck="retail", refillable=False)
    card = world.new_card(60_000, "Once")
    keeper.end(world.authorised(card), 60_000_000)
    keeper.catch_up()
    assert str(world.core.card(card)) == "CARD_EXHAUSTED"


def test_a_one_time_card_is_exhausted_when_it_cannot_pay_for_the_cheapest_call(world: World, keeper: Keeper) -> None:
    """London's first minute costs 0.06, which is the least of the deck: 0.05 is left, or 0.06."""
    world.core.create_product("Once", currency="USD", deck="retail", refillable=False)
    poor, just_enough, by_hand = (world.new_card(micros, "Once") for micros in (110_000, 120_000, 110_000))
    for card in (poor, just_enough):
        keeper.end(world.authorised(card), 1_000_000)
    keeper.catch_up()
    world.core.capture(world.authorised(by_hand).hold_id, 1)
    assert [str(world.core.card(card)) for card in (poor, by_hand)] == ["CARD_EXHAUSTED"] * 2
    assert isinstance(world.core.card(just_enough), Card)
    assert isinstance(world.core.card(world.new_card(1_000)), Card)  # refillable


def test_what_was_worked_out_ahead_is_worked_out_again_when_a_hold_has_changed(world: World, keeper: Keeper) -> None:
    card = world.new_card(60_000)
    authorised = world.authorised(card)
    keeper.end(authorised, 90_000_000)
    batch = keeper.reader.read({}, 1000)
    prepared = keeper.settler.prepare(batch)
    assert world.core.adjust(card, 60_000, reference="goodwill", note="")
    view = world.core.extend_hold(authorised.hold_id)
    assert isinstance(view, HoldView)
    assert view.limit_s == 120
    applied = keeper.settler.apply(batch, {}, prepared)
    assert applied is not None
    assert applied.captured == 1
    assert [record["charge_micros"] for record in world.core.cdrs(card_id=card)] == [120_000]
    assert world.core.check().ok


def test_a_backlog_is_read_ahead_and_every_call_counts_once(world: World, keeper: Keeper) -> None:
    """Batches of one or two events, so that an answer, its end and the end's repetition come in different ones."""
    calls = [world.authorised(world.new_card(1_000_000)) for _ in range(5)]
    for authorised in calls:
        keeper.answer(authorised)
        keeper.end(authorised, 1)
        keeper.end(authorised, 1)
    total = Applied()
    applier = JournalApplier(keeper.reader, keeper.settler, events_max=2)
    for _, applied in applier.apply_from({}):
        assert applied is not None
        total.include(applied)
    applier.close()
    assert (total.captured, len(world.core.cdrs())) == (5, 5)
    check = world.core.check()
    assert (check.ok, check.charged) == (True, 5 * 60_000)


def test_reading_ahead_ends_where_another_keeper_was_faster(world: World, keeper: Keeper) -> None:
    keeper.end(world.authorised(world.new_card(1_000_000)), 1)
    applier = JournalApplier(keeper.reader, keeper.settler, events_max=1)
    assert keeper.catch_up().captured == 1
    assert [applied for _, applied in applier.apply_from({})] == [None]
    applier.close()
