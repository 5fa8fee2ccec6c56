"""Statements of those who read: the ledger's check, call records, entries, open calls, totals for the metrics."""

from collections.abc import Iterator

from rating.database import Database, Row

PROBLEMS_SHOWN_MAX = 20
PIECE = 1000
RECENT_MAX = 200


def totals(database: Database) -> list[Row]:
    """Per currency: issued, refilled, charged, fees, posted, held (``_micros``)."""
    return database.rows("SELECT * FROM ledger_total ORDER BY currency")


def problems(database: Database) -> list[Row]:
    return database.rows(f"SELECT * FROM ledger_problem LIMIT {PROBLEMS_SHOWN_MAX}")  # noqa: S608


def entries(database: Database, card_id: int) -> list[Row]:
    return database.rows(
        "SELECT entry_id, kind, amount_micros, reference, note, at_us FROM entry WHERE card_id = %s ORDER BY entry_id",
        (card_id,),
    )


def cdrs(
    database: Database, placed_us: tuple[int, int], card_id: int | None, call_id: str | None, limit: int
) -> list[Row]:
    """Call records placed from the first time on, before the second, oldest first; of one card or call if given."""
    return database.rows(
        "SELECT * FROM call_record WHERE placed_us >= %s AND placed_us < %s AND (%s IS NULL OR card_id = %s)"
        " AND (%s IS NULL OR call_id = %s) ORDER BY placed_us, hold_id LIMIT %s",
        (*placed_us, card_id, card_id, call_id, call_id, limit),
    )


def all_cdrs(database: Database, since_us: int, until_us: int) -> Iterator[Row]:
    """All call records of the time, oldest first, a thousand at a time: no statement holds the ledger up."""
    after = (since_us, "")
    while True:
        rows = database.rows(
            "SELECT * FROM call_record WHERE placed_us >= %s AND placed_us < %s AND (placed_us > %s OR hold_id > %s)"
            " ORDER BY placed_us, hold_id LIMIT %s",
            (after[0], until_us, after[0], after[1], PIECE),
        )
        yield from rows
        if len(rows) < PIECE:
            return
        after = (rows[-1]["placed_us"], rows[-1]["hold_id"])


def open_calls(database: Database) -> list[Row]:
    return database.rows("SELECT * FROM open_call ORDER BY placed_us")


def balances(database: Database, limit: int) -> list[Row]:
    """Of the cards that have a call now, or money came to or went from last; the newest first, at most RECENT_MAX."""
    return database.rows(
        f"""
        SELECT card_balance.* FROM card_balance JOIN (
            SELECT card_id, MAX(at_us) AS used_us FROM (
                (SELECT card_id, placed_us AS at_us FROM hold WHERE state = 'held'
                 ORDER BY placed_us DESC LIMIT {RECENT_MAX})
                UNION ALL
                (SELECT card_id, at_us FROM entry ORDER BY entry_id DESC LIMIT {RECENT_MAX})
            ) AS recent GROUP BY card_id
        ) AS used USING (card_id)
        ORDER BY used_us DESC, card_id DESC LIMIT %s
        """,  # noqa: S608  the number is ours
        (limit,),
    )


def card_counts(database: Database) -> list[Row]:
    return database.rows(
        "SELECT currency, state, COUNT(*) AS cards, SUM(posted_micros) AS posted_micros,"
        " SUM(held_micros) AS held_micros FROM card JOIN product USING (product_id) GROUP BY currency, state"
    )
