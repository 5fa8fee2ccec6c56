"""``python -m kemi.dry_start [--config FILE]``: would an edge start with this release and these settings?

``kamailio -c`` reads the configuration, but neither imports the routing nor asks the ledger. So a second Kamailio is
started beside the running one, on ports of the loopback interface and in a directory of its own, until it answers
OPTIONS by 200, which it does once the routing is loaded and trunks and access numbers are read. Then it is ended.
Exit status 1, with the end of its log, when it does not. The playbook does this before it touches the running edge.
"""

import argparse
import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from kemi.launch import kamailio_command, kamailio_environment, write_files
from rating.settings import Settings, SettingsError, load_settings

HOST = "127.0.0.1"
ANSWERS_WITHIN_S = 60.0
ENDS_WITHIN_S = 15.0
FEW = {"udp_workers": 1, "tcp_workers": 1, "async_workers": 1, "probe_gateways": False}
LISTENERS = ("sip6", "tls", "hep")  # addresses that the running edge has, and that a start aside must not want
LOG_LINES_SHOWN = 25
PORT_TRIES = 50


class DryStartError(Exception):
    """It would not start; the message says why."""


def free_port() -> int:
    """Free for UDP and TCP a moment ago. Raises DryStartError."""
    for _ in range(PORT_TRIES):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            contextlib.suppress(OSError),  # what is free for TCP may be some RTP stream's
        ):
            tcp.bind((HOST, 0))
            udp.bind(tcp.getsockname())
            return int(tcp.getsockname()[1])
    raise DryStartError(f"no port of {HOST} is free for both UDP and TCP")


def aside(settings: Settings, directory: Path) -> Settings:
    """The same settings with the addresses and directories of a start aside, written into ``directory``."""
    tables = {name: dict(table) for name, table in settings.tables.items()}
    tables["journal"]["directory"] = str(directory / "journal")
    tables["decks"]["cache_directory"] = str(directory / "decks")
    edge = {name: value for name, value in tables["edge"].items() if name not in LISTENERS}
    tables["edge"] = (
        edge
        | FEW
        | {
            "sip": f"{HOST}:{free_port()}",
            "http": f"{HOST}:{free_port()}",
            "rpc_socket": str(directory / "rpc.sock"),
            "metrics_dir": str(directory / "metrics"),
            "dialog_log_dir": str(directory / "dialogs"),
        }
    )
    file = directory / "cardswitch.toml"
    file.touch(mode=0o600)
    file.write_text(as_toml(tables))
    return load_settings(file)


def as_toml(tables: dict[str, dict[str, Any]]) -> str:
    """Tables of texts, numbers, booleans and lists of them: JSON's notation of these is TOML's, too."""
    lines: list[str] = []
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def dry_start(settings: Settings, *, answers_within_s: float = ANSWERS_WITHIN_S) -> None:
    """Returns when an edge with these settings has answered, and is ended. Raises DryStartError."""
    with tempfile.TemporaryDirectory(prefix="csdry") as path:
        directory = Path(path)
        ours = aside(settings, directory)
        main_file, environment = write_files(ours, directory), kamailio_environment(ours)
        check = subprocess.run(
            ["kamailio", "-c", "-f", str(main_file), "-Y", path],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=ANSWERS_WITHIN_S,
        )
        if check.returncode != 0:
            raise DryStartError(f"kamailio -c refuses the configuration:\n{tail(check.stderr)}")
        log = directory / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                kamailio_command(ours, directory),
                env=environment,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )
        try:
            if not answers(ours.table("edge")["sip"], process, answers_within_s):
                raise DryStartError(
                    f"the edge does not answer OPTIONS by 200:\n{tail(log.read_text(errors='replace'))}"
                )
        finally:
            end(process)


def answers(address: str, process: "subprocess.Popen[bytes]", within_s: float) -> bool:
    """Asks until OPTIONS is answered by 200, the process ends, or time is up."""
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + within_s
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((HOST, 0))
        udp.settimeout(0.5)
        while process.poll() is None and time.monotonic() < deadline:
            try:
                udp.sendto(options_request(address, udp.getsockname()[1]), (host, int(port)))
                if udp.recv(65_535).startswith(b"SIP/2.0 200 "):
                    return True
            except OSError:
                pass
            time.sleep(0.2)
    return False


def options_request(address: str, port: int) -> bytes:
    """RFC 3261, section 11."""
    lines = [
        f"OPTIONS sip:ping@{address} SIP/2.0",
        f"Via: SIP/2.0/UDP {HOST}:{port};branch=z9hG4bK{uuid.uuid4().hex};rport",
        f"From: <sip:ping@{HOST}>;tag={uuid.uuid4().hex[:8]}",
        f"To: <sip:ping@{address}>",
        f"Call-ID: {uuid.uuid4().hex}",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 5",
        f"Contact: <sip:ping@{HOST}:{port}>",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(text: str) -> str:
    return "\n".join(text.splitlines()[-LOG_LINES_SHOWN:])


def main() -> int:
    """0 when it would start."""
    parser = argparse.ArgumentParser(prog="python -m kemi.dry_start", description=__doc__)
    parser.add_argument("--config", help="cardswitch.toml; default: what CARDSWITCH_CONFIG names")
    try:
        dry_start(load_settings(parser.parse_args().config))
    except (SettingsError, DryStartError, OSError, subprocess.TimeoutExpired) as error:
        print(f"kemi.dry_start: {error}", file=sys.stderr)
        return 1
    print("an edge starts with these settings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
