"""Applies journal events to the ledger, a batch a transaction, with the journal's offsets in the same transaction."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from rating.database import Connection, Database, Row, is_bug
from rating.journal import Batch, Event
from rating.keeper.figures import SWEEPER, additions
from rating.keeper.outcome import Answered, CallEvents, Gathered, answered_of, charge_for, connected_s, gather
from rating.outcome import HoldState
from rating.rate import Rate
from rating.store import settlement

# What a carrier takes for a call: (carrier_id, dnis, answered_us, seconds) -> (micro-units, currency), None: not known.
CarrierCost = Callable[[int, str, int, int], tuple[int, str] | None]
Tallies = dict[tuple[str, str], int]
Apply = Callable[[Connection, list[Event]], "Applied"]
LOG = logging.getLogger(__name__)
NO_CAUSE = 16  # Q.850 normal call clearing, when an event names none


@dataclass(slots=True)
class Applied:
    """What a batch did, for the metrics. ``late`` are ends of answered calls whose hold was settled without them."""

    answered: int = 0
    captured: int = 0
    void: int = 0
    repeated: int = 0
    unknown: int = 0
    strange: int = 0
    late: int = 0
    torn: int = 0
    tallies: Tallies = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)  # for the call log, once it is committed

    def include(self, other: "Applied") -> None:
        """Adds what another one did; its tallies are in the ledger already."""
        for name in ("answered", "captured", "void", "repeated", "unknown", "strange", "late"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.steps += other.steps

    def add(self, name: str, label: str, value: int) -> None:
        """Adds to a counter that is kept in the ledger."""
        self.tallies[name, label] = self.tallies.get((name, label), 0) + value


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a batch means for the ledger, upon holds as they were when it was worked out."""

    applied: Applied
    cards: set[int]
    answers: list[dict[str, Any]]
    settle_statement: str


