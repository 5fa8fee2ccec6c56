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


def remove_ani(database: Database, ani: str) -> int:
    return database.changed("DELETE FROM caller_id WHERE ani = %s", (ani,))


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


def batch_of_reference(connection: Connection, reference: str) -> int | None:
    rows = fetch(connection, "SELECT batch_id FROM batch WHERE reference = %s", (reference,))
    return int(rows[0]["batch_id"]) if rows else None


def add_batch(connection: Connection, values: tuple[int, int, int, int, int, int, str | None]) -> int:
    """product_id, first_serial, cards, face_value_micros, pin_length, issued_us, reference → batch_id."""
    columns = "product_id, first_serial, cards, face_value_micros, pin_length, issued_us, reference"
    fetch(connection, f"INSERT INTO batch ({columns}) VALUES (%s, %s, %s, %s, %s, %s, %s)", values)  # noqa: S608
    return int(fetch(connection, "SELECT LAST_INSERT_ID() AS id")[0]["id"])


def add_cards(connection: Connection, rows: Sequence[tuple[int, int, str, int, int, bytes]]) -> int:
    """product_id, batch_id, state, posted_micros, serial, pin_hash; how many were new: a PIN in use is left out."""
    sql = (
        "INSERT IGNORE INTO card (product_id, batch_id, state, posted_micros, serial, pin_hash)"
        " VALUES (%s, %s, %s, %s, %s, %s)"
    )
    with connection.cursor() as cursor:
        return cursor.executemany(sql, rows) or 0


def serials_between(connection: Connection, first_serial: int, last_serial: int) -> list[int]:
    """The serials of the range that have a card. A batch is found by its range: there is no index by batch."""
    sql = "SELECT serial FROM card WHERE serial BETWEEN %s AND %s ORDER BY serial"
    return [int(row["serial"]) for row in fetch(connection, sql, (first_serial, last_serial))]


def post_issue_entries(connection: Connection, first_serial: int, last_serial: int, now_us: int) -> None:
    fetch(
        connection,
        "INSERT INTO entry (card_id, kind, amount_micros, reference, at_us)"
        " SELECT card_id, 'issue', posted_micros, CONCAT('batch ', batch_id), %s FROM card"
        " WHERE serial BETWEEN %s AND %s",
        (now_us, first_serial, last_serial),
    )


def mark_exported(connection: Connection, batch_id: int, now_us: int) -> None:
    fetch(connection, "UPDATE batch SET exported_us = %s WHERE batch_id = %s", (now_us, batch_id))


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount to post once per ``reference`` (1 to 64 characters)."""

    reference: str
    amount_micros: int
    note: str
