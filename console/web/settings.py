"""The console's table of ``cardswitch.toml``:

[console]
http = "127.0.0.1:8080"                    # where it serves HTTP; TLS is a proxy's business
url = "https://console.example.net"        # what people type; http:// only for loopback addresses
work_dir = "/var/lib/cardswitch/console"   # uploads, while they are looked at
trusted_proxies = ["127.0.0.1"]            # whose X-Forwarded-For is believed

[console.webhooks]
acme = "/etc/cardswitch/acme.key"          # refill providers, each with the file of its secret
"""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from rating.settings import Settings, SettingsError

SECRET_BYTES_MIN = 32


@dataclass(frozen=True, slots=True)
class WebSettings:
    """``requests_per_s`` and ``burst`` are of one address; ``logins_per_min`` too, right ones included."""

    host: str
    port: int
    url: str
    work_dir: Path
    trusted_proxies: tuple[str, ...] = ()
    webhooks: dict[str, bytes] = field(default_factory=dict, repr=False)
    requests_per_s: float = 50.0
    burst: int = 200
    logins_per_min: int = 10

    @property
    def secure(self) -> bool:
        """Whether browsers come by TLS: cookies are for that only, then."""
        return self.url.startswith("https://")

    @property
    def hosts(self) -> frozenset[str]:
        """What a Host header may say: else a name of somebody else's that resolves to us could be used."""
        return frozenset({urlsplit(self.url).netloc.lower(), f"{self.host}:{self.port}"})

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}".lower()


def web_settings(settings: Settings) -> WebSettings:
    """Reads [console]. Raises SettingsError."""
    table = dict(settings.table("console"))
    try:
        host, _, port = str(table.pop("http")).rpartition(":")
        url = str(table.pop("url", f"http://{host}:{port}")).rstrip("/")
        webhooks = {name: _secret(Path(path)) for name, path in dict(table.pop("webhooks", {})).items()}
        found = WebSettings(
            host=host.strip("[]"),
            port=int(port),
            url=url,
            work_dir=Path(table.pop("work_dir")),
            trusted_proxies=tuple(table.pop("trusted_proxies", ())),
            webhooks=webhooks,
            **table,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"{settings.path}: [console] misses or has a wrong setting: {error}") from error
    if not found.secure and not _is_loopback(urlsplit(url).hostname or ""):
        raise SettingsError(f"{settings.path}: [console] url must be https:// (passwords would go in the clear)")
    return found


def _secret(path: Path) -> bytes:
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"cannot read the webhook secret {path}: {error.strerror}") from error
    if len(secret) < SECRET_BYTES_MIN:
        raise SettingsError(f"the webhook secret {path} must hold at least {SECRET_BYTES_MIN} bytes")
    return secret


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
