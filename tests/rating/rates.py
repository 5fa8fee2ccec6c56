"""Rates of all kinds, for property tests."""

from hypothesis import strategies as st

from rating.rate import PRICE_MAX_MICROS, Rate, Tier

prices = st.integers(0, 2_000_000) | st.sampled_from([0, 1, 59, 60, 61, PRICE_MAX_MICROS])
increments = st.integers(1, 120) | st.sampled_from([1, 6, 30, 60, 3600])


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    begins = sorted(draw(st.just(set()) | st.sets(st.integers(1, 4000), max_size=7)))
    tiers = tuple(Tier(begin, draw(prices), draw(increments)) for begin in [0, *begins])
    return Rate(
        connect_fee_micros=draw(prices),
        initial_increment_s=draw(increments),
        tiers=tiers,
        minimum_charge_micros=draw(st.just(0) | prices),
        free_grace_s=draw(st.just(0) | st.integers(0, 90)),
    )
