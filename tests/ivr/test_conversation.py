"""Conversations as transcripts: what is played and asked, what the caller does, how it ends."""

from dataclasses import replace
from pathlib import Path

import pytest

from mediasrv.ivr.caller import BridgeOutcome
from mediasrv.ivr.talk import Manners, manners_of
from rating.model import LanguageOffer
from rating.outcome import Refusal
from rating.settings import SettingsError, load_settings

from .fakes import ACCESS, PRODUCT, MemorySwitch, held, held_by

PIN = "4821907763"
SAYS = {"the PIN": PIN + "#", "a wrong PIN": "1111111111#", "another PIN": "5550001112#", "the voucher": "99887766#"}
ENGLISH_ONLY = replace(ACCESS, languages=("en",))

WAY_IN = """
    plays welcome
    asks pin_ask
    enters the PIN
"""
GOODBYE = """
    plays goodbye
    is hung up
"""


@pytest.fixture
def switch() -> MemorySwitch:
    return MemorySwitch()


async def test_a_caller_chooses_a_language_enters_the_pin_and_is_connected(switch: MemorySwitch) -> None:
    card = switch.issue(4_500_000, PIN)
    await held(
        """
        plays welcome
        asks language_choice 1 en, language_choice 2 es
        enters 2
        asks pin_ask
        enters the PIN
        plays balance 4.50 USD
        asks destination_ask, destination_services
        enters 011442071234567#
        plays minutes 15, connecting
        calls 442071234567 for at most 900 s
        far end completed after 61 s
        plays call_completed
        plays balance 4.19 USD
        asks destination_next, destination_redial, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
    )
    assert switch.cards[card.card_id].posted_micros == 4_195_000
    assert switch.cards[card.card_id].held_micros == 0
    assert switch.cards[card.card_id].language == "es"


async def test_a_registered_caller_is_asked_for_no_pin(switch: MemorySwitch) -> None:
    card = switch.issue(4_500_000, PIN, language="es")
    heard_in = await held(
        """
        plays welcome
        plays balance 4.50 USD
        asks destination_ask, destination_services
        hangs up
        """,
        switch,
        card_id=card.card_id,
    )
    assert heard_in == ["es", "es"]


async def test_a_registered_caller_chooses_the_language_once(switch: MemorySwitch) -> None:
    card = switch.issue(4_500_000, PIN)
    await held(
        """
        plays welcome
        asks language_choice 1 en, language_choice 2 es, language_choice 3 ru
        enters 2
        plays balance 4.50 USD
        asks destination_ask, destination_services
        hangs up
        """,
        switch,
        card_id=card.card_id,
    )
    assert switch.cards[card.card_id].language == "es"


async def test_the_cards_last_language_takes_over_after_the_pin(switch: MemorySwitch) -> None:
    switch.issue(4_500_000, PIN, language="ru", product=replace(PRODUCT, languages=(LanguageOffer("ru"),)))
    await held(
        WAY_IN + "plays balance 4.50 USD\n asks destination_ask, destination_services\n hangs up",
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )


async def test_a_languages_fee_is_announced_and_accepted_before_it_is_charged(switch: MemorySwitch) -> None:
    card = switch.issue(4_500_000, PIN)
    await held(
        """
        plays welcome
        asks language_choice 1 en, language_choice 2 ru
        enters 2
        asks pin_ask
        enters the PIN
        plays language_fee 0.25 USD
        asks language_fee_choice
        enters 1
        plays balance 4.25 USD
        asks destination_ask, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=replace(ACCESS, languages=("en", "ru")),
    )
    assert list(switch.fees.values()) == [250_000]
    assert switch.cards[card.card_id].language == "ru"


@pytest.mark.parametrize("answers", ["enters 2", "\n".join(["silence"] * 3)])
async def test_a_declined_fee_is_not_charged(switch: MemorySwitch, answers: str) -> None:
    switch.issue(4_500_000, PIN, language="ru")
    asked = [line for answer in answers.splitlines() for line in ("asks language_fee_choice", answer)]
    if "silence" in answers:
        asked = [
            line for pair in zip(asked[::2], asked[1::2], ["plays nothing_heard"] * 3, strict=True) for line in pair
        ]
    await held(
        WAY_IN
        + "plays language_fee 0.25 USD\n"
        + "\n".join(asked)
        + "\nplays balance 4.50 USD\n asks destination_ask, destination_services\n hangs up",
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )
    assert not switch.fees


