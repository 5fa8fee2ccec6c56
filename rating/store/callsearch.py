"""Statements of the operators' searches of calls: running ones, call records, sums of them."""

from collections.abc import Iterator, Sequence
from typing import Any

from rating.database import Database, Row

RECENT = 6_000  # so many of the newest records are looked at before a part of a number is looked up by its index
PIECE = 1000

# The columns of the view call_record, from the base tables: the view's own key is text, which no index finds.
_RECORD = (
    "SELECT LOWER(HEX(cdr.call_id)) AS call_id, LOWER(HEX(cdr.hold_id)) AS hold_id, cdr.card_id,"
    " COALESCE(LPAD(serial, 12, '0'), '') AS serial, COALESCE(product.name, '') AS product,"
    " COALESCE(product.currency, '') AS currency, outcome, ani, dnis, prefix, destination, trunk, access_number,"
    " cdr.attestation, node, rate, COALESCE(carrier.name, '') AS carrier, gateway_id, pdd_ms, cdr.placed_us,"
    " answered_us, ended_us, seconds, billable_s, charge_micros, cost_micros, deck.currency AS cost_currency,"
    " IF(deck.currency = product.currency, charge_micros - cost_micros, NULL) AS margin_micros, cause, sip_status,"
    " ended_by"
)
_JOINED = (
    " STRAIGHT_JOIN cdr ON cdr.placed_us = page.placed_us AND cdr.hold_id = page.hold_id"
    " LEFT JOIN card ON card.card_id = cdr.card_id LEFT JOIN product ON product.product_id = cdr.product_id"
    " LEFT JOIN carrier ON carrier.carrier_id = cdr.carrier_id LEFT JOIN deck ON deck.deck_id = carrier.deck_id"
    " ORDER BY page.placed_us DESC, page.hold_id DESC"
)
_NEWEST = "ORDER BY placed_us DESC, hold_id DESC LIMIT %s"
Key = tuple[int, bytes]


def records(database: Database, where: Sequence[tuple[str, Any]], times: tuple[int, Key], limit: int) -> list[Row]:
    """The newest records first, placed from ``times[0]`` on and before the key ``times[1]``.

    ``where``: conditions written in this package, with the value of each.
    """
    condition, arguments = _conditions(where, times)
    keys = f"SELECT placed_us, hold_id FROM cdr WHERE {condition} {_NEWEST}"  # noqa: S608
    return database.rows(f"{_RECORD} FROM ({keys}) AS page{_JOINED}", (*arguments, limit))


def recent_records(database: Database, like: tuple[str, str], times: tuple[int, Key], limit: int) -> list[Row]:
    """As ``records``, of those whose column (``like[0]``) is like a pattern (``like[1]``), among the newest RECENT."""
    condition, arguments = _conditions((), times)
    recent = f"SELECT placed_us, hold_id, {like[0]} FROM cdr FORCE INDEX (PRIMARY) WHERE {condition} {_NEWEST}"  # noqa: S608
    keys = f"SELECT placed_us, hold_id FROM ({recent}) AS recent WHERE {like[0]} LIKE %s {_NEWEST}"  # noqa: S608
    return database.rows(f"{_RECORD} FROM ({keys}) AS page{_JOINED}", (*arguments, RECENT, like[1], limit))


def _conditions(where: Sequence[tuple[str, Any]], times: tuple[int, Key]) -> tuple[str, list[Any]]:
    since_us, (before_us, before_id) = times
    texts = [text for text, _ in where] + ["placed_us >= %s", "placed_us <= %s", "(placed_us < %s OR hold_id < %s)"]
    return " AND ".join(texts), [value for _, value in where] + [since_us, before_us, before_us, before_id]


CARD = "card_id = %s"
DNIS = "dnis = %s"
DNIS_BEGINS = "dnis LIKE %s"
DNIS_ENDS = "dnis_reversed LIKE %s"
ANI = "ani_reversed = %s"
ANI_ENDS = "ani_reversed LIKE %s"
ANI_BEGINS = "ani LIKE %s"
OUTCOME = "outcome = %s"
PARTS = frozenset({DNIS_BEGINS, DNIS_ENDS, ANI_BEGINS, ANI_ENDS})


def open_calls(database: Database, after: tuple[int, bytes], limit: int, card_id: int | None = None) -> list[Row]:
    """Calls that are placed or connected now, the oldest first."""
    of_card = "AND hold.card_id = %s" if card_id is not None else ""
    return database.rows(
        "SELECT LOWER(HEX(hold_id)) AS hold_id, LOWER(HEX(call_id)) AS call_id, hold.card_id,"  # noqa: S608
        " LPAD(serial, 12, '0') AS serial, product.name AS product, currency, ani, dnis, destination, trunk,"
        " access_number, COALESCE(carrier.name, '') AS carrier, node, rate, placed_us, answered_us, limit_s,"
        " hold.held_micros"
        " FROM hold STRAIGHT_JOIN card ON card.card_id = hold.card_id"
        " STRAIGHT_JOIN product ON product.product_id = hold.product_id"
        " LEFT JOIN carrier ON carrier.carrier_id = hold.carrier_id"
        f" WHERE hold.state = 'held' AND placed_us >= %s AND (placed_us > %s OR hold_id > %s) {of_card}"
        " ORDER BY hold.placed_us, hold.hold_id LIMIT %s",
        (after[0], after[0], after[1], *([] if card_id is None else [card_id]), limit),
    )


def open_call(database: Database, call_id: bytes) -> list[Row]:
    """The open holds of a call (view open_call): one, or none."""
    return database.rows("SELECT * FROM open_call WHERE call_id = %s OR hold_id = %s", (call_id.hex(), call_id.hex()))


def each_record(database: Database, where: Sequence[tuple[str, Any]], since_us: int, until_us: int) -> Iterator[Row]:
    """All records of the time that fit, the newest first, read piece by piece."""
    key: Key = (until_us, b"")
    while True:
        rows = records(database, where, (since_us, key), PIECE)
        yield from rows
        if len(rows) < PIECE:
            return
        key = (rows[-1]["placed_us"], bytes.fromhex(rows[-1]["hold_id"]))


def usage_by_day(database: Database, days: tuple[int, int]) -> list[Row]:
    """Sums of the call records placed on the days from the first to the last (since the epoch)."""
    each = range(days[0], days[1] + 1)
    marks = ", ".join(["%s"] * len(each))  # each day's total is one place of the index; a range would read all between
    return database.rows(
        f"SELECT day AS grouped, {_SUMS} FROM call_day WHERE destination = '' AND day IN ({marks})"  # noqa: S608
        " GROUP BY day, currency ORDER BY day, currency",
        tuple(each),
    )


def usage_by_destination(database: Database, days: tuple[int, int], limit: int) -> list[Row]:
    """The same by destination, the highest charge first."""
    return database.rows(
        f"SELECT destination AS grouped, {_SUMS} FROM call_day WHERE destination > '' AND day BETWEEN %s AND %s"  # noqa: S608
        " GROUP BY destination, currency ORDER BY charge_micros DESC, destination LIMIT %s",
        (*days, limit),
    )


_SUMS = (
    "currency, SUM(calls) AS calls, SUM(answered) AS answered, SUM(seconds) AS seconds, SUM(billable_s) AS billable_s,"
    " SUM(charge_micros) AS charge_micros, SUM(cost_micros) AS cost_micros,"
    " SUM(costed_micros) - SUM(cost_micros) AS margin_micros"
)
