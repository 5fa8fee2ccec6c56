"""The conversation against the real rating core and a real MariaDB; only the telephone is played."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from console.stack.mariadb import PrivateMariaDb
from mediasrv.ivr.conversation import conversation
from mediasrv.switch import ThreadedSwitch
from rating.core import RatingCore
from rating.model import Card
from rating.outcome import HoldState
from tests.ledger.world import World
from tests.support.mariadb import fresh_ledger, private_mariadb

from .fakes import ACCESS, QUICK, held
from .test_leaving import ImpatientCaller

FACE_VALUE = 4_500_000
ENGLISH_ONLY = replace(ACCESS, languages=("en",))


class SettlingSwitch(ThreadedSwitch):
    """The real thing, with a keeper that settles at once."""

    def __init__(self, core: RatingCore) -> None:
        super().__init__(core, threads=2)
        self.core = core
        self.holds: list[str] = []

    def end_of_call(self, hold_id: str, seconds: int) -> None:
        self.holds.append(hold_id)
        if seconds:
            self.core.capture(hold_id, seconds)
        else:
            self.core.void(hold_id)


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateMariaDb]:
    with private_mariadb() as running:
        yield running


@pytest.fixture
def core(server: PrivateMariaDb, tmp_path: Path) -> Iterator[RatingCore]:
    with fresh_ledger(server) as settings:
        core = World(settings, tmp_path).core  # 0.06 a minute to 44, by whole minutes
        core.create_product("Talk", currency="USD", deck="retail", languages={"en": 0, "es": 250_000})
        core.create_product("Voucher", currency="USD", deck="retail", voucher=True)
        yield core


@pytest.fixture
def switch(core: RatingCore) -> Iterator[SettlingSwitch]:
    switch = SettlingSwitch(core)
    yield switch
    switch.close()


def new_card(core: RatingCore, micros: int = FACE_VALUE, product: str = "Talk") -> tuple[int, str]:
    issued = core.issue_batch(product, 1, micros)[0]
    card_id = core.card_id_of_serial(issued.serial)
    assert card_id is not None
    return card_id, issued.pin


def card_now(core: RatingCore, card_id: int) -> Card:
    card = core.card(card_id)
    assert isinstance(card, Card)
    return card


async def test_a_fee_a_call_a_registration_and_a_redial(core: RatingCore, switch: SettlingSwitch) -> None:
    card_id, pin = new_card(core)
    await held(
        """
        plays welcome
        asks language_choice 1 en, language_choice 2 es
        enters 2
        asks pin_ask
        enters the PIN
        plays language_fee 0.25 USD
        asks language_fee_choice
        enters 1
        plays balance 4.25 USD
        asks destination_ask, destination_services
        enters 011442071234567#
        plays minutes 70, connecting
        calls 442071234567 for at most 4200 s
        far end completed after 61 s
        plays call_completed
        plays balance 4.13 USD
        asks register_offer
        enters 1
        plays register_done
        asks destination_next, destination_redial, destination_services
        enters #
        plays minutes 68, connecting
        calls 442071234567 for at most 4080 s
        far end busy
        plays call_busy
        plays balance 4.13 USD
        asks destination_next, destination_redial, destination_services
        hangs up
        """,
        switch,
        says={"the PIN": pin + "#"},
        ani_trusted=True,
    )
    registered = core.card_by_ani("12125550199")
    assert isinstance(registered, Card)
    assert (registered.card_id, registered.language, registered.last_dnis) == (card_id, "es", "442071234567")
    assert (registered.posted_micros, registered.held_micros) == (4_130_000, 0)
    assert core.check().ok


async def test_a_number_is_stored_for_the_card_and_called_by_its_key_in_the_next_call(
    core: RatingCore, switch: SettlingSwitch
) -> None:
    card_id, pin = new_card(core)
    other_id, _ = new_card(core)
    way_in = "plays welcome\n asks pin_ask\n enters the PIN\n plays balance 4.50 USD\n"
    says = {"the PIN": pin + "#"}
    await held(
        way_in
        + """
        asks destination_ask, destination_services
        enters 011442071234567#
        plays minutes 75, connecting
        calls 442071234567 for at most 4500 s
        far end busy
        plays call_busy
        plays balance 4.50 USD
        asks destination_next, destination_redial, destination_services
        enters 0#
        asks option_balance 1, option_language 2, option_refill 3, option_speed_dial 4, option_back 5
        enters 4
        asks speed_dial_ask
        enters 9
        plays speed_dial_done 9
        asks destination_next, destination_redial, destination_services
        hangs up
        """,
        switch,
        says=says,
        access=ENGLISH_ONLY,
    )
    await held(
        way_in
        + """
        asks destination_ask, destination_redial, destination_services
        enters 9#
        plays minutes 75, connecting
        calls 442071234567 for at most 4500 s
        hangs up
        """,
        switch,
        says=says,
        access=ENGLISH_ONLY,
    )
    core.set_speed_dial(card_id, 9, "33140000000")
    assert core.speed_dial(card_id, 9) == "33140000000"
    assert core.speed_dial(card_id, 8) is None
    assert core.speed_dial(other_id, 9) is None
    for no_key in (0, 10):
        with pytest.raises(ValueError, match="speed-dial key"):
            core.set_speed_dial(card_id, no_key, "33140000000")


async def test_three_wrong_pins_end_the_call_and_lock_the_telephone_out(
    core: RatingCore, switch: SettlingSwitch
) -> None:
    """The lock-out is the ledger's: it survives the call, a second media server has it, other telephones do not."""
    _, pin = new_card(core)
    wrong = "asks pin_ask\n enters a wrong PIN\n plays refusal_wrong_pin\n"
    says = {"a wrong PIN": "9" * 12 + "#", "the PIN": pin + "#"}
    one = {"access": ENGLISH_ONLY, "ani_trusted": True}
    another = {**one, "ani": "12125550188"}
    await held(f"plays welcome\n {3 * wrong} plays refusal_locked, goodbye\n is hung up", switch, says=says, **one)
    locked = "plays welcome\n asks pin_ask\n enters the PIN\n plays refusal_locked, goodbye\n is hung up"
    await held(locked, switch, says=says, **one)
    other_server = SettlingSwitch(core)
    await held(locked, other_server, says=says, **one)
    other_server.close()
    await held(f"plays welcome\n {wrong} asks pin_ask\n hangs up", switch, says=says, **another)