async def test_a_language_the_card_does_not_have_is_said(switch: MemorySwitch) -> None:
    switch.issue(4_500_000, PIN)
    await held(
        """
        plays welcome
        asks language_choice 1 es, language_choice 2 fr
        enters 2
        asks pin_ask
        enters the PIN
        plays language_not_offered
        plays balance 4.50 USD
        asks destination_ask, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=replace(ACCESS, languages=("es", "fr")),
    )


async def test_three_wrong_pins_end_the_call(switch: MemorySwitch) -> None:
    switch.issue(4_500_000, PIN)
    wrong = "asks pin_ask\n enters a wrong PIN\n plays refusal_wrong_pin\n"
    await held(
        "plays welcome\n" + 3 * wrong + "plays refusal_locked, goodbye\n is hung up",
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )


async def test_a_lock_out_ends_the_call_at_once(switch: MemorySwitch) -> None:
    switch.issue(4_500_000, PIN)
    switch.wrong_pins = switch.wrong_pins_max
    await held(WAY_IN + "plays refusal_locked, goodbye\n is hung up", switch, says=SAYS, access=ENGLISH_ONLY)


async def test_a_star_starts_the_pin_again(switch: MemorySwitch) -> None:
    switch.issue(4_500_000, PIN)
    await held(
        """
        plays welcome
        asks pin_ask
        enters 48*
        asks pin_ask
        enters the PIN
        plays balance 4.50 USD
        asks destination_ask, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )
    assert switch.wrong_pins == 0


async def test_a_silent_caller_is_asked_three_times(switch: MemorySwitch) -> None:
    silence = "asks pin_ask\n silence\n plays nothing_heard\n"
    await held(
        "plays welcome\n" + 3 * silence + "plays too_many_tries, goodbye\n is hung up", switch, access=ENGLISH_ONLY
    )


async def test_bad_numbers_are_asked_again(switch: MemorySwitch) -> None:
    switch.issue(4_500_000, PIN)
    await held(
        WAY_IN
        + """
        plays balance 4.50 USD
        asks destination_ask, destination_services
        enters 12#
        plays refusal_bad_number
        asks destination_ask, destination_services
        enters 911#
        plays refusal_emergency
        asks destination_ask, destination_services
        enters 0114420*
        asks destination_ask, destination_services
        enters 011442071234567#
        plays minutes 15, connecting
        calls 442071234567 for at most 900 s
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )


@pytest.mark.parametrize(
    ("balance_micros", "announced"),
    [
        (6_000, "seconds 6, connecting"),
        (59_000, "seconds 59, connecting"),
        (60_000, "minutes 1, connecting"),
        (119_000, "minutes 1, connecting"),
        (7_200_000, "connecting"),
    ],
)
async def test_what_is_announced_is_never_more_than_what_is_held(
    switch: MemorySwitch, balance_micros: int, announced: str
) -> None:
    card = switch.issue(balance_micros, PIN)
    low = ", balance_low" if balance_micros < 1_000_000 else ""
    shown = f"{balance_micros // 10_000 / 100:.2f}"
    limit_s = min(balance_micros // 1000, 7200)
    if limit_s == 7200:
        switch.cards[card.card_id] = replace(card, product=replace(PRODUCT, longest_call_s=0))
        switch.cards[card.card_id] = replace(card, product=replace(PRODUCT, longest_call_s=36_000))
        switch.cards[card.card_id] = replace(switch.cards[card.card_id], posted_micros=36_000_000)
        limit_s, shown = 36_000, "36.00"
    await held(
        WAY_IN
        + f"""
        plays balance {shown} USD{low}
        asks destination_ask, destination_services
        enters 2125550111#
        plays {announced}
        calls 12125550111 for at most {limit_s} s
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )


@pytest.mark.parametrize("refusal", list(Refusal))
async def test_every_refusal_of_a_call_is_spoken(switch: MemorySwitch, refusal: Refusal) -> None:
    switch.issue(4_500_000, PIN)
    switch.refuse_call = refusal
    card_is_done = refusal in (
        Refusal.UNKNOWN_CARD,
        Refusal.CARD_INACTIVE,
        Refusal.CARD_BLOCKED,
        Refusal.CARD_EXPIRED,
    )
    reason = f"plays refusal_{refusal.value.lower()}"
    if card_is_done:
        after = f"{reason}, goodbye\n is hung up"
    elif refusal is Refusal.NO_CREDIT:
        after = f"{reason}\n asks option_refill 1, option_other_card 2, option_other_number 3\n hangs up"
    elif refusal is Refusal.CARD_EXHAUSTED:
        after = f"{reason}\n asks option_refill 1, option_other_card 2\n hangs up"
    else:
        after = f"{reason}\n asks destination_ask, destination_services\n hangs up"
    await held(
        WAY_IN
        + "plays balance 4.50 USD\n asks destination_ask, destination_services\n enters 011442071234567#\n"
        + after,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )
    assert not switch.holds


