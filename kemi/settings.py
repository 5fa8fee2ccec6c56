"""The edge's own part of the settings file: the tables ``edge``, ``rtpengine`` and ``mediasrv``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rating.settings import Settings, SettingsError

TLS_FILES = ("tls_certificate", "tls_key", "tls_ca")


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """Times in seconds unless named otherwise; sizes in bytes. Addresses are "host:port"."""

    sip: str
    rpc_socket: Path
    http: str
    metrics_dir: Path
    certificates_dir: Path | None = None  # of STIR/SHAKEN signers; None: signatures are not verified
    udp_workers: int = 4
    tcp_workers: int = 2
    async_workers: int = 2
    dialog_log_dir: Path | None = None  # running dialogs, for the next start; None: beside the RPC socket
    shared_memory_mb: int = 64
    private_memory_mb: int = 8
    debug: int = 2
    longest_call_s: int = 14_400  # of a call whose product names no limit
    ivr_longest_s: int = 7_200  # of a caller's leg to the media server
    pdd_limit_ms: int = 8_000  # a gateway that does not ring in this time is left for the next
    any_reply_ms: int = 3_000  # … or that says nothing at all in this
    ring_limit_ms: int = 90_000
    attempts_max: int = 4  # gateways tried for a call
    sip6: str = ""  # a second listener, "[2001:db8::1]:5060"; rtpengine needs an interface of that kind, too
    tls: str = ""  # a listener for trunks and towards gateways (";transport=tls"), "192.0.2.1:5061"
    tls_certificate: Path | None = None  # with its chain, PEM; shown to both sides
    tls_key: Path | None = None
    tls_ca: Path | None = None  # who may have signed a gateway's certificate; None: any of the system's authorities
    media_servers: tuple[str, ...] = ()  # all that callers are sent to, in turn; (): the one of [mediasrv]
    hide_topology: bool = True  # what one side says of itself in Via, Record-Route and Contact the other cannot read
    probe_gateways: bool = True  # by OPTIONS; one that does not answer is tried last
    message_bytes_max: int = 16_384
    retry_after_s: int = 5

    @property
    def dialog_log(self) -> Path:
        return self.dialog_log_dir or self.rpc_socket.parent / "dialogs"


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Where the media relays, the media servers and the capture server are."""

    rtpengines: tuple[str, ...]
    media_servers: tuple[str, ...]
    capture: str = ""  # gets a copy of all SIP by HEP version 3; "": nobody
    capture_id: int = 1  # which node a copy is from


def edge_settings(settings: Settings) -> EdgeSettings:
    """The table ``edge``. Raises SettingsError naming what is missing or not known."""
    table: dict[str, Any] = dict(settings.table("edge"))
    for name in ("rpc_socket", "metrics_dir", "dialog_log_dir", "certificates_dir", *TLS_FILES):
        if name in table:
            table[name] = Path(table[name])
    if "media_servers" in table:
        table["media_servers"] = tuple(table["media_servers"])
    try:
        found = EdgeSettings(**table)
    except TypeError as error:
        raise SettingsError(f"{settings.path}: [edge]: {error}") from error
    if found.tls and not (found.tls_certificate and found.tls_key):
        raise SettingsError(f"{settings.path}: [edge] tls needs tls_certificate and tls_key")
    return found


def neighbours(settings: Settings) -> Neighbours:
    """Raises SettingsError when an address is missing."""
    try:
        media_servers = settings.table("edge").get("media_servers") or [settings.table("mediasrv")["sip"]]
        relays = settings.table("rtpengine")["ng"]  # one address, or a list of them
        log = settings.table("log")
        return Neighbours(
            (relays,) if isinstance(relays, str) else tuple(relays),
            tuple(media_servers),
            str(log.get("hep", "")),
            int(log.get("hep_id", 1)),
        )
    except KeyError as error:
        raise SettingsError(f"{settings.path}: missing setting {error} in [rtpengine] or [mediasrv]") from error


def certificate_file(directory: Path, url: str) -> Path:
    """Where the STIR/SHAKEN certificate of ``url`` is kept. The name cannot leave the directory: "/" is encoded."""
    return directory / quote(url, safe="")


def host_and_port(address: str) -> tuple[str, int]:
    """("127.0.0.1", 5060) of "127.0.0.1:5060", ("::1", 5060) of "[::1]:5060". Raises SettingsError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise SettingsError(f"{address!r} is not host:port")
    return host.strip("[]"), int(port)
