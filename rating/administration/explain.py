"""The lines of a card's account, each with the sentence why it is there: what one answers a complaint with."""

from datetime import UTC, datetime

from rating.administration.values import EntryView
from rating.database import Row
from rating.money import format_amount
from rating.rate import Rate, RateError


def explained(row: Row, currency: str) -> EntryView:
    """An entry of the store's ``listing.entries``."""
    return EntryView(
        entry_id=row["entry_id"],
        at_us=row["at_us"],
        kind=row["kind"],
        amount_micros=int(row["amount_micros"]),
        balance_micros=int(row["balance_micros"]),
        reference=row["reference"],
        note=row["note"],
        sentence=sentence(row, currency),
    )


def sentence(row: Row, currency: str) -> str:
    """Why the entry is there."""
    amount = format_amount(abs(int(row["amount_micros"])), currency)
    if row["kind"] == "charge":
        return _charge(row, amount, currency)
    if row["kind"] == "refill" and row["note"].startswith("from card "):
        return f"refilled with {amount} {row['note']}"
    word = "credited" if row["amount_micros"] >= 0 else "taken"
    note = f": {row['note']}" if row["note"] else ""
    sentences = {
        "issue": f"issued with {amount} in {row['reference']}",
        "refill": f"refilled with {amount}, reference {row['reference']}{note}",
        "transfer": f"{amount} moved {row['note']}",
        "fee": f"fee of {amount}, {row['reference']}{note}",
        "adjustment": f"{amount} {word} by an adjustment, reference {row['reference']}{note}",
    }
    return sentences[row["kind"]]


def _charge(row: Row, amount: str, currency: str) -> str:
    if row["dnis"] is None:
        return f"{amount} charged for a call, hold {row['reference']}"
    placed = datetime.fromtimestamp(row["placed_us"] // 1_000_000, UTC)
    return (
        f"{amount} charged for a call to {row['dnis']} ({row['destination']}) placed {placed:%Y-%m-%d %H:%M:%S} UTC:"
        f" {row['billable_s']} s billed at {terms(row['rate'], currency)}"
    )


def terms(packed: str, currency: str) -> str:
    """A packed rate in words: "0.060000 USD a minute, 60/60, connect fee 0.05 USD"."""
    try:
        rate = Rate.unpack(packed)
    except RateError:
        return "a rate that cannot be read"
    parts = []
    for place, tier in enumerate(rate.tiers):
        first = tier.increment_s if place else rate.initial_increment_s
        begins = f" from second {tier.from_second}" if tier.from_second else ""
        price = format_amount(tier.rate_per_minute_micros, currency)
        parts.append(f"{price} a minute, {first}/{tier.increment_s}{begins}")
    if rate.connect_fee_micros:
        parts.append(f"connect fee {format_amount(rate.connect_fee_micros, currency)}")
    if rate.minimum_charge_micros:
        parts.append(f"at least {format_amount(rate.minimum_charge_micros, currency)}")
    if rate.free_grace_s:
        parts.append(f"free below {rate.free_grace_s} s")
    return ", ".join(parts)
