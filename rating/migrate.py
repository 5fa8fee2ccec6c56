"""``python -m rating.migrate [--config FILE]``: brings the ledger's schema up to date; again, it changes nothing.

Numbered migrations (sql/migrations) are applied once, by yoyo. Routines and views (sql/routines) are replaced each
time: each file is sent as it stands, so what runs is what the file says.
"""

import argparse
import logging
import sys
from pathlib import Path
from urllib.parse import quote, urlencode

import pymysql
import yoyo
from pymysql.constants import CLIENT

from rating.database import server
from rating.settings import DatabaseSettings, SettingsError, load_settings

SQL_DIRECTORY = Path(__file__).resolve().parent.parent / "sql"
VIEWS = "views.sql"


def migrate(settings: DatabaseSettings, directory: Path = SQL_DIRECTORY) -> int:
    """Applies what is missing; returns how many migrations that were. Raises pymysql.MySQLError."""
    logging.getLogger("yoyo").setLevel(logging.WARNING)
    backend = yoyo.get_backend(_uri(settings))
    migrations = yoyo.read_migrations(str(directory / "migrations"))
    with backend.lock():
        missing = backend.to_apply(migrations)
        backend.apply_migrations(missing)
        _replace_routines(settings, directory / "routines")
    backend.connection.close()
    return len(missing)


def missing_migrations(settings: DatabaseSettings, directory: Path = SQL_DIRECTORY) -> list[str]:
    """The migrations that the ledger lacks, by name. Raises pymysql.MySQLError."""
    logging.getLogger("yoyo").setLevel(logging.WARNING)
    backend = yoyo.get_backend(_uri(settings))
    try:
        return [migration.id for migration in backend.to_apply(yoyo.read_migrations(str(directory / "migrations")))]
    finally:
        backend.connection.close()


def _replace_routines(settings: DatabaseSettings, directory: Path) -> None:
    connection = pymysql.connect(
        **server(settings, _host(settings)), autocommit=True, client_flag=CLIENT.MULTI_STATEMENTS
    )
    with connection, connection.cursor() as cursor:
        for file in sorted(directory.glob("*.sql")):
            cursor.execute(file.read_text())
            while cursor.nextset():
                pass


def _uri(settings: DatabaseSettings) -> str:
    login = f"{quote(settings.user, safe='')}:{quote(settings.password, safe='')}"
    if settings.unix_socket:
        socket = urlencode({"unix_socket": settings.unix_socket})
        return f"mysql://{login}@localhost/{settings.name}?{socket}"
    options = {"ssl": "1", "sslca": settings.tls_ca} if settings.tls_ca else {}
    return f"mysql://{login}@{_host(settings)}:{settings.port}/{settings.name}?{urlencode(options)}"


def _host(settings: DatabaseSettings) -> str:
    """The first node: a schema is changed when all of a cluster is there."""
    return settings.hosts[0] if settings.hosts else settings.host


def main() -> int:
    """The command; exit status 1 with one clear line when it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m rating.migrate", description=__doc__)
    parser.add_argument("--config", help="cardswitch.toml; default: what CARDSWITCH_CONFIG names")
    try:
        applied = migrate(load_settings(parser.parse_args().config).database)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    except pymysql.MySQLError as error:
        print(f"cannot migrate the ledger: {error}", file=sys.stderr)
        return 1
    print(f"the ledger's schema is up to date, {applied} migration(s) applied")
    return 0


if __name__ == "__main__":
    sys.exit(main())
