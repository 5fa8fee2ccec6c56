"""What a settlement adds to the ledger's counters, as values."""

from typing import Any

import pytest

from rating.keeper.figures import HISTOGRAMS, additions, destination_group, distributions

HOLD = {
    "product_id": 3,
    "currency": "USD",
    "dnis": "442079460123",
    "limit_s": 600,
    "longest_call_s": 14_400,
    "placed_us": 1_000_000_000,
}
SETTLED = {
    "state": "captured",
    "seconds": 61,
    "charge_micros": 123_457,
    "cost_micros": 100_000,
    "cause": 16,
    "ended_by": "callee",
    "carrier_id": 7,
    "pdd_ms": 180,
    "answered_us": 1_004_000_000,
}


def added(**changes: Any) -> dict[tuple[str, str], int]:
    return {(tally, label): value for tally, label, value in additions(HOLD, SETTLED | changes, "EUR")}


def test_an_answered_call() -> None:
    assert added() == {
        ("calls", "captured"): 1,
        ("seconds", ""): 61,
        ("spend", "3|USD|GB"): 123_457,
        ("spend_cost", "3|EUR|GB"): 100_000,
        ("ends", "16|callee"): 1,
        ("route_calls", "7|GB|answered"): 1,
        ("route_seconds", "7|GB"): 61,
        ("route_spend", "7|USD"): 123_457,
        ("route_cost", "7|EUR"): 100_000,
        ("pdd", "7|250"): 1,
        ("pdd_sum", "7"): 180,
        ("setup", "7|5000"): 1,
        ("setup_sum", "7"): 4_000,
    }


def test_a_call_that_nobody_answered() -> None:
    found = added(state="void", seconds=0, charge_micros=0, cost_micros=None, answered_us=None, pdd_ms=None)
    assert found["route_calls", "7|GB|unanswered"] == 1
    assert not {tally for tally, _ in found} & {"route_seconds", "setup", "pdd"}
    assert found["spend", "3|USD|GB"] == 0


@pytest.mark.parametrize(("limit_s", "by_balance"), [(600, True), (14_400, False)])
def test_the_end_of_the_balance_and_of_the_longest_call(limit_s: int, by_balance: bool) -> None:
    """Both are the dialog's timeout; only the first one is for want of money."""
    found = dict.fromkeys(
        tally for tally, _, _ in additions(HOLD | {"limit_s": limit_s}, SETTLED | {"ended_by": "timeout"}, "USD")
    )
    assert ("by_balance" in found) is by_balance


def test_a_call_without_a_carrier_is_counted_nowhere_else() -> None:
    assert not any(tally.startswith("route") for tally, _ in added(carrier_id=None))


@pytest.mark.parametrize(
    ("dnis", "group"),
    [
        ("442079460123", "GB"),
        ("12025550100", "US"),
        ("18765551234", "JM"),  # +1 is many countries: revenue share fraud knows that
        ("77012345678", "KZ"),
        ("37122345678", "LV"),
        ("80812345678", "001"),
        ("999140000000", "ZZ"),
    ],
)
def test_destination_groups_are_countries(dnis: str, group: str) -> None:
    assert destination_group(dnis) == group


def test_a_histogram_is_cumulative_and_in_seconds() -> None:
    pdd = HISTOGRAMS[0]
    tallies = {("pdd", "7|50"): 2, ("pdd", "7|250"): 3, ("pdd", "7|inf"): 1, ("pdd_sum", "7"): 12_345}
    found = distributions(tallies, pdd)["7",]
    assert found.buckets[:4] == [("0.05", 2.0), ("0.1", 2.0), ("0.25", 5.0), ("0.5", 5.0)]
    assert found.buckets[-1] == ("+Inf", 6.0)
    assert found.sum_s == 12.345
