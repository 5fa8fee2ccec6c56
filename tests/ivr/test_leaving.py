# ruff: noqa: ARG002  a protocol is implemented here, and not every argument is of interest
"""Whatever moment the caller leaves, whatever keys are pressed: nothing is left held, nothing is charged unheard."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasrv.ivr.caller import Answer, BridgeOutcome, BridgeResult, HungUp, NoInput, Question
from mediasrv.ivr.conversation import conversation
from mediasrv.prompts.phrase import Phrase
from mediasrv.prompts.spoken import text_of
from rating.model import AccessNumber, Authorised
from rating.outcome import HoldState, LedgerUnavailableError

from .fakes import ACCESS, PRODUCT, QUICK, MemorySwitch, SettlingSwitch, as_typed

PIN, VOUCHER = "4821907763", "99887766"
BALANCE = 4_500_000
BUSY = BridgeResult(BridgeOutcome.BUSY)
TWO_LANGUAGES = replace(ACCESS, languages=("en", "ru"))


@dataclass(slots=True)
class ImpatientCaller:
    """Answers questions from a list, leaves at step ``leaves_at`` (0: while it rings), or when the list is over."""

    switch: SettlingSwitch
    answers: list[str] = field(repr=False)
    leaves_at: int = 10_000
    far_end: BridgeResult = BUSY
    step: int = 0
    heard: list[str] = field(default_factory=list)
    call_id: str = "c" * 32
    trunk: str = ""
    ani: str | None = "12125550199"
    ani_trusted: bool = True
    attestation: str = ""
    card_id: int | None = None
    access: AccessNumber = TWO_LANGUAGES
    dnis: str = ""
    language: str = "en"

    def _step(self) -> None:
        if self.step >= self.leaves_at:
            raise HungUp
        self.step += 1

    async def answer(self) -> None:
        self._step()

    async def play(self, *phrases: Phrase, skippable: bool = True, fresh: bool = False) -> None:
        self._step()
        for phrase in phrases:
            assert text_of(phrase, self.language)
            self.heard.append(phrase.prompt)

    async def ask(self, question: Question) -> Answer:
        await self.play(*question.prompt)
        if not self.answers:
            raise HungUp
        keys = self.answers.pop(0)
        return as_typed(keys, question) if keys else NoInput()

    async def bridge(self, authorised: Authorised) -> BridgeResult:
        left = self.step >= self.leaves_at
        result = BridgeResult(BridgeOutcome.CALLER_LEFT) if left else self.far_end
        self.step += 1
        if result.placed:
            self.switch.end_of_call(authorised.hold_id, result.seconds)
        return result

    async def expect_media(self, silence_s: int) -> None:
        await asyncio.sleep(0)

    async def hang_up(self) -> None:
        await asyncio.sleep(0)


def a_switch() -> MemorySwitch:
    switch = MemorySwitch(vouchers={VOUCHER: 1_000_000})
    switch.issue(BALANCE, PIN)
    return switch


@pytest.mark.parametrize("leaves_at", range(16))
async def test_a_caller_who_leaves_before_the_answer_pays_nothing(leaves_at: int) -> None:
    switch = a_switch()
    caller = ImpatientCaller(switch, ["1", PIN + "#", "2125550111#", "2125550111#"], leaves_at)
    await conversation(caller, switch, QUICK)
    assert switch.cards[1].posted_micros == BALANCE
    assert switch.cards[1].held_micros == 0


@pytest.mark.parametrize("leaves_at", range(16))
async def test_a_fee_is_charged_only_after_it_was_heard_and_accepted(leaves_at: int) -> None:
    switch = a_switch()
    caller = ImpatientCaller(switch, ["2", PIN + "#", "1", "2125550111#"], leaves_at)
    await conversation(caller, switch, QUICK)
    if switch.fees:
        assert caller.heard.count("language_fee") == 1
        assert list(switch.fees.values()) == [250_000]
    assert switch.cards[1].posted_micros == BALANCE - sum(switch.fees.values())
    assert switch.cards[1].held_micros == 0


async def test_a_cancelled_conversation_leaves_nothing_held_before_the_call_is_placed() -> None:
    """A server that is shut down cancels its conversations."""
    switch = a_switch()
    announced = asyncio.Event()

    class Listening(ImpatientCaller):
        async def play(self, *phrases: Phrase, skippable: bool = True, fresh: bool = False) -> None:
            if phrases[-1].prompt == "connecting":
                announced.set()
                await asyncio.Event().wait()

    task = asyncio.create_task(conversation(Listening(switch, ["1", PIN + "#", "2125550111#"]), switch, QUICK))
    await announced.wait()
    assert switch.cards[1].held_micros > 0
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert switch.cards[1].held_micros == 0


async def test_a_hold_is_never_voided_once_the_call_is_placed() -> None:
    """From the INVITE on the journal decides: a process that is stopped in mid-call must not make the call free."""
    switch = a_switch()
    connected = asyncio.Event()

    class Talking(ImpatientCaller):
        async def bridge(self, authorised: Authorised) -> BridgeResult:
            connected.set()
            await asyncio.Event().wait()
            raise AssertionError

    task = asyncio.create_task(conversation(Talking(switch, ["1", PIN + "#", "2125550111#"]), switch, QUICK))
    await connected.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [hold.state for hold in switch.holds.values()] == [HoldState.HELD]


async def test_an_authorisation_whose_answer_is_lost_is_voided() -> None:
    switch = a_switch()

    class LosingSwitch(MemorySwitch):
        async def authorise(self, request: object) -> Authorised:
            await super().authorise(request)  # type: ignore[arg-type]
            raise LedgerUnavailableError

    losing = LosingSwitch(cards=switch.cards, pins=switch.pins)
    caller = ImpatientCaller(losing, ["1", PIN + "#", "2125550111#"])
    await conversation(caller, losing, QUICK)
    assert caller.heard[-1] == "apology"
    assert losing.cards[1].held_micros == 0


KEYS = st.one_of(
    st.just(""),
    st.sampled_from(
        ["1", "2", "3", "4", "#", "*", "0#", "4#", PIN + "#", VOUCHER + "#", "2125550111#", "011442071234567#", "911#"]
    ),
    st.text("0123456789*#", min_size=1, max_size=12),
)
FAR_ENDS = st.one_of(
    st.sampled_from([BridgeResult(outcome) for outcome in BridgeOutcome if outcome.value in ("busy", "unreachable")]),
    st.builds(BridgeResult, st.just(BridgeOutcome.COMPLETED), st.integers(1, 500)),
    st.just(BridgeResult(BridgeOutcome.UNREACHABLE, placed=False)),
)


@settings(max_examples=300, deadline=None)
@given(answers=st.lists(KEYS, max_size=14), far_end=FAR_ENDS, balance=st.sampled_from([0, 900, 60_000, BALANCE]))
def test_any_keys_at_any_time_end_well(answers: list[str], far_end: BridgeResult, balance: int) -> None:
    switch = MemorySwitch(vouchers={VOUCHER: 1_000_000})
    switch.issue(balance, PIN, product=replace(PRODUCT, longest_call_s=36_000))
    asyncio.run(conversation(ImpatientCaller(switch, list(answers), far_end=far_end), switch, QUICK))
    card = switch.cards[1]
    refilled = 1_000_000 - sum(switch.vouchers.values())
    charged = sum(hold.charge_micros or 0 for hold in switch.holds.values())
    assert card.posted_micros == balance + refilled - charged - sum(switch.fees.values())
    assert card.held_micros == 0
    assert not any(hold.state is HoldState.HELD for hold in switch.holds.values())
