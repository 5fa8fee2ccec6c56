"""``python -m kemi.launch --config cardswitch.toml``: writes Kamailio's generated files and becomes Kamailio.

Into the run directory (default: the one of the RPC socket) go ``edge.cfg``, which defines this node's addresses and
paths and includes ``kamailio/kamailio.cfg``, and the list of media servers. Several nodes run side by side when their
settings name different addresses and directories. Works as root and as a plain user.
"""

import argparse
import hmac
import os
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from kemi import restore
from kemi.settings import EdgeSettings, edge_settings, host_and_port, neighbours
from rating.journal import boot_clock_us, boot_id
from rating.settings import CONFIG_VARIABLE, Settings, SettingsError, load_settings

ROOT = Path(__file__).parent.parent
CONFIGURATION = ROOT / "kamailio" / "kamailio.cfg"
SCRIPT = ROOT / "kemi" / "route.py"
KAMAILIO = "kamailio"
MEDIASRV_GROUP = 1  # of the dispatcher
GATEWAY_GROUP = 2
DIALOG_DATABASE = "dialog-tables"
TLS_CONFIG = "tls.cfg"
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


def defines(settings: Settings, run_dir: Path) -> dict[str, str]:
    """What ``edge.cfg`` defines for the files in ``kamailio/``."""
    edge, near = edge_settings(settings), neighbours(settings)
    optional = {"EDGE_VERIFIES_IDENTITY": "1"} if edge.certificates_dir else {}
    if edge.hide_topology:
        optional["EDGE_MASK_KEY"] = f'"{mask_key(settings)}"'
    if edge.sip6:
        optional |= {"EDGE_UDP6": f"udp:{edge.sip6}", "EDGE_TCP6": f"tcp:{edge.sip6}"}
    if near.capture:
        optional |= {"EDGE_HEP": f'"sip:{near.capture}"', "EDGE_HEP_ID": str(near.capture_id)}
    if edge.tls:
        optional |= {"EDGE_TLS": f"tls:{edge.tls}", "EDGE_TLS_CONFIG": f'"{run_dir / TLS_CONFIG}"'}
    return optional | {
        "EDGE_DEBUG": str(edge.debug),
        "EDGE_UDP_WORKERS": str(edge.udp_workers),
        "EDGE_TCP_WORKERS": str(edge.tcp_workers),
        "EDGE_ASYNC_WORKERS": str(edge.async_workers),
        "EDGE_UDP": f"udp:{edge.sip}",
        "EDGE_TCP": f"tcp:{edge.sip}",
        "EDGE_HTTP": f"tcp:{edge.http}",
        "EDGE_LONGEST_S": str(edge.longest_call_s),
        "EDGE_RTPENGINE": f'"{" ".join(f"udp:{address}" for address in near.rtpengines)}"',
        "EDGE_DISPATCHER": f'"{run_dir / "dispatcher.list"}"',
        "EDGE_RPC_SOCKET": f'"{edge.rpc_socket}"',
        "EDGE_DIALOG_DB": f'"text://{run_dir / DIALOG_DATABASE}"',
        "EDGE_SCRIPT": f'"{SCRIPT}"',
    }


def mask_key(settings: Settings) -> str:
    """The key under which one side's addresses are hidden from the other: the same on all nodes that share a pepper."""
    return hmac.digest(settings.pepper(), b"topology", "sha256").hex()


def write_files(settings: Settings, run_dir: Path) -> Path:
    """Writes the generated files and empties the metrics directory; returns the path of ``edge.cfg``."""
    edge, near = edge_settings(settings), neighbours(settings)
    for address in (
        edge.sip,
        edge.sip6 or edge.sip,
        edge.http,
        near.capture or edge.sip,
        *near.rtpengines,
        *near.media_servers,
    ):
        host_and_port(address)
    run_dir.mkdir(parents=True, exist_ok=True)
    edge.rpc_socket.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(edge.metrics_dir, ignore_errors=True)  # counters of dead workers would be added up
    edge.metrics_dir.mkdir(parents=True)
    (run_dir / "dispatcher.list").write_text(destinations(near.media_servers))
    if edge.tls:
        (run_dir / TLS_CONFIG).write_text(tls_profiles(edge))
    restore_dialogs(edge, run_dir / DIALOG_DATABASE)
    lines = [f"#!define {name} {value}" for name, value in defines(settings, run_dir).items()]
    main_file = run_dir / "edge.cfg"
    main_file.write_text("\n".join(["#!KAMAILIO", *lines, f'include_file "{CONFIGURATION}"', ""]))
    return main_file


