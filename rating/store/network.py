"""Statements about what rarely changes: products, decks, carriers, trunks, access numbers, blocked prefixes."""

from typing import Any

from rating.database import Connection, Database, Row, fetch

# What a process keeps in memory, read again every two seconds.
SNAPSHOT = {
    "products": "SELECT * FROM product",
    "languages": "SELECT product_id, code, fee_micros FROM product_language ORDER BY product_id, position",
    "decks": "SELECT deck_id, name, currency, version FROM deck",
    "carriers": "SELECT * FROM carrier ORDER BY carrier_id",
    "gateways": "SELECT * FROM gateway WHERE enabled ORDER BY carrier_id, gateway_id",
    "trunks": "SELECT trunk_id, name, cidr, ani_trusted, country FROM trunk ORDER BY trunk_id",
    "access_numbers": "SELECT number, name, country, languages, surcharge_micros FROM access_number",
    "blocked": "SELECT prefix, product_id FROM blocked_prefix",
}


def snapshot(database: Database) -> dict[str, list[Row]]:
    return {name: database.rows(sql) for name, sql in SNAPSHOT.items()}


def add_deck(connection: Connection, name: str, currency: str) -> Row:
    """The deck's row, locked, made if it was not there. The currency of a deck that is there stays."""
    fetch(connection, "INSERT IGNORE INTO deck (name, currency) VALUES (%s, %s)", (name, currency))
    return fetch(connection, "SELECT deck_id, currency, version FROM deck WHERE name = %s FOR UPDATE", (name,))[0]


def add_deck_version(connection: Connection, values: tuple[int, int, str, int, int, bytes, int]) -> None:
    fetch(connection, "INSERT INTO deck_version VALUES (%s, %s, %s, %s, %s, %s, %s)", values)


def add_deck_part(connection: Connection, deck_id: int, version: int, part: int, content: bytes) -> None:
    fetch(connection, "INSERT INTO deck_part VALUES (%s, %s, %s, %s)", (deck_id, version, part, content))


def replace_deck(connection: Connection, deck_id: int, version: int, least_micros: int, keep: int) -> None:
    """Makes ``version`` the deck's, and forgets versions older than the last ``keep``."""
    sql = "UPDATE deck SET version = %s, least_micros = %s WHERE deck_id = %s"
    fetch(connection, sql, (version, least_micros, deck_id))
    fetch(connection, "UPDATE product SET deck_version = %s WHERE deck_id = %s", (version, deck_id))
    fetch(connection, "DELETE FROM deck_version WHERE deck_id = %s AND version <= %s", (deck_id, version - keep))


def deck_version(database: Database, deck_id: int, version: int) -> Row | None:
    sql = "SELECT bytes, sha256 FROM deck_version WHERE deck_id = %s AND version = %s"
    return database.row(sql, (deck_id, version))


def deck_part(database: Database, deck_id: int, version: int, part: int) -> bytes | None:
    sql = "SELECT content FROM deck_part WHERE deck_id = %s AND version = %s AND part = %s"
    row = database.row(sql, (deck_id, version, part))
    return None if row is None else bytes(row["content"])


PRODUCT_COLUMNS = (
    "name", "currency", "deck_id", "deck_version", "longest_call_s", "calls_at_once", "warning_s",
    "minimum_balance_micros", "valid_until_us", "valid_days", "maintenance_fee_micros", "maintenance_days",
    "refillable", "voucher", "caller_ids_max", "attestation", "calls_per_hour", "spend_per_day_micros",
    "media_silence_s",
)  # fmt: skip


def lock_product(connection: Connection, name: str) -> Row | None:
    rows = fetch(connection, "SELECT * FROM product WHERE name = %s FOR UPDATE", (name,))
    return rows[0] if rows else None


