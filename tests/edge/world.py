"""The edge with everything real around it: ledger, rtpengine, Kamailio. Far ends are SIPp.

The journal is settled by the keeper's own ``Settler``, called by the stories when they want to see the books.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from console.stack.ports import free_block, free_port
from kemi.stubgen import rpc
from rating.core import RatingCore
from rating.database import Database
from rating.deck import DeckRow, DeckTable, DeckTerms
from rating.journal import JournalReader
from rating.keeper.ng import NgClient, NgError
from rating.keeper.settle import Settler
from rating.model import Card
from rating.rate import flat_rate
from rating.settings import DatabaseSettings, Settings, load_settings
from rating.store import settlement
from tests.edge.desk import Desk
from tests.edge.sipp import Sipp, Step
from tests.support.mariadb import fresh_ledger, private_mariadb

ROOT = Path(__file__).parents[2]
EDGE, TRUSTED, OPEN, STRANGER, GATEWAY = "127.0.0.1", "127.0.0.10", "127.0.0.20", "127.0.0.66", "127.0.0.30"
LONDON, PARIS = "442071234567", "33140000000"
PREMIUM = "447099999999"
ACCESS = "12125550100"
MICROS_PER_SECOND = 1_000  # to London, by the second


def wait_for(what: Callable[[], Any], within_s: float = 10.0) -> Any:
    """The first true answer of ``what``; fails after the deadline."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {within_s} s: {what}")


