"""Amounts: integer micro-units (one millionth of the currency) inside, decimal text at the edge.

``Decimal`` is used nowhere but here and never leaves this module; a float is never made.
"""

import re
from decimal import Decimal

MICROS = 1_000_000
DECIMALS = 6
AMOUNT_MAX_MICROS = 10**15  # a thousand million: sixty times of it still fits a BIGINT of the ledger

_AMOUNT = re.compile(r"(?P<sign>-?)(?P<whole>[0-9]{0,16})(?:\.(?P<part>[0-9]{0,24}))?", re.ASCII)


class AmountError(ValueError):
    """The text is not an amount; the message says what is wrong with it and how to write it."""


def parse_amount(text: str) -> int:
    """Micro-units of an amount written as "12", "0.015" or ".5"; a leading "-" makes it negative.

    No more than six decimals (further zeros do no harm), no thousands separators, no exponent, no currency sign,
    at most 1,000,000,000 either way. Raises AmountError.
    """
    plain = text.strip()
    found = _AMOUNT.fullmatch(plain)
    if found is None or not (found["whole"] or found["part"]):
        hint = "write it with a point, as 0.25" if "," in plain else "write digits with a point, as 0.25"
        raise AmountError(f"{text!r} is not an amount; {hint}")
    part = (found["part"] or "").rstrip("0")
    if len(part) > DECIMALS:
        raise AmountError(f"{text!r} has more than six decimals; the smallest unit is 0.000001")
    micros = int(found["whole"] or "0") * MICROS + int(part.ljust(DECIMALS, "0"))
    if micros > AMOUNT_MAX_MICROS:
        raise AmountError(f"{text!r} is more than 1000000000")
    return -micros if found["sign"] else micros


def format_amount(micros: int, currency: str = "", decimals: int = DECIMALS) -> str:
    """The amount as text: ``format_amount(4500000, "USD", 2)`` is "4.50 USD".

    ``decimals`` is 0 to 6; what does not fit is cut towards zero, so that a balance is never shown higher than it is.
    """
    if not 0 <= decimals <= DECIMALS:
        raise ValueError(f"decimals must be 0 to {DECIMALS}, not {decimals}")
    whole, part = divmod(abs(micros) // 10 ** (DECIMALS - decimals), 10**decimals)
    sign = "-" if micros < 0 and (whole or part) else ""
    number = f"{sign}{whole}.{part:0{decimals}d}" if decimals else f"{sign}{whole}"
    return f"{number} {currency}" if currency else number


def to_decimal(micros: int) -> Decimal:
    """The exact amount as a Decimal, for those who format it by locale (CLDR)."""
    return Decimal(micros).scaleb(-DECIMALS)
