# ruff: noqa: ARG002  protocols are implemented here, and not every argument is of interest
"""A caller who follows a transcript, and a switch in memory. No sockets, no files, no threads.

A transcript is script and expectation in one. Lines that begin with ``enters``, ``silence``, ``hangs up`` or
``far end`` are what the people do; the conversation must produce all other lines, in this order::

    plays welcome
    asks pin_ask
    enters the PIN
    plays balance 4.50 USD
"""

import asyncio
from dataclasses import dataclass, field, replace
from textwrap import dedent
from typing import Protocol

from mediasrv.ivr.caller import Answer, BridgeOutcome, BridgeResult, Digits, HungUp, NoInput, Question
from mediasrv.ivr.conversation import conversation
from mediasrv.ivr.switch import Switch
from mediasrv.ivr.talk import Manners
from mediasrv.prompts.phrase import Minutes, Money, Phrase, Seconds, Spelled, Value
from mediasrv.prompts.spoken import text_of
from rating.model import (
    AccessNumber,
    Authorised,
    CallRequest,
    Card,
    HoldView,
    LanguageOffer,
    Product,
)
from rating.money import format_amount
from rating.outcome import HoldState, LedgerUnavailableError, Refusal

PEOPLE_DO = ("enters ", "silence", "hangs up", "far end ")
QUICK = Manners(settle_s=0.05, settle_poll_s=0.001)

PRODUCT = Product(
    product_id=1,
    name="World 10",
    currency="USD",
    deck_id=1,
    languages=(LanguageOffer("en"), LanguageOffer("es"), LanguageOffer("ru", fee_micros=250_000)),
    longest_call_s=7200,
    calls_at_once=1,
    warning_s=60,
    minimum_balance_micros=0,
    refillable=True,
    caller_ids_max=3,
    media_silence_s=60,
)
ACCESS = AccessNumber("12125550100", "New York", "US", ("en", "es"))
RATES_PER_MINUTE = {"44": 300_000, "1": 60_000, "7": 6_000_000, "52": 20_000}  # micros


@dataclass(slots=True)
class Hold:
    request: CallRequest
    limit_s: int
    held_micros: int
    state: HoldState = HoldState.HELD
    charge_micros: int | None = None