class EdgeWorld:
    """One running edge. ``core`` is its ledger."""

    python = sys.executable

    def __init__(
        self,
        directory: Path,
        database: DatabaseSettings,
        *,
        rtp_ports: int = 400,
        keeper: bool = False,
        ledger_timeout_s: float = 2.0,
        hep: str = "",
        **edge: Any,
    ) -> None:
        self.directory = directory
        self.rtp_ports = rtp_ports
        self.certificates = directory / "certificates"
        self.ledger_timeout_s = ledger_timeout_s
        self.hep = hep
        self.interfaces = [f"--interface={address}" for address in (EDGE, "::1")[: 1 + ("sip6" in edge)]]
        self.keeper = keeper  # whether the real keeper settles; otherwise ``settle`` does
        self.keeper_port = free_port(EDGE)
        self.sip_port, self.http_port, self.ng_port = (free_port(EDGE) for _ in range(3))
        self.mediasrv_port, self.second_mediasrv_port = free_port(EDGE), free_port(EDGE)
        self.gateway_ports = (free_port(GATEWAY), free_port(GATEWAY))
        # Where gateways are probed the far ends answer the probes themselves.
        desks = () if edge.get("probe_gateways") else self.gateway_ports
        self.desks = [Desk(GATEWAY, port, (EDGE, self.sip_port)) for port in desks]
        self._taken: list[int] = []  # ports of far ends: none is used twice
        self.settings = self._write_settings(database, edge)
        self.core = RatingCore.from_settings(self.settings, desk=False)
        self.database = Database(database)
        self.reader = JournalReader(self.settings.journal_dir)
        self.settler = Settler(self.database, self.settings.node, lambda *_: None, lambda: time.time_ns() // 1000)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._sipps: list[Sipp] = []
        self.database_pid = 0
        self._anis = iter(range(2_125_550_200, 2_125_559_999))
        self._furnish()

    @property
    def edge(self) -> str:
        return f"{EDGE}:{self.sip_port}"

    def _write_settings(self, database: DatabaseSettings, edge: dict[str, Any]) -> Settings:
        (self.directory / "pepper").write_text(secrets.token_hex(32))
        media_servers = [f"{EDGE}:{port}" for port in (self.mediasrv_port, self.second_mediasrv_port)]
        edge = {"media_servers": media_servers, "probe_gateways": False, **edge}  # a SIPp counts each OPTIONS as a call
        more = "\n".join(f"{name} = {json.dumps(value)}" for name, value in edge.items())
        file = self.directory / "cardswitch.toml"
        file.write_text(f"""
[node]
name = "edge1"
[database]
unix_socket = "{database.unix_socket}"
user = "{database.user}"
password = "{database.password}"
name = "{database.name}"
read_timeout_s = {self.ledger_timeout_s}
[secrets]
pepper_file = "{self.directory}/pepper"
[journal]
directory = "{self.directory}/journal"
[decks]
cache_directory = "{self.directory}/decks"
[edge]
sip = "{self.edge}"
rpc_socket = "{self.directory}/kamailio/rpc.sock"
http = "{EDGE}:{self.http_port}"
metrics_dir = "{self.directory}/metrics"
certificates_dir = "{self.certificates}"
{more}
[rtpengine]
ng = "{EDGE}:{self.ng_port}"
[mediasrv]
sip = "{EDGE}:{self.mediasrv_port}"
prompt_cache_dir = "{self.directory}/prompts"
[desk]
socket = "{self.directory}/desk.sock"
[keeper]
http = "{EDGE}:{self.keeper_port}"
[log]
calls = "{self.directory}/calls"
hep = "{self.hep}"
hep_id = 77
""")
        return load_settings(file)

    def _furnish(self) -> None:
        """A product, a deck, one carrier with two gateways, two trunks, an access number."""
        for name, micros in (("retail", 60_000), ("cost", 6_000)):
            rows = [DeckRow(prefix, f"Destination {prefix}", flat_rate(micros).pack()) for prefix in ("44", "33")]
            self.core.publish_deck(DeckTable.from_rows(DeckTerms(name, "USD"), rows))
        self.core.create_product("Edge", currency="USD", deck="retail", calls_at_once=1, longest_call_s=7200)
        self.core.create_product("Many", currency="USD", deck="retail", calls_at_once=1000, longest_call_s=7200)
        self.core.create_product("Signed", currency="USD", deck="retail", attestation="A", longest_call_s=7200)
        carrier = self.core.add_carrier("Acme", deck="cost")
        for order, port in enumerate(self.gateway_ports):
            self.core.add_gateway(carrier, f"sip:{GATEWAY}:{port}", priority=10 + order, tech_prefix="99" * order)
        self.core.add_trunk("demo-trunk", f"{TRUSTED}/32", ani_trusted=True, country="US")
        self.core.add_trunk("open-trunk", f"{OPEN}/32", ani_trusted=False, country="US")
        self.core.add_access_number(ACCESS, "Test", country="US", languages=["en"])
        self.core.block_prefix(PREMIUM[:5], reason="premium")

    def start(self) -> None:
        rtp = free_block(EDGE, self.rtp_ports)
        # Ports are given by number, and the process has no other way to say that it is there: ng answers pings.
        command = ["rtpengine", "-f", "-E", "--config-file=none", "--table=-1", *self.interfaces]
        command += [f"--listen-ng={EDGE}:{self.ng_port}", f"--port-min={rtp}", f"--port-max={rtp + self.rtp_ports - 1}"]
        self.start_process("rtpengine", command)
        wait_for(self._rtpengine_answers)  # Kamailio leaves one that does not for seconds
        self.start_process("desk", [sys.executable, "-m", "rating.desk", "--config", str(self.settings.path)])
        wait_for((self.directory / "desk.sock").exists, 20)
        if self.keeper:
            command = [self.python, "-m", "rating.keeper", "--config", str(self.settings.path)]
            self._keeper = self.start_process("keeper", command)
        self.start_kamailio()

    def _rtpengine_answers(self) -> bool:
        try:
            return bool(NgClient((EDGE, self.ng_port)).request("ping"))
        except NgError:
            return False

    def start_kamailio(self) -> None:
        command = [sys.executable, "-m", "kemi.launch", "--config", str(self.settings.path)]
        self.kamailio = self.start_process("kamailio", command)
        try:
            wait_for(lambda: self.metric("cardswitch_edge_directory_version") > 0, 20)
        except AssertionError:
            raise AssertionError(f"Kamailio is not ready:\n{self.log()[-4000:]}") from None

    def start_process(self, name: str, command: list[str]) -> "subprocess.Popen[bytes]":
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._processes.append(process)
        return process

    def kill_kamailio(self) -> None:
        """As a crash would: all its processes at once, without a word."""
        self.signal_kamailio(signal.SIGKILL)
        self.kamailio.wait(10)

    def kill_keeper(self) -> None:
        self._keeper.kill()
        self._keeper.wait()

    def signal_kamailio(self, number: int) -> None:
        """To all its processes."""
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.kamailio.pid)],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.split()
        for pid in [self.kamailio.pid, *map(int, children)]:
            os.kill(pid, number)

    def stop(self) -> None:
        for sipp in self._sipps:
            sipp.stop()
        for desk in self.desks:
            desk.close()
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    # -- cards

    def new_card(self, micros: int, product: str = "Edge", *, active: bool = True) -> tuple[int, str]:
        """(card id, its registered CallerID)."""
        issued = self.core.issue_batch(product, 1, micros, active=active)[0]
        card_id = self.core.card_id_of_serial(issued.serial)
        assert card_id is not None
        ani = f"1{next(self._anis)}"
        assert self.core.register_ani(card_id, ani) is None
        return card_id, ani

    def card(self, card_id: int) -> Card:
        card = self.core.card(card_id)
        assert isinstance(card, Card), card
        return card

    def settle(self) -> None:
        """Applies what is in the journal, as the keeper does."""
        if self.keeper:
            return
        offsets = self.database.transaction(lambda connection: settlement.lock_offsets(connection, "edge1"))
        batch = self.reader.read(offsets, 10_000)
        if batch.events:
            assert self.settler.apply(batch, offsets) is not None

    def cdr(self, card_id: int, within_s: float = 20.0) -> dict[str, Any]:
        """The card's last call record, as soon as it is there and nothing is held any more."""

        def settled() -> dict[str, Any] | None:
            self.settle()
            records = self.core.cdrs(card_id=card_id)
            return records[-1] if records and self.card(card_id).held_micros == 0 else None

        found: dict[str, Any] = wait_for(settled, within_s)
        return found

    def hold_of(self, card_id: int) -> str | None:
        """The open hold of the card."""
        self.settle()
        return next((call["hold_id"] for call in self.core.open_calls() if call["card_id"] == card_id), None)

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """All events of the journal."""
        return [event for event in self.reader.read({}, 1_000_000).events if kind in (None, event["ev"])]

    # -- far ends

    def gateway(self, steps: list[Step], *, number: int = 0, name: str = "", **more: Any) -> Sipp:
        """The gateway ``number`` of the carrier, waiting for calls that begin from now on."""
        name = name or f"gateway{number}"
        story = more.get("transport", "u1") == "u1" and more.get("trace", True) and self.desks
        if not story:  # a load, or TCP: it has the gateway's port itself
            for desk in self.desks[number : number + 1]:
                desk.close()
            return self._sipp(name, steps, GATEWAY, port=self.gateway_ports[number], **more)
        self._taken.append(free_port(GATEWAY, self._taken))
        sipp = self._sipp(name, steps, GATEWAY, port=self._taken[-1], **more)
        self.desks[number].serve(sipp.port)
        return sipp

    def far_end(self, steps: list[Step], address: str, *, port: int, **more: Any) -> Sipp:
        """Waits for calls at that address."""
        return self._sipp("far_end", steps, address, port=port, **more)

    def media_server(self, steps: list[Step], **more: Any) -> Sipp:
        return self._sipp("mediasrv", steps, EDGE, port=self.mediasrv_port, **more)

    def caller(
        self, steps: list[Step], *, address: str = TRUSTED, name: str = "caller", to: str = "", **more: Any
    ) -> Sipp:
        return self._sipp(name, steps, address, remote=to or self.edge, **more)

    def second_leg(self, steps: list[Step], **more: Any) -> Sipp:
        """A call from the media server's own address and port."""
        return self._sipp("second_leg", steps, EDGE, remote=self.edge, port=self.mediasrv_port, **more)

    def _sipp(self, name: str, steps: list[Step], address: str, **more: Any) -> Sipp:
        directory = Path(tempfile.mkdtemp(dir=self.directory, prefix=f"{name}-"))
        sipp = Sipp(name, steps, address, directory, **more).start()
        self._sipps.append(sipp)
        return sipp

    def all_as_written(self, *sipps: Sipp) -> None:
        """Every far end went through its scenario."""
        for sipp in sipps:
            status = sipp.wait()
            for desk in self.desks:
                desk.leave(sipp.address, sipp.port)
            assert status == 0, f"{sipp.name} ended with {status}:\n{sipp.trouble()}\n{self.log()[-3000:]}"

    # -- looking in

    def rpc(self, method: str, *params: str | int) -> Any:
        return rpc(self.directory / "kamailio" / "rpc.sock", method, *params)

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://{EDGE}:{self.http_port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def metric(self, name: str) -> float:
        """The sum over its labels; 0 while the edge is not there."""
        try:
            lines = [line for line in self.metrics().splitlines() if line.split("{")[0].split(" ")[0] == name]
        except OSError:
            return 0
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def log(self) -> str:
        """What Kamailio said, without its chatter at start."""
        lines = (self.directory / "kamailio.log").read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if "INFO:" not in line)

    def steps(self, call_id: str) -> list[dict[str, Any]]:
        """What the edge's call log says of a call."""
        return [step for step in self.all_steps() if step["call"] == call_id]

    def all_steps(self) -> list[dict[str, Any]]:
        """Of all calls."""
        return [json.loads(line) for line in (self.directory / "calls" / "edge.jsonl").read_text().splitlines()]

    def media_server_is(self, *, up: bool) -> bool:
        """Whether the edge's probes of the media server say so."""
        return self.probed(f"sip:{EDGE}:{self.mediasrv_port}", up=up)

    def probed(self, uri: str, *, up: bool) -> bool:
        """Whether the edge probes ``uri`` and has found it so, by more than the first guess."""
        targets = [
            target["DEST"]
            for group in self.rpc("dispatcher.list")["RECORDS"]
            for target in group["SET"]["TARGETS"]
            if target["DEST"]["URI"] == uri
        ]
        return any(target["FLAGS"][0] == ("A" if up else "I") for target in targets)

    def keeper_metric(self, name: str) -> float:
        with urllib.request.urlopen(f"http://{EDGE}:{self.keeper_port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    def relayed_calls(self, call_id: str = "") -> int:
        """Calls for which rtpengine has ports; only those with a Call-ID that has ``call_id`` in it."""
        return sum(call_id in str(call) for call in NgClient((EDGE, self.ng_port)).request("list")["calls"])

    def execute(self, sql: str, *arguments: Any) -> None:
        """For states of a card that no operator's function makes."""
        self.database.rows(sql, arguments)

    def active_dialogs(self) -> int:
        return int(self.rpc("dlg.stats_active")["all"])


@contextmanager
def edge_world(**edge: Any) -> Iterator[EdgeWorld]:
    """A world of its own, which is gone afterwards; arguments are ``EdgeWorld``'s and settings of the edge."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ended from outside, it leaves nothing running
    directory = Path(tempfile.mkdtemp(prefix="csedge"))
    try:
        with private_mariadb() as server, fresh_ledger(server) as database:
            world = EdgeWorld(directory, database, **edge)
            assert server.process is not None
            world.database_pid = server.process.pid
            try:
                world.start()
                yield world
            finally:
                world.stop()
    finally:
        shutil.rmtree(directory)
