"""A real MariaDB for tests: one private server a session, one fresh database a test."""

import itertools
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.stack.mariadb import PrivateMariaDb
from rating.migrate import migrate
from rating.settings import DatabaseSettings

_PASSWORD = secrets.token_hex(8)
_names = (f"cardswitch_test{number}" for number in itertools.count())


@contextmanager
def private_mariadb() -> Iterator[PrivateMariaDb]:
    """A running server in a directory of its own, which is gone afterwards."""
    # Short, because a unix socket's path may have 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="csdb"))
    try:
        server = PrivateMariaDb(directory)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory)


@contextmanager
def fresh_ledger(server: PrivateMariaDb) -> Iterator[DatabaseSettings]:
    """A migrated, empty ledger on the server, dropped afterwards."""
    name = next(_names)
    server.create_database(name, user="cardswitch", password=_PASSWORD)
    # A loaded machine is no outage: those who test time-outs set their own.
    settings = DatabaseSettings(
        unix_socket=str(server.unix_socket), password=_PASSWORD, name=name, connect_timeout_s=20.0, read_timeout_s=60.0
    )
    migrate(settings)
    try:
        yield settings
    finally:
        if not server.process_ended():
            with server.connect(autocommit=True) as connection, connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {name}")