@pytest.mark.parametrize(
    ("outcome", "spoken"),
    [
        (BridgeOutcome.BUSY, "call_busy"),
        (BridgeOutcome.NO_ANSWER, "call_no_answer"),
        (BridgeOutcome.REJECTED, "call_rejected"),
        (BridgeOutcome.WRONG_NUMBER, "call_wrong_number"),
        (BridgeOutcome.UNREACHABLE, "call_unreachable"),
    ],
)
async def test_the_cause_is_heard_and_the_next_destination_needs_no_pin(
    switch: MemorySwitch, outcome: BridgeOutcome, spoken: str
) -> None:
    switch.issue(4_500_000, PIN)
    await held(
        WAY_IN
        + f"""
        plays balance 4.50 USD
        asks destination_ask, destination_services
        enters 011442071234567#
        plays minutes 15, connecting
        calls 442071234567 for at most 900 s
        far end {outcome.value}
        plays {spoken}
        plays balance 4.50 USD
        asks destination_next, destination_redial, destination_services
        enters #
        plays minutes 15, connecting
        calls 442071234567 for at most 900 s
        far end recalled after 60 s
        plays balance 4.20 USD
        asks destination_next, destination_redial, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )


async def test_running_out_is_heard_and_a_voucher_helps(switch: MemorySwitch) -> None:
    card = switch.issue(60_000, PIN)
    switch.vouchers["99887766"] = 5_000_000
    await held(
        WAY_IN
        + """
        plays balance 0.06 USD, balance_low
        asks destination_ask, destination_services
        enters 2125550111#
        plays minutes 1, connecting
        calls 12125550111 for at most 60 s
        far end limit
        plays call_credit_used_up
        plays balance 0.00 USD
        plays refusal_card_exhausted
        asks option_refill 1, option_other_card 2
        enters 1
        asks voucher_ask
        enters 31#
        plays refusal_voucher_used
        asks voucher_ask
        enters the voucher
        plays voucher_done, balance 5.00 USD
        asks destination_next, destination_redial, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )
    assert switch.cards[card.card_id].posted_micros == 5_000_000


async def test_the_longest_call_is_not_called_running_out(switch: MemorySwitch) -> None:
    switch.issue(50_000_000, PIN, product=replace(PRODUCT, longest_call_s=600))
    await held(
        WAY_IN
        + """
        plays balance 50.00 USD
        asks destination_ask, destination_services
        enters 2125550111#
        plays minutes 10, connecting
        calls 12125550111 for at most 600 s
        far end limit
        plays call_longest
        plays balance 49.40 USD
        asks destination_next, destination_redial, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )


async def test_a_second_card_goes_on_where_the_first_is_empty(switch: MemorySwitch) -> None:
    """With its own product: as long as that allows, the caller may be silent."""
    switch.issue(0, PIN, product=replace(PRODUCT, refillable=False))
    switch.issue(2_000_000, "5550001112", product=replace(PRODUCT, media_silence_s=20))
    caller = await held_by(
        WAY_IN
        + """
        plays balance 0.00 USD
        plays refusal_card_exhausted
        asks option_other_card 1
        enters 1
        asks pin_ask
        enters another PIN
        plays balance 2.00 USD
        asks destination_ask, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )
    assert caller.silences_s == [60, 20]


async def test_a_card_remembers_the_last_number_from_call_to_call(switch: MemorySwitch) -> None:
    switch.issue(4_500_000, PIN, last_dnis="442071234567")
    await held(
        WAY_IN
        + """
        plays balance 4.50 USD
        asks destination_ask, destination_redial, destination_services
        enters #
        plays minutes 15, connecting
        calls 442071234567 for at most 900 s
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )


async def test_a_voucher_is_entered_before_the_card_is_empty(switch: MemorySwitch) -> None:
    card = switch.issue(4_500_000, PIN)
    switch.vouchers["99887766"] = 5_000_000
    await held(
        WAY_IN
        + """
        plays balance 4.50 USD
        asks destination_ask, destination_services
        enters 0#
        asks option_balance 1, option_language 2, option_refill 3, option_back 4
        enters 3
        asks voucher_ask
        enters 998*
        asks voucher_ask
        silence
        plays nothing_heard
        asks voucher_ask
        enters the voucher
        plays voucher_done, balance 9.50 USD
        asks destination_ask, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )
    assert switch.cards[card.card_id].posted_micros == 9_500_000


