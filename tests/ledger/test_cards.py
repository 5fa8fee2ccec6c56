"""PINs and their guard, refills, fees, CallerIDs, limits of a product, validity."""

import re

import pymysql
import pytest

from rating.database import Database
from rating.model import Authorised, Card
from rating.outcome import Refusal
from rating.pins import PinDensityError
from rating.rate import flat_rate
from tests.ledger.world import LONDON, World

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
ANI = "14155550123"


def wrong(world: World, ani: str | None = ANI, trunk: str = "t") -> object:
    return world.core.enter_pin("000000000000", ani=ani, trunk=trunk)


def test_a_pin_opens_its_card_and_is_stored_only_as_a_keyed_hash(world: World) -> None:
    issued = world.core.issue_batch("World", 3, 1_000_000)
    for card in issued:
        opened = world.core.enter_pin(card.pin, ani=ANI, trunk="t")
        assert isinstance(opened, Card)
        assert opened.serial == card.serial
        assert card.pin not in repr(card)
    assert len({card.pin for card in issued}) == 3


def test_pins_too_short_for_so_many_cards_are_refused_with_the_length_that_is_enough(world: World) -> None:
    world.core.issue_batch("World", 10, 0, pin_length=8)
    with pytest.raises(PinDensityError, match="use 9 digits"):
        world.core.issue_batch("World", 1, 0, pin_length=8)


def test_wrong_pins_lock_the_callerid_for_longer_each_time_and_a_right_one_forgets_nothing(world: World) -> None:
    right = world.core.issue_batch("World", 1, 0)[0].pin
    assert [wrong(world) for _ in range(2)] == [Refusal.WRONG_PIN] * 2
    assert isinstance(world.core.enter_pin(right, ani=ANI, trunk="t"), Card)
    assert wrong(world) is Refusal.WRONG_PIN
    for minutes in (5, 10, 20):
        assert world.core.enter_pin(right, ani=ANI, trunk="t") is Refusal.LOCKED
        world.now_us += minutes * 60_000_000 - 1
        assert world.another_core().enter_pin(right, ani=ANI, trunk="t") is Refusal.LOCKED  # a restart forgets nothing
        world.now_us += 1
        assert [wrong(world) for _ in range(3)] == [Refusal.WRONG_PIN] * 3
    world.now_us += 2 * DAY_US
    assert wrong(world) is Refusal.WRONG_PIN


def test_changing_the_callerid_does_not_help_who_guesses_through_one_trunk(world: World) -> None:
    for number in range(200):
        assert wrong(world, ani=f"1415555{number:04d}") is Refusal.WRONG_PIN
    assert wrong(world, ani=None) is Refusal.LOCKED
    assert wrong(world, ani=None, trunk="other") is Refusal.WRONG_PIN


def test_something_that_is_no_pin_counts_as_a_wrong_one(world: World) -> None:
    assert world.core.enter_pin("", ani=ANI, trunk="t") is Refusal.WRONG_PIN
    assert world.core.enter_pin("' OR 1=1 --", ani=ANI, trunk="t") is Refusal.WRONG_PIN


def test_a_voucher_refills_a_card_once(world: World) -> None:
    world.core.create_product("Voucher", currency="USD", deck="retail", voucher=True, refillable=False)
    voucher = world.core.issue_batch("Voucher", 1, 5_000_000)[0]
    card = world.new_card(1_000_000)
    refilled = world.core.refill_by_voucher(card, voucher.pin, ani=ANI, trunk="t")
    assert isinstance(refilled, Card)
    assert refilled.posted_micros == 6_000_000
    assert world.core.refill_by_voucher(card, voucher.pin, ani=ANI, trunk="t") is Refusal.VOUCHER_USED
    assert world.core.refill_by_voucher(card, "000000000000", ani=ANI, trunk="t") is Refusal.WRONG_PIN
    check = world.core.check()
    assert check.ok
    assert (check.issued, check.refilled, check.posted) == (6_000_000, 0, 6_000_000)


def test_a_voucher_places_no_call_and_a_one_time_card_is_not_refilled(world: World) -> None:
    world.core.create_product("Voucher", currency="USD", deck="retail", voucher=True)
    world.core.create_product("Once", currency="USD", deck="retail", refillable=False)
    assert world.core.authorise(world.call(world.new_card(1_000_000, "Voucher"))) is Refusal.CARD_INACTIVE
    voucher = world.core.issue_batch("Voucher", 1, 5_000_000)[0]
    once = world.new_card(0, "Once")
    assert world.core.refill_by_voucher(once, voucher.pin, ani=ANI, trunk="t") is Refusal.NOT_REFILLABLE


def test_a_voucher_of_another_currency_is_refused(world: World) -> None:
    world.core.create_product("Euro", currency="EUR", deck="euro", voucher=True)
    voucher = world.core.issue_batch("Euro", 1, 5_000_000)[0]
    assert world.core.refill_by_voucher(world.new_card(0), voucher.pin, ani=ANI, trunk="t") is Refusal.VOUCHER_USED


def test_what_is_held_on_another_card_stays_there(world: World) -> None:
    source = world.core.issue_batch("World", 1, 100_000)[0]
    source_id = world.core.card_id_of_serial(source.serial)
    assert source_id is not None
    world.authorised(source_id)  # holds 60,000
    refilled = world.core.refill_by_voucher(world.new_card(0), source.pin, ani=ANI, trunk="t")
    assert isinstance(refilled, Card)
    assert refilled.posted_micros == 40_000
    assert world.core.check().ok


