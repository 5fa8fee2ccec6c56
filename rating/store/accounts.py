"""Statements of the console about people and programs: operators, sessions, tokens, the audit trail."""

from rating.database import Connection, Database, Row, fetch

_OPERATOR = (
    "SELECT operator_id, name, role, password_hash, must_change, totp_secret, totp_step, failures, locked_until_us,"
    " disabled, created_us, last_login_us FROM operator"
)


def operators(database: Database) -> list[Row]:
    return database.rows(f"{_OPERATOR} ORDER BY name")


def operator(database: Database, name: str) -> Row | None:
    return database.row(f"{_OPERATOR} WHERE name = %s", (name,))


def operator_by_id(database: Database, operator_id: int) -> Row | None:
    return database.row(f"{_OPERATOR} WHERE operator_id = %s", (operator_id,))


def add_operator(database: Database, name: str, role: str, password_hash: str, now_us: int) -> bool:
    """False when the name is taken."""
    sql = "INSERT IGNORE INTO operator (name, role, password_hash, created_us) VALUES (%s, %s, %s, %s)"
    values = (name, role, password_hash, now_us)
    return database.transaction(lambda connection: _count(connection, sql, values)) == 1


def set_password(database: Database, operator_id: int, password_hash: str, must_change: bool) -> None:
    """Ends the operator's sessions, too: whoever knew the old password is out."""

    def work(connection: Connection) -> None:
        sql = "UPDATE operator SET password_hash = %s, must_change = %s, failures = 0, locked_until_us = 0"
        fetch(connection, f"{sql} WHERE operator_id = %s", (password_hash, must_change, operator_id))
        fetch(connection, _END_ALL, ("operator", operator_id))

    database.transaction(work)


def use_up_password(database: Database, operator_id: int, password_hash: str) -> bool:
    """A given password is good for one log-in: whether it was this one."""
    sql = "UPDATE operator SET password_hash = '' WHERE operator_id = %s AND password_hash = %s"
    values = (operator_id, password_hash)
    return database.transaction(lambda connection: _count(connection, sql, values)) == 1


def rehash(database: Database, operator_id: int, old_hash: str, new_hash: str) -> None:
    sql = "UPDATE operator SET password_hash = %s WHERE operator_id = %s AND password_hash = %s"
    database.rows(sql, (new_hash, operator_id, old_hash))


def set_role(database: Database, operator_id: int, role: str) -> None:
    database.rows("UPDATE operator SET role = %s WHERE operator_id = %s", (role, operator_id))


def set_disabled(database: Database, operator_id: int, disabled: bool) -> None:
    """Ends the operator's sessions, too."""

    def work(connection: Connection) -> None:
        fetch(connection, "UPDATE operator SET disabled = %s WHERE operator_id = %s", (disabled, operator_id))
        fetch(connection, _END_ALL, ("operator", operator_id))

    database.transaction(work)


def set_totp(database: Database, operator_id: int, secret: str, step: int) -> None:
    """``secret`` "": no second factor any more."""
    sql = "UPDATE operator SET totp_secret = %s, totp_step = %s WHERE operator_id = %s"
    database.rows(sql, (secret, step, operator_id))


def use_totp(database: Database, operator_id: int, step: int) -> bool:
    """Whether a code of that period was not used before."""
    sql = "UPDATE operator SET totp_step = %s WHERE operator_id = %s AND totp_step < %s"
    values = (step, operator_id, step)
    return database.transaction(lambda connection: _count(connection, sql, values)) == 1


def count_failure(database: Database, operator_id: int, most: int, lock_us: int, now_us: int) -> None:
    """One more wrong password in a row; from ``most`` on each locks for twice as long, at most 64 times ``lock_us``."""
    database.rows(
        "UPDATE operator SET failures = failures + 1, locked_until_us ="
        " IF(failures >= %s, %s + %s * (1 << LEAST(failures - %s, 6)), locked_until_us) WHERE operator_id = %s",
        (most, now_us, lock_us, most, operator_id),
    )


