"""What Prometheus is shown of a media server, and its health, on one small HTTP port."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from mediasrv.settings import Address

Health = Callable[[], dict[str, Any]]


class Metrics:
    """The counters that the server keeps; each in a registry of its own, so that tests can have several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = Counter("cardswitch_ivr_calls", "Calls taken", registry=self.registry)
        self.refused = Counter(
            "cardswitch_ivr_refused", "Calls refused, by SIP status", ["status"], registry=self.registry
        )
        self.failed = Counter("cardswitch_ivr_failed", "Calls ended by a fault of ours", registry=self.registry)
        self.bridges = Counter("cardswitch_ivr_bridges", "Second legs, by outcome", ["outcome"], registry=self.registry)

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A gauge that is read when it is asked for."""
        Gauge(name, text, registry=self.registry).set_function(value)


class _Handler(BaseHTTPRequestHandler):
    server: "HttpServer"

    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._say(200, CONTENT_TYPE_LATEST, generate_latest(self.server.metrics.registry))
        elif self.path == "/healthz":
            health = self.server.health()
            self._say(200 if health["ok"] else 503, "application/json", json.dumps(health).encode() + b"\n")
        else:
            self._say(404, "text/plain", b"/metrics or /healthz\n")

    def _say(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Probes every few seconds are not worth a line."""


class HttpServer(ThreadingHTTPServer):
    """/metrics and /healthz in a thread of their own. Raises OSError when the address is taken."""

    daemon_threads = True

    def __init__(self, address: Address, metrics: Metrics, health: Health) -> None:
        super().__init__(address, _Handler)
        self.metrics, self.health = metrics, health
        threading.Thread(target=self.serve_forever, args=(0.2,), name="http", daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()
