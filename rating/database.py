"""Connections to the ledger: one per thread and process, made when first needed, remade when lost.

A Kamailio worker forks after it has imported us, and threads must not share a connection: both get their own.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

import pymysql
from pymysql.constants import CLIENT
from pymysql.cursors import Cursor, DictCursor

from rating.outcome import LedgerUnavailableError
from rating.settings import DatabaseSettings

Row = dict[str, Any]
Connection: TypeAlias = "pymysql.Connection[DictCursor]"
T = TypeVar("T")

CONFLICTS = frozenset({1213, 1205})  # deadlock or Galera certification failure, lock wait timeout
GONE = frozenset({2006, 2013, 0})  # the server closed a connection that was idle, or restarted
# 1040 too many connections, 1047 Galera node has no quorum, 1053 shutting down, 1129/1130 host refused,
# 1045/1044/1049 wrong credentials or database, 2002/2003/2005 no server, 1290 read only, 1317 statement killed
UNAVAILABLE = GONE | {1040, 1044, 1045, 1047, 1049, 1053, 1129, 1130, 1290, 1317, 1927, 2002, 2003, 2005, 2055}
NOT_READY = 1047
CONFLICT_RETRIES_MAX = 10


class Database:
    """Statements and transactions on the ledger, with conflicts retried and lost connections named.

    Every method raises LedgerUnavailableError when the ledger does not answer in time, and pymysql's errors for bugs.
    """

    def __init__(
        self, settings: DatabaseSettings, *, read_timeout_s: float | None = None, several: bool = False
    ) -> None:
        """``several``: for ``exchange``, whose work may send several statements in one packet."""
        self._settings = replace(settings, read_timeout_s=read_timeout_s or settings.read_timeout_s)
        self._several = several
        self._local = threading.local()

    def rows(self, sql: str, arguments: Sequence[Any] = ()) -> list[Row]:
        """One statement (or CALL) as its own transaction; the rows of its first result."""
        return self._with_retries(lambda connection: fetch(connection, sql, arguments))

    def row(self, sql: str, arguments: Sequence[Any] = ()) -> Row | None:
        """The first row, None when there is none."""
        found = self.rows(sql, arguments)
        return found[0] if found else None

    def changed(self, sql: str, arguments: Sequence[Any] = ()) -> int:
        """One statement as its own transaction; how many rows it found (of an UPDATE) or removed."""

        def attempt(connection: Connection) -> int:
            with connection.cursor() as cursor:
                return cursor.execute(sql, arguments)

        return self._with_retries(attempt)

    def value(self, sql: str, arguments: Sequence[Any] = ()) -> Any:
        """The first column of the first row, which has to be there, without the cost of naming it."""

        def attempt(connection: Connection) -> Any:
            with connection.cursor(Cursor) as cursor:
                cursor.execute(sql, arguments)
                return cursor.fetchone()[0]  # type: ignore[index]

        return self._with_retries(attempt)

    def transaction(self, work: Callable[[Connection], T]) -> T:
        """Runs ``work`` between BEGIN and COMMIT, all of it again after a conflict."""

        def attempt(connection: Connection) -> T:
            connection.begin()
            try:
                result = work(connection)
                connection.commit()
            except BaseException as error:
                with suppress(pymysql.MySQLError):
                    connection.rollback()
                if isinstance(error, pymysql.MySQLError) and _code(error) in UNAVAILABLE:
                    # No cause: the commit may have come through unheard, so this must not be tried again unasked.
                    raise LedgerUnavailableError(f"the ledger was lost in a transaction ({_code(error)})") from None
                raise
            return result

        return self._with_retries(attempt)

    def exchange(self, work: Callable[[Connection], T]) -> T:
        """Runs ``work``, whose first statement begins a transaction and whose last one ends it: no round trip is spent
        on either. All of it again after a conflict or when an idle connection was lost, so ``work`` is repeatable."""
        if not self._several:
            raise AssertionError("this connection commits each statement")

        def attempt(connection: Connection) -> T:
            try:
                return work(connection)
            except BaseException:
                with suppress(pymysql.MySQLError):
                    connection.rollback()
                raise

        return self._with_retries(attempt)

    def close(self) -> None:
        """Closes this thread's connection; the next use makes a new one."""
        connection: Connection | None = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None and connection.open and self._local.pid == os.getpid():
            connection.close()

    def _with_retries(self, attempt: Callable[[Connection], T]) -> T:
        for number in range(CONFLICT_RETRIES_MAX):
            try:
                return self._with_fresh_connection(attempt)
            except pymysql.MySQLError as error:
                if _code(error) not in CONFLICTS:
                    raise
                time.sleep(0.001 * number)
        raise LedgerUnavailableError(f"the ledger met {CONFLICT_RETRIES_MAX} conflicts in a row")

    def _with_fresh_connection(self, attempt: Callable[[Connection], T]) -> T:
        """The server may have closed an idle connection: then once more with a new one, but not after a time-out."""
        reused = self._is_connected()
        started = time.monotonic()
        try:
            with self._failures_named():
                return attempt(self._connection())
        except LedgerUnavailableError as error:
            self.close()
            cause = error.__cause__
            timed_out = time.monotonic() - started > self._settings.read_timeout_s / 2
            if not reused or timed_out or not isinstance(cause, pymysql.MySQLError) or _code(cause) not in GONE:
                raise
        with self._failures_named():
            return attempt(self._connection())

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except (pymysql.OperationalError, pymysql.InternalError, pymysql.InterfaceError) as error:
            if _code(error) in UNAVAILABLE:
                raise LedgerUnavailableError(f"the ledger does not answer ({_code(error)})") from error
            raise

    def _is_connected(self) -> bool:
        return getattr(self._local, "connection", None) is not None and self._local.pid == os.getpid()

    def _connection(self) -> Connection:
        if not self._is_connected():
            self._local.connection = connect(self._settings, several=self._several)
            self._local.pid = os.getpid()
        connection: Connection = self._local.connection
        return connection


