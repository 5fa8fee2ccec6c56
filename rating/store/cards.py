"""Statements about cards: reading them, issuing and activating batches, states, CallerIDs, languages."""

from collections.abc import Sequence
from dataclasses import dataclass

from rating.database import Connection, Database, Row, fetch

CARD = (
    "SELECT card_id, product_id, state, posted_micros, held_micros, open_holds, expires_us, language, last_dnis, serial"
    " FROM card"
)


def by_id(database: Database, card_id: int) -> Row | None:
    return database.row(f"{CARD} WHERE card_id = %s", (card_id,))


def by_ani(database: Database, ani: str) -> Row | None:
    return database.row(f"{CARD} JOIN caller_id USING (card_id) WHERE ani = %s", (ani,))


def by_serial(database: Database, serial: int) -> Row | None:
    return database.row(f"{CARD} WHERE serial = %s", (serial,))


def product_of(database: Database, card_id: int) -> int | None:
    row = database.row("SELECT product_id FROM card WHERE card_id = %s", (card_id,))
    return None if row is None else int(row["product_id"])


def set_language(database: Database, card_id: int, language: str) -> None:
    database.rows("UPDATE card SET language = %s WHERE card_id = %s", (language, card_id))


def speed_dial(database: Database, card_id: int, slot: int) -> str | None:
    row = database.row("SELECT dnis FROM speed_dial WHERE card_id = %s AND slot = %s", (card_id, slot))
    return None if row is None else str(row["dnis"])


def set_speed_dial(database: Database, card_id: int, slot: int, dnis: str) -> None:
    sql = "INSERT INTO speed_dial (card_id, slot, dnis) VALUES (%s, %s, %s) ON DUPLICATE KEY UPDATE dnis = VALUES(dnis)"
    database.rows(sql, (card_id, slot, dnis))


def caller_ids(database: Database, card_id: int) -> list[Row]:
    return database.rows(
        "SELECT ani, registered_us FROM caller_id WHERE card_id = %s ORDER BY registered_us", (card_id,)
    )


def forget_ani(database: Database, card_id: int, ani: str) -> None:
    database.rows("DELETE FROM caller_id WHERE card_id = %s AND ani = %s", (card_id, ani))


def set_state(database: Database, first_serial: int, last_serial: int, before: str, after: str) -> int:
    """How many cards of the range went from one state to the other."""
    sql = "UPDATE card SET state = %s WHERE serial BETWEEN %s AND %s AND state = %s ORDER BY card_id"

    def work(connection: Connection) -> int:
        with connection.cursor() as cursor:
            return cursor.execute(sql, (after, first_serial, last_serial, before))

    return database.transaction(work)


def take_serials(connection: Connection, count: int) -> int:
    """Reserves ``count`` serials, the first of which is returned. Other batches wait until this transaction ends."""
    fetch(connection, "UPDATE serial_counter SET next_serial = LAST_INSERT_ID(next_serial) + %s", (count,))
    return int(fetch(connection, "SELECT LAST_INSERT_ID() AS id")[0]["id"])


def live_pins(connection: Connection, pin_length: int) -> int:
    """PINs of that length that would be right now, or once their batch is activated."""
    sql = "SELECT COALESCE(SUM(cards), 0) AS pins FROM batch WHERE pin_length = %s"
    return int(fetch(connection, sql, (pin_length,))[0]["pins"])


def add_batch(connection: Connection, values: tuple[int, int, int, int, int]) -> int:
    """product_id, cards, face_value_micros, pin_length, issued_us → batch_id."""
    sql = "INSERT INTO batch (product_id, cards, face_value_micros, pin_length, issued_us) VALUES (%s, %s, %s, %s, %s)"
    fetch(connection, sql, values)
    return int(fetch(connection, "SELECT LAST_INSERT_ID() AS id")[0]["id"])


def add_cards(connection: Connection, rows: Sequence[tuple[int, int, str, int, int, bytes]]) -> int:
    """product_id, batch_id, state, posted_micros, serial, pin_hash; how many were new: a PIN in use is left out."""
    sql = (
        "INSERT IGNORE INTO card (product_id, batch_id, state, posted_micros, serial, pin_hash)"
        " VALUES (%s, %s, %s, %s, %s, %s)"
    )
    with connection.cursor() as cursor:
        return cursor.executemany(sql, rows) or 0


def serials_of_batch(connection: Connection, batch_id: int) -> list[int]:
    rows = fetch(connection, "SELECT serial FROM card WHERE batch_id = %s ORDER BY serial", (batch_id,))
    return [int(row["serial"]) for row in rows]


def post_issue_entries(connection: Connection, batch_id: int, now_us: int) -> None:
    fetch(
        connection,
        "INSERT INTO entry (card_id, kind, amount_micros, reference, at_us)"
        " SELECT card_id, 'issue', posted_micros, CONCAT('batch ', batch_id), %s FROM card WHERE batch_id = %s",
        (now_us, batch_id),
    )


def mark_exported(connection: Connection, batch_id: int, now_us: int) -> None:
    fetch(connection, "UPDATE batch SET exported_us = %s WHERE batch_id = %s", (now_us, batch_id))


def batches(database: Database) -> list[Row]:
    return database.rows(
        "SELECT batch_id, product.name AS product, currency, cards, face_value_micros, pin_length, issued_us,"
        " exported_us, MIN(serial) AS first_serial, MAX(serial) AS last_serial, SUM(state = 'active') AS active"
        " FROM batch JOIN product USING (product_id) JOIN card USING (batch_id) GROUP BY batch_id ORDER BY batch_id"
    )


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount to post once per ``reference`` (1 to 64 characters)."""

    reference: str
    amount_micros: int
    note: str


def adjust(connection: Connection, card_id: int, posting: Posting, now_us: int) -> bool:
    """Posts an adjustment once per reference; False when it was there already."""
    fetch(connection, "SELECT card_id FROM card WHERE card_id = %s FOR UPDATE", (card_id,))
    with connection.cursor() as cursor:
        new = cursor.execute(
            "INSERT IGNORE INTO entry (card_id, kind, amount_micros, reference, note, at_us)"
            " VALUES (%s, 'adjustment', %s, %s, %s, %s)",
            (card_id, posting.amount_micros, posting.reference, posting.note[:128], now_us),
        )
        if new:
            cursor.execute(
                "UPDATE card SET posted_micros = posted_micros + %s WHERE card_id = %s",
                (posting.amount_micros, card_id),
            )
    return bool(new)
