"""The keeper's statements: many holds settled in one transaction, set by set, and the journal's offsets with them.

Rows travel together and are joined as a table, so that a thousand settlements cost as many statements as one.
Lock order as everywhere: cards by rising id, then holds.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rating.database import Connection, Database, Row, fetch

_HOLD_COLUMNS = (
    "LOWER(HEX(hold_id)) AS id, card_id, hold.product_id, state, held_micros, limit_s, rate, dnis, placed_us,"
    " answered_us, answer_mono_us, boot, carrier_id, gateway_id, pdd_ms, recorded, node,"
    " (SELECT currency FROM product WHERE product.product_id = hold.product_id) AS currency,"
    " (SELECT longest_call_s FROM product WHERE product.product_id = hold.product_id) AS longest_call_s"
)

_SETTLED = (
    "card_id", "settles", "state", "held_micros", "charge_micros", "billable_s", "seconds", "answered_us", "ended_us",
    "carrier_id", "gateway_id", "pdd_ms", "cost_micros", "cause", "sip_status", "ended_by", "node",
)  # fmt: skip


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


def lock_holds(connection: Connection, hold_ids: Sequence[str]) -> dict[str, Row]:
    """Those of the holds that exist, by id, locked with their cards."""
    if not hold_ids:
        return {}
    keys = tuple(bytes.fromhex(hold_id) for hold_id in sorted(hold_ids))
    marks = ", ".join(["%s"] * len(keys))
    cards = fetch(connection, f"SELECT DISTINCT card_id FROM hold WHERE hold_id IN ({marks})", keys)  # noqa: S608
    if not cards:
        return {}
    card_ids = tuple(sorted(row["card_id"] for row in cards))
    card_marks = ", ".join(["%s"] * len(card_ids))
    fetch(
        connection,
        f"SELECT card_id FROM card WHERE card_id IN ({card_marks}) ORDER BY card_id FOR UPDATE",  # noqa: S608
        card_ids,
    )
    rows = fetch(
        connection,
        f"SELECT {_HOLD_COLUMNS} FROM hold WHERE hold_id IN ({marks}) ORDER BY hold_id FOR UPDATE",  # noqa: S608
        keys,
    )
    return {row["id"]: row for row in rows}


def note_answers(connection: Connection, answers: list[dict[str, Any]]) -> None:
    if answers:
        fetch(connection, "CALL note_answers(%s)", (json.dumps(answers),))


def settle(connection: Connection, settled: list[dict[str, Any]], now_us: int) -> None:
    """Settles the holds with ``settles`` set, and writes the call records of all."""
    if settled:
        fetch(connection, "CALL begin_settling()")
        # Not JSON: to take eighteen columns out of it the server would read every row's text eighteen times.
        rows = [(bytes.fromhex(row["id"]), *(row[name] for name in _SETTLED)) for row in settled]
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO settled VALUES (%s{', %s' * len(_SETTLED)})", rows)  # noqa: S608
        fetch(connection, "CALL settle_batch(%s)", (now_us,))
