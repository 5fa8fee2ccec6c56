"""A private MariaDB: own data directory, own unix socket, no network, no system service.

>>> server = PrivateMariaDb(Path("/tmp/x/mariadb"))        # doctest: +SKIP
>>> server.start()                                          # installs the data directory when there is none
>>> server.create_database("cardswitch", user="cardswitch", password="…")
>>> server.stop()
"""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pymysql

from console.stack.errors import StackError
from console.stack.process import end_child, find_program, start, wait_until

# sun_path is 108 bytes with its NUL; longer paths fail with a message nobody understands.
SOCKET_PATH_MAX = 107

INSTALL_TIMEOUT_S = 120  # it takes two seconds, a minute on a machine that swaps
SERVER_OPTIONS = (
    "--no-defaults",
    "--skip-networking",
    "--skip-name-resolve",
    "--innodb-flush-log-at-trx-commit=1",  # a committed charge survives a power cut
    "--innodb-buffer-pool-size=256M",
    "--innodb-lock-wait-timeout=2",
    "--max-connections=400",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_bin",
    "--default-time-zone=+00:00",
    "--performance-schema=OFF",
)


def _user() -> str:
    """Who we are for the server, which asks the kernel: LOGNAME and USER may say something else."""
    return pwd.getpwuid(os.geteuid()).pw_name


class PrivateMariaDb:
    """One server in ``directory`` (data, tmp, socket, pid file). ``log`` gets what it says.

    ``env`` is the environment of the server process; None takes ours.
    """

    def __init__(self, directory: Path, *, log: Path | None = None, env: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.installed = directory / "installed"  # written last: half a data directory is made again
        self.unix_socket = directory / "mariadb.sock"
        self.log = log or directory / "mariadb.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.answered = False
        self._env = env
        if len(os.fsencode(self.unix_socket)) > SOCKET_PATH_MAX:
            raise StackError(f"the path {self.unix_socket} is too long for a unix socket: choose a shorter --run-dir.")

    def start(
        self, timeout_s: float = 30.0, *, started: Callable[[subprocess.Popen[bytes]], None] = lambda _: None
    ) -> None:
        """Installs the data directory when there is none, starts the server, returns when it answers a query.

        ``started`` is told of the process at once. Raises StackError.
        """
        if not self.installed.exists():
            self._install()
        self.process = start(self.command(), self.log, env=self._env)
        started(self.process)
        if not wait_until(lambda: self.ready() or self.process_ended(), timeout_s) or self.process_ended():
            self.stop()
            raise StackError(f"MariaDB did not start: see {self.log}.")
        self.answered = True

    def command(self) -> list[str]:
        """The server's command line."""
        return [
            find_program("mariadbd", "mariadb-server"),
            *SERVER_OPTIONS,
            *self._user_option(),
            f"--datadir={self.data}",
            f"--tmpdir={self.directory / 'tmp'}",  # shared temporary directories let instances harm each other
            f"--socket={self.unix_socket}",
            f"--pid-file={self.directory / 'mariadb.pid'}",
        ]

    def ready(self) -> bool:
        """Whether the server answers a query."""
        try:
            with self.connect() as connection, connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except pymysql.MySQLError:
            return False
        return True

    def process_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def stop(self) -> None:
        """Clean shutdown of a server started by this object; a second call does nothing."""
        if self.process is not None:
            end_child(self.process, timeout_s=self.stop_timeout_s)
            self.process = None
            self.answered = False

    @property
    def stop_timeout_s(self) -> float:
        """How long a clean shutdown may take. A server that is still starting may miss the signal altogether."""
        return 30.0 if self.answered else 2.0

    def connect(self, **options: Any) -> "pymysql.Connection[Any]":
        """A connection as the administrator: the operating-system user that installed the directory."""
        return pymysql.connect(unix_socket=str(self.unix_socket), user=_user(), **options)

    def create_database(self, name: str, *, user: str, password: str) -> None:
        """The database ``name`` and a user who owns it and every ``<name>_…`` beside it. Idempotent."""
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name):
            raise ValueError(f"not a database name: {name!r}")
        with self.connect(autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
            cursor.execute("CREATE USER IF NOT EXISTS %s@localhost IDENTIFIED BY %s", (user, password))
            cursor.execute("ALTER USER %s@localhost IDENTIFIED BY %s", (user, password))
            for pattern in (name, rf"{name}\_%%"):
                cursor.execute(f"GRANT ALL ON `{pattern}`.* TO %s@localhost", (user,))

    def _install(self) -> None:
        program = find_program("mariadb-install-db", "mariadb-server")
        shutil.rmtree(self.data, ignore_errors=True)
        for directory in (self.directory, self.directory / "tmp"):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = [
            program,
            "--no-defaults",
            *self._user_option(),
            f"--datadir={self.data}",
            f"--tmpdir={self.directory / 'tmp'}",
            "--skip-test-db",
            f"--auth-root-socket-user={_user()}",
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=self._env, timeout=INSTALL_TIMEOUT_S
            )
        except subprocess.TimeoutExpired as error:
            raise StackError(f"MariaDB took longer than {INSTALL_TIMEOUT_S} s to make {self.data}.") from error
        if done.returncode != 0:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.log.write_text(done.stdout + done.stderr)
            raise StackError(f"MariaDB could not make its data directory {self.data} (disk full?): see {self.log}.")
        self.installed.touch()

    @staticmethod
    def _user_option() -> list[str]:
        # As root the server refuses to run without being told so; the instance is private, and root's own.
        return ["--user=root"] if os.geteuid() == 0 else []
