"""A deployed platform from outside: its ledger is furnished on a host, and calls go through its edges.

Callers and gateways have addresses of their own on the hosts' bridge. Whatever runs on a host runs by SSH with the
installed release, as an operator would: nothing here reaches into the platform past its own commands.
"""

import json
import re
import subprocess
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

from console.demo.listener import Listener
from console.demo.phone import Phone
from console.stack.parts import python_module
from console.stack.ports import free_block
from tests.deploy.hosts import Host
from tests.edge.parts import ANSWERS, calls, hangs_up
from tests.edge.sipp import Sipp, Step, pause, receive, reply_in_dialog

TRUSTED, OPEN, GATEWAY = "192.0.2.200", "192.0.2.201", "192.0.2.210"
GATEWAY_PORT = 5080
ACCESS, LONDON = "12025550100", "442079460123"
FACE_MICROS = 5_000_000
PYTHON = "CARDSWITCH_CONFIG=/etc/cardswitch/cardswitch.toml /opt/cardswitch/current/bin/python -P"
SETTLED_WITHIN_S = 30.0

FURNISH = f"""
import rating
from pathlib import Path
from rating.core import RatingCore
from rating.settings import load_settings
core = RatingCore.from_settings(load_settings())
for deck in ("carrier-atlantic", "retail"):
    core.import_deck(deck, Path(rating.__file__).parent / "data" / f"{{deck}}.csv", "USD")
core.add_trunk("trusted", "{TRUSTED}/32", ani_trusted=True, country="US")
core.add_trunk("open", "{OPEN}/32", ani_trusted=False, country="US")
core.add_access_number("{ACCESS}", "Test", country="US", languages=("en", "es"))
core.add_gateway(core.add_carrier("atlantic", deck="carrier-atlantic", currency="USD"), "sip:{GATEWAY}:{GATEWAY_PORT}")
core.create_product("Test", currency="USD", deck="retail", languages=("en", "es"), calls_at_once=10, media_silence_s=0)
"""
ISSUE = """
import json, sys
from rating.core import RatingCore
from rating.settings import load_settings
core = RatingCore.from_settings(load_settings())
count, micros, anis = json.load(sys.stdin)
issued = core.issue_batch("Test", count, micros)
found = []
for card, ani in zip(issued, anis + [None] * count):
    card_id = core.card_id_of_serial(card.serial)
    if ani:
        assert core.register_ani(card_id, ani) is None
    found.append([card_id, card.pin])
print(json.dumps(found))
"""
BOOKS = """
import dataclasses, json
from rating.core import RatingCore
from rating.settings import load_settings
core = RatingCore.from_settings(load_settings())
columns = "call_id card_id outcome seconds billable_s charge_micros ended_by node answered_us ended_us".split()
records = [{key: row[key] for key in columns} for row in core.cdrs()]
print(json.dumps({"check": dataclasses.asdict(core.check()), "cdrs": records, "open": len(core.open_calls())}))
"""


class Books:
    """The ledger as its own check and call records tell it."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.check: dict[str, Any] = content["check"]
        self.cdrs: list[dict[str, Any]] = content["cdrs"]
        self.open_calls: int = content["open"]

    @property
    def balance(self) -> bool:
        """Every card's balance is the sum of its entries, and what was charged is the sum of the call records."""
        charged = sum(row["charge_micros"] or 0 for row in self.cdrs)
        return bool(self.check["ok"]) and self.check["charged"] == charged

    @property
    def charged_twice(self) -> int:
        keys = [row["call_id"] for row in self.cdrs if row["outcome"] == "captured"]
        return len(keys) - len(set(keys))

    def connected(self) -> list[dict[str, Any]]:
        return [row for row in self.cdrs if row["outcome"] == "captured"]


