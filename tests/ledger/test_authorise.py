"""What authorise answers, holds and leaves alone."""

from dataclasses import replace

import pytest

from rating.model import Authorised, HoldView
from rating.outcome import HoldState, Refusal
from rating.rate import flat_rate
from tests.ledger.world import LONDON, NOWHERE, PARIS, World


def test_a_call_is_authorised_for_as_long_as_the_balance_pays_and_exactly_that_is_held(world: World) -> None:
    card = world.new_card(1_000_000)
    authorised = world.authorised(card)
    assert authorised.limit_s == 16 * 60  # 16 minutes of 0.06 are 0.96
    assert authorised.held_micros == 960_000
    assert authorised.available_micros == 40_000
    assert (authorised.currency, authorised.language, authorised.warning_s) == ("USD", "en", 60)
    assert [route.uri for route in authorised.routes] == ["sip:192.0.2.7:5060"]
    read = world.core.card(card)
    assert not isinstance(read, Refusal)
    assert (read.posted_micros, read.held_micros) == (1_000_000, 960_000)


def test_the_same_hold_id_again_gets_the_same_answer_and_holds_nothing_more(world: World) -> None:
    request = world.call(world.new_card(1_000_000))
    first = world.core.authorise(request)
    assert world.core.authorise(request) == first
    assert isinstance(first, Authorised)
    assert world.core.check().held == first.held_micros


@pytest.mark.parametrize(
    ("micros", "dnis", "refusal"),
    [
        (1_000_000, NOWHERE, Refusal.NO_RATE),
        (59_999, LONDON, Refusal.NO_CREDIT),
        (109_999, PARIS, Refusal.NO_CREDIT),
        (0, LONDON, Refusal.NO_CREDIT),
    ],
)
def test_what_cannot_be_paid_or_rated_is_refused_and_holds_nothing(
    world: World, micros: int, dnis: str, refusal: Refusal
) -> None:
    assert world.core.authorise(world.call(world.new_card(micros), dnis)) is refusal
    assert world.core.check().held == 0


def test_an_unknown_card_is_refused(world: World) -> None:
    assert world.core.authorise(world.call(4711)) is Refusal.UNKNOWN_CARD


def test_a_second_call_at_once_is_refused_until_the_first_is_settled(world: World) -> None:
    card = world.new_card(1_000_000)
    world.publish({"44": flat_rate(60_000_000)})
    first = world.authorised(card)
    assert world.core.authorise(world.call(card)) is Refusal.CALL_LIMIT
    world.core.void(first.hold_id)
    assert isinstance(world.core.authorise(world.call(card)), Authorised)


def test_a_capture_charges_what_was_used_and_releases_the_rest_once(world: World) -> None:
    card = world.new_card(1_000_000)
    authorised = world.authorised(card)
    view = HoldView(authorised.hold_id, HoldState.CAPTURED, 960_000, 960, 120_000, 120)
    assert world.core.capture(authorised.hold_id, 61) == view
    assert world.core.capture(authorised.hold_id, 600) == view
    assert world.core.void(authorised.hold_id) == view
    read = world.core.card(card)
    assert not isinstance(read, Refusal)
    assert (read.posted_micros, read.held_micros) == (880_000, 0)
    assert [entry["amount_micros"] for entry in world.core.entries(card)] == [1_000_000, -120_000]
    assert world.core.check().ok


def test_a_hold_is_claimed_by_one_second_leg_only(world: World) -> None:
    authorised = world.authorised(world.new_card(1_000_000))
    claimed = world.core.claim(authorised.hold_id, claimant="leg-1")
    assert claimed == authorised
    assert world.core.claim(authorised.hold_id, claimant="leg-1") == claimed
    assert world.core.claim(authorised.hold_id, claimant="leg-2") is Refusal.HOLD_USED
    assert world.core.claim("0" * 32, claimant="leg-1") is Refusal.UNKNOWN_HOLD


def test_a_replaced_deck_is_noticed_within_the_transaction(world: World) -> None:
    card = world.new_card(1_000_000)
    other = world.another_core()
    other.products()  # the other process has read the directory, and trusts it for two seconds
    world.publish({"44": flat_rate(600_000, 60, 60)})
    authorised = other.authorise(world.call(card))
    assert isinstance(authorised, Authorised)
    assert authorised.limit_s == 60


def test_cards_in_every_state_are_refused_by_name(world: World) -> None:
    issued = world.core.issue_batch("World", 1, 1_000_000, active=False)[0]
    card = world.core.card_id_of_serial(issued.serial)
    assert card is not None
    assert world.core.authorise(world.call(card)) is Refusal.CARD_INACTIVE
    assert world.core.card(card) is Refusal.CARD_INACTIVE
    world.core.activate(issued.serial, issued.serial)
    world.core.block(issued.serial)
    assert world.core.authorise(world.call(card)) is Refusal.CARD_BLOCKED
    world.core.unblock(issued.serial)
    assert isinstance(world.core.authorise(world.call(card)), Authorised)


def test_a_surcharge_of_the_access_number_is_part_of_the_hold(world: World) -> None:
    world.core.add_access_number("18005550100", "Free phone", country="US", languages=["en"], surcharge_micros=7)
    request = replace(world.call(world.new_card(60_007)), access_number="18005550100")
    authorised = world.core.authorise(request)
    assert isinstance(authorised, Authorised)
    assert (authorised.limit_s, authorised.held_micros) == (60, 60_007)
