"""What operators do, on a real ledger: one for the whole module, each test with cards and numbers of its own."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.stack.mariadb import PrivateMariaDb
from rating.administration import CallerIdImportError, ConflictError, InputError, NotFoundError
from rating.deck import DeckTerms
from rating.deckdiff import ChangeKind
from rating.store import callsearch
from tests.ledger.world import LONDON, NOON_US, PARIS, World
from tests.support.mariadb import fresh_ledger


@pytest.fixture(scope="module")
def world(server: PrivateMariaDb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with fresh_ledger(server) as settings:
        yield World(settings, tmp_path_factory.mktemp("operators"))


def serial_of(world: World, card_id: int) -> str:
    found = world.core.card(card_id)
    return found.serial  # type: ignore[union-attr]


def called(world: World, card_id: int, dnis: str = LONDON, ani: str = "", seconds: int = 61) -> str:
    """A call of so many seconds, settled; its hold."""
    request = replace(world.call(card_id, dnis), ani=ani or None)
    world.core.authorise(request)
    world.core.capture(request.hold_id, seconds)
    return request.hold_id


def test_products_are_made_once_and_changed_term_by_term(world: World) -> None:
    core = world.core
    core.create_product("Night", currency="USD", deck="retail", languages={"en": 0, "es": 50_000}, replace=False)
    with pytest.raises(ConflictError, match="there is a product 'Night' already"):
        core.create_product("Night", currency="USD", deck="retail", replace=False)
    changed = core.change_product("Night", warning_s=30, spend_per_day_micros=5_000_000)
    assert (changed.warning_s, changed.spend_per_day_micros, changed.deck) == (30, 5_000_000, "retail")
    assert [(offer.code, offer.fee_micros) for offer in changed.languages] == [("en", 0), ("es", 50_000)]
    assert [offer.code for offer in core.change_product("Night", languages=["fr"]).languages] == ["fr"]
    assert "Night" in [product.name for product in core.list_products()]
    with pytest.raises(InputError, match="currency: cannot be changed"):
        core.change_product("Night", currency="EUR")
    with pytest.raises(NotFoundError):
        core.show_product("Day")


def test_batches_are_listed_newest_first_page_by_page(world: World) -> None:
    core = world.core
    for count in (2, 3, 4):
        core.issue_batch(world.product_id, count, 1_000_000, active=False)
    page = core.list_batches(limit=2)
    assert [batch.cards for batch in page.items] == [4, 3]
    assert core.list_batches(after=page.next, limit=1).items[0].cards == 2
    newest = page.items[0]
    assert int(newest.last_serial) - int(newest.first_serial) == 3
    assert core.activate(newest.first_serial, newest.first_serial) == 1
    assert core.show_batch(newest.batch_id).states == {"active": 1, "inactive": 3}
    with pytest.raises(InputError, match="behind the last one"):
        core.activate(newest.last_serial, newest.first_serial)


def test_cards_are_found_by_serial_and_by_parts_of_it(world: World) -> None:
    core = world.core
    cards = [serial_of(world, world.new_card(1_000_000)) for _ in range(3)]
    whole = cards[1]
    assert [card.serial for card in core.search_cards(serial=whole).items] == [whole]
    assert [card.serial for card in core.search_cards(serial=whole.lstrip("0")).items] == [whole]
    assert set(cards) <= {card.serial for card in core.search_cards(serial=f"{whole[:10]}*", limit=1000).items}
    assert [card.serial for card in core.search_cards(serial=f"*{whole[-6:]}").items] == [whole]
    core.block(whole)
    assert [card.serial for card in core.search_cards(state="blocked", serial=f"*{whole[-6:]}").items] == [whole]
    assert core.search_cards(state="active", serial=whole).items == ()
    first = core.search_cards(limit=1)
    assert core.search_cards(after=first.next, limit=1).items[0].serial > first.items[0].serial
    with pytest.raises(InputError, match="not a serial"):
        core.search_cards(serial="1'; DROP TABLE card")


def test_cards_are_found_by_callerid_and_its_ending(world: World) -> None:
    core = world.core
    card_id = world.new_card(1_000_000)
    core.register_ani(card_id, "14155557001")
    core.register_ani(card_id, "14155557002")
    serial = serial_of(world, card_id)
    for part in ("14155557001", "+1 415 555-7001", "*7001", "1415555700*"):
        assert [card.serial for card in core.search_cards(ani=part).items] == [serial], part
    assert serial in [card.serial for card in core.find_cards("7001")]
    assert core.show_card_of_ani("14155557002").serial == serial
    assert [each.ani for each in core.list_caller_ids("*700", limit=5).items] == []
    assert [each.ani for each in core.list_caller_ids("1415555700*").items] == ["14155557001", "14155557002"]


def test_callerids_are_moved_to_another_card_up_to_what_its_product_allows(world: World) -> None:
    core = world.core
    lost, new, full = (world.new_card(1_000_000) for _ in range(3))
    for number in range(3):
        core.register_ani(lost, f"1415555800{number}")
        core.register_ani(full, f"1415555801{number}")
    with pytest.raises(ConflictError, match="3 more would be above the 3"):
        core.move_caller_ids(serial_of(world, lost), serial_of(world, full))
    assert core.move_caller_ids(serial_of(world, lost), serial_of(world, new), ["14155558001"]) == ("14155558001",)
    assert len(core.move_caller_ids(serial_of(world, lost), serial_of(world, new))) == 2
    assert len(core.caller_ids(new)) == 3
    assert core.caller_ids(lost) == ()


def test_an_import_of_callerids_is_all_or_nothing_with_every_error(world: World) -> None:
    core = world.core
    card_id, other = world.new_card(1_000_000), world.new_card(1_000_000)
    serial = serial_of(world, card_id)
    core.register_ani(other, "14155559000")
    wrong = ["serial,ani", f"{serial},14155559001", f"{serial},14155559001", "999999,14155559002", "x,1", "1"]
    wrong += [f"{serial},14155559000", *(f"{serial},1415555901{number}" for number in range(4))]
    with pytest.raises(CallerIdImportError) as caught:
        core.import_caller_ids([line + "\n" for line in wrong], "list.csv")
    assert str(caught.value).splitlines() == [
        "list.csv, line 3: CallerID 14155559001 is on line 2 already",
        "list.csv, line 4: there is no card 000000999999",
        "list.csv, line 5: '1' is not a telephone number",
        "list.csv, line 5: 'x' is not a serial; it is up to 12 digits, as on the card",
        "list.csv, line 6: has too few columns",
        "list.csv, line 7: CallerID 14155559000 is on another card already",
        f"list.csv, line 10: card {serial} has the 3 CallerIDs its product allows",
        f"list.csv, line 11: card {serial} has the 3 CallerIDs its product allows",
    ]
    assert core.caller_ids(card_id) == ()
    right = ["ani,serial\n", f"+14155559001,{serial}\n", f'"14155559002",{serial}\n']
    done = core.import_caller_ids(right)
    assert (done.added, done.unchanged) == (2, 0)
    assert (core.import_caller_ids(right).added, core.caller_ids(card_id)) == (0, ("14155559001", "14155559002"))


def test_adjustments_and_refills_happen_once_a_reference(world: World) -> None:
    core = world.core
    card_id = world.new_card(1_000_000)
    assert core.refill(card_id, 2_000_000, reference="till 7/1", note="cash") is True
    assert core.refill(card_id, 2_000_000, reference="till 7/1") is False
    with pytest.raises(ConflictError, match=r"was used for 2\.000000 before"):
        core.refill(card_id, 3_000_000, reference="till 7/1")
    with pytest.raises(ConflictError, match=r"3\.000000 available, less than is to be taken"):
        core.adjust(card_id, -3_000_001, reference="case 9", note="too much")
    assert core.adjust(card_id, -500_000, reference="case 9", note="wrong refill")
    with pytest.raises(InputError, match="a refill is more than nothing"):
        core.refill(card_id, 0, reference="x")
    with pytest.raises(NotFoundError):
        core.adjust(10**9, 1, reference="x", note="")
    serial = serial_of(world, card_id)
    core.block(serial)
    with pytest.raises(ConflictError, match="the card is blocked"):
        core.refill(card_id, 1, reference="y")
    assert core.show_card(serial).posted_micros == 2_500_000


def test_a_card_is_explained_line_by_line(world: World) -> None:
    core = world.core
    card_id = world.new_card(1_000_000)
    hold_id = called(world, card_id)
    core.refill(card_id, 250_000, reference="till 8", note="cash")
    lines = core.explain_card(card_id)
    assert [(line.kind, line.amount_micros, line.balance_micros) for line in lines] == [
        ("issue", 1_000_000, 1_000_000),
        ("charge", -120_000, 880_000),
        ("refill", 250_000, 1_130_000),
    ]
    assert lines[1].reference == hold_id
    assert lines[1].sentence == (
        f"0.120000 USD charged for a call to {LONDON} (Destination 44) placed 2026-11-22 12:00:00 UTC:"
        " 120 s billed at 0.060000 USD a minute, 60/60"
    )
    assert lines[2].sentence == "refilled with 0.250000 USD, reference till 8: cash"
    story = core.card_story(serial_of(world, card_id), limit=2)
    assert [entry.kind for entry in story.entries.items] == ["refill", "charge"]
    assert [entry.kind for entry in core.card_entries(card_id, before=story.entries.next).items] == ["issue"]
    assert [(call.dnis, call.charge_micros) for call in story.calls.items] == [(LONDON, 120_000)]


def test_a_live_call_shows_what_it_has_spent_and_what_is_left(world: World) -> None:
    core = world.core
    card_id = world.new_card(1_000_000)
    authorised = world.authorised(card_id)
    (ringing,) = core.card_live_calls(card_id)
    assert (ringing.state, ringing.spent_micros, ringing.left_s) == ("ringing", 0, authorised.limit_s)
    assert ringing.serial == serial_of(world, card_id)
    assert ringing in core.live_calls().items
    assert core.running_call(ringing.call_id)["hold_id"] == authorised.hold_id
    core.void(authorised.hold_id)
    assert core.card_live_calls(card_id) == ()
    with pytest.raises(NotFoundError, match="no call"):
        core.running_call(ringing.call_id)


def test_call_records_are_found_by_card_number_and_time_newest_first(world: World) -> None:
    core = world.core
    card_id = world.new_card(50_000_000)
    serial = serial_of(world, card_id)
    for minute, (dnis, ani) in enumerate(((LONDON, "14155556001"), (PARIS, "14155556001"), (LONDON, "14155556002"))):
        world.now_us = NOON_US + minute * 60_000_000
        called(world, card_id, dnis, ani)
    world.now_us = NOON_US

    def found(**filters: object) -> list[tuple[str, str]]:
        return [(call.dnis, call.ani or "") for call in core.search_calls(serial=serial, **filters).items]  # type: ignore[arg-type]

    every = [(LONDON, "14155556002"), (PARIS, "14155556001"), (LONDON, "14155556001")]
    assert found() == every
    assert found(number=LONDON) == [every[0], every[2]]
    assert found(number="331*") == found(number=f"*{PARIS[-5:]}") == [every[1]]
    assert found(ani="14155556001") == found(ani="*6001") == every[1:]
    assert found(since_us=NOON_US + 1, until_us=NOON_US + 120_000_000) == [every[1]]
    first = core.search_calls(card_id=card_id, limit=2)
    assert [call.ani for call in core.search_calls(card_id=card_id, after=first.next).items] == ["14155556001"]
    assert [call.ani for call in core.search_calls(ani="*556002").items] == ["14155556002"]
    assert [call.ani for call in core.search_calls(number="44207123*", ani="14155556002").items] == ["14155556002"]
    assert len(list(core.export_calls(serial=serial))) == 3
    with pytest.raises(NotFoundError):
        core.search_calls(serial="999999999999")


def test_a_part_of_a_number_is_paged_through_alike_from_the_newest_records_and_from_the_index(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    core, card_id = world.core, world.new_card(50_000_000)
    for minute in range(6):
        world.now_us = NOON_US + minute * 60_000_000
        called(world, card_id, f"4477{minute:08d}" if minute % 2 else LONDON)
    world.now_us = NOON_US

    def paged() -> list[str]:
        found, after = [], None
        while True:
            page = core.search_calls(number="4477*", after=after, limit=1)
            found += [call.dnis for call in page.items]
            after = page.next
            if after is None:
                return found

    newest_first = ["447700000005", "447700000003", "447700000001"]
    assert paged() == newest_first
    monkeypatch.setattr(callsearch, "RECENT", 1)  # now hardly anything is found among the newest
    assert paged() == newest_first


def test_sums_by_day_and_destination_are_those_of_the_call_records(world: World) -> None:
    core = world.core
    day = datetime.fromtimestamp(NOON_US // 10**6, UTC).date()
    called(world, world.new_card(1_000_000), PARIS)
    (by_day,) = core.usage("day", day, day)
    records = core.cdrs()
    assert (by_day.group, by_day.calls) == (day.isoformat(), len(records))
    assert by_day.charge_micros == sum(record["charge_micros"] for record in records)
    assert by_day.seconds == sum(record["seconds"] for record in records)
    groups = {usage.group: usage.charge_micros for usage in core.usage("destination", day, day)}
    with pytest.raises(InputError, match="the first one first"):
        core.usage("day", day, day - timedelta(1))
    paris = sum(record["charge_micros"] for record in records if record["destination"] == "Destination 33")
    assert groups["Destination 33"] == paris
    assert sum(usage.calls for usage in core.usage("destination", day, day)) == by_day.calls


def test_a_deck_exports_to_the_csv_that_imports_to_it(world: World, tmp_path: Path) -> None:
    core = world.core
    text = (
        "prefix,destination,rate_per_minute,connect_fee,initial_increment_s,increment_s,from_second,effective_from,"
        "effective_until,days,hours\n"
        "44,United Kingdom,0.060000,0.050000,30,6,0,,,,\n"
        "44,United Kingdom,0.040000,,,6,600,,,,\n"
        "447,United Kingdom mobile,0.250000,0.000000,60,60,0,2026-12-01T00:00:00.000000Z,,Mon-Fri,08:00-18:00\n"
        "4470,United Kingdom personal,blocked,,,,,,,,\n"
    )
    (tmp_path / "fancy.csv").write_text(text)
    seen: list[tuple[int, int]] = []
    core.import_deck("fancy", tmp_path / "fancy.csv", "USD", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4, 4)
    out = io.StringIO()
    assert core.export_deck("fancy", out) == 4
    assert out.getvalue() == text
    (tmp_path / "new.csv").write_text(text.replace("0.250000", "0.300000"))
    diff = core.diff_deck(core.read_deck(tmp_path / "new.csv", DeckTerms("fancy", "USD")))
    assert (diff.counts[ChangeKind.DEARER], diff.unchanged) == (1, 2)
    assert core.show_deck("fancy").version == 1


def test_carriers_gateways_trunks_and_access_numbers_are_added_changed_and_removed(world: World) -> None:
    core = world.core
    carrier_id = core.add_carrier("Beta", deck="beta-cost", replace=False)
    gateway_id = core.add_gateway(carrier_id, "sip:192.0.2.9:5060")
    assert core.change_gateway(gateway_id, enabled=False, tech_prefix="99").enabled is False
    assert core.change_carrier("Beta", priority=5).gateways == 1
    with pytest.raises(InputError, match="not a gateway's URI"):
        core.add_gateway(carrier_id, "http://example.org")
    core.remove_carrier("Beta")
    assert "Beta" not in [carrier.name for carrier in core.list_carriers()]
    core.add_trunk("north", "192.0.2.0/28", ani_trusted=True, country="ca", replace=False)
    with pytest.raises(ConflictError, match=r"192\.0\.2\.0/28"):
        core.add_trunk("south", "192.0.2.0/28", ani_trusted=True, country="CA", replace=False)
    with pytest.raises(InputError, match="host bits set"):
        core.change_trunk("north", cidr="192.0.2.1/28")
    assert core.change_trunk("north", ani_trusted=False).country == "CA"
    core.remove_trunk("north")
    core.add_access_number("12025550199", "Test", country="US", languages=["en"])
    assert core.change_access_number("12025550199", surcharge_micros=10_000).languages == ("en",)
    core.remove_access_number("12025550199")
    for missing in (core.remove_trunk, core.remove_access_number, core.remove_carrier):
        with pytest.raises(NotFoundError):
            missing("12025550199")


def test_a_locked_callerid_is_listed_and_unlocked(world: World) -> None:
    core = world.core
    for _ in range(3):
        core.enter_pin("99999999", ani="14155554444", trunk="t")
    (locked,) = core.list_lock_outs().items
    assert (locked.scope, locked.subject, locked.locked) == ("ani", "14155554444", True)
    assert {each.scope for each in core.list_lock_outs(locked_only=False).items} == {"ani", "trunk", "all"}
    page = core.list_lock_outs(locked_only=False, limit=1)
    assert core.list_lock_outs(locked_only=False, after=page.next, limit=1).items[0].scope == "ani"
    core.unlock("ani", "14155554444")
    assert core.list_lock_outs().items == ()
    with pytest.raises(NotFoundError):
        core.unlock("ani", "14155554444")


def test_prefixes_are_blocked_for_all_products_or_one(world: World) -> None:
    core = world.core
    core.block_prefix("4487", reason="premium")
    core.block_prefix("4487", product="World")
    assert [(each.prefix, each.product, each.reason) for each in core.list_blocked_prefixes()] == [
        ("4487", None, "premium"),
        ("4487", "World", ""),
    ]
    core.unblock_prefix("4487")
    core.unblock_prefix("4487", product="World")
    with pytest.raises(NotFoundError, match="prefix 4487 is not blocked"):
        core.unblock_prefix("4487")
    with pytest.raises(InputError):
        core.block_prefix("44*")
