"""A stack before it starts: its directories and addresses, and the ``cardswitch.toml`` all its processes read."""

import json
import os
import secrets
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from console.stack.errors import StackError
from console.stack.ports import demand_free, free_block, free_port
from console.stack.process import RUN_DIR_VARIABLE, SYSTEM_PATH

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
GATEWAY_HOST = "127.0.0.30"
TRUSTED_CALLER_HOST = "127.0.0.10"
OPEN_CALLER_HOST = "127.0.0.20"

MEDIASRV_RTP_PORTS = 400
RTPENGINE_PORTS = 400

# Of the node's table [demo]: what the demo network looks like. Not a secret, and of no use outside loopback.
DATABASE = "cardswitch"


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Where a stack keeps everything. ``path`` is absolute."""

    path: Path

    @property
    def state(self) -> Path:
        return self.path / "stack.json"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def config(self) -> Path:
        return self.path / "cardswitch.toml"

    @property
    def mariadb(self) -> Path:
        return self.path / "mariadb"

    @property
    def pepper(self) -> Path:
        return self.path / "pepper"

    @property
    def journal(self) -> Path:
        return self.path / "journal"

    @property
    def decks(self) -> Path:
        return self.path / "decks"

    @property
    def desk(self) -> Path:
        """Its unix socket."""
        return self.path / "desk.sock"

    @property
    def kamailio(self) -> Path:
        return self.path / "kamailio"

    @property
    def metrics(self) -> Path:
        return self.path / "kemi-metrics"

    @property
    def recordings(self) -> Path:
        return self.path / "recordings"

    @property
    def gateway(self) -> Path:
        return self.path / "gateway"

    @property
    def calls(self) -> Path:
        return self.path / "logs" / "calls"

    @property
    def console(self) -> Path:
        """Uploads to the console, while they are looked at."""
        return self.path / "console"

    @property
    def prometheus(self) -> Path:
        return self.path / "prometheus"

    @property
    def home(self) -> Path:
        """What the stack's processes take for their user's home."""
        return self.path / "home"

    @property
    def temporary(self) -> Path:
        return self.path / "tmp"

    def log(self, part: str) -> Path:
        return self.path / "logs" / f"{part}.log"

    def clear_stale(self) -> None:
        """Removes what processes that were killed left; only for who holds the lock."""
        for stale in self.metrics.glob("*.db"):  # prometheus_client would add the dead processes' figures
            stale.unlink(missing_ok=True)
        shutil.rmtree(self.temporary, ignore_errors=True)
        self.temporary.mkdir(exist_ok=True)

    def prepare(self) -> None:
        """Makes the directories, readable by their owner only. Raises StackError when that is not possible."""
        made = [self.journal, self.decks, self.kamailio, self.metrics, self.recordings, self.gateway]
        made += [self.home, self.temporary]
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            for directory in (*made, self.path / "logs"):
                directory.mkdir(exist_ok=True)
            self.lock.touch()
        except OSError as error:
            raise StackError(
                f"cannot write to the run directory {self.path} ({error.strerror}): choose another with --run-dir."
            ) from error


@dataclass(frozen=True, slots=True)
class Addresses:
    """Every port of a stack. RTP blocks are given by their first port."""

    edge: int
    edge_http: int
    mediasrv: int
    mediasrv_http: int
    mediasrv_rtp: int
    keeper_http: int
    desk_http: int
    rtpengine_ng: int
    rtpengine_rtp: int
    dtmf_events: int
    gateway: int
    gateway_device: int
    gateway_control: int
    rtpengine_http: int
    prometheus: int
    console: int

    @classmethod
    def choose(cls, *, sip_port: int | None = None) -> "Addresses":
        """Free ports at random, the edge's SIP port as asked for. Raises StackError when that one is taken."""
        edge = free_port(HOST) if sip_port is None else demand_free(HOST, sip_port, "SIP")
        chosen = [edge, edge + 1]

        def one(host: str = HOST) -> int:
            chosen.append(free_port(host, chosen))
            return chosen[-1]

        def block(size: int) -> int:
            first = free_block(HOST, size, chosen)
            chosen.extend(range(first, first + size))
            return first

        return cls(
            edge=edge,
            edge_http=one(),
            mediasrv=one(),
            mediasrv_http=one(),
            mediasrv_rtp=block(MEDIASRV_RTP_PORTS),
            keeper_http=one(),
            desk_http=one(),
            rtpengine_ng=one(),
            rtpengine_rtp=block(RTPENGINE_PORTS),
            dtmf_events=one(),
            gateway=one(GATEWAY_HOST),
            gateway_device=one(GATEWAY_HOST),
            gateway_control=one(GATEWAY_HOST),
            rtpengine_http=one(),
            prometheus=one(),
            console=one(),
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What a supervisor needs to know to start a stack."""

    run: RunDirectory
    addresses: Addresses
    node: str = "edge1"
    prompt_cache: Path | None = None  # shared by stacks that are made anew each time; None: in the run directory
    languages: tuple[str, ...] = ("en", "es")
    monitoring: bool = False  # Prometheus, too
    database_password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def prompts(self) -> Path:
        return self.prompt_cache or self.run.path / "prompts"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process of this stack."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), SYSTEM_PATH])
        return os.environ | {
            "CARDSWITCH_CONFIG": str(self.run.config),
            RUN_DIR_VARIABLE: str(self.run.path),
            "PATH": path,
            "PYTHONUNBUFFERED": "1",
            **private_places(self.run.home, self.run.temporary),
        }

    def write(self) -> None:
        """Writes ``cardswitch.toml`` and, when there is none yet, the pepper; both for the owner's eyes only."""
        if not self.run.pepper.exists():
            write_private(self.run.pepper, secrets.token_hex(32) + "\n")
        write_private(self.run.config, settings_text(self))


def private_places(home: Path, temporary: Path) -> dict[str, str]:
    """Environment by which a program keeps its droppings in these directories.

    Libraries write to the user's home and to /tmp unasked: libpulse does, when espeak-ng only writes a file.
    """
    return {
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_RUNTIME_DIR": str(temporary),
        "PULSE_RUNTIME_PATH": str(temporary),
    }


def write_private(path: Path, text: str) -> None:
    """Writes a file of mode 0600, whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)


def settings_text(plan: Plan) -> str:
    """The text of ``cardswitch.toml``. Strings are quoted as JSON does, which TOML's basic strings include."""
    run, at = plan.run, plan.addresses
    tables: dict[str, dict[str, str | int]] = {
        "node": {"name": plan.node},
        "database": {
            "unix_socket": str(run.mariadb / "mariadb.sock"),
            "user": DATABASE,
            "password": plan.database_password,
            "name": DATABASE,
        },
        "secrets": {"pepper_file": str(run.pepper)},
        "journal": {"directory": str(run.journal)},
        "decks": {"cache_directory": str(run.decks)},
        "edge": {
            "sip": f"{HOST}:{at.edge}",
            "rpc_socket": str(run.kamailio / "rpc.sock"),
            "http": f"{HOST}:{at.edge_http}",
            "metrics_dir": str(run.metrics),
        },
        "rtpengine": {"ng": f"{HOST}:{at.rtpengine_ng}", "dtmf_events": f"{HOST}:{at.dtmf_events}"},
        "mediasrv": {
            "sip": f"{HOST}:{at.mediasrv}",
            "rtp_address": HOST,
            "rtp_port_min": at.mediasrv_rtp,
            "rtp_port_max": at.mediasrv_rtp + MEDIASRV_RTP_PORTS - 1,
            "workers": 1,
            "recordings_dir": str(run.recordings),
            "prompt_cache_dir": str(plan.prompts),
            "http": f"{HOST}:{at.mediasrv_http}",
        },
        "keeper": {"http": f"{HOST}:{at.keeper_http}"},
        "log": {"calls": str(run.calls)},
        "console": {"http": f"{HOST}:{at.console}", "work_dir": str(run.console)},
        "desk": {"socket": str(run.desk), "http": f"{HOST}:{at.desk_http}"},
    }
    lines = ["# Written by `cardswitch`; every start writes it anew."]
    for name, table in tables.items():
        lines += [
            "",
            f"[{name}]",
            *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()),
        ]
    return "\n".join(lines) + "\n"
