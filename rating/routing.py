"""Which gateways to try for a call, best first: the directory's carriers put to rating.lcr."""

from rating.decks import DeckCache
from rating.directory import Snapshot
from rating.model import Route
from rating.outcome import Refusal
from rating.rate import Rate


def routes_for(
    dnis: str, rate: Rate, currency: str, snapshot: Snapshot, decks: DeckCache, at_us: int
) -> tuple[Route, ...]:
    """Gateways of the carriers that carry the number now."""
    routes = []
    for carrier in sorted(snapshot.carriers, key=lambda row: (row.priority, row.carrier_id)):
        version = snapshot.deck_versions.get(carrier.deck_id, 0)
        if version == 0 or isinstance(decks.deck(carrier.deck_id, version).find(dnis, at_us), Refusal):
            continue
        routes += [
            Route(carrier.carrier_id, carrier.name, gateway.gateway_id, gateway.uri, gateway.tech_prefix)
            for gateway in sorted(carrier.gateways, key=lambda row: (row.priority, row.gateway_id))
        ]
    return tuple(routes)
