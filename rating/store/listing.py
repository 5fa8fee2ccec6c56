"""Statements of the operators' listings of cards, batches and CallerIDs: each page is a range of an index.

Joins are STRAIGHT_JOIN: a small table read first would make the server sort what the index has in order.
"""

from collections.abc import Sequence
from typing import Any

from rating.database import Connection, Database, Row, fetch

_CARD = (
    "SELECT card.card_id, LPAD(card.serial, 12, '0') AS serial, product.name AS product, currency, state,"
    " posted_micros, held_micros, posted_micros - held_micros AS available_micros, open_holds, batch_id,"
    " first_used_us, expires_us, language, IF(last_dnis = 0, '', CAST(last_dnis AS CHAR)) AS last_dnis"
)
_ITS_PRODUCT = "STRAIGHT_JOIN product ON product.product_id = card.product_id"
_OF_ANI = f"caller_id STRAIGHT_JOIN card ON card.card_id = caller_id.card_id {_ITS_PRODUCT}"
_BATCH = (
    "SELECT batch_id, product.name AS product, currency, cards, face_value_micros, pin_length, issued_us, exported_us,"
    " LPAD(first_serial, 12, '0') AS first_serial, LPAD(first_serial + cards - 1, 12, '0') AS last_serial"
    " FROM batch STRAIGHT_JOIN product ON product.product_id = batch.product_id"
)
_CALLER_ID = (
    "SELECT ani, caller_id.card_id, LPAD(serial, 12, '0') AS serial, registered_us"
    " FROM caller_id STRAIGHT_JOIN card ON card.card_id = caller_id.card_id"
)


def batches(database: Database, before: int, limit: int) -> list[Row]:
    """The newest first, from below the id ``before`` on."""
    return database.rows(f"{_BATCH} WHERE batch_id < %s ORDER BY batch_id DESC LIMIT %s", (before, limit))


def batch(database: Database, batch_id: int) -> Row | None:
    return database.row(f"{_BATCH} WHERE batch_id = %s", (batch_id,))


def states(database: Database, first_serial: int, last_serial: int) -> list[Row]:
    """How many cards of the range are in which state."""
    return database.rows(
        "SELECT state, COUNT(*) AS cards FROM card WHERE state IN ('inactive', 'active', 'blocked', 'exhausted')"
        " AND serial BETWEEN %s AND %s GROUP BY state",
        (first_serial, last_serial),
    )


def card(database: Database, card_id: int) -> Row | None:
    return database.row(f"{_CARD} FROM card {_ITS_PRODUCT} WHERE card_id = %s", (card_id,))


def cards_between(database: Database, serials: tuple[int, int], state: str, limit: int) -> list[Row]:
    """Cards of a range of serials, in one state unless it is "", by rising serial."""
    in_state = "state = %s AND" if state else ""
    # The page is cut out first, from the index alone: joined at once, the server sorts every card behind it.
    index = "card_state" if state else "card_serial"
    page = (
        f"SELECT card_id FROM card FORCE INDEX ({index})"  # noqa: S608
        f" WHERE {in_state} serial BETWEEN %s AND %s ORDER BY serial LIMIT %s"
    )
    return database.rows(
        f"{_CARD} FROM ({page}) AS page STRAIGHT_JOIN card ON card.card_id = page.card_id {_ITS_PRODUCT}"
        " ORDER BY card.serial",
        ((state,) if state else ()) + (*serials, limit),
    )


def cards_of_serials(database: Database, serials: Sequence[int], state: str) -> list[Row]:
    """Those of the serials that there are (and are in the state unless it is ""), by rising serial."""
    marks = ", ".join(["%s"] * len(serials))
    in_state = "state = %s AND" if state else ""
    return database.rows(
        f"{_CARD} FROM card {_ITS_PRODUCT} WHERE {in_state} card.serial IN ({marks}) ORDER BY card.serial",
        ((state,) if state else ()) + tuple(serials),
    )


def cards_of_anis(database: Database, part: tuple[bool, str], after: str, limit: int) -> list[Row]:
    """Cards of the CallerIDs that are like a pattern, with ``ani``; ``part``: whether they are read backwards, and the
    pattern. ``after`` is a CallerID, backwards as well then."""
    column = "ani_reversed" if part[0] else "ani"
    return database.rows(
        f"{_CARD}, ani FROM {_OF_ANI} WHERE {column} LIKE %s AND {column} > %s ORDER BY {column} LIMIT %s",
        (part[1], after, limit),
    )


def last_serial(database: Database) -> int:
    """The highest serial given out."""
    row = database.row("SELECT MAX(serial) AS serial FROM card")
    return 0 if row is None or row["serial"] is None else int(row["serial"])


def caller_ids(database: Database, after: str, limit: int) -> list[Row]:
    return database.rows(f"{_CALLER_ID} WHERE ani > %s ORDER BY ani LIMIT %s", (after, limit))


def caller_ids_like(database: Database, part: tuple[bool, str], after: str, limit: int) -> list[Row]:
    """As ``cards_of_anis``."""
    column = "ani_reversed" if part[0] else "ani"
    return database.rows(
        f"{_CALLER_ID} WHERE {column} LIKE %s AND {column} > %s ORDER BY {column} LIMIT %s", (part[1], after, limit)
    )


