"""The keeper's statements: many holds settled in one transaction, set by set, and the journal's offsets with them.

Rows travel together and are joined as a table, so that a thousand settlements cost as many statements as one.
Lock order as everywhere: cards by rising id, then holds.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymysql.cursors import Cursor

from rating.database import Connection, Database, Row, fetch, filled

# One text a row: the client takes it apart several times faster than fifteen columns. "boot" comes last, because it is
# the only one that an event could have put a tabulator into.
_INTEGERS = (
    "card_id", "product_id", "held_micros", "limit_s", "placed_us", "recorded", "answered_us", "answer_mono_us",
    "carrier_id", "gateway_id", "pdd_ms",
)  # fmt: skip
_TEXTS = ("state", "rate", "dnis", "boot")
_HOLD = "CONCAT_WS('\t', LOWER(HEX(hold_id)), {})".format(
    ", ".join(f"COALESCE(hold.{name}, '')" for name in (*_INTEGERS, *_TEXTS))
)

_SETTLED = (
    "card_id", "settles", "state", "held_micros", "limit_s", "charge_micros", "billable_s", "seconds", "relies",
    "seen_answered_us", "answered_us", "ended_us", "carrier_id", "gateway_id", "pdd_ms", "cost_micros", "cause",
    "sip_status", "ended_by", "node",
)  # fmt: skip
_SETTLED_MARKS = f"(UNHEX(%s){', %s' * len(_SETTLED)})"


class HoldsChangedError(Exception):
    """A hold is not as it was when its settlement was worked out: work it out again, with the hold locked."""


def add_tallies(connection: Connection, node: str, tallies: Mapping[tuple[str, str], int]) -> None:
    """Adds to the node's counters."""
    rows = [(node, name, label, value) for (name, label), value in sorted(tallies.items()) if value]
    if rows:
        marks = ", ".join(["(%s, %s, %s, %s)"] * len(rows))
        sql = f"INSERT INTO tally VALUES {marks} ON DUPLICATE KEY UPDATE value = value + VALUES(value)"  # noqa: S608
        fetch(connection, sql, tuple(value for row in rows for value in row))


def offsets(database: Database, node: str) -> dict[str, int]:
    rows = database.rows("SELECT file, applied_bytes FROM journal_position WHERE node = %s", (node,))
    return {row["file"]: int(row["applied_bytes"]) for row in rows}


def store_offsets(connection: Connection, node: str, offsets_of: Mapping[str, int], now_us: int) -> None:
    sql = (
        "INSERT INTO journal_position VALUES (%s, %s, %s, %s)"
        " ON DUPLICATE KEY UPDATE applied_bytes = VALUES(applied_bytes), applied_us = VALUES(applied_us)"
    )
    for file, offset in offsets_of.items():
        fetch(connection, sql, (node, file, offset, now_us))


def lock_offsets(connection: Connection, node: str) -> dict[str, int]:
    """The stored offsets; a second keeper of the node waits here until this transaction ends."""
    sql = "SELECT file, applied_bytes FROM journal_position WHERE node = %s FOR UPDATE"
    return {row["file"]: int(row["applied_bytes"]) for row in fetch(connection, sql, (node,))}


def forget_offsets(database: Database, node: str, files: Iterable[str]) -> None:
    for file in files:
        database.rows("DELETE FROM journal_position WHERE node = %s AND file = %s", (node, file))


def savepoint(connection: Connection) -> None:
    fetch(connection, "SAVEPOINT before_call")


def back_to_savepoint(connection: Connection) -> None:
    fetch(connection, "ROLLBACK TO SAVEPOINT before_call")


def read_holds(connection: Connection, hold_ids: Sequence[str]) -> dict[str, Row]:
    """Those of the holds that exist, by id, with their products' currency and longest call; nothing is locked."""
    return _holds(connection, hold_ids, "")


def lock_holds(connection: Connection, hold_ids: Sequence[str]) -> dict[str, Row]:
    """As ``read_holds``, locked with their cards."""
    keys, marks = _keys(hold_ids)
    if keys:
        sql = f"SELECT DISTINCT card_id FROM hold WHERE hold_id IN ({marks})"  # noqa: S608
        lock_cards(connection, {int(row["card_id"]) for row in fetch(connection, sql, keys)})
    return _holds(connection, hold_ids, " FOR UPDATE")


def lock_cards(connection: Connection, card_ids: Iterable[int]) -> None:
    ordered = tuple(sorted(card_ids))
    if ordered:
        marks = ", ".join(["%s"] * len(ordered))
        sql = f"SELECT COUNT(*) FROM card FORCE INDEX (PRIMARY) WHERE card_id IN ({marks}) FOR UPDATE"  # noqa: S608
        fetch(connection, sql, ordered)


def _keys(hold_ids: Sequence[str]) -> tuple[tuple[bytes, ...], str]:
    return tuple(bytes.fromhex(hold_id) for hold_id in sorted(hold_ids)), ", ".join(["%s"] * len(hold_ids))


def _holds(connection: Connection, hold_ids: Sequence[str], lock: str) -> dict[str, Row]:
    keys, marks = _keys(hold_ids)
    if not keys:
        return {}
    products = {
        row["product_id"]: (row["currency"], row["longest_call_s"])
        for row in fetch(connection, "SELECT product_id, currency, longest_call_s FROM product")
    }
    with connection.cursor(Cursor) as cursor:
        cursor.execute(f"SELECT {_HOLD} FROM hold WHERE hold_id IN ({marks}) ORDER BY hold_id{lock}", keys)  # noqa: S608
        holds = [_hold(text) for (text,) in cursor.fetchall()]
    for hold in holds:
        hold["currency"], hold["longest_call_s"] = products[hold["product_id"]]
    return {hold["id"]: hold for hold in holds}


def _hold(text: str) -> Row:
    hold_id, *values = text.split("\t", len(_INTEGERS) + len(_TEXTS))
    integers = (int(value) if value else None for value in values[: len(_INTEGERS)])
    return {
        "id": hold_id,
        **dict(zip(_INTEGERS, integers, strict=True)),
        **dict(zip(_TEXTS, values[len(_INTEGERS) :], strict=True)),
    }


def note_answers(connection: Connection, answers: list[dict[str, Any]]) -> None:
    if answers:
        fetch(connection, "CALL note_answers(%s)", (json.dumps(answers),))


def settle_statement(connection: Connection, settled: list[dict[str, Any]]) -> str:
    """The statement that brings the rows to the server, its parameters filled in: "" for none."""
    if not settled:
        return ""
    # Not JSON: to take twenty columns out of it the server would read every row's text twenty times.
    rows = [value for row in settled for value in (row["id"], *map(row.__getitem__, _SETTLED))]
    marks = ", ".join([_SETTLED_MARKS] * len(settled))
    return filled(connection, f"INSERT INTO settled VALUES {marks}", rows)  # noqa: S608


def settle(connection: Connection, statement: str, now_us: int) -> None:
    """Settles the holds with ``settles`` set, and writes the call records of all. Raises HoldsChangedError, after
    which the transaction has to be rolled back, when a hold is not as the statement's rows say it was."""
    if statement:
        fetch(connection, "CALL begin_settling()")
        fetch(connection, statement)
        if fetch(connection, "CALL settle_batch(%s)", (now_us,))[0]["changed"]:
            raise HoldsChangedError
