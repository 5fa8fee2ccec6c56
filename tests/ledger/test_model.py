"""Random histories of the ledger beside a plain model of it: every answer, every balance, after every step."""

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from rating.database import Database
from rating.journal import JournalReader, JournalWriter
from rating.keeper.settle import Settler
from rating.model import Authorised, CallRequest, Card, HoldView
from rating.outcome import HoldState, Refusal
from rating.rate import affordable, call_cost
from rating.store import settlement
from tests.ledger.world import LONDON, PARIS, RATES, World

# A longer run: `./cardswitch bench ledger_model --steps 1000000`.
STEPS = int(os.environ.get("CARDSWITCH_MODEL_STEPS", "10000"))
SEED = int(os.environ.get("CARDSWITCH_MODEL_SEED", "1"))
CHECK_EVERY = 500
AT_ONCE = 3
LONGEST_S = 3600


@dataclass
class ModelHold:
    request: CallRequest
    held: int
    limit_s: int
    state: HoldState = HoldState.HELD
    charge: int = 0
    answered_us: int | None = None  # as the journal says
    ended: bool = False  # its end is in the journal
    applied_answer: bool = False


@dataclass
class ModelCard:
    posted: int
    voucher: str
    holds: list[str] = field(default_factory=list)  # open ones


@dataclass
class Model:
    """The books as anyone would keep them: dictionaries and sums."""

    world: World
    writer: JournalWriter
    reader: JournalReader
    database: Database
    chance: random.Random
    cards: dict[int, ModelCard] = field(default_factory=dict)
    holds: dict[str, ModelHold] = field(default_factory=dict)
    unread: list[dict[str, Any]] = field(default_factory=list)
    fees: list[tuple[int, str]] = field(default_factory=list)

    def held(self, card: int) -> int:
        return sum(self.holds[hold].held for hold in self.cards[card].holds)

    def available(self, card: int) -> int:
        return self.cards[card].posted - self.held(card)

    # steps

    def issue(self) -> None:
        face = self.chance.choice([0, 59_999, 60_000, 500_000, 3_000_000, 30_000_000])
        issued = self.world.core.issue_batch("Model", 1, face)[0]
        card = self.world.core.card_id_of_serial(issued.serial)
        assert card is not None
        self.cards[card] = ModelCard(face, issued.pin)

    def authorise(self) -> None:
        """One call, or several in one transaction, now and then with hold ids that were there before."""
        requests = [
            self.holds[self.any_hold()].request
            if self.holds and self.chance.random() < 0.1
            else CallRequest(uuid4().hex, uuid4().hex, self.any_card(), self.chance.choice([LONDON, PARIS]))
            for _ in range(self.chance.choice([1, 1, 1, 2, 5]))
        ]
        for request, answer in zip(requests, self.world.core.authorise_all(requests), strict=True):
            self.authorised(request, answer)

    def authorised(self, request: CallRequest, answer: object) -> None:
        card, dnis = request.card_id, request.dnis
        known = self.holds.get(request.hold_id)
        if known is not None:
            expected: object = Refusal.HOLD_USED
            if known.state is HoldState.HELD:
                expected = (known.limit_s, known.held)
        else:
            expected = self.expected(card, dnis)
        got = (answer.limit_s, answer.held_micros) if isinstance(answer, Authorised) else answer
        assert got == expected, (request, got, expected)
        if known is None and isinstance(answer, Authorised):
            self.holds[request.hold_id] = ModelHold(request, answer.held_micros, answer.limit_s)
            self.cards[card].holds.append(request.hold_id)

    def expected(self, card: int, dnis: str) -> object:
        if len(self.cards[card].holds) >= AT_ONCE:
            return Refusal.CALL_LIMIT
        rate, available = RATES[dnis[:2]], self.available(card)
        if call_cost(rate, 1) > available:
            return Refusal.NO_CREDIT
        return affordable(rate, available, LONGEST_S)

    def answer(self) -> None:
        hold = self.holds[hold_id := self.any_hold()]
        if hold.ended or hold.answered_us is not None or hold.state is not HoldState.HELD:
            return
        hold.answered_us = self.world.now_us
        self.write({"ev": "answer", "hold": hold_id, "t_us": self.world.now_us, "mono_us": self.world.now_us})

    def end(self) -> None:
        hold = self.holds[hold_id := self.any_hold()]
        if hold.ended:
            return
        answered = hold.answered_us or 0
        hold.ended = True
        t_us = self.world.now_us
        self.write(
            {
                "ev": "end",
                "hold": hold_id,
                "t_us": t_us,
                "mono_us": t_us,
                "answer_us": answered,
                "answer_mono_us": answered,
            }
        )

    def write(self, event: dict[str, Any]) -> None:
        """Into the journal: once, twice, or in two versions; and sometimes a torn one before it."""
        if self.chance.random() < 0.05:
            path = self.reader.files()[-1] if self.reader.files() else None
            if path is not None:
                with path.open("ab") as file:
                    file.write(b"\n0badc0de {torn")
        for _ in range(self.chance.choice([1, 1, 1, 2])):
            assert self.writer.append(event | {"call": self.holds[event["hold"]].request.call_id})
        self.unread.append(event)

    def keep(self) -> None:
        """The keeper reads on, sometimes only a little, sometimes killed before its commit."""
        settler = Settler(self.database, "model", lambda *_: None, lambda: self.world.now_us)
        offsets = settlement.offsets(self.database, "model")
        batch = self.reader.read(offsets, self.chance.choice([3, 1000]))
        if self.chance.random() < 0.2:
            try:
                self.database.transaction(lambda connection: self.killed(settler, connection, batch.events))
            except InterruptedError:
                return
        assert settler.apply(batch, offsets) is not None
        told = [(event["ev"], event["hold"]) for event in batch.events]
        rest = []
        for event in self.unread:
            if (event["ev"], event["hold"]) in told:
                self.apply(event)
            else:
                rest.append(event)
        self.unread = rest

    @staticmethod
    def killed(settler: Settler, connection: Any, events: list[dict[str, Any]]) -> None:
        settler.apply_events(connection, events)
        raise InterruptedError

    def apply(self, event: dict[str, Any]) -> None:
        hold = self.holds[event["hold"]]
        if hold.state is not HoldState.HELD:
            return
        if event["ev"] == "answer":
            hold.applied_answer = True
            return
        answered = event["answer_us"]
        if answered == 0:
            self.settle(event["hold"], None)
        else:
            self.settle(event["hold"], -(-(event["t_us"] - answered) // 1_000_000))

    def settle(self, hold_id: str, seconds: int | None) -> None:
        hold = self.holds[hold_id]
        card = self.cards[hold.request.card_id]
        card.holds.remove(hold_id)
        hold.state = HoldState.VOID if seconds is None else HoldState.CAPTURED
        if seconds is not None:
            rate = RATES[hold.request.dnis[:2]]
            hold.charge = min(hold.held, call_cost(rate, min(seconds, hold.limit_s)))
            card.posted -= hold.charge

    def void(self) -> None:
        hold = self.holds[hold_id := self.any_hold()]
        view = self.world.core.void(hold_id)
        if hold.state is HoldState.HELD and not hold.applied_answer:
            self.settle(hold_id, None)
        assert isinstance(view, HoldView)
        assert view.state == hold.state

    def fee(self) -> None:
        card, amount = self.any_card(), self.chance.choice([0, 10_000, 5_000_000])
        fee_id = self.chance.choice([uuid4().hex, *(known for _, known in self.fees[-3:])])
        answer = self.world.core.charge_fee(card, fee_id=fee_id, amount_micros=amount, note="model")
        if (card, fee_id) in self.fees:
            assert isinstance(answer, Card)
        elif self.available(card) < amount:
            assert answer is Refusal.NO_CREDIT
        else:
            assert isinstance(answer, Card)
            self.cards[card].posted -= amount
            self.fees.append((card, fee_id))

    def refill(self) -> None:
        target, source = self.any_card(), self.any_card()
        moved = self.available(source)
        answer = self.world.core.refill_by_voucher(target, self.cards[source].voucher, ani=None, trunk="t")
        if source == target or moved <= 0:
            assert answer is Refusal.VOUCHER_USED
        else:
            assert isinstance(answer, Card)
            self.cards[source].posted -= moved
            self.cards[target].posted += moved

    def wait(self) -> None:
        self.world.now_us += self.chance.choice([1, 999_999, 1_000_000, 59_000_000, 61_000_001])

    # choosing and checking

    def any_card(self) -> int:
        """One of the last: most of the older are empty."""
        return self.chance.choice(list(self.cards)[-20:])

    def any_hold(self) -> str:
        """Mostly one of the last ones: most of the older are settled."""
        return self.chance.choice(list(self.holds)[-12:])

    def check(self) -> None:
        for card_id, card in list(self.cards.items())[-100:]:
            read = self.world.core.card(card_id)
            assert isinstance(read, Card), read
            assert (read.posted_micros, read.held_micros) == (card.posted, self.held(card_id))
        for hold_id in list(self.holds)[-50:]:
            view = self.world.core.hold(hold_id)
            assert isinstance(view, HoldView)
            assert view.state == self.holds[hold_id].state
            assert (view.charge_micros or 0) == self.holds[hold_id].charge
        check = self.world.core.check()
        assert check.ok, check.problems


STEPS_BY_WEIGHT = [("authorise", 6), ("answer", 5), ("end", 5), ("keep", 4), ("void", 1), ("fee", 1), ("refill", 1)]


def test_the_ledger_agrees_with_a_plain_model_of_it(world: World, tmp_path: Path) -> None:
    world.core.create_product("Model", currency="USD", deck="retail", calls_at_once=AT_ONCE, longest_call_s=LONGEST_S)
    directory = tmp_path / "journal"
    model = Model(
        world, JournalWriter(directory, "model"), JournalReader(directory), Database(world.ledger), random.Random(SEED)
    )
    for _ in range(8):
        model.issue()
    model.authorise()
    while not model.holds:
        model.authorise()
    names, weights = zip(*[*STEPS_BY_WEIGHT, ("wait", 5), ("issue", 1)], strict=True)
    for step in range(STEPS):
        getattr(model, model.chance.choices(names, weights)[0])()
        if step % CHECK_EVERY == 0:
            model.check()
    while model.unread:
        model.keep()
    model.check()
    states = Counter(hold.state for hold in model.holds.values())
    assert min(states[HoldState.CAPTURED], states[HoldState.VOID]) > STEPS // 100, states  # it was no idle run
