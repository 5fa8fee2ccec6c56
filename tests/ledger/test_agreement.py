"""What authorise holds is what Python quotes, for every rate and balance (several tiers: test_affordable)."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rating.model import Authorised
from rating.outcome import Refusal
from rating.rate import Rate, Tier, affordable, call_cost, shortest_charged_s
from tests.ledger.world import LONDON, World

PRICES = st.one_of(st.integers(0, 3), st.integers(0, 10**6), st.integers(0, 10**9))
SECONDS = st.one_of(st.sampled_from([1, 6, 30, 60]), st.integers(1, 7200))


@st.composite
def rates(draw: st.DrawFn, tiers_max: int) -> Rate:
    begins = sorted(draw(st.sets(st.integers(1, 7200), max_size=tiers_max - 1)))
    tiers = tuple(Tier(begin, draw(PRICES), draw(SECONDS)) for begin in [0, *begins])
    grace = draw(st.one_of(st.just(0), st.integers(0, 60)))
    return Rate(draw(PRICES), draw(SECONDS), tiers, draw(st.one_of(st.just(0), PRICES)), grace)


@st.composite
def balances(draw: st.DrawFn, rate: Rate) -> int:
    """Near the edges, where a micro-unit decides, more often than not."""
    near = call_cost(rate, draw(st.integers(1, 14_400))) + draw(st.integers(-1, 1))
    return max(0, draw(st.one_of(st.just(near), st.integers(0, 10**10))))


def expected(rate: Rate, available: int, longest_s: int) -> tuple[int, int]:
    """(0, 0) when not even the shortest charged call can be paid."""
    if call_cost(rate, shortest_charged_s(rate)) > available:
        return 0, 0
    limit_s, hold = affordable(rate, available, longest_s)
    assert limit_s is not None
    return limit_s, hold


RELAXED = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@RELAXED
@given(data=st.data())
def test_authorise_holds_what_python_quotes(world: World, data: st.DataObject) -> None:
    rate = data.draw(rates(2))
    available = data.draw(balances(rate))
    product = world.core.create_product("Any", currency="USD", deck="retail", longest_call_s=3600, calls_at_once=0)
    card = world.new_card(available, product)
    world.core.add_carrier("Acme", deck="cost", loss_allowed=True)
    world.publish({"44": rate})
    answer = world.core.authorise(world.call(card, LONDON))
    limit_s, hold = expected(rate, available, 3600)
    if limit_s == 0:
        assert answer is Refusal.NO_CREDIT
    else:
        assert isinstance(answer, Authorised)
        assert (answer.limit_s, answer.held_micros, answer.available_micros) == (limit_s, hold, available - hold)
