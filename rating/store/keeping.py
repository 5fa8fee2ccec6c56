"""Statements of the keeper beside settling: due warnings, calls past their limit, holds without an end, gauges."""

from dataclasses import dataclass

from rating.database import Database, Row

_CALL = (
    "LOWER(HEX(hold_id)) AS id, LOWER(HEX(call_id)) AS call_id, limit_s, warning_s, language, answered_us,"
    " answer_mono_us, boot, placed_us, last_seen_us, sip_call_id, from_tag, to_tag, dialog, node"
)
# Microseconds since a call was answered: by the machine's own clock, or, for a call from before the machine's last
# start or of another one, by the clock on the wall.
_CONNECTED_US = (
    "IF(boot = %s AND answer_mono_us > 0, CAST(%s AS SIGNED) - answer_mono_us, CAST(%s AS SIGNED) - answered_us)"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """Now: by the clock on the wall, which may be set at any time, and by the machine's own, counted from ``boot``."""

    wall_us: int
    boot_us: int
    boot: str

    def arguments(self) -> tuple[str, int, int]:
        return self.boot, self.boot_us, self.wall_us


def due_warnings(database: Database, node: str, now: Moment, ahead_us: int) -> list[Row]:
    """Connected calls of the node whose warning has to be played within ``ahead_us`` and was not yet."""
    return database.rows(
        f"SELECT {_CALL} FROM hold WHERE state = 'held' AND answered_us IS NOT NULL AND node = %s AND warned_us IS NULL"  # noqa: S608
        " AND warning_s > 0"
        f" AND {_CONNECTED_US} + %s >= GREATEST(0, CAST(limit_s AS SIGNED) - CAST(warning_s AS SIGNED)) * 1000000",
        (node, *now.arguments(), ahead_us),
    )


def mark_warned(database: Database, hold_id: str, now_us: int) -> None:
    database.rows("UPDATE hold SET warned_us = %s WHERE hold_id = %s", (now_us, bytes.fromhex(hold_id)))


def connected(database: Database, node: str) -> list[Row]:
    """All connected calls of the node."""
    sql = f"SELECT {_CALL} FROM hold WHERE state = 'held' AND answered_us IS NOT NULL AND node = %s"  # noqa: S608
    return database.rows(sql, (node,))


def overdue(database: Database, node: str, now: Moment, grace_s: int) -> list[Row]:
    """Connected calls of the node that are past their limit by more than ``grace_s``."""
    return database.rows(
        f"SELECT {_CALL} FROM hold WHERE state = 'held' AND node = %s AND answered_us IS NOT NULL"  # noqa: S608
        f" AND {_CONNECTED_US} > (limit_s + %s) * 1000000",
        (node, *now.arguments(), grace_s),
    )


def overdue_elsewhere(database: Database, node: str, now: Moment, grace_s: int) -> list[Row]:
    """The same for the calls of all other nodes, with what is known of their legs."""
    return database.rows(
        f"SELECT {_CALL}, legs FROM hold WHERE state = 'held' AND node <> %s AND answered_us IS NOT NULL"  # noqa: S608
        f" AND {_CONNECTED_US} > (CAST(limit_s AS SIGNED) + %s) * 1000000 LIMIT 500",
        (node, *now.arguments(), grace_s),
    )


def remember_legs(database: Database, hold_id: str, legs: str) -> None:
    """How both sides of a running call are reached (JSON), should its edge die."""
    database.rows("UPDATE hold SET legs = %s WHERE hold_id = %s AND state = 'held'", (legs, bytes.fromhex(hold_id)))


def refilled(database: Database, node: str) -> list[Row]:
    """Connected calls of the node whose card got money after they were placed, with the last such entry."""
    return database.rows(
        f"SELECT {_CALL}, answer_mono_us, boot, MAX(entry_id) AS entry_id FROM hold JOIN entry USING (card_id)"  # noqa: S608
        " WHERE state = 'held' AND answered_us IS NOT NULL AND node = %s"
        " AND kind IN ('refill', 'adjustment') AND amount_micros > 0 AND at_us > placed_us GROUP BY hold_id",
        (node,),
    )


def without_end(
    database: Database, node: str, now: Moment, own_s: tuple[int, int], others_s: tuple[int, int]
) -> list[Row]:
    """Holds that nobody will settle any more, it seems: never answered for the first, or past the limit for the second
    number of seconds; ``own_s`` for this node's, ``others_s`` for other nodes' (whose journals may only be late)."""
    return database.rows(
        f"SELECT {_CALL} FROM hold WHERE state = 'held' AND IF("  # noqa: S608
        "  answered_us IS NULL,"
        "  CAST(%s AS SIGNED) - placed_us > IF(node = %s, %s, %s) * 1000000,"
        f"  {_CONNECTED_US} > (limit_s + IF(node = %s, %s, %s)) * 1000000) ORDER BY placed_us LIMIT 5000",
        (now.wall_us, node, own_s[0], others_s[0], *now.arguments(), node, own_s[1], others_s[1]),
    )


def seen_alive(database: Database, hold_id: str, at_us: int) -> None:
    """Notes a sign of life; they never go back."""
    database.rows(
        "UPDATE hold SET last_seen_us = GREATEST(COALESCE(last_seen_us, 0), %s) WHERE hold_id = %s AND state = 'held'",
        (at_us, bytes.fromhex(hold_id)),
    )


def open_counts(database: Database) -> list[Row]:
    """Holds and held micro-units of placed (``connected`` 0) and connected calls, by what they belong to."""
    return database.rows(
        "SELECT hold.node, currency, product.name AS product, hold.trunk, COALESCE(carrier.name, '') AS carrier,"
        " hold.answered_us IS NOT NULL AS connected, COUNT(*) AS holds, SUM(hold.held_micros) AS held_micros"
        " FROM hold JOIN product USING (product_id) LEFT JOIN carrier USING (carrier_id)"
        " WHERE hold.state = 'held'"
        " GROUP BY hold.node, currency, product, hold.trunk, carrier, connected"
    )


def names(database: Database) -> tuple[dict[str, str], dict[str, str]]:
    """Of products and of carriers, by their ids as text."""
    products = database.rows("SELECT product_id AS id, name FROM product")
    carriers = database.rows("SELECT carrier_id AS id, name FROM carrier")
    return {str(row["id"]): row["name"] for row in products}, {str(row["id"]): row["name"] for row in carriers}


def gateways(database: Database) -> list[Row]:
    """Gateways with their carriers' names."""
    return database.rows("SELECT gateway_id, carrier.name AS carrier, uri FROM gateway JOIN carrier USING (carrier_id)")


def pin_guard(database: Database, now_us: int) -> list[Row]:
    """Per scope: who is locked out now, wrong PINs that count now, lock-outs of the last day."""
    return database.rows(
        "SELECT scope, SUM(locked_until_us > %s) AS locked, SUM(IF(last_failure_us > %s, failures, 0)) AS failures,"
        " SUM(IF(last_failure_us > %s, lockouts, 0)) AS lockouts FROM pin_guard GROUP BY scope",
        (now_us, now_us - 3_600_000_000, now_us - 86_400_000_000),
    )


def card_counts(database: Database) -> list[Row]:
    """Cards by product and state. Reads every card."""
    return database.rows(
        "SELECT product.name AS product, state, COUNT(*) AS cards FROM card JOIN product USING (product_id)"
        " GROUP BY product.name, state"
    )


def batch_counts(database: Database) -> list[Row]:
    """Batches and the cards that were issued in them, by product."""
    return database.rows(
        "SELECT product.name AS product, COUNT(*) AS batches, SUM(cards) AS cards FROM batch"
        " JOIN product USING (product_id) GROUP BY product.name"
    )


def refill_counts(database: Database) -> list[Row]:
    """Refills and what they brought, by product. Reads every entry."""
    return database.rows(
        "SELECT product.name AS product, currency, COUNT(*) AS refills, SUM(amount_micros) AS refilled_micros"
        " FROM entry JOIN card USING (card_id) JOIN product USING (product_id) WHERE kind = 'refill'"
        " GROUP BY product.name, currency"
    )


def clock(database: Database) -> float:
    """The server's time, epoch seconds."""
    row = database.row("SELECT UNIX_TIMESTAMP(NOW(6)) AS now_s")
    return 0.0 if row is None else float(row["now_s"])


def tallies(database: Database, node: str) -> dict[tuple[str, str], int]:
    rows = database.rows("SELECT name, label, value FROM tally WHERE node = %s", (node,))
    return {(row["name"], row["label"]): int(row["value"]) for row in rows}


def liability(database: Database) -> list[Row]:
    """Per currency: what card holders could still call for."""
    return database.rows(
        "SELECT currency, SUM(posted_micros) AS micros FROM card JOIN product USING (product_id)"
        " WHERE state IN ('active', 'blocked') GROUP BY currency"
    )


def due_maintenance(database: Database, after_card: int, now_us: int, limit: int = 500) -> list[int]:
    """Cards above ``after_card`` whose maintenance fee is due, by rising id."""
    rows = database.rows(
        "SELECT card_id FROM card JOIN product USING (product_id) WHERE card_id > %s AND maintenance_fee_micros > 0"
        " AND state = 'active' AND first_used_us > 0"
        " AND IF(fee_due_us > 0, fee_due_us, first_used_us + maintenance_days * 86400000000) <= %s"
        " ORDER BY card_id LIMIT %s",
        (after_card, now_us, limit),
    )
    return [int(row["card_id"]) for row in rows]


def charge_maintenance(database: Database, card_id: int, now_us: int) -> int:
    """Takes one fee that is due; what was taken."""
    row = database.row("CALL charge_maintenance(%s, %s)", (card_id, now_us))
    return 0 if row is None else int(row["taken_micros"])


def add_cdr_partition(database: Database, name: str, until_us: int) -> None:
    database.rows("CALL add_cdr_partition(%s, %s)", (name, until_us))