class Platform:
    """``office`` is the host on which the ledger is administered; ``directory`` keeps what callers heard."""

    def __init__(self, office: Host, directory: Path, prompts: Path) -> None:
        self.office, self.directory = office, directory
        directory.mkdir(parents=True, exist_ok=True)
        render_prompts(prompts)
        self._listener = Listener(prompts, "en", ("es/language_choice",))
        self._sipps: list[Sipp] = []
        self._phones: list[Phone] = []
        self.told: list[str] = []

    def python(self, program: str, stdin: object = None) -> str:
        """Runs a program with the installed release on the office's host; its output."""
        quoted = program.replace("'", "'\\''")
        return self.office.ssh(f"{PYTHON} -c '{quoted}'", stdin=json.dumps(stdin), timeout_s=180)

    def furnish(self) -> None:
        self.python(FURNISH)

    def issue(self, count: int, micros: int, anis: list[str]) -> list[tuple[int, str]]:
        """(card id, PIN) of new cards; the first are registered for the CallerIDs."""
        return [(card_id, pin) for card_id, pin in json.loads(self.python(ISSUE, [count, micros, anis]))]

    def books(self) -> Books:
        return Books(json.loads(self.python(BOOKS)))

    def await_books(self, held: Callable[[Books], bool], what: str, *, within_s: float = SETTLED_WITHIN_S) -> Books:
        deadline = time.monotonic() + within_s
        while not held(books := self.books()):
            assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}: {books.cdrs[-5:]} {books.check}"
            time.sleep(0.5)
        return books

    # -- far ends

    def gateway(self, count: int, *, timeout_s: int = 120) -> Sipp:
        """Answers ``count`` calls, and waits for their BYEs."""
        steps = [*ANSWERS, receive("BYE", timeout_ms=timeout_s * 1000), reply_in_dialog()]
        return self._sipp("gateway", steps, GATEWAY, port=GATEWAY_PORT, calls=count, timeout_s=timeout_s)

    def caller(self, edge: str, ani: str, talk_ms: int, *, timeout_s: int = 120, calls_made: int = 1) -> Sipp:
        """A registered CallerID that dials London directly, talks, and hangs up."""
        steps = [*calls(ani, LONDON), pause(talk_ms), *hangs_up(ani, LONDON)]
        return self._sipp("caller", steps, TRUSTED, remote=f"{edge}:5060", calls=calls_made, timeout_s=timeout_s)

    def _sipp(self, name: str, steps: list[Step], address: str, **more: Any) -> Sipp:
        directory = self.directory / f"{name}-{len(self._sipps)}"
        sipp = Sipp(name, steps, address, directory, **more).start()
        self._sipps.append(sipp)
        return sipp

    def dial_with_pin(self, edge: str, pin: str, *, talk_s: float) -> None:
        """A stranger dials the access number, keys in the PIN, hears the balance, dials London, talks, and hangs up."""
        phone = self._phone(edge)
        speech = silence(self.directory / "silence.wav")
        phone.dial(ACCESS, ani="13035550147", name=f"pin-{len(self._phones)}", say=speech)
        phone.expect("answered", timeout_s=30)
        phone.await_heard("en/welcome", timeout_s=60)
        phone.press("1")
        phone.await_heard("en/pin_ask", timeout_s=60)
        phone.press(pin + "#", secret=True)
        phone.await_heard("en/balance", timeout_s=60)
        phone.await_heard("en/destination_ask", timeout_s=60)
        phone.press(f"011{LONDON}#")
        phone.await_heard("en/connecting", timeout_s=60)
        time.sleep(talk_s)
        phone.hang_up()

    def _phone(self, edge: str) -> Phone:
        port = free_block(OPEN, 64)
        phone = Phone(
            f"{OPEN}:{port}",
            f"{edge}:5060",
            self.directory,
            listener=self._listener,
            environment={"PATH": "/usr/bin:/bin"},
            log=self.directory / "softphone.log",
            tell=self.told.append,
        )
        self._phones.append(phone)
        return phone

    def close(self) -> None:
        for sipp in self._sipps:
            sipp.stop()
        for phone in self._phones:
            phone.close()


def silence(file: Path) -> Path:
    """What the caller says: a second of nothing, again and again."""
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16_000))
    return file


def render_prompts(cache: Path) -> None:
    """What callers hear, to be recognised; the hosts render their own."""
    command = python_module("mediasrv.prompts", "render", "--languages", "en,es", "--cache", str(cache))
    subprocess.run(command, check=True, capture_output=True, timeout=300)


def exposure(host: Host, unit: str) -> float:
    """The score of ``systemd-analyze security``: 0 is best, 10 worst."""
    said = host.ssh(f"systemd-analyze security --no-pager {unit} | tail -n 1")
    found = re.search(r"exposure level for \S+: ([0-9.]+)", said)
    assert found, said
    return float(found[1])
