"""The increment rule, the cost of a call and the longest duration: truth tables and properties."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rating.increments
from rating.increments import billed_seconds
from rating.rate import (
    PACKED_MAX,
    PRICE_MAX_MICROS,
    UNENDING_S,
    Rate,
    RateError,
    Tier,
    affordable,
    billable_seconds,
    call_cost,
    flat_rate,
    max_duration_s,
    shortest_charged_s,
)
from tests.rating.rates import rates

TRUTH_TABLE = """
    | seconds | 60/60 | 30/6 | 1/1 | 60/1 | 6/6 |
    |       0 |     0 |    0 |   0 |    0 |   0 |
    |       1 |    60 |   30 |   1 |   60 |   6 |
    |      30 |    60 |   30 |  30 |   60 |  30 |
    |      31 |    60 |   36 |  31 |   60 |  36 |
    |      60 |    60 |   60 |  60 |   60 |  60 |
    |      61 |   120 |   66 |  61 |   61 |  66 |
    |     205 |   240 |  210 | 205 |  205 | 210 |
"""


def table(text: str) -> list[tuple[int, int, int, int]]:
    """The rows of a truth table as (seconds, initial, increment, billable seconds)."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.split("\n") if "|" in line]
    plans = [plan.split("/") for plan in rows[0][1:]]
    numbers = [list(map(int, row)) for row in rows[1:] if not row[0].startswith("-")]
    return [(n[0], int(i), int(j), billed) for n in numbers for (i, j), billed in zip(plans, n[1:], strict=True)]


@pytest.mark.parametrize(("seconds", "initial", "increment", "billed"), table(TRUTH_TABLE))
def test_billable_seconds_follow_the_increments(seconds: int, initial: int, increment: int, billed: int) -> None:
    assert billed_seconds(seconds, initial, increment) == billed
    assert billable_seconds(flat_rate(10_000, initial, increment), seconds) == billed


def test_the_truth_table_of_the_docstring_is_true() -> None:
    rows = re.findall(r"^ {4}\|.*\|$", rating.increments.__doc__ or "", re.MULTILINE)
    checked = table("\n".join(rows))
    assert len(checked) == 21
    for seconds, initial, increment, billed in checked:
        assert billed_seconds(seconds, initial, increment) == billed


# A first minute at 0.10 in whole minutes, then 0.02 in seconds, from the second hour on 0.01 in sixes.
THREE_TIERS = Rate(50_000, 60, (Tier(0, 100_000, 60), Tier(60, 20_000, 1), Tier(3600, 10_000, 6)))


@pytest.mark.parametrize(
    ("seconds", "billable", "cost"),
    [
        (0, 0, 0),
        (1, 60, 150_000),
        (60, 60, 150_000),
        (61, 61, 150_334),  # 20000/60 = 333.3, rounded up once
        (62, 62, 150_667),
        (63, 63, 151_000),
        (3600, 3600, 150_000 + 59 * 20_000),
        (3601, 3606, 150_000 + 59 * 20_000 + 1_000),
        (3606, 3606, 150_000 + 59 * 20_000 + 1_000),
        (3607, 3612, 150_000 + 59 * 20_000 + 2_000),
    ],
)
def test_a_later_tier_has_its_own_rate_and_increment(seconds: int, billable: int, cost: int) -> None:
    assert billable_seconds(THREE_TIERS, seconds) == billable
    assert call_cost(THREE_TIERS, seconds) == cost


@pytest.mark.parametrize(
    ("seconds", "billable", "cost"),
    [
        (60, 60, 60_000),
        (61, 120, 120_000),  # begins at 60, before the tier of second 90: billed whole at the first rate
        (120, 120, 120_000),
        (121, 126, 121_200),  # the first increment that begins at or after second 90
    ],
)
def test_an_increment_is_billed_whole_at_the_rate_of_the_tier_it_begins_in(
    seconds: int, billable: int, cost: int
) -> None:
    rate = Rate(0, 60, (Tier(0, 60_000, 60), Tier(90, 12_000, 6)))
    assert (billable_seconds(rate, seconds), call_cost(rate, seconds)) == (billable, cost)


def test_a_tier_that_no_increment_begins_in_is_never_billed() -> None:
    rate = Rate(0, 300, (Tier(0, 60_000, 60), Tier(60, 1, 1), Tier(300, 6_000, 1)))
    assert call_cost(rate, 300) == 300_000
    assert call_cost(rate, 301) == 300_100


def test_a_charged_call_costs_at_least_the_minimum_charge() -> None:
    rate = Rate(0, 1, (Tier(0, 60_000, 1),), minimum_charge_micros=20_000)
    assert [call_cost(rate, seconds) for seconds in (0, 1, 20, 21)] == [0, 20_000, 20_000, 21_000]
    assert max_duration_s(rate, 19_999, 3600) == 0
    assert max_duration_s(rate, 20_000, 3600) == 20


def test_a_call_shorter_than_the_free_grace_costs_nothing() -> None:
    rate = Rate(5_000, 60, (Tier(0, 60_000, 60),), free_grace_s=4)
    assert [call_cost(rate, seconds) for seconds in (1, 3, 4)] == [0, 0, 65_000]
    assert [billable_seconds(rate, seconds) for seconds in (1, 3, 4)] == [0, 0, 60]
    assert max_duration_s(rate, 64_999, 3600) == 3
    assert max_duration_s(rate, 65_000, 3600) == 60
    assert shortest_charged_s(rate) == 4