def caller_ids_of(database: Database, card_id: int) -> list[Row]:
    return database.rows(f"{_CALLER_ID} WHERE caller_id.card_id = %s ORDER BY registered_us, ani", (card_id,))


# moving and importing CallerIDs


def lock_cards(connection: Connection, serials: Sequence[int]) -> dict[int, Row]:
    """Card, its most CallerIDs and how many it has, by serial; locked by rising card_id, as everywhere."""
    found: dict[int, Row] = {}
    for begin in range(0, len(serials), 1000):
        piece = sorted(serials)[begin : begin + 1000]
        marks = ", ".join(["%s"] * len(piece))
        rows = fetch(
            connection,
            f"SELECT card_id, serial, product_id FROM card WHERE serial IN ({marks}) ORDER BY card_id FOR UPDATE",  # noqa: S608
            piece,
        )
        found |= {int(row["serial"]): row for row in rows}
    most = {row["product_id"]: row["caller_ids_max"] for row in fetch(connection, "SELECT * FROM product")}
    for row in found.values():
        row["most"] = most[row["product_id"]]
    counts: dict[int, int] = {}
    card_ids = [row["card_id"] for row in found.values()]
    for begin in range(0, len(card_ids), 1000):
        piece = card_ids[begin : begin + 1000]
        marks = ", ".join(["%s"] * len(piece))
        sql = f"SELECT card_id, COUNT(*) AS anis FROM caller_id WHERE card_id IN ({marks}) GROUP BY card_id"  # noqa: S608
        counts |= {row["card_id"]: row["anis"] for row in fetch(connection, sql, piece)}
    for row in found.values():
        row["anis"] = counts.get(row["card_id"], 0)
    return found


def owners(connection: Connection, anis: Sequence[str]) -> dict[str, int]:
    """Which cards the CallerIDs belong to, those that belong to one."""
    found: dict[str, int] = {}
    for begin in range(0, len(anis), 1000):
        piece = anis[begin : begin + 1000]
        marks = ", ".join(["%s"] * len(piece))
        sql = f"SELECT ani, card_id FROM caller_id WHERE ani IN ({marks}) FOR UPDATE"  # noqa: S608
        rows = fetch(connection, sql, piece)
        found |= {row["ani"]: row["card_id"] for row in rows}
    return found


def add_caller_ids(connection: Connection, rows: Sequence[tuple[str, int, int]]) -> None:
    """ani, card_id, registered_us."""
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO caller_id (ani, card_id, registered_us) VALUES (%s, %s, %s)", rows)


def anis_of(connection: Connection, card_id: int) -> list[Row]:
    sql = "SELECT ani FROM caller_id WHERE card_id = %s ORDER BY registered_us, ani"
    return fetch(connection, sql, (card_id,))


def move_caller_ids(connection: Connection, anis: Sequence[str], card_id: int) -> None:
    marks = ", ".join(["%s"] * len(anis))
    fetch(connection, f"UPDATE caller_id SET card_id = %s WHERE ani IN ({marks})", (card_id, *anis))  # noqa: S608


# postings by operators


def card_state(connection: Connection, card_id: int) -> Row | None:
    """The card, locked, with what its product allows."""
    rows = fetch(
        connection,
        "SELECT card_id, state, posted_micros, held_micros, product_id FROM card WHERE card_id = %s FOR UPDATE",
        (card_id,),
    )
    if not rows:
        return None
    product = fetch(
        connection, "SELECT refillable, voucher FROM product WHERE product_id = %s", (rows[0]["product_id"],)
    )
    return rows[0] | product[0]


def posting(connection: Connection, card_id: int, kind: str, reference: str) -> Row | None:
    rows = fetch(
        connection,
        "SELECT amount_micros, note FROM entry WHERE card_id = %s AND kind = %s AND reference = %s",
        (card_id, kind, reference),
    )
    return rows[0] if rows else None


def post(connection: Connection, values: tuple[Any, ...]) -> None:
    """card_id, kind, amount_micros, reference, note, at_us."""
    fetch(
        connection,
        "INSERT INTO entry (card_id, kind, amount_micros, reference, note, at_us) VALUES (%s, %s, %s, %s, %s, %s)",
        values,
    )
    fetch(connection, "UPDATE card SET posted_micros = posted_micros + %s WHERE card_id = %s", (values[2], values[0]))


def entries(database: Database, card_id: int) -> list[Row]:
    """All entries of a card, in order; those of charges with the call they are for."""
    return database.rows(
        "SELECT entry_id, at_us, kind, entry.amount_micros, reference, note, dnis, destination, billable_s, rate,"
        " placed_us, SUM(entry.amount_micros) OVER (ORDER BY entry_id) AS balance_micros"
        " FROM entry LEFT JOIN hold ON hold.hold_id = IF(kind = 'charge', UNHEX(reference), NULL)"
        " WHERE entry.card_id = %s ORDER BY entry_id",
        (card_id,),
    )
