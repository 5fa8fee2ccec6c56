"""Call records and cards as files, maintenance fees."""

import csv
import io
import json
import stat
from pathlib import Path

import pytest

from rating.database import Database
from rating.export import CDR_FIELDS, write_cards, write_csv, write_json_lines
from rating.keeper.maintenance import charge_maintenance
from rating.model import Card
from rating.store import reports
from tests.ledger.world import LONDON, World

DAY_US = 86_400_000_000


def test_call_records_are_exported_as_csv_and_json_lines(world: World) -> None:
    authorised = world.authorised(world.new_card(1_000_000))
    world.core.capture(authorised.hold_id, 61)
    text, lines = io.StringIO(), io.StringIO()
    assert write_csv(world.core.all_cdrs(), text) == 1
    assert write_json_lines(world.core.all_cdrs(), lines) == 1
    (row,) = csv.DictReader(io.StringIO(text.getvalue()))
    assert tuple(row) == CDR_FIELDS
    record = json.loads(lines.getvalue())
    for found in (row, record):
        assert (found["dnis"], found["charge"], found["currency"]) == (LONDON, "0.120000", "USD")
        assert found["placed"] == "2026-11-22T12:00:00.000000Z"
    assert (record["seconds"], record["billable_s"], record["cost"]) == (61, 120, None)


def test_the_export_reads_on_piece_by_piece_and_misses_none(world: World, monkeypatch: object) -> None:
    card = world.new_card(100_000_000)
    for number in range(7):
        world.now_us += number % 2  # some placed in the same microsecond
        world.core.capture(world.authorised(card).hold_id, 1)
    before, reports.PIECE = reports.PIECE, 3
    try:
        found = [row["hold_id"] for row in world.core.all_cdrs()]
    finally:
        reports.PIECE = before
    assert len(found) == len(set(found)) == 7
    assert list(world.core.all_cdrs(since_us=world.now_us + 1)) == []


def test_new_cards_are_written_for_print(world: World) -> None:
    issued = world.core.issue_batch("World", 2, 5_000_000)
    file = io.StringIO()
    assert write_cards(issued, file) == 2
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [(row["serial"], row["pin"]) for row in rows] == [(card.serial, card.pin) for card in issued]


def test_a_batch_is_exported_once_in_the_transaction_that_makes_it(world: World, tmp_path: Path) -> None:
    place = tmp_path / "cards.csv"
    assert world.core.issue_batch_to_file("World", 2, 5_000_000, place, active=True) == 2
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    rows = list(csv.DictReader(place.open()))
    for row in rows:
        card = world.core.enter_pin(row["pin"], ani=None, trunk="")
        assert isinstance(card, Card)
        assert card.serial == row["serial"]
    world.core.issue_batch("World", 1, 0)  # its PIN was shown, not exported
    assert [batch.exported_us for batch in world.core.list_batches().items] == [None, world.now_us]
    before = place.read_bytes()
    with pytest.raises(FileExistsError):
        world.core.issue_batch_to_file("World", 2, 5_000_000, place)
    assert place.read_bytes() == before
    assert len(world.core.list_batches().items) == 2


def test_a_batch_that_cannot_be_written_out_is_not_made(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", disk_full)
    with pytest.raises(OSError, match="no space"):
        world.core.issue_batch_to_file("World", 2, 5_000_000, tmp_path / "cards.csv")
    assert not (tmp_path / "cards.csv").exists()
    assert world.core.list_batches().items == ()
    assert world.core.check().issued == 0


def test_maintenance_fees_are_taken_when_due_once_and_never_more_than_there_is(world: World) -> None:
    world.core.create_product(
        "Kept", currency="USD", deck="retail", maintenance_fee_micros=400_000, maintenance_days=30
    )
    card, unused = world.new_card(1_000_000, "Kept"), world.new_card(1_000_000, "Kept")
    database = Database(world.ledger)
    world.core.void(world.authorised(card).hold_id)
    assert charge_maintenance(database, world.now_us + 30 * DAY_US - 1) == 0
    assert charge_maintenance(database, world.now_us + 30 * DAY_US) == 400_000
    assert charge_maintenance(database, world.now_us + 30 * DAY_US) == 0
    assert charge_maintenance(database, world.now_us + 95 * DAY_US) == 600_000  # two months missed, 0.60 left
    assert [entry["amount_micros"] for entry in world.core.entries(card)] == [1_000_000, -400_000, -400_000, -200_000]
    assert len(world.core.entries(unused)) == 1
    assert world.core.check().ok
