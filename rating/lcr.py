"""Least cost routing: which carriers' gateways to try for a call, best first.

Each carrier has a deck of its own. One that would cost more than the call earns is left out, unless losses are
allowed; cost and earning are compared for a call of ``TYPICAL_S`` seconds, because with different increments either
may be the cheaper one for some shorter call. What is in another currency than the card cannot be compared: it is left
out too, or comes last where losses are allowed.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from rating.model import Route
from rating.rate import Rate, call_cost

TYPICAL_S = 180


class LcrOrder(StrEnum):
    """What decides between carriers first."""

    COST = "cost"  # cheapest first; at the same cost by priority
    PRIORITY = "priority"  # lowest number first; of the same priority the cheapest
    WEIGHT = "weight"  # by chance, in proportion to the weights


@dataclass(frozen=True, slots=True)
class GatewayOffer:
    """A gateway of a carrier: the lowest priority is tried first, those alike by chance in proportion to ``weight``
    (0: after all others), as the SRV records of RFC 2782 are."""

    route: Route
    priority: int = 100
    weight: int = 100


@dataclass(frozen=True, slots=True)
class CarrierOffer:
    """A carrier whose deck has a rate for the number (one that has none, or blocks it, makes no offer)."""

    carrier_id: int
    rate: Rate
    currency: str
    gateways: Sequence[GatewayOffer]
    priority: int = 100
    weight: int = 100
    loss_allowed: bool = False  # tried even when it costs more than the call earns


def order_routes(
    offers: Iterable[CarrierOffer],
    retail: Rate,
    currency: str,
    *,
    order: LcrOrder = LcrOrder.COST,
    allow_loss: bool = False,
    seconds: int = TYPICAL_S,
    seed: str = "",
) -> tuple[Route, ...]:
    """The gateways to try, best first; () when no carrier is left (NO_ROUTE).

    ``retail`` is what the card is charged, in ``currency``. ``seed`` (the hold's id) decides where chance does: the
    same call always has the same order.
    """
    earned = call_cost(retail, seconds)
    candidates = []
    for offer in offers:
        cost = call_cost(offer.rate, seconds) if offer.currency == currency else None
        if offer.gateways and (allow_loss or offer.loss_allowed or (cost is not None and cost <= earned)):
            candidates.append(Candidate(offer, math.inf if cost is None else cost))
    return in_order(candidates, order, seed)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A carrier that may carry the call, and what a typical one costs (infinite: it cannot be compared)."""

    offer: CarrierOffer
    cost: float


def in_order(candidates: list[Candidate], order: LcrOrder, seed: str) -> tuple[Route, ...]:
    """The candidates' gateways, best first."""
    if len(candidates) > 1:
        match order:
            case LcrOrder.COST:
                candidates.sort(key=lambda found: (found.cost, found.offer.priority, found.offer.carrier_id))
            case LcrOrder.PRIORITY:
                candidates.sort(key=lambda found: (found.offer.priority, found.cost, found.offer.carrier_id))
            case LcrOrder.WEIGHT:
                candidates.sort(key=lambda found: _turn(found.offer.weight, seed, f"c{found.offer.carrier_id}"))
    return tuple([gateway.route for found in candidates for gateway in _in_turn(found.offer.gateways, seed)])


def _in_turn(gateways: Sequence[GatewayOffer], seed: str) -> Sequence[GatewayOffer]:
    if len(gateways) == 1:
        return gateways
    return sorted(gateways, key=lambda found: (found.priority, _turn(found.weight, seed, f"g{found.route.gateway_id}")))


def _turn(weight: int, seed: str, name: str) -> float:
    """A sort key by chance: of several, each comes first in proportion to its weight (the least of exponential
    variables with these rates); weight 0 comes after all others."""
    if weight <= 0:
        return math.inf
    drawn = int.from_bytes(blake2b(f"{seed} {name}".encode(), digest_size=6).digest(), "big")
    return -math.log((drawn + 1) / 2**48) / weight
