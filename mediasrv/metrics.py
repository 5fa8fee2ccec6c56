"""What Prometheus is shown of a media server, and its health, on one small HTTP port."""

import json
import threading
from collections.abc import Callable, Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from mediasrv.ivr.caller import BridgeOutcome
from mediasrv.progress import CALLER, PLATFORM, STAGES, Progress
from mediasrv.settings import Address
from rating.build import version
from rating.outcome import Refusal

Health = Callable[[], dict[str, Any]]
OK, UNAVAILABLE = "OK", "LEDGER_UNAVAILABLE"  # outcomes that are no refusals
KEY_KINDS = ("rfc4733", "inband", "info", "rtpengine")
AUTHORISE_BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5)  # as the edge's


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
        self.ended = Counter(
            "cardswitch_ivr_ended", "Where conversations ended, and by whom", ["stage", "by"], registry=self.registry
        )
        self.keys = Counter(
            "cardswitch_ivr_keys", "Keys of callers, by how they came", ["kind"], registry=self.registry
        )
        self.pins = Counter("cardswitch_ivr_pins", "PINs keyed in, by outcome", ["outcome"], registry=self.registry)
        self.refills = Counter("cardswitch_ivr_refills", "Vouchers, by outcome", ["outcome"], registry=self.registry)
        self.authorised = Counter(
            "cardswitch_ivr_authorisations", "Calls asked for, by outcome", ["outcome"], registry=self.registry
        )
        self.authorise_s = Histogram(
            "cardswitch_ivr_authorise_seconds", "Time to authorise", buckets=AUTHORISE_BOUNDS_S, registry=self.registry
        )
        self._begin_at_zero()
        build = Gauge("cardswitch_build_info", "What runs", ["part", "version"], registry=self.registry)
        build.labels("mediasrv", version()).set(1)
        ProcessCollector(registry=self.registry)

    def _begin_at_zero(self) -> None:
        """What comes first is a change then, for rates and alerts."""
        for stage, by in product(STAGES, (CALLER, PLATFORM)):
            self.ended.labels(stage, by)
        for counter, outcome in product((self.pins, self.refills, self.authorised), (OK, *Refusal)):
            counter.labels(str(outcome))
        self.authorised.labels(UNAVAILABLE)
        for outcome in BridgeOutcome:
            self.bridges.labels(str(outcome))
        for kind in KEY_KINDS:
            self.keys.labels(kind)

    def over(self, progress: Progress) -> None:
        """A conversation has ended."""
        self.ended.labels(progress.stage, progress.left_by).inc()
        for kind, number in progress.keys.items():
            self.keys.labels(kind).inc(number)

    def watch_stages(self, stages: Callable[[], Sequence[str]]) -> None:
        """``stages``: where each caller is, asked at every scrape."""
        gauge = Gauge("cardswitch_ivr_sessions", "Callers in the IVR, by stage", ["stage"], registry=self.registry)
        for stage in STAGES:
            gauge.labels(stage).set_function(partial(_count, stages, stage))

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A gauge that is read when it is asked for."""
        Gauge(name, text, registry=self.registry).set_function(value)


def _count(stages: Callable[[], Sequence[str]], stage: str) -> float:
    return stages().count(stage)


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
