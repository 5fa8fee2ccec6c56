"""Calls, refills, faults, and the comparison with the books after every step.

Theory of operation. A heap holds what will happen, by true time. Each step takes the next one, lets the real code do
its part with the clock set to that time and to the machine it runs on, and looks at the cards it touched. The truth
about each call (``books.py``) is known here only; the ledger learns of it as it would in life: by the journal, unless
an event was lost, and then by the sweeper.

What must hold, or the run ends with its seed:

- after every step, for each card touched: ``posted`` and ``held`` are what the books say;
- an authorised call's seconds are the longest that the balance pays for, and its hold is their exact cost;
- a call whose end was told costs what it costs, to the micro-unit, once; one whose end was lost, no more than that;
- nothing is charged for a call that was never connected;
- in the end nothing is held, and all balances can be recomputed from the entries.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rating.core import RatingCore
from rating.database import Database
from rating.deck import DeckRow, DeckTable, DeckTerms
from rating.model import Authorised, CallRequest, Card
from rating.outcome import HoldState, LedgerUnavailableError, Refusal
from rating.rate import flat_rate
from rating.settings import DatabaseSettings
from tests.simulator.books import MICROS, Price, SimulatedCall, SimulatedCard, ViolationError
from tests.simulator.clock import SimulatedTime
from tests.simulator.faults import HANGING, REFUSED, Faults, SimulatedCrashError, some_fault
from tests.simulator.node import BOOT, ENDS_LATE_US, Node

CARDS = 4500
NODES = ("edge1", "edge2")
BETWEEN_CALLS_S = 0.03  # on average
FULL_CHECK_EVERY = 20_000  # steps
SETTLES_WITHIN_S = 120_000  # the sweeper has settled everything so long after the last call


@dataclass
class Report:
    """What happened. Amounts in micro-units."""

    seed: int
    steps: int = 0
    simulated_s: int = 0
    placed: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    settled: int = 0
    swept: int = 0
    charged: int = 0
    forgone: int = 0  # of calls whose end was lost, settled in the caller's favour
    overrun_s_max: int = 0  # a call on a dead edge, until its media was taken away


class Simulation:
    """``run`` to the end, or to the first ViolationError."""

    def __init__(self, ledger: DatabaseSettings, directory: Path, *, seed: int, calls: int) -> None:
        self.report = Report(seed)
        self.chance = random.Random(seed)
        self.clock = SimulatedTime()
        self.faults = Faults(self.clock)
        self._ledger, self._directory, self._calls = ledger, directory, calls
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = 0
        self._cards: list[SimulatedCard] = []
        self._prices: dict[str, Price] = {}
        self._by_number: dict[int, SimulatedCall] = {}
        self._by_hold: dict[str, SimulatedCall] = {}
        self._nodes: dict[str, Node] = {}

    # running

    def run(self) -> Report:
        with self.clock.installed():
            self._database = Database(self._ledger)
            self._operator = RatingCore(
                self._ledger, pepper=b"p" * 32, deck_directory=self._directory / "op", clock_us=self.clock.wall_us
            )
            self._furnish()
            with self.faults.installed():
                self._database, self._operator = Database(self._ledger), self._operator_anew()
                self._nodes = {
                    name: Node(name, self._ledger, self._directory / name, self.clock, self.chance) for name in NODES
                }
                self._schedule()
                self._work()
                self._finish()
        self.report.swept = sum(node.swept for node in self._nodes.values())
        self.report.simulated_s = self.clock.boot_us() // MICROS
        return self.report

    def _operator_anew(self) -> RatingCore:
        return RatingCore(
            self._ledger, pepper=b"p" * 32, deck_directory=self._directory / "op", clock_us=self.clock.wall_us
        )

    def _furnish(self) -> None:
        self._prices = {"44": Price(60_000, 60, 60), "33": Price(120_000, 30, 6, 50_000), "1": Price(7_001, 1, 1)}
        self._publish()
        self._operator.publish_deck(
            DeckTable.from_rows(
                DeckTerms("cost", "USD"), [DeckRow(key, key, flat_rate(600).pack()) for key in self._prices]
            )
        )
        carrier = self._operator.add_carrier("Acme", deck="cost")
        self._operator.add_gateway(carrier, "sip:192.0.2.7:5060")
        for name, at_once, longest_s in (("Single", 1, 1800), ("Family", 5, 7200), ("Long", 1, 0)):
            self._operator.create_product(
                name, currency="USD", deck="retail", calls_at_once=at_once, longest_call_s=longest_s
            )
            face = self.chance.choice([400_000, 3_000_000])
            issued = {int(card.serial): card.pin for card in self._operator.issue_batch(name, CARDS // 3, face)}
            rows = self._database.rows(
                "SELECT card_id, serial FROM card WHERE serial >= %s ORDER BY card_id", (min(issued),)
            )
            self._cards += [
                SimulatedCard(row["card_id"], face, longest_s or 86_400, at_once, issued[row["serial"]]) for row in rows
            ]

    def _publish(self) -> None:
        rows = [
            DeckRow(key, key, flat_rate(price.per_minute, price.initial_s, price.increment_s, price.fee).pack())
            for key, price in self._prices.items()
        ]
        self._operator.publish_deck(DeckTable.from_rows(DeckTerms("retail", "USD"), rows))

    def _schedule(self) -> None:
        self._after(0, self._new_call)
        for name in NODES:
            self._after(0.05, self._keep, name)
            self._after(2, self._look_after, name)
            self._after(60, self._note_life, name)
        for seconds, what in ((20, self._move_money), (60, self._change_prices), (45, self._break_something)):
            self._after(seconds, what)

    def _after(self, seconds: float, what: Callable[..., None], *arguments: Any) -> None:
        self._at(self.clock.now_us + int(seconds * MICROS), what, *arguments)

    def _at(self, time_us: int, what: Callable[..., None], *arguments: Any) -> None:
        self._number += 1
        heapq.heappush(self._heap, (time_us, self._number, what, arguments))

    def _work(self) -> None:
        while self._heap:
            time_us, _, what, arguments = heapq.heappop(self._heap)
            self.clock.now_us = max(self.clock.now_us, time_us)
            self.report.steps += 1
            what(*arguments)
            if self.report.steps % FULL_CHECK_EVERY == 0 and self.faults.outage is None:
                self._check_books()

    @contextmanager
    def _on(self, node: Node) -> Iterator[Node]:
        """Code that runs on this machine sees its clock."""
        self.clock.wall_offset_us, self.faults.mortal = node.wall_offset_us, True
        try:
            yield node
        finally:
            self.clock.wall_offset_us, self.faults.mortal = 0, False

    @property
    def _going(self) -> bool:
        return self.report.placed < self._calls

    # a call

    def _new_call(self) -> None:
        if not self._going:
            return
        self._after(self.chance.expovariate(1 / BETWEEN_CALLS_S), self._new_call)
        self.report.placed += 1
        node = self._nodes[self.chance.choice(NODES)]
        card = self.chance.choice(self._cards)
        if node.edge_alive:
            with self._on(node):
                self._place(node, card)

    def _place(self, node: Node, card: SimulatedCard) -> None:
        prefix = self.chance.choice(list(self._prices))
        hold_id, number = f"{self.chance.getrandbits(128):032x}", self.report.placed
        request = CallRequest(hold_id, f"{number:032x}", card.card_id, f"{prefix}2071234567", node=node.name)
        price = self._prices[prefix]
        call = SimulatedCall(number, hold_id, card.card_id, node.name, price, 0, 0, self.clock.now_us)
        try:
            answer = node.core.authorise(request)
            if self.chance.random() < 0.02:
                answer = node.core.authorise(request)  # asked again: the same hold
        except LedgerUnavailableError:
            self.report.outcomes["LEDGER_UNAVAILABLE"] += 1
            self._unsure_hold(call, card)
            return
        except SimulatedCrashError:
            self._unsure_hold(call, card)
            self._crash_edge(node)
            return
        self.report.outcomes[answer.value if isinstance(answer, Refusal) else "OK"] += 1
        if not card.unsure:
            self._check_authorised(card, price, answer)
        if isinstance(answer, Authorised):
            call.limit_s, call.held = answer.limit_s, answer.held_micros
            self._open(call, card)
            self._ring(call)
        if self.faults.outage is None:
            self.faults.disarm()
            self._check_cards({card.card_id})

    def _check_authorised(self, card: SimulatedCard, price: Price, answer: Authorised | Refusal) -> None:
        available = card.posted - self._held(card)
        if len(card.open) >= card.at_once:
            expected: object = Refusal.CALL_LIMIT
        elif price.cost(1) > available:
            expected = Refusal.NO_CREDIT
        else:
            expected = "OK"
        got = "OK" if isinstance(answer, Authorised) else answer
        if got != expected:
            raise self._violation(f"card {card.card_id} has {available} free: {expected} expected, {answer} came")
        if isinstance(answer, Authorised):
            exact = price.cost(answer.limit_s) == answer.held_micros <= available
            longest = answer.limit_s == card.longest_s or price.cost(answer.limit_s + 1) > available
            if not (exact and longest and answer.limit_s <= card.longest_s):
                raise self._violation(f"card {card.card_id} has {available} free, and got {answer}")

    def _open(self, call: SimulatedCall, card: SimulatedCard) -> None:
        card.open.add(call.number)
        self._by_number[call.number] = self._by_hold[call.hold_id] = call

    def _unsure_hold(self, call: SimulatedCall, card: SimulatedCard) -> None:
        """No answer came: no call is placed, and the hold may be there or not."""
        call.certain = False
        card.unsure += 1
        self._after(1, self._find_out, call, card)

    def _find_out(self, call: SimulatedCall, card: SimulatedCard) -> None:
        try:
            view = self._operator.hold(call.hold_id)
        except LedgerUnavailableError:
            self._after(45, self._find_out, call, card)
            return
        card.unsure -= 1
        if not isinstance(view, Refusal):
            call.limit_s, call.held = view.limit_s, view.held_micros
            self._open(call, card)

    def _ring(self, call: SimulatedCall) -> None:
        kind = self.chance.random()
        rings_s = self.chance.uniform(0.1, 40)
        if kind < 0.25:
            self._after(rings_s, self._fail, call)
        elif kind < 0.27:
            call.edge_knows = False  # nobody will ever tell what became of it
        else:
            self._after(rings_s, self._answer, call)

    def _fail(self, call: SimulatedCall) -> None:
        if call.edge_knows:
            self._tell(call, "failed", {"sip": 486, "cause": 17, "carrier_id": 0, "gateway_id": 0})

    def _answer(self, call: SimulatedCall) -> None:
        if not call.edge_knows:
            return
        if call.settled:
            raise self._violation(f"{call} is answered, and its hold is gone: a free call")
        now = call.answered_us = self.clock.now_us
        call.hangs_up_us = now + int(self.chance.expovariate(1 / 90) * MICROS) + 1
        node = self._nodes[call.node]
        node.carries(call)
        limit_us = now + call.limit_s * MICROS + self.chance.randint(100_000, ENDS_LATE_US)
        event = {"callid": f"call-{call.number}", "from_tag": "a", "to_tag": "b", "dlg": "1:1", "limit_s": call.limit_s}
        self._tell(call, "answer", {**event, "carrier_id": 1, "gateway_id": 1, "pdd_ms": 100})
        self._at(min(call.hangs_up_us, limit_us), partial(self._end, call, timeout=limit_us < call.hangs_up_us))

    def _end(self, call: SimulatedCall, *, timeout: bool) -> None:
        node = self._nodes[call.node]
        if call.ended_us is not None:
            return
        if not call.edge_knows:  # two parties hang up, and no edge hears them
            if not timeout:
                call.ended_us = self.clock.now_us
            return
        if not node.edge_alive:  # its dialog is restored when it is back
            self._after(1, partial(self._end, call, timeout=timeout))
            return
        call.ended_us = self.clock.now_us
        node.media_is_over(call)
        told = self._tell_end(call, timeout=timeout)
        if told and (timeout or self.chance.random() < 0.1):
            self._after(self.chance.uniform(0, 0.3), self._tell_end_again, call)

    def _tell_end_again(self, call: SimulatedCall) -> None:
        self._tell_end(call, timeout=False)

    def _tell_end(self, call: SimulatedCall, *, timeout: bool) -> bool:
        offset = self._nodes[call.node].wall_offset_us
        assert call.answered_us is not None
        answered = {
            "answer_us": call.answered_us + offset,
            "answer_mono_us": call.answered_us - self.clock.now_us + self.clock.boot_us(),
            "answer_boot": BOOT,
        }
        how = {"by": "timeout", "cause": 102} if timeout else {"by": "caller", "cause": 16}
        event = {**answered, **how, "sip": 0, "carrier_id": 1, "gateway_id": 1}
        return self._tell(call, "end", event)

    def _tell(self, call: SimulatedCall, kind: str, fields: dict[str, Any]) -> bool:
        """Into the journal: mostly at once, sometimes late, twice, torn, or never."""
        node = self._nodes[call.node]
        if not node.edge_alive or self.chance.random() < 0.004:
            self.report.faults["event lost"] += 1
            return False
        with self._on(node):
            event = {"ev": kind, "hold": call.hold_id, "call": f"{call.number:032x}", "node": call.node}
            event |= node.stamp() | fields
        if kind == "end":
            call.told_ends.append(self.clock.now_us)
        copies = 2 if self.chance.random() < 0.03 else 1
        for _ in range(copies):
            late_s = self.chance.uniform(0, 2) if self.chance.random() < 0.05 else 0
            if late_s:
                self._after(late_s, self._write_late, call.node, event)
            else:
                self._write_late(call.node, event)
        return True

    def _write_late(self, name: str, event: dict[str, Any]) -> None:
        node = self._nodes[name]
        with self._on(node):
            if not node.tell(event):
                raise self._violation("the journal took an event for a strange one")

    # the keeper

    def _keep(self, name: str) -> None:
        pause_s = self.chance.choice([0.5, 5.0, 20.0])
        if self._going:
            self._after(pause_s, self._keep, name)
        node = self._nodes[name]
        if node.keeper_alive:
            events_max, ahead = self.chance.choice([9, 1000, 1000]), self.chance.random() < 0.5
            self._keepers_work(node, lambda: self._see(node.catch_up(events_max=events_max, ahead=ahead)))

    def _look_after(self, name: str) -> None:
        if self._going:
            self._after(self.chance.uniform(2, 9), self._look_after, name)
        node = self._nodes[name]
        if node.keeper_alive:
            self._keepers_work(node, lambda: self._see_all() if node.look_after() else None)

    def _note_life(self, name: str) -> None:
        if self._going:
            self._after(60, self._note_life, name)
        node = self._nodes[name]
        if node.keeper_alive:
            self._keepers_work(node, node.note_signs_of_life)

    def _keepers_work(self, node: Node, work: Callable[[], None]) -> None:
        try:
            with self._on(node):
                work()
            return
        except LedgerUnavailableError:
            self.report.faults["keeper without ledger"] += 1
        except SimulatedCrashError:
            self.report.faults["keeper killed"] += 1
            node.keeper_alive = False
            self._after(self.chance.uniform(1, 60), self._start_keeper, node)
        if self.faults.outage is None:  # nobody knows how far it came
            self._see_all()

    def _start_keeper(self, node: Node) -> None:
        with self._on(node):
            node.start_keeper()

    def _see_all(self) -> None:
        self._see(set(self._by_hold))

    def _see(self, holds: set[str]) -> None:
        """Which of these are settled now, and whether rightly so."""
        if self.faults.outage is not None:
            return
        self.faults.disarm()
        asked = sorted(holds & self._by_hold.keys())
        touched: set[int] = set()
        for start in range(0, len(asked), 1000):
            piece = asked[start : start + 1000]
            marks = ", ".join(["%s"] * len(piece))
            rows = self._database.rows(
                "SELECT LOWER(HEX(hold_id)) AS id, state, charge_micros FROM hold"  # noqa: S608
                f" WHERE hold_id IN ({marks}) AND state <> 'held'",
                tuple(map(bytes.fromhex, piece)),
            )
            for row in rows:
                call = self._by_hold[row["id"]]
                touched.add(call.card)
                self._check_settled(call, HoldState(row["state"]), row["charge_micros"] or 0)
        self._check_cards(touched)

    def _check_settled(self, call: SimulatedCall, state: HoldState, charge: int) -> None:
        due = sorted(
            call.due(ended_us) for ended_us in call.told_ends
        )  # of several ends any may be the first to be read
        if call.answered_us is None:
            right = charge == 0 and state is not HoldState.CAPTURED
        elif due:
            right = charge in due and state is HoldState.CAPTURED
        else:
            due = [call.due(call.ended_us or self.clock.now_us)]
            right = charge <= due[0]
            self.report.forgone += due[0] - charge
        if not right or charge > call.held:
            raise self._violation(f"{call} was settled as {state} with {charge}; {due} was due")
        card = self._card(call.card)
        card.open.discard(call.number)
        card.posted -= charge
        call.settled, call.charge = True, charge
        self.report.settled += 1
        self.report.charged += charge
        del self._by_number[call.number], self._by_hold[call.hold_id]

    # money besides calls

    def _move_money(self) -> None:
        if not self._going:
            return
        self._after(self.chance.expovariate(1 / 3), self._move_money)
        card, other = self.chance.choice(self._cards), self.chance.choice(self._cards)
        reference = f"step-{self.report.steps}"
        what = self.chance.choice([self._adjust, self._charge_fee, self._refill_by_pin])
        if not card.unsure and not other.unsure and card is not other:
            what(card, other, reference)

    def _until_heard(self, ask: Callable[[], Any], then: Callable[[Any], None], *cards: SimulatedCard) -> None:
        """Asks, again after a while when no answer comes: it must not count twice."""
        try:
            answer = ask()
        except LedgerUnavailableError:
            for card in cards:
                card.unsure += 1
            self._after(20, self._ask_again, ask, then, cards)
            return
        then(answer)
        self._check_cards({card.card_id for card in cards})

    def _ask_again(self, ask: Callable[[], Any], then: Callable[[Any], None], cards: tuple[SimulatedCard, ...]) -> None:
        for card in cards:
            card.unsure -= 1
        self._until_heard(ask, then, *cards)

    def _adjust(self, card: SimulatedCard, _: SimulatedCard, reference: str) -> None:
        amount = self.chance.choice([100_000, 2_000_000])

        def then(_: bool) -> None:
            card.posted += amount

        self._until_heard(
            lambda: self._operator.adjust(card.card_id, amount, reference=reference, note="simulated"), then, card
        )

    def _charge_fee(self, card: SimulatedCard, _: SimulatedCard, reference: str) -> None:
        amount = 10_000

        def then(answer: Card | Refusal) -> None:
            if isinstance(answer, Card):
                card.posted -= amount
            elif card.posted - self._held(card) >= amount:
                raise self._violation(f"card {card.card_id}: a fee of {amount} was refused: {answer}")

        self._until_heard(
            lambda: self._operator.charge_fee(card.card_id, fee_id=reference, amount_micros=amount, note="simulated"),
            then,
            card,
        )

    def _refill_by_pin(self, target: SimulatedCard, source: SimulatedCard, _: str) -> None:
        """What was free on the source is on the target afterwards; asked again, there is nothing left to move."""

        def moved() -> int:
            self._operator.refill_by_voucher(target.card_id, source.pin, ani=None, trunk="t")
            entries = self._operator.entries(source.card_id)
            return -sum(int(entry["amount_micros"]) for entry in entries if entry["kind"] == "transfer")

        def then(in_all: int) -> None:
            free = source.posted - self._held(source)
            target.posted += in_all - source.transferred
            source.posted -= in_all - source.transferred
            if in_all - source.transferred != free:
                raise self._violation(f"card {source.card_id} had {free} free, and {in_all} were moved")
            source.transferred = in_all

        if not source.open:
            self._until_heard(moved, then, target, source)

    def _change_prices(self) -> None:
        """Calls in progress keep the price they began with."""
        if not self._going:
            return
        self._after(self.chance.expovariate(1 / 120), self._change_prices)
        prefix = self.chance.choice(list(self._prices))
        initial, increment = self.chance.choice([(60, 60), (30, 6), (1, 1)])
        before = self._prices
        fee = self.chance.choice([0, 50_000])
        self._prices = {**before, prefix: Price(self.chance.randint(1, 300_000), initial, increment, fee)}
        for _attempt in range(20):  # an import is repeated until it went through
            try:
                self._publish()
                return
            except LedgerUnavailableError:
                if self.faults.outage is not None:
                    self._mend_ledger()
        raise self._violation("a deck could not be published")

    # what goes wrong

    def _break_something(self) -> None:
        if not self._going:
            return
        self._after(self.chance.expovariate(1 / 4), self._break_something)
        what = self.chance.choice(["statement", "statement", "statement", "outage", "edge", "clock"])
        self.report.faults[what] += 1
        node = self._nodes[self.chance.choice(NODES)]
        if what == "statement":
            self.faults.arm(some_fault(self.chance), self.chance.randint(0, 30))
        elif what == "outage":
            self.faults.outage = self.chance.choice([REFUSED, HANGING])
            self._after(self.chance.uniform(0.5, 20), self._mend_ledger)
        elif what == "edge" and node.edge_alive:
            self._crash_edge(node)
        elif what == "clock":
            self._set_clock(node)

    def _mend_ledger(self) -> None:
        self.faults.outage = None

    def _set_clock(self, node: Node) -> None:
        node.wall_offset_us = self.chance.choice([0, -3_600, 2, 45, 600, 86_400]) * MICROS

    def _crash_edge(self, node: Node) -> None:
        """Most dialogs are restored when it is back; calls that ring, and a few more, are forgotten."""
        self.report.faults["edge killed"] += 1
        node.edge_alive = False
        node.tear()
        for call in self._by_number.values():
            if call.node != node.name or not call.certain or call.ended_us is not None or call.told_ends:
                continue
            if call.answered_us is None or self.chance.random() < 0.2:
                call.edge_knows = False
        self._after(self.chance.uniform(0.5, 30), self._start_edge, node)

    def _start_edge(self, node: Node) -> None:
        with self._on(node):
            node.start_edge()

    # looking

    def _card(self, card_id: int) -> SimulatedCard:
        card = self._cards[card_id - self._cards[0].card_id]
        assert card.card_id == card_id
        return card

    def _held(self, card: SimulatedCard) -> int:
        return sum(self._by_number[number].held for number in card.open)

    def _check_cards(self, card_ids: set[int]) -> None:
        if not card_ids:
            return
        marks = ", ".join(["%s"] * len(card_ids))
        rows = self._database.rows(
            f"SELECT card_id, posted_micros, held_micros FROM card WHERE card_id IN ({marks})",  # noqa: S608
            tuple(sorted(card_ids)),
        )
        for row in rows:
            card = self._card(row["card_id"])
            expected, got = (card.posted, self._held(card)), (row["posted_micros"], row["held_micros"])
            if not card.unsure and got != expected:
                raise self._violation(f"card {card.card_id}: (posted, held) is {got}, and must be {expected}")

    def _check_books(self) -> None:
        self.faults.disarm()
        check = self._operator.check()
        if not check.ok:
            raise self._violation("; ".join(check.problems))

    def _finish(self) -> None:
        """No more faults; time goes on until everything is settled."""
        self.faults.outage = None
        self.faults.disarm()
        until_us = self.clock.now_us + SETTLES_WITHIN_S * MICROS
        while self._by_number and self.clock.now_us < until_us:
            self.clock.now_us += 600 * MICROS
            for node in self._nodes.values():
                self._keepers_work(node, partial(self._keep_and_look, node))
        if self._by_number:
            raise self._violation(
                f"{len(self._by_number)} holds are still open: {next(iter(self._by_number.values()))}"
            )
        self._check_cards({card.card_id for card in self._cards})
        self._check_books()

    def _keep_and_look(self, node: Node) -> None:
        node.catch_up(events_max=1000, ahead=True)
        node.look_after()
        self._see_all()

    def _violation(self, words: str) -> ViolationError:
        at = f"seed {self.report.seed}, step {self.report.steps}, {self.clock.boot_us() / MICROS:.6f} s"
        return ViolationError(f"{at}: {words}")
