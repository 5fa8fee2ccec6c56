"""The settings of a node: one TOML file that all its processes read (``cardswitch.toml``).

Each package reads its own table of it; what several need is here.
"""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG_VARIABLE = "CARDSWITCH_CONFIG"


class SettingsError(Exception):
    """The settings file is missing or wrong; the message says what to do."""


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the ledger is. ``unix_socket`` wins over ``hosts``, which win over ``host``; times are seconds.

    ``hosts`` are the nodes of a Galera cluster in the order in which they are tried: all processes use the first that
    works, because writes to one row through two nodes collide. ``tls_ca`` is the PEM file of the authority that
    signed the servers' certificates; with it every connection by network is encrypted and the server's name checked.
    """

    unix_socket: str = ""
    host: str = "127.0.0.1"
    port: int = 3306
    user: str = "cardswitch"
    password: str = ""
    name: str = "cardswitch"
    connect_timeout_s: float = 1.0
    read_timeout_s: float = 2.0
    hosts: tuple[str, ...] = ()
    tls_ca: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """``tables`` is the whole file, for the packages' own tables (``edge``, ``mediasrv``, ``keeper``, …)."""

    path: Path
    node: str
    database: DatabaseSettings
    pepper_file: Path
    journal_dir: Path
    deck_cache_dir: Path
    tables: dict[str, Any]

    def table(self, name: str) -> dict[str, Any]:
        """The table ``name`` of the file; empty when it is not there."""
        found = self.tables.get(name, {})
        if not isinstance(found, dict):
            raise SettingsError(f"{self.path}: [{name}] must be a table")
        return found

    def pepper(self) -> bytes:
        """The key of the PINs' HMAC. Raises SettingsError when the file is missing or shorter than 32 bytes."""
        try:
            pepper = self.pepper_file.read_bytes().strip()
        except OSError as error:
            raise SettingsError(f"cannot read the pepper file {self.pepper_file}: {error.strerror}") from error
        if len(pepper) < 32:
            raise SettingsError(f"the pepper file {self.pepper_file} must hold at least 32 bytes")
        return pepper


def database_settings(table: dict[str, Any]) -> DatabaseSettings:
    """The table ``database``. Raises TypeError for a setting that is not known."""
    return DatabaseSettings(**{**table, "hosts": tuple(table.get("hosts", ()))})


def load_settings(path: str | os.PathLike[str] | None = None) -> Settings:
    """Reads the file at ``path``, or the one ``CARDSWITCH_CONFIG`` names. Raises SettingsError."""
    chosen = path or os.environ.get(CONFIG_VARIABLE)
    if not chosen:
        raise SettingsError(f"no settings file: set {CONFIG_VARIABLE} or pass --config")
    file = Path(chosen)
    try:
        tables = tomllib.loads(file.read_text())
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {file}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: {error}") from error
    try:
        return Settings(
            path=file,
            node=tables["node"]["name"],
            database=database_settings(tables["database"]),
            pepper_file=Path(tables["secrets"]["pepper_file"]),
            journal_dir=Path(tables["journal"]["directory"]),
            deck_cache_dir=Path(tables["decks"]["cache_directory"]),
            tables=tables,
        )
    except (KeyError, TypeError) as error:
        raise SettingsError(f"{file}: missing or unknown setting {error}") from error


def host_and_port(text: str) -> tuple[str, int]:
    """Of "192.0.2.1:8080" or "[2001:db8::1]:8080". Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError(f"{text!r} is not an address with a port")
    return host.strip("[]"), int(port)
