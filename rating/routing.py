"""Which gateways to try for a call, best first: the directory's carriers put to rating.lcr."""

from dataclasses import dataclass

from rating.decks import DeckCache
from rating.directory import CarrierRow, Snapshot
from rating.lcr import CarrierOffer, GatewayOffer, LcrOrder, order_routes
from rating.model import Route
from rating.outcome import Refusal
from rating.rate import Rate


@dataclass(frozen=True, slots=True)
class Wanted:
    """The call that looks for a way. ``retail`` is what the card is charged, in ``currency``."""

    dnis: str
    retail: Rate
    currency: str
    at_us: int
    hold_id: str


def routes_for(call: Wanted, snapshot: Snapshot, decks: DeckCache, order: LcrOrder) -> tuple[Route, ...]:
    """Gateways of all carriers that carry the number now without a loss, or are allowed to make one."""
    offers = []
    for carrier in snapshot.carriers:
        offer = _offer(carrier, call, snapshot, decks)
        if offer is not None and (carrier.loss_allowed or order_routes([offer], call.retail, call.currency)):
            offers.append(offer)
    # Whoever would make a forbidden loss is out already.
    return order_routes(offers, call.retail, call.currency, order=order, allow_loss=True, seed=call.hold_id)


def _offer(carrier: CarrierRow, call: Wanted, snapshot: Snapshot, decks: DeckCache) -> CarrierOffer | None:
    version = snapshot.deck_versions.get(carrier.deck_id, 0)
    if version == 0 or not carrier.gateways:
        return None
    match = decks.deck(carrier.deck_id, version).find(call.dnis, call.at_us)
    if isinstance(match, Refusal):
        return None
    gateways = [
        GatewayOffer(
            Route(carrier.carrier_id, carrier.name, gateway.gateway_id, gateway.uri, gateway.tech_prefix),
            gateway.priority,
            gateway.weight,
        )
        for gateway in carrier.gateways
    ]
    currency = snapshot.deck_currencies[carrier.deck_id]
    return CarrierOffer(carrier.carrier_id, match.rate, currency, gateways, carrier.priority, carrier.weight)