async def test_a_lock_out_survives_the_call(switch: MemorySwitch) -> None:
    """Who has guessed wrong is told so in the next call too, with the right PIN."""
    switch.issue(4_500_000, PIN)
    switch.wrong_pins_max = 3
    wrong = "asks pin_ask\n enters a wrong PIN\n plays refusal_wrong_pin\n"
    last = "asks pin_ask\n enters a wrong PIN\n plays refusal_locked, goodbye\n is hung up"
    await held("plays welcome\n" + 2 * wrong + last, switch, says=SAYS, access=ENGLISH_ONLY)
    await held(WAY_IN + "plays refusal_locked, goodbye\n is hung up", switch, says=SAYS, access=ENGLISH_ONLY)


async def test_a_trusted_caller_is_offered_to_register_after_the_first_call(switch: MemorySwitch) -> None:
    card = switch.issue(4_500_000, PIN)
    await held(
        WAY_IN
        + """
        plays balance 4.50 USD
        asks destination_ask, destination_services
        enters 2125550111#
        plays minutes 75, connecting
        calls 12125550111 for at most 4500 s
        far end completed after 60 s
        plays call_completed
        plays balance 4.44 USD
        asks register_offer
        enters 1
        plays register_done
        asks destination_next, destination_redial, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
        ani_trusted=True,
    )
    assert switch.registered == {"12125550199": card.card_id}


@pytest.mark.parametrize(("level", "believed"), [("A", True), ("B", True), ("C", False), ("", False)])
async def test_a_callerid_is_believed_only_with_the_attestation_that_the_product_asks_for(
    switch: MemorySwitch, level: str, believed: bool
) -> None:
    card = switch.issue(4_500_000, PIN, product=replace(PRODUCT, attestation="B"))
    balance = "plays balance 4.50 USD\n asks destination_ask, destination_services\n"
    services = "option_balance 1, option_language 2, option_refill 3"
    known: dict[str, object] = {"access": ENGLISH_ONLY, "ani_trusted": True, "attestation": level}
    way_in = "plays welcome" if believed else WAY_IN
    await held(f"{way_in}\n {balance} hangs up", switch, says=SAYS, card_id=card.card_id, **known)
    offered = ", option_register 4, option_back 5" if believed else ", option_back 4"
    await held(f"{WAY_IN} {balance} enters 0#\n asks {services}{offered}\n hangs up", switch, says=SAYS, **known)


async def test_who_dialled_a_destination_is_asked_for_the_pin_and_not_for_the_number_again(
    switch: MemorySwitch,
) -> None:
    switch.issue(4_500_000, PIN)
    await held(
        WAY_IN
        + """
        plays balance 4.50 USD
        plays minutes 15, connecting
        calls 442071234567 for at most 900 s
        far end busy
        plays call_busy
        plays balance 4.50 USD
        asks destination_next, destination_redial, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
        dnis="442071234567",
    )


async def test_who_dials_on_instead_of_answering_the_offer_is_connected(switch: MemorySwitch) -> None:
    switch.issue(4_500_000, PIN)
    await held(
        WAY_IN
        + """
        plays balance 4.50 USD
        asks destination_ask, destination_services
        enters 2125550111#
        plays minutes 75, connecting
        calls 12125550111 for at most 4500 s
        far end completed after 60 s
        plays call_completed
        plays balance 4.44 USD
        asks register_offer
        enters 12125550122#
        plays minutes 74, connecting
        calls 12125550122 for at most 4440 s
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
        ani_trusted=True,
    )
    assert not switch.registered


async def test_the_services_menu(switch: MemorySwitch) -> None:
    card = switch.issue(4_500_000, PIN)
    options = "asks option_balance 1, option_language 2, option_refill 3, option_register 4, option_back 5"
    await held(
        WAY_IN
        + f"""
        plays balance 4.50 USD
        asks destination_ask, destination_services
        enters 0#
        {options}
        enters 9
        plays key_wrong
        {options}
        enters 2
        asks language_choice 1 en, language_choice 2 es, language_choice 3 ru
        enters 2
        asks destination_ask, destination_services
        enters 0#
        {options}
        enters 4
        plays register_done
        asks destination_ask, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
        ani_trusted=True,
    )
    assert switch.cards[card.card_id].language == "es"
    assert switch.registered


