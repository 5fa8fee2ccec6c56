"""Which gateways to try for a call, best first: the directory's carriers put to rating.lcr."""

import math
from dataclasses import dataclass

from rating.decks import DeckCache
from rating.directory import Snapshot
from rating.lcr import TYPICAL_S, Candidate, CarrierOffer, LcrOrder, in_order
from rating.model import Route
from rating.outcome import Refusal
from rating.rate import Rate, call_cost


@dataclass(frozen=True, slots=True)
class Wanted:
    """The call that looks for a way. ``retail`` is what the card is charged, in ``currency``."""

    dnis: str
    retail: Rate
    currency: str
    at_us: int
    hold_id: str


def routes_for(call: Wanted, snapshot: Snapshot, decks: DeckCache, order: LcrOrder) -> tuple[Route, ...]:
    """Gateways of all carriers that carry the number now without a loss, or are allowed to make one.

    Every call waits for this: a rate's typical cost is remembered, and a carrier's gateways are put together once for
    each reading of the directory (``CarrierRow.offers``).
    """
    earned = typical_cost(call.retail)
    candidates = []
    for carrier in snapshot.carriers:
        version = snapshot.deck_versions.get(carrier.deck_id, 0)
        if version == 0 or not carrier.gateways:
            continue
        match = decks.deck(carrier.deck_id, version).find(call.dnis, call.at_us)
        if isinstance(match, Refusal):
            continue
        currency = snapshot.deck_currencies[carrier.deck_id]
        cost = typical_cost(match.rate) if currency == call.currency else math.inf
        if carrier.loss_allowed or cost <= earned:
            offer = CarrierOffer(
                carrier.carrier_id, match.rate, currency, carrier.offers, carrier.priority, carrier.weight
            )
            candidates.append(Candidate(offer, cost))
    return in_order(candidates, order, call.hold_id)


def typical_cost(rate: Rate) -> int:
    """What a call of typical length costs, in micro-units."""
    found = _typical_costs.get(id(rate))
    if found is not None and found[0] is rate:
        return found[1]
    if len(_typical_costs) >= COSTS_REMEMBERED_MAX:
        _typical_costs.clear()
    cost = call_cost(rate, TYPICAL_S)
    _typical_costs[id(rate)] = (rate, cost)  # the rate is kept with it, so that no other one gets its id
    return cost


COSTS_REMEMBERED_MAX = 16_384
_typical_costs: dict[int, tuple[Rate, int]] = {}
