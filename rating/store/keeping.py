"""Statements of the keeper beside settling: due warnings, calls past their limit, holds without an end, gauges."""

from rating.database import Database, Row

_CALL = (
    "LOWER(HEX(hold_id)) AS id, limit_s, warning_s, language, answered_us, placed_us, last_seen_us, sip_call_id,"
    " from_tag, to_tag, dialog, node"
)


def due_warnings(database: Database, node: str, until_us: int) -> list[Row]:
    """Connected calls of the node whose warning has to be played before ``until_us`` and was not yet."""
    return database.rows(
        f"SELECT {_CALL} FROM hold WHERE state = 'held' AND answered_us IS NOT NULL AND node = %s AND warned_us IS NULL"  # noqa: S608
        " AND warning_s > 0 AND answered_us + GREATEST(0, CAST(limit_s AS SIGNED) - CAST(warning_s AS SIGNED)) * 1000000 <= %s",
        (node, until_us),
    )


def mark_warned(database: Database, hold_id: str, now_us: int) -> None:
    database.rows("UPDATE hold SET warned_us = %s WHERE hold_id = %s", (now_us, bytes.fromhex(hold_id)))


def connected(database: Database, node: str) -> list[Row]:
    """All connected calls of the node."""
    sql = f"SELECT {_CALL} FROM hold WHERE state = 'held' AND answered_us IS NOT NULL AND node = %s"  # noqa: S608
    return database.rows(sql, (node,))


def overdue(database: Database, node: str, now_us: int, grace_s: int) -> list[Row]:
    """Connected calls of the node that are past their limit by more than ``grace_s``."""
    return database.rows(
        f"SELECT {_CALL} FROM hold WHERE state = 'held' AND node = %s"  # noqa: S608
        " AND answered_us + (limit_s + %s) * 1000000 < %s",
        (node, grace_s, now_us),
    )


def without_end(
    database: Database, node: str, now_us: int, own_s: tuple[int, int], others_s: tuple[int, int]
) -> list[Row]:
    """Holds that nobody will settle any more: never answered for the first, or past the limit for the second number of
    seconds; ``own_s`` for this node's, ``others_s`` for other nodes' (whose journals may only be late)."""
    return database.rows(
        f"SELECT {_CALL} FROM hold WHERE state = 'held' AND IF("  # noqa: S608
        "  answered_us IS NULL,"
        "  placed_us + IF(node = %s, %s, %s) * 1000000,"
        "  answered_us + (limit_s + IF(node = %s, %s, %s)) * 1000000) < %s ORDER BY placed_us LIMIT 500",
        (node, own_s[0], others_s[0], node, own_s[1], others_s[1], now_us),
    )


def seen_alive(database: Database, hold_id: str, at_us: int) -> None:
    """Notes a sign of life; they never go back."""
    database.rows(
        "UPDATE hold SET last_seen_us = GREATEST(COALESCE(last_seen_us, 0), %s) WHERE hold_id = %s AND state = 'held'",
        (at_us, bytes.fromhex(hold_id)),
    )


def open_counts(database: Database) -> list[Row]:
    """Per node and currency: holds, connected calls, held micro-units."""
    return database.rows(
        "SELECT node, currency, COUNT(*) AS holds, SUM(answered_us IS NOT NULL) AS connected,"
        " SUM(held_micros) AS held_micros FROM hold JOIN product USING (product_id) WHERE state = 'held'"
        " GROUP BY node, currency"
    )


def tallies(database: Database, node: str) -> dict[tuple[str, str], int]:
    rows = database.rows("SELECT name, label, value FROM tally WHERE node = %s", (node,))
    return {(row["name"], row["label"]): int(row["value"]) for row in rows}


def liability(database: Database) -> list[Row]:
    """Per currency: what card holders could still call for."""
    return database.rows(
        "SELECT currency, SUM(posted_micros) AS micros FROM card JOIN product USING (product_id)"
        " WHERE state IN ('active', 'blocked') GROUP BY currency"
    )


def add_cdr_partition(database: Database, name: str, until_us: int) -> None:
    database.rows("CALL add_cdr_partition(%s, %s)", (name, until_us))
