"""The same questions as bench/console.py through the HTTP API: its server as a process, a token, a real socket."""

import http.client
import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode

from bench.console_ledger import DAY_US, DAYS, DESTINATIONS, Filled, ani_of
from console.stack.parts import python_module
from console.stack.plan import HOST
from console.stack.ports import free_port
from console.stack.probe import http_get
from console.stack.process import end_child, wait_until
from rating.settings import DatabaseSettings

Ask = Callable[..., object]
START_S = 60.0


@contextmanager
def served(database: DatabaseSettings, folder: Path, pepper: bytes) -> Iterator[Ask]:
    """A running server; what is yielded asks a path with its parameters, and fails unless the answer is 200."""
    port = free_port(HOST)
    config = _settings(database, folder, pepper, port)
    token = _token(config)
    with (folder / "web.log").open("w") as log:
        server = subprocess.Popen(
            python_module("console.web"),
            env={"CARDSWITCH_CONFIG": str(config), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        if not wait_until(lambda: http_get((HOST, port), "/healthz") is not None, START_S):
            raise RuntimeError(f"the console's server does not answer: {(folder / 'web.log').read_text()[-500:]}")
        with closing(http.client.HTTPConnection(HOST, port, timeout=60)) as connection:
            yield lambda path, **parameters: _get(connection, token, path, parameters)
    finally:
        end_child(server)


def _get(connection: http.client.HTTPConnection, token: str, path: str, parameters: dict[str, object]) -> object:
    connection.request("GET", f"/api/v1{path}?{urlencode(parameters)}", headers={"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise RuntimeError(f"{path} {parameters}: {response.status} {body[:300]!r}")
    return json.loads(body)


def _settings(database: DatabaseSettings, folder: Path, pepper: bytes, port: int) -> Path:
    (folder / "pepper").write_bytes(pepper)
    (folder / "work").mkdir(exist_ok=True)
    file = folder / "cardswitch.toml"
    file.write_text(
        f'[node]\nname = "bench"\n[database]\nunix_socket = "{database.unix_socket}"\nuser = "{database.user}"\n'
        f'password = "{database.password}"\nname = "{database.name}"\n[secrets]\npepper_file = "{folder}/pepper"\n'
        f'[journal]\ndirectory = "{folder}/journal"\n[decks]\ncache_directory = "{folder}/decks"\n'
        f'[console]\nhttp = "{HOST}:{port}"\nwork_dir = "{folder}/work"\nrequests_per_s = 100000\nburst = 100000\n'
    )
    return file


def _token(config: Path) -> str:
    name = f"bench-{time.time_ns() // 10**6 % 10**9}"
    command = python_module("console", "tokens", "add", name, "--scope", "read", "--json", "--config", str(config))
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    document = json.loads(done.stdout)
    return str((document[0] if isinstance(document, list) else document)["token"])


def http_questions(ask: Ask, filled: Filled) -> dict[str, Callable[[random.Random], object]]:
    """Listings and searches of the API; a page has 50 rows."""

    def serial(chance: random.Random) -> str:
        return filled.serial(chance.randrange(filled.cards))

    def ani(chance: random.Random) -> str:
        return ani_of(chance.randrange(filled.cards))

    def behind(chance: random.Random) -> str:
        return f"{filled.last_us - chance.randrange(DAYS * DAY_US)}-{'0' * 32}"

    return {
        "GET batches": lambda _: ask("/batches"),
        "GET cards, a page anywhere": lambda chance: ask("/cards", after=serial(chance)),
        "GET cards, blocked": lambda chance: ask("/cards", state="blocked", after=serial(chance)),
        "GET cards by serial, last digits": lambda chance: ask("/cards", serial=f"*{serial(chance)[-4:]}"),
        "GET cards by CallerID, last digits": lambda chance: ask("/cards", ani=f"*{ani(chance)[-4:]}"),
        "GET a card": lambda chance: ask(f"/cards/{serial(chance)}"),
        "GET a card's entries": lambda chance: ask(f"/cards/{serial(chance)}/entries"),
        "GET CallerIDs": lambda chance: ask("/caller-ids", after=ani(chance)),
        "GET live calls": lambda _: ask("/calls/live"),
        "GET calls, newest": lambda _: ask("/calls"),
        "GET calls, a page anywhere": lambda chance: ask("/calls", after=behind(chance)),
        "GET calls of a card": lambda chance: ask("/calls", serial=serial(chance)),
        "GET calls by CallerID": lambda chance: ask("/calls", ani=ani(chance)),
        "GET calls by CallerID, last digits": lambda chance: ask("/calls", ani=f"*{ani(chance)[-4:]}"),
        "GET calls by number, a country": lambda chance: ask("/calls", number=f"{chance.choice(DESTINATIONS)[0][:2]}*"),
        "GET calls by number, first digits": lambda chance: ask(
            "/calls", number=f"{chance.choice(DESTINATIONS)[0]}{chance.randrange(10, 99)}*"
        ),
        "GET calls by number, last digits": lambda chance: ask("/calls", number=f"*{chance.randrange(1000, 9999)}"),
        "GET lock-outs": lambda _: ask("/lock-outs"),
    }
