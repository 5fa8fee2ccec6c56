"""Statements behind the console's charts of the last day; longer ones are drawn from the sums by day."""

from rating.database import Database, Row


def note_calls(database: Database, minute: int, calls: int) -> None:
    """Keeps the most calls that were seen within a minute (since the epoch)."""
    sql = "INSERT INTO traffic_minute VALUES (%s, %s) ON DUPLICATE KEY UPDATE calls = GREATEST(calls, VALUES(calls))"
    database.rows(sql, (minute, calls))


def forget_minutes(database: Database, before_minute: int) -> None:
    database.rows("DELETE FROM traffic_minute WHERE minute < %s LIMIT 5000", (before_minute,))


def calls_at_once(database: Database, since_minute: int, bucket_minutes: int) -> list[Row]:
    """The most calls at once by bucket (number of its first minute)."""
    return database.rows(
        "SELECT minute DIV %s * %s AS bucket, MAX(calls) AS calls FROM traffic_minute WHERE minute >= %s"
        " GROUP BY bucket ORDER BY bucket",
        (bucket_minutes, bucket_minutes, since_minute),
    )


def connected_now(database: Database) -> int:
    row = database.row("SELECT COUNT(*) AS calls FROM hold WHERE state = 'held' AND answered_us IS NOT NULL")
    return 0 if row is None else int(row["calls"])


def hours(database: Database, since_us: int) -> list[Row]:
    """Answered calls placed since then, by hour (since the epoch), currency and destination."""
    return database.rows(
        "SELECT placed_us DIV 3600000000 AS hour, product.currency, destination, COUNT(*) AS calls,"
        " SUM(seconds) AS seconds, SUM(charge_micros) AS charge_micros,"
        " COALESCE(SUM(IF(deck.currency = product.currency, charge_micros - cost_micros, 0)), 0) AS margin_micros"
        " FROM cdr JOIN product ON product.product_id = cdr.product_id LEFT JOIN carrier USING (carrier_id)"
        " LEFT JOIN deck ON deck.deck_id = carrier.deck_id"
        " WHERE placed_us >= %s AND answered_us IS NOT NULL GROUP BY hour, currency, destination",
        (since_us,),
    )