async def test_a_voucher_refills_an_empty_card(core: RatingCore, switch: SettlingSwitch) -> None:
    card_id, pin = new_card(core, 60_000)
    _, voucher = new_card(core, 5_000_000, "Voucher")
    await held(
        """
        plays welcome
        asks pin_ask
        enters the voucher
        plays voucher_is_no_card
        asks pin_ask
        enters the PIN
        plays balance 0.06 USD, balance_low
        asks destination_ask, destination_services
        enters 011442071234567#
        plays minutes 1, connecting
        calls 442071234567 for at most 60 s
        far end limit
        plays call_credit_used_up
        plays balance 0.00 USD
        plays refusal_card_exhausted
        asks option_refill 1, option_other_card 2
        enters 1
        asks voucher_ask
        enters the voucher
        plays voucher_done, balance 5.00 USD
        asks destination_next, destination_redial, destination_services
        enters 999140000000#
        plays refusal_bad_number
        asks destination_next, destination_redial, destination_services
        enters 01149301234567#
        plays refusal_no_rate
        asks destination_next, destination_redial, destination_services
        hangs up
        """,
        switch,
        says={"the PIN": pin + "#", "the voucher": voucher + "#"},
        access=ENGLISH_ONLY,
    )
    assert card_now(core, card_id).posted_micros == 5_000_000
    assert core.check().ok


async def test_leaving_at_any_step_leaves_nothing_held(core: RatingCore, switch: SettlingSwitch) -> None:
    number = "011442071234567#"
    for leaves_at in range(10):  # one ledger for all of them: a fresh one takes over a second
        card_id, pin = new_card(core)
        caller = ImpatientCaller(switch, [pin + "#", number, number], leaves_at, access=ENGLISH_ONLY)
        await conversation(caller, switch, QUICK)
        card = card_now(core, card_id)
        assert (card.posted_micros, card.held_micros) == (FACE_VALUE, 0), leaves_at
    assert switch.holds
    assert {getattr(core.hold(hold_id), "state", None) for hold_id in switch.holds} == {HoldState.VOID}
    assert core.check().ok