def test_a_surcharge_adds_to_the_connect_fee() -> None:
    rate = flat_rate(60_000, 60, 60, connect_fee_micros=10_000)
    assert call_cost(rate.with_surcharge(2_500), 30) == call_cost(rate, 30) + 2_500
    assert rate.with_surcharge(0) is rate


@pytest.mark.parametrize(
    ("available", "longest", "seconds"),
    [
        (10_000_000, 7_200, 7_200),
        (10_000_000, None, 60 * 1_000),
        (9_999, None, 0),
        (10_000, None, 60),
        (19_999, None, 60),
        (20_000, None, 120),
        (20_000, 90, 90),
        (0, 0, 0),
    ],
)
def test_the_longest_duration_of_a_cent_a_minute(available: int, longest: int | None, seconds: int) -> None:
    assert max_duration_s(flat_rate(10_000, 60, 60), available, longest) == seconds


def test_a_call_that_costs_nothing_has_no_end_unless_one_is_set() -> None:
    assert max_duration_s(flat_rate(0), 0) is None
    assert max_duration_s(flat_rate(0), 0, 3600) == 3600
    assert max_duration_s(flat_rate(0, connect_fee_micros=5), 4) == 0
    assert max_duration_s(Rate(0, 1, (Tier(0, 60_000, 1), Tier(60, 0, 60))), 60_000) is None


def slow_cost(rate: Rate, seconds: int) -> tuple[int, int]:
    """The rule read literally, increment by increment: (billable seconds, cost)."""
    if seconds <= 0 or seconds < rate.free_grace_s:
        return 0, 0
    position = usage = 0
    while position < seconds:
        tier = [tier for tier in rate.tiers if tier.from_second <= position][-1]
        length = tier.increment_s if position else rate.initial_increment_s
        usage += length * tier.rate_per_minute_micros
        position += length
    return position, max(rate.minimum_charge_micros, rate.connect_fee_micros + (usage + 59) // 60)


@given(rates(), st.integers(0, 6000))
def test_cost_and_billable_seconds_are_those_of_the_rule_read_literally(rate: Rate, seconds: int) -> None:
    assert (billable_seconds(rate, seconds), call_cost(rate, seconds)) == slow_cost(rate, seconds)


@given(rates(), st.integers(0, 50_000_000), st.integers(0, 100_000))
@settings(max_examples=400)
def test_the_longest_duration_is_affordable_and_one_second_more_is_not(
    rate: Rate, available: int, longest: int
) -> None:
    seconds = max_duration_s(rate, available, longest)
    assert 0 <= seconds <= longest
    assert call_cost(rate, seconds) <= available
    assert seconds == longest or call_cost(rate, seconds + 1) > available


@given(rates(), st.integers(0, 50_000_000), st.none() | st.integers(0, 100_000))
@settings(max_examples=400)
def test_what_is_to_be_held_is_the_cost_of_the_longest_duration(
    rate: Rate, available: int, longest: int | None
) -> None:
    seconds, cost = affordable(rate, available, longest)
    assert seconds == max_duration_s(rate, available, longest)
    assert cost == call_cost(rate, UNENDING_S if seconds is None else seconds) <= available


@given(rates(), st.integers(0, 50_000_000))
@settings(max_examples=400)
def test_without_a_cap_only_the_balance_ends_the_call(rate: Rate, available: int) -> None:
    seconds = max_duration_s(rate, available)
    if seconds is None:
        assert rate.tiers[-1].rate_per_minute_micros == 0
        assert call_cost(rate, 10**9) <= available
    else:
        assert call_cost(rate, seconds) <= available < call_cost(rate, seconds + 1)


@given(rates(), st.integers(0, 5000), st.integers(0, 5000))
def test_a_longer_call_never_costs_less(rate: Rate, one: int, other: int) -> None:
    assert call_cost(rate, min(one, other)) <= call_cost(rate, max(one, other))


@given(rates())
def test_a_packed_rate_comes_back_equal(rate: Rate) -> None:
    assert Rate.unpack(rate.pack()) == rate


def test_the_longest_packed_rate_fits_its_column() -> None:
    tiers = tuple(Tier(864_000 - 8 + i if i else 0, PRICE_MAX_MICROS, 86_400) for i in range(8))
    assert len(Rate(PRICE_MAX_MICROS, 86_400, tiers, PRICE_MAX_MICROS, 86_400).pack()) <= PACKED_MAX


@pytest.mark.parametrize(
    "packed",
    [
        "",
        "1,2,3",
        "0,0,0,60",
        "0,0,0,60;0,1",
        "0,0,0,0;0,1,1",
        "0,0,0,60;5,1,1",
        "0,0,0,60;0,1,1;0,1,1",
        "a;b",
        "0,0,0,1;0,-1,1",
    ],
)
def test_what_is_no_packed_rate_is_refused(packed: str) -> None:
    with pytest.raises(RateError):
        Rate.unpack(packed)