@dataclass
class MemorySwitch:
    """Cards, vouchers and holds in dictionaries. Calls are charged by the second."""

    cards: dict[int, Card] = field(default_factory=dict)
    pins: dict[str, int] = field(default_factory=dict, repr=False)
    vouchers: dict[str, int] = field(default_factory=dict, repr=False)
    refuse_card: dict[int, Refusal] = field(default_factory=dict)
    refuse_call: Refusal | None = None
    refuse_registration: Refusal | None = None
    holds: dict[str, Hold] = field(default_factory=dict)
    registered: dict[str, int] = field(default_factory=dict)
    speed_dials: dict[tuple[int, int], str] = field(default_factory=dict)
    wrong_pins: int = 0
    wrong_pins_max: int = 5
    fees: dict[str, int] = field(default_factory=dict)
    out_of_order: set[str] = field(default_factory=set)  # methods that raise LedgerUnavailableError
    settles: bool = True

    def issue(self, balance_micros: int, pin: str, product: Product = PRODUCT, **values: object) -> Card:
        card_id = len(self.cards) + 1
        card = Card(card_id, f"C{card_id:08d}", product, balance_micros, 0, None, None)
        self.cards[card_id] = replace(card, **values)  # type: ignore[arg-type]
        self.pins[pin] = card_id
        return self.cards[card_id]

    def _reach(self, method: str) -> None:
        if method in self.out_of_order:
            raise LedgerUnavailableError

    async def enter_pin(self, pin: str, *, ani: str | None, trunk: str) -> Card | Refusal:
        self._reach("enter_pin")
        if self.wrong_pins >= self.wrong_pins_max:
            return Refusal.LOCKED
        if pin not in self.pins:
            self.wrong_pins += 1
            return Refusal.LOCKED if self.wrong_pins >= self.wrong_pins_max else Refusal.WRONG_PIN
        return await self.card(self.pins[pin])

    async def card(self, card_id: int) -> Card | Refusal:
        self._reach("card")
        if card_id in self.refuse_card:
            return self.refuse_card[card_id]
        return self.cards.get(card_id, Refusal.UNKNOWN_CARD)

    async def authorise(self, request: CallRequest) -> Authorised | Refusal:
        self._reach("authorise")
        card = self.cards[request.card_id]
        if self.refuse_call:
            return self.refuse_call
        per_minute = next((rate for prefix, rate in RATES_PER_MINUTE.items() if request.dnis.startswith(prefix)), None)
        if per_minute is None:
            return Refusal.NO_RATE
        limit_s = min(card.available_micros * 60 // per_minute, card.product.longest_call_s)
        if limit_s < 1:
            return Refusal.NO_CREDIT
        cost = -(-limit_s * per_minute // 60)
        self.holds[request.hold_id] = Hold(request, limit_s, cost)
        self._change(card.card_id, held_micros=card.held_micros + cost)
        return Authorised(
            request.hold_id, request.call_id, card.card_id, request.dnis, request.ani, limit_s, cost,
            card.available_micros - cost, card.product.currency, request.language, card.product.warning_s, "somewhere",
        )  # fmt: skip

    async def void(self, hold_id: str) -> HoldView | Refusal:
        self._reach("void")
        if hold_id not in self.holds:
            return Refusal.UNKNOWN_HOLD
        if self.holds[hold_id].state is HoldState.HELD:
            self._release(hold_id, HoldState.VOID, 0)
        return await self.hold(hold_id)

    async def hold(self, hold_id: str) -> HoldView | Refusal:
        self._reach("hold")
        hold = self.holds[hold_id]
        return HoldView(hold_id, hold.state, hold.held_micros, hold.limit_s, hold.charge_micros, None)

    async def charge_fee(self, card_id: int, *, fee_id: str, amount_micros: int, note: str) -> Card | Refusal:
        self._reach("charge_fee")
        card = self.cards[card_id]
        if fee_id not in self.fees:
            if card.available_micros < amount_micros:
                return Refusal.NO_CREDIT
            self.fees[fee_id] = amount_micros
            self._change(card_id, posted_micros=card.posted_micros - amount_micros)
        return self.cards[card_id]

    async def set_language(self, card_id: int, language: str) -> None:
        self._reach("set_language")
        self._change(card_id, language=language)

    async def speed_dial(self, card_id: int, slot: int) -> str | None:
        self._reach("speed_dial")
        return self.speed_dials.get((card_id, slot))

    async def set_speed_dial(self, card_id: int, slot: int, dnis: str) -> None:
        self._reach("set_speed_dial")
        self.speed_dials[card_id, slot] = dnis

    async def register_ani(self, card_id: int, ani: str) -> Refusal | None:
        self._reach("register_ani")
        if self.refuse_registration is None:
            self.registered[ani] = card_id
        return self.refuse_registration

    async def refill_by_voucher(self, card_id: int, pin: str, *, ani: str | None, trunk: str) -> Card | Refusal:
        self._reach("refill_by_voucher")
        card = self.cards[card_id]
        if not card.product.refillable:
            return Refusal.NOT_REFILLABLE
        if pin not in self.vouchers:
            return Refusal.VOUCHER_USED
        self._change(card_id, posted_micros=card.posted_micros + self.vouchers.pop(pin))
        self.refuse_card.pop(card_id, None)
        return self.cards[card_id]

    def end_of_call(self, hold_id: str, seconds: int) -> None:
        """What the call journal and the keeper do after a call: charge what was used, release the rest."""
        if not self.settles:
            return
        hold = self.holds[hold_id]
        used = -(-hold.held_micros * min(seconds, hold.limit_s) // hold.limit_s)
        self._release(hold_id, HoldState.CAPTURED if seconds else HoldState.VOID, used)

    def _release(self, hold_id: str, state: HoldState, charge_micros: int) -> None:
        hold = self.holds[hold_id]
        assert hold.state is HoldState.HELD
        hold.state, hold.charge_micros = state, charge_micros
        card = self.cards[hold.request.card_id]
        self._change(
            card.card_id,
            posted_micros=card.posted_micros - charge_micros,
            held_micros=card.held_micros - hold.held_micros,
            last_dnis=hold.request.dnis,
        )

    def _change(self, card_id: int, **values: object) -> None:
        self.cards[card_id] = replace(self.cards[card_id], **values)  # type: ignore[arg-type]


class SettlingSwitch(Switch, Protocol):
    """A switch whose calls can be brought to an end."""

    def end_of_call(self, hold_id: str, seconds: int) -> None: ...


@dataclass(slots=True)
class TranscriptCaller:
    """Does what the transcript says, writes down what happens."""

    switch: SettlingSwitch
    script: list[str]
    says: dict[str, str] = field(repr=False)
    call_id: str = "c" * 32
    trunk: str = "demo-trunk"
    ani: str | None = "12125550199"
    ani_trusted: bool = False
    attestation: str = ""
    card_id: int | None = None
    access: AccessNumber = ACCESS
    dnis: str = ""
    language: str = ""
    lines: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)  # in which each phrase was played
    silences_s: list[int] = field(default_factory=list)  # that were allowed, one after the other
    gone: bool = False

    def _hear(self, line: str) -> None:
        """Writes down what the caller notices; the transcript must say the same here."""
        self.lines.append(line)
        if self._expected(-1) != line:
            rest = self.script[len(self.lines) - 1 :][:3]
            raise AssertionError("\n".join(["", *self.lines[:-1], f"- {rest}", f"+ {line}"]))

    def _expected(self, offset: int = 0) -> str:
        place = len(self.lines) + offset
        return self.script[place] if place < len(self.script) else "(the end of the transcript)"

    def _do(self) -> str:
        line = self._expected()
        if not line.startswith(PEOPLE_DO):
            raise AssertionError("\n".join(["", *self.lines, f"? it is the caller's turn, not {line!r}"]))
        self.lines.append(line)
        if line == "hangs up":
            self.gone = True
            raise HungUp
        return line

    async def answer(self) -> None:
        await asyncio.sleep(0)

    async def play(self, *phrases: Phrase, skippable: bool = True, fresh: bool = False) -> None:
        if self.gone:
            raise HungUp
        self.languages.append(self.language)
        self._hear("plays " + ", ".join(named(phrase, self.language) for phrase in phrases))
        if self._expected() == "hangs up":
            self._do()

    async def ask(self, question: Question) -> Answer:
        if self.gone:
            raise HungUp
        self._hear("asks " + ", ".join(named(phrase, self.language) for phrase in question.prompt))
        line = self._do()
        if line == "silence":
            return NoInput()
        assert line.startswith("enters "), f"{line!r} is no answer to a question"
        return as_typed(self.says.get(line.removeprefix("enters "), line.removeprefix("enters ")), question)

    async def bridge(self, authorised: Authorised) -> BridgeResult:
        self._hear(f"calls {authorised.dnis} for at most {authorised.limit_s} s")
        try:
            line = self._do()
        except HungUp:
            self.switch.end_of_call(authorised.hold_id, 0)
            return BridgeResult(BridgeOutcome.CALLER_LEFT)
        assert line.startswith("far end "), f"{line!r} is no end of a call"
        result = _result(line.removeprefix("far end "), authorised)
        if result.placed:
            self.switch.end_of_call(authorised.hold_id, result.seconds)
        return result

    async def expect_media(self, silence_s: int) -> None:
        self.silences_s.append(silence_s)

    async def hang_up(self) -> None:
        if not self.gone:
            self.gone = True
            self._hear("is hung up")


def as_typed(keys: str, question: Question) -> Digits | NoInput:
    """What a question makes of keys pressed one after the other."""
    for place, key in enumerate(keys):
        if key in question.ends:
            return Digits(keys[:place], key)
        if place + 1 == question.max_digits:
            return Digits(keys[: place + 1])
    return Digits(keys) if keys else NoInput()


def _result(what: str, authorised: Authorised) -> BridgeResult:
    """``busy`` or any other outcome; ``completed after 65 s``; ``limit``; ``not placed``."""
    if what == "not placed":
        return BridgeResult(BridgeOutcome.UNREACHABLE, placed=False)
    outcome, _, rest = what.partition(" after ")
    seconds = int(rest.removesuffix(" s")) if rest else 0
    if outcome == "limit":
        seconds = authorised.limit_s
    return BridgeResult(BridgeOutcome(outcome), seconds)


def named(phrase: Phrase, language: str) -> str:
    """``balance 4.50 USD``; that it can be said in the caller's language is checked on the way."""
    assert text_of(phrase, language)
    words = [phrase.prompt, *(_shown(value) for _, value in phrase.values), phrase.language]
    return " ".join(word for word in words if word)


def _shown(value: Value) -> str:
    match value:
        case Money(micros, currency):
            return format_amount(micros, currency, 2)
        case Minutes(count) | Seconds(count):
            return str(count)
        case Spelled(digits):
            return digits


async def held(
    transcript: str, switch: SettlingSwitch, *, says: dict[str, str] | None = None, **caller: object
) -> list[str]:
    """Holds the conversation of the transcript and compares it, line by line; the languages that it was held in."""
    return (await held_by(transcript, switch, says=says, **caller)).languages


async def held_by(
    transcript: str, switch: SettlingSwitch, *, says: dict[str, str] | None = None, **caller: object
) -> TranscriptCaller:
    """The same; what else the caller has noted."""
    expected = [" ".join(line.split()) for line in dedent(transcript).strip().splitlines() if line.strip()]
    fake = TranscriptCaller(switch, expected, says or {}, **caller)  # type: ignore[arg-type]
    await conversation(fake, switch, QUICK)
    assert fake.lines == expected
    return fake