class Settler:
    """Applies batches of one node's journal."""

    def __init__(self, database: Database, node: str, carrier_cost: CarrierCost, clock_us: Callable[[], int]) -> None:
        self._database = database
        self._node = node
        self._carrier_cost = carrier_cost
        self._clock_us = clock_us

    def prepare(self, batch: Batch) -> Prepared | None:
        """Works out what a batch means, upon holds as they are now, without locking any: what takes time, and may go
        on while the batch before it is written. None when that failed; ``apply`` then finds out why."""
        try:
            gathered = gather(batch.events)
            return self._database.transaction(
                lambda each: self._decide(each, gathered, settlement.read_holds(each, list(gathered.calls)))
            )
        except Exception as error:
            if not is_bug(error):
                raise
            return None

    def apply(self, batch: Batch, expected: dict[str, int], prepared: Prepared | None = None) -> Applied | None:
        """Applies a batch read from the offsets ``expected``; None when the ledger has others by now (another keeper
        of this node was faster, or a commit came through whose answer was lost): read again from there."""
        if prepared is not None:
            with suppress(settlement.HoldsChangedError):
                return self._attempt(batch, expected, lambda connection, _: self._write(connection, prepared))
        return self._attempt(batch, expected, self.apply_events)

    def _attempt(self, batch: Batch, expected: dict[str, int], apply: Apply) -> Applied | None:
        try:
            return self._database.transaction(lambda each: self._apply(each, batch, expected, apply))
        except settlement.HoldsChangedError:
            raise
        except Exception as error:
            # One event that nobody foresaw must not keep all others from being settled, for ever.
            if not is_bug(error):
                raise
            LOG.exception("a batch of %d events failed: applying its calls one by one", len(batch.events))
        return self._database.transaction(lambda each: self._apply(each, batch, expected, self._apply_singly))

    def _apply(self, connection: Connection, batch: Batch, expected: dict[str, int], apply: Apply) -> Applied | None:
        if settlement.lock_offsets(connection, self._node) != expected:
            return None
        applied = apply(connection, batch.events)
        applied.torn = batch.torn
        settlement.store_offsets(connection, self._node, batch.offsets, self._clock_us())
        return applied

    def _apply_singly(self, connection: Connection, events: list[Event]) -> Applied:
        """Each call for itself; one that fails is left out, and its hold to the sweeper."""
        total = Applied()
        by_hold: dict[object, list[Event]] = {}
        for event in events:
            by_hold.setdefault(str(event.get("hold")), []).append(event)
        for hold_id, of_call in by_hold.items():
            settlement.savepoint(connection)
            try:
                total.include(self.apply_events(connection, of_call))
            except Exception as error:
                if not is_bug(error):
                    raise
                settlement.back_to_savepoint(connection)
                LOG.exception("hold %s: its events cannot be applied: %s", hold_id, of_call)
                total.strange += len(of_call)
        return total

    def apply_events(self, connection: Connection, events: list[Event]) -> Applied:
        """Applies events within the caller's transaction."""
        gathered = gather(events)
        holds = settlement.lock_holds(connection, list(gathered.calls))
        return self._write(connection, self._decide(connection, gathered, holds))

    def _decide(self, connection: Connection, gathered: Gathered, holds: dict[str, Row]) -> Prepared:
        applied = Applied(strange=gathered.strange)
        answers: list[dict[str, Any]] = []
        settled: list[dict[str, Any]] = []
        for hold_id, call in gathered.calls.items():
            hold = holds.get(hold_id)
            if hold is None:
                applied.unknown += 1
                continue
            if call.final is not None:
                self._settle(hold, call, settled, applied)
            elif call.answer is not None and hold["answered_us"] is None and hold["state"] == HoldState.HELD:
                answers.append(_answer_row(hold_id, call.answer, self._node))
                applied.answered += 1
            else:
                applied.repeated += 1
        cards = {hold["card_id"] for hold in holds.values()}
        return Prepared(applied, cards, answers, settlement.settle_statement(connection, settled))

    def _write(self, connection: Connection, prepared: Prepared) -> Applied:
        settlement.lock_cards(connection, prepared.cards)
        settlement.note_answers(connection, prepared.answers)
        settlement.settle(connection, prepared.settle_statement, self._clock_us())
        settlement.add_tallies(connection, self._node, prepared.applied.tallies)
        return prepared.applied

    def _settle(self, hold: Row, call: CallEvents, settled: list[dict[str, Any]], applied: Applied) -> None:
        if hold["recorded"]:
            applied.repeated += 1
            return
        row, cost_currency = self._settled_row(hold, call)
        if row["settles"]:
            applied.captured += row["state"] == HoldState.CAPTURED
            applied.void += row["state"] != HoldState.CAPTURED
            tallies = applied.tallies
            for name, label, value in additions(hold, row, cost_currency):
                tallies[name, label] = tallies.get((name, label), 0) + value
        elif row["answered_us"] is not None:
            applied.late += 1
            applied.add("late", "", 1)
        applied.steps.append(step_of(hold, call, row))
        settled.append(row)

    def _settled_row(self, hold: Row, call: CallEvents) -> tuple[dict[str, Any], str]:
        """What becomes of a hold and what its call record says, and the currency of its cost."""
        final = call.final or {}
        settles = hold["state"] == HoldState.HELD
        told = answered_of(final) or answered_of(call.answer)
        answered = told or _answered_of_hold(hold)
        seconds = 0 if answered is None else connected_s(answered, final)
        charge = charge_for(Rate.unpack(hold["rate"]), seconds, hold["limit_s"], hold["held_micros"])
        carrier_id = final.get("carrier_id") or hold["carrier_id"]
        cost = None
        if answered is not None and carrier_id:
            cost = self._carrier_cost(carrier_id, hold["dnis"], answered.at_us, seconds)
        unanswered = HoldState.EXPIRED if final.get("by") == SWEEPER else HoldState.VOID
        row = {
            "id": hold["id"],
            "card_id": hold["card_id"],
            "settles": settles,
            "state": unanswered if answered is None else HoldState.CAPTURED,
            "held_micros": hold["held_micros"],
            "limit_s": hold["limit_s"],
            "charge_micros": 0 if answered is None else charge.charge_micros,
            "billable_s": charge.billable_s,
            "seconds": charge.seconds,
            "relies": told is None or not final.get("carrier_id"),
            "seen_answered_us": hold["answered_us"],
            "answered_us": None if answered is None else answered.at_us,
            "ended_us": final.get("t_us") or self._clock_us(),
            "carrier_id": carrier_id or None,
            "gateway_id": final.get("gateway_id") or hold["gateway_id"] or None,
            "pdd_ms": final.get("pdd_ms") or hold["pdd_ms"],
            "cost_micros": None if cost is None else cost[0],
            "cause": final.get("cause") or NO_CAUSE,
            "sip_status": final.get("sip") or 0,
            "ended_by": str(final.get("by") or "")[:16],
            "node": str(final.get("node") or self._node)[:64],
        }
        return row, hold["currency"] if cost is None else cost[1]


def step_of(hold: Row, call: CallEvents, row: dict[str, Any]) -> dict[str, Any]:
    """What the call log says of a settlement."""
    final = call.final or {}
    name = "swept" if row["ended_by"] == SWEEPER else "settled"
    return {
        "call": str(final.get("call", "")),
        "step": name if row["settles"] else "settled_before",
        "hold": row["id"],
        "outcome": row["state"],
        "charge_micros": row["charge_micros"] if row["settles"] else 0,
        "currency": hold["currency"],
        "seconds": row["seconds"],
        "billable_s": row["billable_s"],
        "cause": row["cause"],
        "by": row["ended_by"],
    }


def _answer_row(hold_id: str, event: Event, node: str) -> dict[str, Any]:
    return {
        "id": hold_id,
        "answered_us": event.get("t_us"),
        "answer_mono_us": event.get("mono_us"),
        "boot": str(event.get("boot", ""))[:8],
        "sip_call_id": str(event.get("callid", ""))[:255],
        "from_tag": str(event.get("from_tag", ""))[:128],
        "to_tag": str(event.get("to_tag", ""))[:128],
        "dialog": str(event.get("dlg", ""))[:32],
        "carrier_id": event.get("carrier_id") or None,
        "gateway_id": event.get("gateway_id") or None,
        "pdd_ms": event.get("pdd_ms"),
        "node": str(event.get("node") or node)[:64],
    }


def _answered_of_hold(hold: Row) -> Answered | None:
    if hold["answered_us"] is None:
        return None
    return Answered(hold["answered_us"], hold["answer_mono_us"] or 0, hold["boot"] or "")
