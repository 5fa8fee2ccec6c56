"""What the keeper shows: Prometheus metrics from the ledger and the journal, and whether it is healthy."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

MICROS = 1_000_000
HEALTHY_AGE_S = 10.0  # the last look at the journal and the ledger is no older

# tally name: (metric, what it is, its label, what one unit of the tally is)
COUNTERS = {
    "charged": ("cardswitch_spend_charged", "Charged to cards, in currency units", "currency", MICROS),
    "cost": ("cardswitch_spend_cost", "What carriers take for it, in currency units", "currency", MICROS),
    "calls": ("cardswitch_calls_settled", "Settled calls by outcome", "outcome", 1),
    "seconds": ("cardswitch_connected_seconds", "Connected seconds of settled calls", None, 1),
    "late": ("cardswitch_calls_late", "Ends of answered calls whose hold had been settled without them", None, 1),
    "sweeps": ("cardswitch_sweeper_finds", "Holds without an end, settled by the sweeper", None, 1),
}


@dataclass(slots=True)
class State:
    """What the keeper's threads have seen last; each field is written by one thread and replaced whole."""

    ledger_up: bool = False
    ledger_ok: bool | None = None  # None: not checked yet
    looked: float = 0.0  # when the journal was last applied or found empty (monotonic)
    open_counts: list[dict[str, Any]] = field(default_factory=list)
    tallies: dict[tuple[str, str], int] = field(default_factory=dict)
    liability: dict[str, int] = field(default_factory=dict)
    journal_bytes: int = 0
    unread_bytes: int = 0
    oldest_unread_us: int = 0
    torn: int = 0
    strange: int = 0
    unknown: int = 0

    def healthy(self) -> bool:
        return self.ledger_up and time.monotonic() - self.looked < HEALTHY_AGE_S and self.ledger_ok is not False


class KeeperCollector(Collector):
    """The state as metrics. ``own`` are counters of this process by name and help text."""

    def __init__(self, state: State, own: dict[tuple[str, str], Callable[[], int]]) -> None:
        self._state = state
        self._own = own

    def collect(self) -> Iterable[Metric]:
        yield from self._gauges()
        for tally, (name, text, label, unit) in COUNTERS.items():
            family = CounterMetricFamily(name, text, labels=[label] if label else [])
            found = {key[1]: value for key, value in self._state.tallies.items() if key[0] == tally}
            for value_label, value in (found or ({} if label else {"": 0})).items():
                family.add_metric([value_label] if label else [], value / unit)
            yield family
        for (name, text), value_of in self._own.items():
            yield CounterMetricFamily(name, text, value=value_of())

    def _gauges(self) -> Iterator[Metric]:
        state = self._state
        calls = GaugeMetricFamily("cardswitch_concurrent_calls", "Connected calls", labels=["node"])
        holds = GaugeMetricFamily("cardswitch_holds_outstanding", "Holds not settled yet", labels=["node"])
        held = GaugeMetricFamily("cardswitch_held", "Held on cards, in currency units", labels=["currency"])
        for row in _summed(state.open_counts, "node"):
            calls.add_metric([row["node"]], row["connected"])
            holds.add_metric([row["node"]], row["holds"])
        for row in _summed(state.open_counts, "currency"):
            held.add_metric([row["currency"]], row["held_micros"] / MICROS)
        yield from (calls, holds, held)
        owed = GaugeMetricFamily(
            "cardswitch_balance_liability", "Unspent on cards, in currency units", labels=["currency"]
        )
        for currency, micros in state.liability.items():
            owed.add_metric([currency], micros / MICROS)
        yield owed
        yield GaugeMetricFamily("cardswitch_journal_bytes", "Size of the call journal", value=state.journal_bytes)
        yield GaugeMetricFamily("cardswitch_journal_lag_bytes", "Journal not applied yet", value=state.unread_bytes)
        lag_s = max(0.0, time.time() - state.oldest_unread_us / MICROS) if state.oldest_unread_us else 0.0
        yield GaugeMetricFamily("cardswitch_journal_lag_seconds", "Age of the oldest event not applied", value=lag_s)
        yield GaugeMetricFamily("cardswitch_ledger_up", "Whether the ledger answers", value=int(state.ledger_up))
        if state.ledger_ok is not None:
            text = "Whether issued + refilled - charged - fees = posted, and all holds add up"
            yield GaugeMetricFamily("cardswitch_ledger_invariant", text, value=int(state.ledger_ok))
        yield CounterMetricFamily("cardswitch_journal_torn", "Torn records skipped", value=state.torn)
        yield CounterMetricFamily("cardswitch_journal_strange", "Events that were not understood", value=state.strange)
        yield CounterMetricFamily(
            "cardswitch_journal_unknown", "Events of holds not in the ledger", value=state.unknown
        )


def _summed(rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    sums: dict[str, dict[str, Any]] = {}
    for row in rows:
        into = sums.setdefault(row[key], {key: row[key], "holds": 0, "connected": 0, "held_micros": 0})
        for name in ("holds", "connected", "held_micros"):
            into[name] += int(row[name])
    return list(sums.values())


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A scrape every few seconds is no news."""


def serve(address: tuple[str, int], state: State, collector: Collector) -> WSGIServer:
    """Serves /metrics and /healthz in a thread of its own. Raises OSError when the port is taken."""
    registry = CollectorRegistry()
    registry.register(collector)
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