async def test_the_last_number_is_stored_under_a_key_and_called_by_it(switch: MemorySwitch) -> None:
    card = switch.issue(4_500_000, PIN)
    switch.speed_dials[card.card_id, 7] = "525512345678"
    options = "asks option_balance 1, option_language 2, option_refill 3, option_speed_dial 4, option_back 5"
    await held(
        WAY_IN
        + f"""
        plays balance 4.50 USD
        asks destination_ask, destination_services
        enters 5#
        plays speed_dial_empty
        asks destination_ask, destination_services
        enters 2125550111#
        plays minutes 75, connecting
        calls 12125550111 for at most 4500 s
        far end busy
        plays call_busy
        plays balance 4.50 USD
        asks destination_next, destination_redial, destination_services
        enters 0#
        {options}
        enters 4
        asks speed_dial_ask
        enters 0
        plays key_wrong
        asks speed_dial_ask
        enters 5
        plays speed_dial_done 5
        asks destination_next, destination_redial, destination_services
        enters 7#
        plays minutes 120, connecting
        calls 525512345678 for at most 7200 s
        far end busy
        plays call_busy
        plays balance 4.50 USD
        asks destination_next, destination_redial, destination_services
        enters 5#
        plays minutes 75, connecting
        calls 12125550111 for at most 4500 s
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )
    assert switch.speed_dials == {(card.card_id, 5): "12125550111", (card.card_id, 7): "525512345678"}


@pytest.mark.parametrize("step", ["enter_pin", "set_language", "authorise", "hold", "card"])
async def test_the_ledger_out_of_reach_is_apologised_for(switch: MemorySwitch, step: str) -> None:
    card = switch.issue(4_500_000, PIN)
    switch.out_of_order = {step, "void"} if step == "authorise" else {step}
    way = """
        plays welcome
        asks language_choice 1 en, language_choice 2 es
        enters 2
        asks pin_ask
        enters the PIN
        plays balance 4.50 USD
        asks destination_ask, destination_services
        enters 2125550111#
        plays minutes 75, connecting
        calls 12125550111 for at most 4500 s
        far end completed after 60 s
        plays call_completed
    """.splitlines()
    heard = {"enter_pin": 6, "card": 6, "set_language": 6, "authorise": 9, "hold": 13}[step]
    await held("\n".join(way[:heard]) + "\n plays apology\n is hung up", switch, says=SAYS)
    if step != "hold":
        assert switch.cards[card.card_id].posted_micros == 4_500_000
    assert switch.cards[card.card_id].held_micros == 0


async def test_a_balance_that_is_not_settled_yet_is_not_spoken(switch: MemorySwitch) -> None:
    switch.issue(4_500_000, PIN)
    switch.settles = False
    await held(
        WAY_IN
        + """
        plays balance 4.50 USD
        asks destination_ask, destination_services
        enters 2125550111#
        plays minutes 75, connecting
        calls 12125550111 for at most 4500 s
        far end completed after 60 s
        plays call_completed
        asks destination_next, destination_redial, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )


async def test_a_call_that_could_not_be_placed_leaves_nothing_held(switch: MemorySwitch) -> None:
    card = switch.issue(4_500_000, PIN)
    await held(
        WAY_IN
        + """
        plays balance 4.50 USD
        asks destination_ask, destination_services
        enters 2125550111#
        plays minutes 75, connecting
        calls 12125550111 for at most 4500 s
        far end not placed
        plays call_unreachable
        plays balance 4.50 USD
        asks destination_next, destination_redial, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )
    assert switch.cards[card.card_id].held_micros == 0


async def test_a_fee_that_takes_the_last_of_a_card_is_not_offered_twice(switch: MemorySwitch) -> None:
    card = switch.issue(250_000, PIN, language="ru", product=replace(PRODUCT, refillable=False))

    async def charge_the_last(card_id: int, *, fee_id: str, amount_micros: int, note: str) -> Refusal:
        assert not isinstance(
            await MemorySwitch.charge_fee(switch, card_id, fee_id=fee_id, amount_micros=amount_micros, note=note),
            Refusal,
        )
        return Refusal.CARD_EXHAUSTED

    switch.charge_fee = charge_the_last  # type: ignore[method-assign]
    await held(
        WAY_IN
        + """
        plays language_fee 0.25 USD
        asks language_fee_choice
        enters 1
        plays balance 0.00 USD
        plays refusal_card_exhausted
        asks option_other_card 1
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )
    assert switch.cards[card.card_id].posted_micros == 0