def note_login(database: Database, operator_id: int, now_us: int) -> None:
    sql = "UPDATE operator SET failures = 0, locked_until_us = 0, last_login_us = %s WHERE operator_id = %s"
    database.rows(sql, (now_us, operator_id))


# sessions

_END_ALL = "DELETE FROM web_session WHERE kind = %s AND subject_id = %s"


def add_session(database: Database, values: tuple[bytes, str, int, int, int, int]) -> None:
    """cookie_hash, kind, subject_id, created_us, seen_us, ends_us."""
    database.rows("INSERT INTO web_session VALUES (%s, %s, %s, %s, %s, %s)", values)


def session(database: Database, cookie_hash: bytes) -> Row | None:
    sql = "SELECT kind, subject_id, created_us, seen_us, ends_us FROM web_session WHERE cookie_hash = %s"
    return database.row(sql, (cookie_hash,))


def touch_session(database: Database, cookie_hash: bytes, now_us: int) -> None:
    database.rows("UPDATE web_session SET seen_us = %s WHERE cookie_hash = %s", (now_us, cookie_hash))


def end_session(database: Database, cookie_hash: bytes) -> None:
    database.rows("DELETE FROM web_session WHERE cookie_hash = %s", (cookie_hash,))


def end_sessions(database: Database, kind: str, subject_id: int) -> None:
    database.rows(_END_ALL, (kind, subject_id))


def forget_ended_sessions(database: Database, now_us: int) -> None:
    database.rows("DELETE FROM web_session WHERE ends_us <= %s", (now_us,))


# tokens


def add_token(database: Database, values: tuple[str, bytes, str, str, int, int]) -> bool:
    """name, token_hash, scopes, made_by, created_us, ends_us; False when the name is taken."""
    sql = (
        "INSERT IGNORE INTO api_token (name, token_hash, scopes, made_by, created_us, ends_us)"
        " VALUES (%s, %s, %s, %s, %s, %s)"
    )
    return database.transaction(lambda connection: _count(connection, sql, values)) == 1


def token(database: Database, token_hash: bytes) -> Row | None:
    sql = "SELECT token_id, name, scopes, ends_us, revoked_us, last_used_us FROM api_token WHERE token_hash = %s"
    return database.row(sql, (token_hash,))


def tokens(database: Database) -> list[Row]:
    return database.rows(
        "SELECT token_id, name, scopes, made_by, created_us, ends_us, last_used_us, revoked_us FROM api_token"
        " ORDER BY name"
    )


def touch_token(database: Database, token_id: int, now_us: int) -> None:
    database.rows("UPDATE api_token SET last_used_us = %s WHERE token_id = %s", (now_us, token_id))


def revoke_token(database: Database, name: str, now_us: int) -> bool:
    """False when there is none of that name, or it was revoked before."""
    sql = "UPDATE api_token SET revoked_us = %s WHERE name = %s AND revoked_us IS NULL"
    return database.transaction(lambda connection: _count(connection, sql, (now_us, name))) == 1


# who did what


def add_audit(database: Database, values: tuple[int, str, str, str, str, str, str]) -> None:
    """at_us, actor, address, action, subject, outcome, detail."""
    database.rows(
        "INSERT INTO audit (at_us, actor, address, action, subject, outcome, detail)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        values,
    )


def audit(database: Database, before_id: int, subject: str | None, actor: str | None, limit: int) -> list[Row]:
    """The newest first, from before ``before_id``."""
    conditions, values = ["audit_id < %s"], [before_id]
    more: list[object] = [*values]
    for column, value in (("subject", subject), ("actor", actor)):
        if value is not None:
            conditions.append(f"{column} = %s")
            more.append(value)
    return database.rows(
        "SELECT audit_id, at_us, actor, address, action, subject, outcome, detail FROM audit"  # noqa: S608
        f" WHERE {' AND '.join(conditions)} ORDER BY audit_id DESC LIMIT %s",
        (*more, limit),
    )


def _count(connection: Connection, sql: str, values: tuple[object, ...]) -> int:
    with connection.cursor() as cursor:
        return cursor.execute(sql, values) or 0
