"""Statements about abuse: who is locked out after wrong PINs, and prefixes that nobody may call."""

from rating.database import Database, Row


def lock_outs(database: Database, now_us: int, locked_only: bool, after: tuple[str, str], limit: int) -> list[Row]:
    """By scope and subject. Only few rows are ever there: the guard forgets who stopped guessing."""
    only = "locked_until_us > %s AND" if locked_only else ""
    return database.rows(
        "SELECT CAST(scope AS CHAR) AS scope, subject, failures, lockouts, last_failure_us, locked_until_us,"  # noqa: S608
        f" locked_until_us > %s AS locked FROM pin_guard WHERE {only} (CAST(scope AS CHAR), subject) > (%s, %s)"
        " ORDER BY CAST(scope AS CHAR), subject LIMIT %s",
        (now_us, *([now_us] if locked_only else []), *after, limit),
    )


def unlock(database: Database, scope: str, subject: str) -> int:
    """Forgets the wrong PINs of a CallerID, a trunk, or all; how many rows that were."""
    return database.changed("DELETE FROM pin_guard WHERE scope = %s AND subject = %s", (scope, subject))


def blocked_prefixes(database: Database) -> list[Row]:
    return database.rows(
        "SELECT prefix, product.name AS product, reason FROM blocked_prefix LEFT JOIN product USING (product_id)"
        " ORDER BY prefix, product_id"
    )