async def test_a_fee_that_cannot_be_paid_leads_to_a_free_language(switch: MemorySwitch) -> None:
    switch.issue(100_000, PIN, language="ru")
    await held(
        WAY_IN
        + """
        plays language_fee 0.25 USD
        asks language_fee_choice
        enters 1
        plays refusal_no_credit
        plays balance 0.10 USD, balance_low
        asks destination_ask, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )


async def test_a_balance_that_another_call_holds_is_not_called_used_up(switch: MemorySwitch) -> None:
    switch.issue(4_500_000, PIN, held_micros=4_500_000)
    await held(
        WAY_IN
        + """
        plays balance 0.00 USD
        plays refusal_call_limit
        asks option_refill 1, option_other_card 2
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )


async def test_a_registered_card_that_is_refused_leads_to_the_pin_of_another(switch: MemorySwitch) -> None:
    card = switch.issue(4_500_000, "0000000000")
    switch.issue(2_000_000, PIN)
    switch.refuse_card[card.card_id] = Refusal.CARD_EXPIRED
    await held(
        """
        plays welcome
        plays refusal_card_expired
        asks pin_ask
        enters the PIN
        plays balance 2.00 USD
        asks destination_ask, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
        card_id=card.card_id,
    )


@pytest.mark.parametrize(
    ("after", "heard"),
    [
        (Refusal.CARD_BLOCKED, "plays refusal_card_blocked, goodbye\n is hung up"),
        (Refusal.CARD_EXHAUSTED, "plays refusal_card_exhausted\n asks option_refill 1, option_other_card 2\n hangs up"),
    ],
)
async def test_a_card_that_is_refused_after_the_call(switch: MemorySwitch, after: Refusal, heard: str) -> None:
    card = switch.issue(4_500_000, PIN)
    real = switch.end_of_call

    def ends(hold_id: str, seconds: int) -> None:
        real(hold_id, seconds)
        switch.refuse_card[card.card_id] = after

    switch.end_of_call = ends  # type: ignore[method-assign]
    await held(
        WAY_IN
        + """
        plays balance 4.50 USD
        asks destination_ask, destination_services
        enters 2125550111#
        plays minutes 75, connecting
        calls 12125550111 for at most 4500 s
        far end completed after 60 s
        plays call_completed
        """
        + heard,
        switch,
        says=SAYS,
        access=ENGLISH_ONLY,
    )


def test_manners_come_from_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "cardswitch.toml"
    text = """
        [node]\nname = "edge1"\n[database]\n[secrets]\npepper_file = "p"\n[journal]\ndirectory = "j"
        [decks]\ncache_directory = "d"\n[conversation]\n
    """
    file.write_text(text + "tries = 2")
    assert manners_of(load_settings(file)) == Manners(node="edge1", tries=2)
    for wrong in ("trys = 2", 'tries = "2"'):
        file.write_text(text + wrong)
        with pytest.raises(SettingsError, match="unknown or wrong setting"):
            manners_of(load_settings(file))


@pytest.mark.parametrize("languages", [(), ("xx",), ("xx", "en")])
async def test_a_language_that_nobody_wrote_texts_for_is_passed_over(
    switch: MemorySwitch, languages: tuple[str, ...]
) -> None:
    offers = tuple(LanguageOffer(code) for code in languages)
    switch.issue(4_500_000, PIN, language="xx", product=replace(PRODUCT, languages=offers))
    await held(
        WAY_IN + "plays balance 4.50 USD\n asks destination_ask, destination_services\n hangs up",
        switch,
        says=SAYS,
        access=replace(ACCESS, languages=languages),
    )


async def test_an_access_numbers_surcharge_is_announced_once(switch: MemorySwitch) -> None:
    switch.issue(4_500_000, PIN)
    await held(
        WAY_IN
        + """
        plays balance 4.50 USD, surcharge 0.10 USD
        asks destination_ask, destination_services
        enters 2125550111#
        plays minutes 75, connecting
        calls 12125550111 for at most 4500 s
        far end busy
        plays call_busy
        plays balance 4.50 USD
        asks destination_next, destination_redial, destination_services
        hangs up
        """,
        switch,
        says=SAYS,
        access=replace(ENGLISH_ONLY, surcharge_micros=100_000),
    )
