"""A refill during a call raises that call's limit."""

import threading

from rating.core import RatingCore
from rating.model import Card, HoldView
from rating.outcome import HoldState, Refusal
from rating.rate import flat_rate
from tests.ledger.world import LONDON, World

MINUTE = 60_000  # London, whole minutes


def extended(core: RatingCore, hold_id: str) -> HoldView:
    view = core.extend_hold(hold_id)
    assert isinstance(view, HoldView), view
    return view


def test_a_refill_during_a_call_raises_its_limit_at_the_terms_it_began_with(world: World) -> None:
    world.core.create_product("Voucher", currency="USD", deck="retail", voucher=True)
    voucher = world.core.issue_batch("Voucher", 1, 3 * MINUTE + 1)[0]
    card = world.new_card(2 * MINUTE)
    authorised = world.authorised(card)
    assert extended(world.core, authorised.hold_id).limit_s == 120  # nothing was refilled yet
    assert isinstance(world.core.refill_by_voucher(card, voucher.pin, ani=None, trunk=""), Card)
    world.publish({"44": flat_rate(600_000, 60, 60)})  # ten times as dear, for calls from now on
    for _ in range(2):
        view = extended(world.core, authorised.hold_id)
        assert (view.state, view.limit_s, view.held_micros) == (HoldState.HELD, 300, 5 * MINUTE)
    world.core.capture(authorised.hold_id, 1000)
    assert world.core.entries(card)[-1]["amount_micros"] == -5 * MINUTE
    assert world.core.check().ok


def test_the_limits_of_the_product_hold_for_an_extended_call(world: World) -> None:
    world.core.create_product("Short", currency="USD", deck="retail", longest_call_s=150)
    world.core.create_product("Thrifty", currency="USD", deck="retail", spend_per_day_micros=3 * MINUTE)
    for product, limit_s, held in (("Short", 150, 3 * MINUTE), ("Thrifty", 180, 3 * MINUTE)):
        card = world.new_card(MINUTE, product)
        hold_id = world.authorised(card).hold_id
        world.core.adjust(card, 100 * MINUTE, reference="refill", note="")
        view = extended(world.core, hold_id)
        assert (view.limit_s, view.held_micros) == (limit_s, held)
    assert world.core.check().ok


def test_a_settled_call_a_blocked_card_and_an_unknown_hold_are_not_extended(world: World) -> None:
    assert world.core.extend_hold("0" * 32) == Refusal.UNKNOWN_HOLD
    card = world.new_card(MINUTE)
    settled, blocked = world.authorised(card).hold_id, world.authorised(other := world.new_card(MINUTE)).hold_id
    world.core.capture(settled, 1)
    world.core.adjust(card, MINUTE, reference="a", note="")
    world.core.adjust(other, MINUTE, reference="b", note="")
    view = world.core.card(other)
    assert isinstance(view, Card)
    world.core.block(view.serial)
    assert extended(world.core, settled).state == HoldState.CAPTURED
    assert extended(world.core, blocked).limit_s == 60
    assert world.core.check().ok


def test_extending_and_settling_at_the_same_time_leave_the_books_right(world: World) -> None:
    for number in range(10):
        card = world.new_card(MINUTE)
        hold_id = world.authorised(card, LONDON).hold_id
        world.core.adjust(card, MINUTE, reference=f"refill {number}", note="")
        together = threading.Barrier(3)

        def run(seconds: int, hold_id: str = hold_id, together: threading.Barrier = together) -> None:
            together.wait(30)
            if seconds:
                world.core.capture(hold_id, seconds)
            else:
                world.core.extend_hold(hold_id)

        threads = [threading.Thread(target=run, args=(seconds,), daemon=True) for seconds in (0, 0, 1000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        view = world.core.hold(hold_id)
        assert isinstance(view, HoldView)
        # Either the call was over before its limit was raised, or it is charged for what it was raised to by then.
        assert view.state == HoldState.CAPTURED
        assert (view.limit_s, view.charge_micros) in ((60, MINUTE), (120, MINUTE), (120, 2 * MINUTE))
    check = world.core.check()
    assert check.ok, check.problems
    assert check.held == 0