def test_a_fee_is_taken_once_and_never_from_what_is_held(world: World) -> None:
    card = world.new_card(100_000)
    world.authorised(card)
    for _ in range(2):
        charged = world.core.charge_fee(card, fee_id="call-1 es", amount_micros=30_000, note="Spanish")
        assert isinstance(charged, Card)
        assert charged.available_micros == 10_000
    assert world.core.charge_fee(card, fee_id="call-2 es", amount_micros=10_001, note="") is Refusal.NO_CREDIT


def test_a_callerid_belongs_to_one_card_and_a_card_has_no_more_than_its_product_allows(world: World) -> None:
    first, second = world.new_card(1), world.new_card(1)
    assert world.core.register_ani(first, ANI) is None
    assert world.core.register_ani(first, ANI) is None
    assert world.core.register_ani(second, ANI) is Refusal.ANI_TAKEN
    assert world.core.register_ani(first, "1") is Refusal.BAD_NUMBER
    assert [world.core.register_ani(first, f"1415555000{digit}") for digit in range(3)] == [
        None,
        None,
        Refusal.ANI_TAKEN,
    ]
    found = world.core.card_by_ani(ANI)
    assert isinstance(found, Card)
    assert found.card_id == first
    assert world.core.card_by_ani("33140000000") is None
    world.core.forget_ani(first, ANI)
    assert world.core.card_by_ani(ANI) is None


def test_language_and_last_number_are_remembered(world: World) -> None:
    card = world.new_card(1_000_000)
    world.core.set_language(card, "es")
    assert world.authorised(card).language == "es"
    read = world.core.card(card)
    assert isinstance(read, Card)
    assert (read.language, read.last_dnis) == ("es", LONDON)


def test_so_many_calls_an_hour_and_no_more(world: World) -> None:
    world.core.create_product(
        "Slow", currency="USD", deck="retail", calls_per_hour=2, calls_at_once=0, longest_call_s=60
    )
    card = world.new_card(10_000_000, "Slow")
    for _ in range(2):
        world.core.void(world.authorised(card).hold_id)
    assert world.core.authorise(world.call(card)) is Refusal.VELOCITY
    world.now_us += HOUR_US
    assert isinstance(world.core.authorise(world.call(card)), Authorised)


def test_so_much_spend_a_day_and_no_more(world: World) -> None:
    world.core.create_product("Thrifty", currency="USD", deck="retail", spend_per_day_micros=150_000, calls_at_once=0)
    card = world.new_card(10_000_000, "Thrifty")
    first = world.authorised(card)
    assert first.held_micros == 120_000
    assert world.core.authorise(world.call(card)) is Refusal.VELOCITY
    world.core.capture(first.hold_id, 1)
    assert world.authorised(card).limit_s == 60
    world.now_us += DAY_US
    assert world.core.authorise(world.call(card)) is not Refusal.VELOCITY


def test_a_card_expires_so_many_days_after_its_first_use_or_with_its_product(world: World) -> None:
    world.core.create_product("Month", currency="USD", deck="retail", valid_days=30)
    card = world.new_card(1_000_000, "Month")
    world.now_us += 100 * DAY_US
    world.core.void(world.authorised(card).hold_id)
    world.now_us += 30 * DAY_US - 1
    assert isinstance(world.core.card(card), Card)
    world.now_us += 1
    assert world.core.card(card) is Refusal.CARD_EXPIRED
    assert world.core.authorise(world.call(card)) is Refusal.CARD_EXPIRED
    until = world.now_us + DAY_US
    world.core.create_product("Fair", currency="USD", deck="retail", valid_until_us=until)
    other = world.new_card(1_000_000, "Fair")
    world.core.void(world.authorised(other).hold_id)
    world.now_us = until
    assert world.core.authorise(world.call(other)) is Refusal.CARD_EXPIRED


def test_a_minimum_balance_is_needed_to_call(world: World) -> None:
    world.core.create_product("Deep", currency="USD", deck="retail", minimum_balance_micros=500_000)
    card = world.new_card(499_999, "Deep")
    assert world.core.authorise(world.call(card)) is Refusal.NO_CREDIT
    assert world.core.quote(card, LONDON) is Refusal.NO_CREDIT


def test_blocked_prefixes_are_refused_whatever_the_deck_says(world: World) -> None:
    card = world.new_card(1_000_000)
    world.core.block_prefix("4420", reason="test")
    assert world.core.authorise(world.call(card)) is Refusal.BLOCKED_DESTINATION
    assert world.core.quote(card, LONDON) is Refusal.BLOCKED_DESTINATION
    world.core.unblock_prefix("4420")
    assert isinstance(world.core.authorise(world.call(card)), Authorised)


def test_a_quote_says_what_authorise_will_do_and_holds_nothing(world: World) -> None:
    card = world.new_card(1_000_000)
    quote = world.core.quote(card, LONDON)
    authorised = world.authorised(card)
    assert not isinstance(quote, Refusal)
    assert (quote.limit_s, quote.hold_micros) == (authorised.limit_s, authorised.held_micros)
    assert (quote.prefix, quote.rate_per_minute_micros) == ("44", 60_000)


def test_a_call_that_would_cost_more_than_it_earns_has_no_route(world: World) -> None:
    world.publish({"44": flat_rate(5_999)})
    card = world.new_card(1_000_000)
    assert world.core.authorise(world.call(card)) is Refusal.NO_ROUTE
    carrier = world.core.add_carrier("Acme", deck="cost", loss_allowed=True)
    assert carrier == 1
    assert isinstance(world.core.authorise(world.call(card)), Authorised)


def test_entries_can_be_added_only(world: World) -> None:
    database = Database(world.ledger)
    world.new_card(1)
    for sql in ("UPDATE entry SET amount_micros = 2", "DELETE FROM entry"):
        with pytest.raises(pymysql.MySQLError, match=re.escape("entries are append-only")):
            database.rows(sql)
