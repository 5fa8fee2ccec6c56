"""What the keeper shows: Prometheus metrics from the ledger and the journal, and whether it is healthy."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.registry import Collector

HEALTHY_AGE_S = 10.0  # the last look at the journal and the ledger is no older


@dataclass(slots=True)
class State:
    """What the keeper's threads have seen last; each field is written by one thread and replaced whole."""

    ledger_up: bool = False
    ledger_ok: bool | None = None  # None: not checked yet
    looked: float = 0.0  # when the journal was last applied or found empty (monotonic)
    open_counts: list[dict[str, Any]] = field(default_factory=list)
    tallies: dict[tuple[str, str], int] = field(default_factory=dict)
    products: dict[str, str] = field(default_factory=dict)  # names by id as text
    carriers: dict[str, str] = field(default_factory=dict)
    gateways: list[dict[str, Any]] = field(default_factory=list)
    pin_guard: list[dict[str, Any]] = field(default_factory=list)
    liability: dict[str, int] = field(default_factory=dict)
    books: dict[str, dict[str, int]] = field(default_factory=dict)  # currency: {issued, refilled, …} in micro-units
    cards: list[dict[str, Any]] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)
    refills: list[dict[str, Any]] = field(default_factory=list)
    certificates: dict[str, int] = field(default_factory=dict)  # file name: epoch seconds of its end
    silent: Callable[[], int] = lambda: 0  # connected calls without media
    journal_bytes: int = 0
    unread_bytes: int = 0
    oldest_unread_us: int = 0
    torn: int = 0
    strange: int = 0
    unknown: int = 0

    def healthy(self) -> bool:
        return self.ledger_up and time.monotonic() - self.looked < HEALTHY_AGE_S and self.ledger_ok is not False


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A scrape every few seconds is no news."""


def serve(address: tuple[str, int], state: State, collector: Collector) -> WSGIServer:
    """Serves /metrics and /healthz in a thread of its own. Raises OSError when the port is taken."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    metrics = make_wsgi_app(registry)

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/metrics":
            return metrics(environ, start_response)  # type: ignore[no-any-return]
        if environ["PATH_INFO"] != "/healthz":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"only /metrics and /healthz are here\n"]
        healthy = state.healthy()
        start_response("200 OK" if healthy else "503 Service Unavailable", [("Content-Type", "application/json")])
        body = {
            "ok": healthy,
            "ledger_up": state.ledger_up,
            "ledger_ok": state.ledger_ok,
            "journal_lag_bytes": state.unread_bytes,
        }
        return [json.dumps(body).encode() + b"\n"]

    server = make_server(*address, application, server_class=_Server, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server
