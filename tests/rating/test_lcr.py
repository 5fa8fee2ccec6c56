"""Which gateways are tried, in which order."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rating.lcr import CarrierOffer, GatewayOffer, LcrOrder, order_routes
from rating.model import Route
from rating.rate import flat_rate

RETAIL = flat_rate(20_000, 60, 60)


def carrier(number: int, rate_per_minute_micros: int, priority: int = 100, weight: int = 100) -> CarrierOffer:
    gateway = GatewayOffer(Route(number, f"c{number}", number * 10, f"sip:192.0.2.{number}"))
    return CarrierOffer(number, flat_rate(rate_per_minute_micros), "USD", (gateway,), priority, weight)


def tried(routes: tuple[Route, ...]) -> list[int]:
    return [route.carrier_id for route in routes]


def test_the_cheapest_carrier_is_tried_first() -> None:
    offers = [carrier(1, 9_000), carrier(2, 8_000), carrier(3, 8_000, priority=1), carrier(4, 1_000)]
    assert tried(order_routes(offers, RETAIL, "USD")) == [4, 3, 2, 1]


def test_increments_count_as_cost() -> None:
    whole_minutes = CarrierOffer(1, flat_rate(9_900, 300, 300), "USD", carrier(1, 0).gateways)
    assert tried(order_routes([whole_minutes, carrier(2, 10_000)], RETAIL, "USD")) == [2, 1]


def test_by_priority_the_cheaper_of_equals_comes_first() -> None:
    offers = [carrier(1, 9_000), carrier(2, 8_000), carrier(3, 19_000, priority=1)]
    assert tried(order_routes(offers, RETAIL, "USD", order=LcrOrder.PRIORITY)) == [3, 2, 1]


def test_a_carrier_that_costs_more_than_the_call_earns_is_left_out_unless_allowed() -> None:
    offers = [carrier(1, 20_001), carrier(2, 20_000)]
    assert tried(order_routes(offers, RETAIL, "USD")) == [2]
    assert tried(order_routes(offers, RETAIL, "USD", allow_loss=True)) == [2, 1]
    assert order_routes(offers[:1], RETAIL, "USD") == ()
    excepted = replace(offers[0], loss_allowed=True)
    assert tried(order_routes([excepted, carrier(3, 30_000)], RETAIL, "USD")) == [1]


def test_another_currency_cannot_be_compared() -> None:
    euros = CarrierOffer(1, flat_rate(1), "EUR", carrier(1, 0).gateways)
    assert tried(order_routes([euros, carrier(2, 10_000)], RETAIL, "USD")) == [2]
    assert tried(order_routes([euros, carrier(2, 90_000)], RETAIL, "USD", allow_loss=True)) == [2, 1]


def test_by_weight_calls_are_shared_in_proportion() -> None:
    offers = [carrier(1, 1, weight=3), carrier(2, 1, weight=1), carrier(3, 1, weight=0)]
    orders = [tried(order_routes(offers, RETAIL, "USD", order=LcrOrder.WEIGHT, seed=str(call))) for call in range(4000)]
    first = Counter(order[0] for order in orders)
    assert 2850 < first[1] < 3150
    assert first[3] == 0
    assert {order[2] for order in orders} == {3}


def test_the_gateways_of_a_carrier_are_tried_by_priority() -> None:
    gateways = [GatewayOffer(Route(1, "c", number, "sip:x"), priority) for number, priority in ((1, 5), (2, 1), (3, 9))]
    routes = order_routes([CarrierOffer(1, flat_rate(1), "USD", gateways)], RETAIL, "USD")
    assert [route.gateway_id for route in routes] == [2, 1, 3]


@given(
    st.lists(st.tuples(st.integers(0, 40_000), st.integers(0, 3), st.integers(0, 3)), max_size=8), st.text(max_size=3)
)
def test_the_same_call_always_has_the_same_order_and_no_carrier_is_lost(
    carriers: list[tuple[int, int, int]], seed: str
) -> None:
    offers = [carrier(number, *terms) for number, terms in enumerate(carriers)]
    for order in LcrOrder:
        routes = order_routes(offers, RETAIL, "USD", order=order, seed=seed)
        assert routes == order_routes(offers, RETAIL, "USD", order=order, seed=seed)
        assert sorted(tried(routes)) == [number for number, terms in enumerate(carriers) if terms[0] <= 20_000]
        everything = order_routes(offers, RETAIL, "USD", order=order, seed=seed, allow_loss=True)
        assert sorted(tried(everything)) == list(range(len(carriers)))
