"""Counters that the ledger keeps: what a settlement adds to them, and under which names Prometheus sees them.

They are written in the transaction that settles, so they are exact whatever is restarted or killed. A counter's label
is stored as its parts with "|" between them; products and carriers are stored by id, and shown by name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import phonenumbers

from rating.outcome import HoldState

MICROS: Final = 1_000_000
SWEEPER: Final = "sweeper"  # who ended a call whose end nobody told
TIMEOUT: Final = "timeout"  # … that reached its limit
BEYOND: Final = "inf"  # bucket of what is above the last bound
BEYOND_ANY_CALL_S: Final = 1 << 32
UNKNOWN_GROUP: Final = "ZZ"  # no country, in ISO 3166

Addition = tuple[str, str, int]  # tally, label, value


@dataclass(frozen=True, slots=True)
class Counted:
    """One counter. ``unit``: so many of the stored whole numbers are 1 of what is shown."""

    tally: str
    metric: str
    text: str
    labels: tuple[str, ...] = ()
    unit: int = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """One histogram of milliseconds, shown in seconds. Its sum is the tally ``<tally>_sum``."""

    tally: str
    metric: str
    text: str
    labels: tuple[str, ...]
    bounds_ms: tuple[int, ...]


BY_MONEY: Final = ("product", "currency", "destination_group")
COUNTERS: Final = (
    Counted("spend", "cardswitch_spend_charged", "Charged to cards, in currency units", BY_MONEY, MICROS),
    Counted("spend_cost", "cardswitch_spend_cost", "What carriers take for it, in currency units", BY_MONEY, MICROS),
    Counted("calls", "cardswitch_calls_settled", "Settled calls by outcome", ("outcome",)),
    Counted("seconds", "cardswitch_connected_seconds", "Connected seconds of settled calls"),
    Counted(
        "route_calls",
        "cardswitch_route_calls",
        "Settled calls by the carrier tried last",
        ("carrier", "destination_group", "outcome"),
    ),
    Counted(
        "route_seconds",
        "cardswitch_route_connected_seconds",
        "Connected seconds by carrier",
        ("carrier", "destination_group"),
    ),
    Counted(
        "route_spend",
        "cardswitch_route_charged",
        "Charged for a carrier's calls, in currency units",
        ("carrier", "currency"),
        MICROS,
    ),
    Counted(
        "route_cost",
        "cardswitch_route_cost",
        "What a carrier takes, in currency units",
        ("carrier", "currency"),
        MICROS,
    ),
    Counted(
        "ends", "cardswitch_call_ends", "Settled calls by Q.850 cause and by who ended them", ("cause", "ended_by")
    ),
    Counted(
        "by_balance", "cardswitch_calls_ended_by_balance", "Calls ended when the balance was used up", ("product",)
    ),
    Counted("late", "cardswitch_calls_late", "Ends of answered calls whose hold had been settled without them"),
    Counted("sweeps", "cardswitch_sweeper_finds", "Holds without an end, settled by the sweeper"),
)
HISTOGRAMS: Final = (
    Measured(
        "pdd",
        "cardswitch_pdd_seconds",
        "INVITE to ringing, by carrier",
        ("carrier",),
        (50, 100, 250, 500, 1_000, 2_000, 4_000, 8_000),
    ),
    Measured(
        "setup",
        "cardswitch_setup_seconds",
        "Authorised to answered, by carrier",
        ("carrier",),
        (250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 40_000, 80_000),
    ),
)
_MEASURED: Final = {measured.tally: measured for measured in HISTOGRAMS}


@lru_cache(maxsize=8192)
def destination_group(dnis: str) -> str:
    """The country called, ISO 3166 alpha-2; "001" for world-wide numbers, "ZZ" when it has none: some 250 values."""
    try:
        number = phonenumbers.parse(f"+{dnis}")
    except phonenumbers.NumberParseException:
        return UNKNOWN_GROUP
    region = phonenumbers.region_code_for_number(number)
    return region or phonenumbers.region_code_for_country_code(number.country_code or 0) or UNKNOWN_GROUP


def additions(hold: Mapping[str, Any], row: Mapping[str, Any], cost_currency: str) -> Iterator[Addition]:
    """What one settlement adds. ``hold`` as it was, ``row`` as it is settled (see ``Settler``)."""
    connected = row["state"] == HoldState.CAPTURED
    group = destination_group(hold["dnis"])
    yield "calls", row["state"], 1
    yield "seconds", "", row["seconds"]
    yield "spend", _label(hold["product_id"], hold["currency"], group), row["charge_micros"]
    yield "spend_cost", _label(hold["product_id"], cost_currency, group), row["cost_micros"] or 0
    yield "ends", _label(row["cause"], row["ended_by"]), 1
    if row["ended_by"] == SWEEPER:
        yield "sweeps", "", 1
    longest_s = hold["longest_call_s"] or BEYOND_ANY_CALL_S
    if connected and row["ended_by"] == TIMEOUT and hold["limit_s"] < longest_s:
        yield "by_balance", _label(hold["product_id"]), 1
    if row["carrier_id"]:
        yield from _of_route(hold, row, cost_currency, group)


def _of_route(hold: Mapping[str, Any], row: Mapping[str, Any], cost_currency: str, group: str) -> Iterator[Addition]:
    carrier = row["carrier_id"]
    connected = row["state"] == HoldState.CAPTURED
    yield "route_calls", _label(carrier, group, "answered" if connected else "unanswered"), 1
    if row["pdd_ms"] is not None:
        yield from _measure("pdd", carrier, row["pdd_ms"])
    if connected:
        yield "route_seconds", _label(carrier, group), row["seconds"]
        yield "route_spend", _label(carrier, hold["currency"]), row["charge_micros"]
        yield "route_cost", _label(carrier, cost_currency), row["cost_micros"] or 0
        yield from _measure("setup", carrier, max(0, row["answered_us"] - hold["placed_us"]) // 1000)


def _measure(tally: str, carrier: int, ms: int) -> Iterator[Addition]:
    bound = next((bound for bound in _MEASURED[tally].bounds_ms if ms <= bound), BEYOND)
    yield tally, _label(carrier, bound), 1
    yield f"{tally}_sum", _label(carrier), ms


@lru_cache(maxsize=8192)
def _label(*parts: object) -> str:
    return "|".join(map(str, parts))


@dataclass(slots=True)
class Distribution:
    """Of one set of labels: cumulative counts by bucket (upper bound in seconds as text), and the sum in seconds."""

    buckets: list[tuple[str, float]]
    sum_s: float


def labelled(tallies: Mapping[tuple[str, str], int], counted: Counted) -> dict[tuple[str, ...], int]:
    """The values of one counter by its labels' parts."""
    found = {label: value for (tally, label), value in tallies.items() if tally == counted.tally}
    return {tuple(label.split("|")) if counted.labels else (): value for label, value in found.items()}


def distributions(tallies: Mapping[tuple[str, str], int], measured: Measured) -> dict[tuple[str, ...], Distribution]:
    """One histogram by its labels' parts."""
    found: dict[tuple[str, ...], Distribution] = {}
    keys = sorted({label.rpartition("|")[0] for tally, label in tallies if tally == measured.tally})
    for key in keys:
        counts = [tallies.get((measured.tally, f"{key}|{bound}"), 0) for bound in (*measured.bounds_ms, BEYOND)]
        names = (*(str(bound / 1000) for bound in measured.bounds_ms), "+Inf")
        buckets = [(name, float(sum(counts[: place + 1]))) for place, name in enumerate(names)]
        found[tuple(key.split("|"))] = Distribution(buckets, tallies.get((f"{measured.tally}_sum", key), 0) / 1000)
    return found