def tls_profiles(edge: EdgeSettings) -> str:
    """Trunks are known by address and show no certificate; a gateway is called only if its certificate is good."""
    own = [f"certificate = {edge.tls_certificate}", f"private_key = {edge.tls_key}", "method = TLSv1.2+"]
    server = [*own, "verify_certificate = no", "require_certificate = no"]
    authorities = edge.tls_ca or SYSTEM_AUTHORITIES
    client = [*own, "verify_certificate = yes", "require_certificate = yes", f"ca_list = {authorities}"]
    return "\n".join(["[server:default]", *server, "", "[client:default]", *client, ""])


def destinations(media_servers: Iterable[str], gateway_uris: Iterable[str] = ()) -> str:
    """The dispatcher's list. Gateways come to it from the ledger, once Kamailio runs (kemi/gateways.py)."""
    lines = [f"{MEDIASRV_GROUP} sip:{address} 8 0 name=mediasrv" for address in media_servers]
    return "\n".join([*lines, *(f"{GATEWAY_GROUP} {uri} 8 0" for uri in gateway_uris), ""])


def restore_dialogs(edge: EdgeSettings, database: Path) -> int:
    """Makes the tables from which Kamailio restores the calls that ran when it ended; how many they are."""
    database.mkdir(exist_ok=True)
    clocks = restore.Clocks(int(time.time()), boot_clock_us(), boot_id())
    found = restore.still_running(restore.read_log(edge.dialog_log), clocks)
    for name, content in restore.tables(found).items():
        (database / name).write_text(content)
    return len(found)


def kamailio_command(settings: Settings, run_dir: Path) -> list[str]:
    """The command that runs Kamailio in the foreground, logging to standard error."""
    edge: EdgeSettings = edge_settings(settings)
    # fm: the allocator for production; Debian's default is the one for debugging, which took 8 % of all processor time.
    memory = ["-m", str(edge.shared_memory_mb), "-M", str(edge.private_memory_mb), "-x", "fm", "-X", "fm"]
    files = ["-f", str(run_dir / "edge.cfg"), "-Y", str(run_dir), "-P", str(run_dir / "kamailio.pid")]
    return [KAMAILIO, *files, "-w", str(run_dir), *memory, "-DD", "-E"]


def kamailio_environment(settings: Settings) -> dict[str, str]:
    """The environment in which the Python inside Kamailio finds our packages, the settings and its metrics files."""
    site_packages = Path(sys.prefix) / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    paths = [str(ROOT), str(site_packages)]
    inherited = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin",  # not in a plain user's path
        CONFIG_VARIABLE: str(settings.path.resolve()),
        "PYTHONPATH": os.pathsep.join([inherited, *paths] if inherited else paths),
        "PROMETHEUS_MULTIPROC_DIR": str(edge_settings(settings).metrics_dir),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def main(argv: list[str] | None = None) -> int:
    """Returns only when Kamailio could not be started."""
    parser = argparse.ArgumentParser(prog="python -m kemi.launch", description=__doc__)
    parser.add_argument("--config", help=f"settings file (default: ${CONFIG_VARIABLE})")
    parser.add_argument("--run-dir", type=Path, help="directory of the generated files (default: the RPC socket's)")
    options = parser.parse_args(argv)
    try:
        settings = load_settings(options.config)
        run_dir = (options.run_dir or edge_settings(settings).rpc_socket.parent).resolve()
        write_files(settings, run_dir)
        command = kamailio_command(settings, run_dir)
        environment = kamailio_environment(settings)
    except (SettingsError, OSError) as error:
        print(f"kemi.launch: {error}", file=sys.stderr)
        return 1
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - becoming it is the point
    except FileNotFoundError:
        print("kemi.launch: kamailio is not installed (apt-get install kamailio)", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
