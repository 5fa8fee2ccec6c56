"""Statements that list, and remove, what operators configure: products, decks, carriers, gateways, trunks, numbers.

There are hundreds of each at most, so that a listing is whole.
"""

from rating.database import Connection, Database, Row, fetch

_PRODUCT = "SELECT product.*, deck.name AS deck FROM product JOIN deck USING (deck_id)"
_CARRIER = (
    "SELECT carrier_id, carrier.name, deck.name AS deck, currency, priority, weight, loss_allowed, enabled,"
    " (SELECT COUNT(*) FROM gateway WHERE gateway.carrier_id = carrier.carrier_id) AS gateways"
    " FROM carrier JOIN deck USING (deck_id)"
)
_GATEWAY = (
    "SELECT gateway_id, carrier.name AS carrier, uri, tech_prefix, gateway.priority, gateway.weight, gateway.enabled"
    " FROM gateway JOIN carrier USING (carrier_id)"
)


_LANGUAGES = "SELECT product_id, code, fee_micros FROM product_language ORDER BY product_id, position"


def products(database: Database) -> list[Row]:
    """Each with ``languages``: (code, fee_micros) in the order offered."""
    return _with_languages(database.rows(f"{_PRODUCT} ORDER BY product.name"), database.rows(_LANGUAGES))


def product(database: Database, name: str) -> Row | None:
    found = _with_languages(database.rows(f"{_PRODUCT} WHERE product.name = %s", (name,)), database.rows(_LANGUAGES))
    return found[0] if found else None


def product_in(connection: Connection, name: str) -> Row | None:
    """As ``product``, within a transaction."""
    rows = fetch(connection, f"{_PRODUCT} WHERE product.name = %s", (name,))
    found = _with_languages(rows, fetch(connection, _LANGUAGES))
    return found[0] if found else None


def _with_languages(rows: list[Row], offers: list[Row]) -> list[Row]:
    for row in rows:
        row["languages"] = [
            (offer["code"], offer["fee_micros"]) for offer in offers if offer["product_id"] == row["product_id"]
        ]
    return rows


def decks(database: Database) -> list[Row]:
    return database.rows(
        "SELECT deck_id, name, currency, deck.version, source, prefixes, bytes, imported_us"
        " FROM deck LEFT JOIN deck_version USING (deck_id, version) ORDER BY name"
    )


def carriers(database: Database) -> list[Row]:
    return database.rows(f"{_CARRIER} ORDER BY carrier.name")


def carrier(database: Database, name: str) -> Row | None:
    return database.row(f"{_CARRIER} WHERE carrier.name = %s", (name,))


def carrier_has_calls(database: Database, carrier_id: int) -> bool:
    """Whether a call record, or a call that is going on, names the carrier."""
    settled = "SELECT 1 FROM tally WHERE name = 'route_calls' AND label LIKE CONCAT(%s, '|%%')"
    running = "SELECT 1 FROM hold WHERE carrier_id = %s AND state = 'held'"
    return database.row(f"{settled} UNION ALL {running} LIMIT 1", (carrier_id, carrier_id)) is not None


def remove_carrier(connection: Connection, carrier_id: int) -> None:
    fetch(connection, "DELETE FROM gateway WHERE carrier_id = %s", (carrier_id,))
    fetch(connection, "DELETE FROM carrier WHERE carrier_id = %s", (carrier_id,))


def gateways(database: Database) -> list[Row]:
    return database.rows(f"{_GATEWAY} ORDER BY carrier.name, gateway_id")


def gateway(database: Database, gateway_id: int) -> Row | None:
    return database.row(f"{_GATEWAY} WHERE gateway_id = %s", (gateway_id,))


def change_gateway(database: Database, gateway_id: int, values: tuple[str, str, int, int, bool]) -> None:
    """uri, tech_prefix, priority, weight, enabled. Raises pymysql.IntegrityError."""
    database.rows(
        "UPDATE gateway SET uri = %s, tech_prefix = %s, priority = %s, weight = %s, enabled = %s WHERE gateway_id = %s",
        (*values, gateway_id),
    )


def remove_gateway(database: Database, gateway_id: int) -> int:
    return database.changed("DELETE FROM gateway WHERE gateway_id = %s", (gateway_id,))


def trunks(database: Database) -> list[Row]:
    return database.rows("SELECT trunk_id, name, cidr, ani_trusted, country FROM trunk ORDER BY name")


def remove_trunk(database: Database, name: str) -> int:
    return database.changed("DELETE FROM trunk WHERE name = %s", (name,))


def access_numbers(database: Database) -> list[Row]:
    return database.rows("SELECT number, name, country, languages, surcharge_micros FROM access_number ORDER BY number")


def remove_access_number(database: Database, number: str) -> int:
    return database.changed("DELETE FROM access_number WHERE number = %s", (number,))
