"""Amounts at the edge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.money import AMOUNT_MAX_MICROS, AmountError, format_amount, parse_amount, to_decimal


@pytest.mark.parametrize(
    ("text", "micros"),
    [("10", 10_000_000), ("0.015", 15_000), (".5", 500_000), ("2.", 2_000_000), ("-1.25", -1_250_000),
     ("0.000001", 1), ("0.01000000", 10_000), (" 3.10 ", 3_100_000), ("1000000000", AMOUNT_MAX_MICROS)],
)  # fmt: skip
def test_an_amount_is_read_exactly(text: str, micros: int) -> None:
    assert parse_amount(text) == micros


@pytest.mark.parametrize(
    "text", ["", ".", "-", "1,5", "1e3", "0.0000001", "1_000", "١٢", "$5", "1000000000.000001", "+1"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(AmountError):
        parse_amount(text)


@pytest.mark.parametrize(
    ("micros", "decimals", "text"),
    [(4_500_000, 2, "4.50"), (4_509_999, 2, "4.50"), (-1_250_000, 2, "-1.25"), (0, 6, "0.000000"), (1, 6, "0.000001"),
     (1, 2, "0.00"), (-1, 2, "0.00"), (7_999_999, 0, "7")],
)  # fmt: skip
def test_an_amount_is_never_shown_higher_than_it_is(micros: int, decimals: int, text: str) -> None:
    assert format_amount(micros, decimals=decimals) == text


def test_the_currency_follows_the_amount() -> None:
    assert format_amount(4_500_000, "USD", 2) == "4.50 USD"


@given(st.integers(-AMOUNT_MAX_MICROS, AMOUNT_MAX_MICROS))
def test_six_decimals_lose_nothing(micros: int) -> None:
    assert parse_amount(format_amount(micros)) == micros
    assert to_decimal(micros) * 1_000_000 == micros