def connect(settings: DatabaseSettings, *, several: bool = False) -> Connection:
    """A new connection with the time-outs of the settings; of a cluster, to the first node that takes statements.
    ``several``: a packet may hold several statements, and nothing is committed unasked."""
    if settings.unix_socket or not settings.hosts:
        return _connect_to(settings, settings.host, several=several)
    failure: pymysql.MySQLError | None = None
    for host in settings.hosts:
        try:
            return _connect_to_node(settings, host, several=several)
        except pymysql.MySQLError as error:
            if _code(error) not in UNAVAILABLE:
                raise
            failure = failure or error
    assert failure is not None  # noqa: S101 - there is a host
    raise failure


def _connect_to_node(settings: DatabaseSettings, host: str, *, several: bool) -> Connection:
    """Raises pymysql.MySQLError, also for a node that accepts connections and is cut off from its cluster (1047)."""
    connection = _connect_to(settings, host, several=several)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW STATUS LIKE 'wsrep_ready'")  # such a node takes SHOW and SET, and nothing else
            row = cursor.fetchone()
        if row is not None and row["Value"] != "ON":
            raise pymysql.OperationalError(NOT_READY, f"{host} is cut off from its cluster")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_to(settings: DatabaseSettings, host: str, *, several: bool) -> Connection:
    return pymysql.connect(
        **server(settings, host),
        cursorclass=DictCursor,
        autocommit=not several,
        connect_timeout=settings.connect_timeout_s,
        read_timeout=settings.read_timeout_s,
        write_timeout=settings.read_timeout_s,
        client_flag=CLIENT.FOUND_ROWS | (CLIENT.MULTI_STATEMENTS if several else 0),
        # Without gap locks the keeper's locking reads never stand in the way of a new hold.
        init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    )


def server(settings: DatabaseSettings, host: str) -> dict[str, Any]:
    """pymysql's arguments that say which server it is, as whom and how protected."""
    encrypted = bool(settings.tls_ca and not settings.unix_socket)
    return {
        "unix_socket": settings.unix_socket or None,
        "host": host,
        "port": settings.port,
        "user": settings.user,
        "password": settings.password,
        "database": settings.name,
        "charset": "utf8mb4",
        "ssl": {"ca": settings.tls_ca, "check_hostname": True} if encrypted else None,
        "ssl_disabled": bool(settings.unix_socket),  # or the client reads all authorities of the machine: 20 ms of CPU
    }


def fetch(connection: Connection, sql: str, arguments: Sequence[Any] = ()) -> list[Row]:
    """Executes one statement on a connection; the rows of its first result."""
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        return list(cursor.fetchall())


def fetch_column(connection: Connection, sql: str, arguments: Sequence[Any] = ()) -> Iterator[Any]:
    """The first column of the rows of one statement, without the cost of naming it."""
    with connection.cursor(Cursor) as cursor:
        cursor.execute(sql, arguments)
        return (value for (value,) in cursor.fetchall())


def execute_all(connection: Connection, sql: str, arguments: Sequence[Any] = ()) -> list[list[Row]]:
    """Several statements in one packet (of a connection that may); the rows of each. The first error ends it."""
    with connection.cursor() as cursor:
        cursor.execute(filled(connection, sql, arguments))
        results = [list(cursor.fetchall())]
        while cursor.nextset():
            results.append(list(cursor.fetchall()))
    return results


def filled(connection: Connection, sql: str, arguments: Sequence[Any]) -> str:
    """The statement with its parameters, as ``mogrify`` fills them in: integers, which most are, take it long."""
    escape = connection.escape
    return sql % tuple(
        [str(value) if type(value) is int else "NULL" if value is None else escape(value) for value in arguments]
    )


def is_bug(error: Exception) -> bool:
    """Whether trying again would bring the same error: neither a conflict nor an outage."""
    if isinstance(error, pymysql.MySQLError):
        return _code(error) not in CONFLICTS | UNAVAILABLE
    return not isinstance(error, LedgerUnavailableError)


def _code(error: pymysql.MySQLError) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0