def put_product(connection: Connection, values: dict[str, Any], languages: list[tuple[str, int]]) -> int:
    """Makes a product, or changes the one of that name; its id."""
    # The names come from the tuple above, never from outside: only values are parameters.
    sql = (
        f"INSERT INTO product ({', '.join(PRODUCT_COLUMNS)}) VALUES ({', '.join(['%s'] * len(PRODUCT_COLUMNS))})"  # noqa: S608
        f" ON DUPLICATE KEY UPDATE {', '.join(f'{name} = VALUES({name})' for name in PRODUCT_COLUMNS)}"
    )
    fetch(connection, sql, tuple(values[name] for name in PRODUCT_COLUMNS))
    row = fetch(connection, "SELECT product_id FROM product WHERE name = %s", (values["name"],))[0]
    product_id = int(row["product_id"])
    fetch(connection, "DELETE FROM product_language WHERE product_id = %s", (product_id,))
    for position, (code, fee_micros) in enumerate(languages):
        fetch(
            connection,
            "INSERT INTO product_language VALUES (%s, %s, %s, %s)",
            (product_id, position, code, fee_micros),
        )
    return product_id


def add_trunk(database: Database, values: tuple[str, str, bool, str]) -> None:
    """name, cidr, ani_trusted, country. Raises pymysql.IntegrityError when name or network are there."""
    database.rows("INSERT INTO trunk (name, cidr, ani_trusted, country) VALUES (%s, %s, %s, %s)", values)


def change_trunk(database: Database, name: str, values: tuple[str, bool, str]) -> int:
    """cidr, ani_trusted, country; how many there are of that name. Raises pymysql.IntegrityError."""
    sql = "UPDATE trunk SET cidr = %s, ani_trusted = %s, country = %s WHERE name = %s"
    return database.changed(sql, (*values, name))


def put_access_number(database: Database, values: tuple[str, str, str, str, int]) -> None:
    """number, name, country, languages (comma separated), surcharge_micros."""
    database.rows(
        "INSERT INTO access_number (number, name, country, languages, surcharge_micros) VALUES (%s, %s, %s, %s, %s)"
        " ON DUPLICATE KEY UPDATE name = VALUES(name), country = VALUES(country), languages = VALUES(languages),"
        " surcharge_micros = VALUES(surcharge_micros)",
        values,
    )


def put_carrier(database: Database, values: tuple[str, int, int, int, bool, bool]) -> int:
    """name, deck_id, priority, weight, loss_allowed, enabled → carrier_id."""
    database.rows(
        "INSERT INTO carrier (name, deck_id, priority, weight, loss_allowed, enabled) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON DUPLICATE KEY UPDATE deck_id = VALUES(deck_id), priority = VALUES(priority), weight = VALUES(weight),"
        " loss_allowed = VALUES(loss_allowed), enabled = VALUES(enabled)",
        values,
    )
    return _id(database, "SELECT carrier_id AS id FROM carrier WHERE name = %s", (values[0],))


def put_gateway(database: Database, values: tuple[int, str, str, int, int, bool]) -> int:
    """carrier_id, uri, tech_prefix, priority, weight, enabled → gateway_id."""
    database.rows(
        "INSERT INTO gateway (carrier_id, uri, tech_prefix, priority, weight, enabled) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON DUPLICATE KEY UPDATE tech_prefix = VALUES(tech_prefix), priority = VALUES(priority),"
        " weight = VALUES(weight), enabled = VALUES(enabled)",
        values,
    )
    return _id(database, "SELECT gateway_id AS id FROM gateway WHERE carrier_id = %s AND uri = %s", values[:2])


def block_prefix(database: Database, prefix: str, product_id: int, reason: str) -> None:
    database.rows("REPLACE INTO blocked_prefix VALUES (%s, %s, %s)", (prefix, product_id, reason[:128]))


def unblock_prefix(database: Database, prefix: str, product_id: int) -> int:
    """How many were there."""
    sql = "DELETE FROM blocked_prefix WHERE prefix = %s AND product_id = %s"
    return database.changed(sql, (prefix, product_id))


def _id(database: Database, sql: str, arguments: tuple[Any, ...]) -> int:
    row = database.row(sql, arguments)
    if row is None:
        raise AssertionError("a row just written is not there")
    return int(row["id"])


def product_id(database: Database, name: str) -> Row | None:
    return database.row("SELECT product_id FROM product WHERE name = %s", (name,))
