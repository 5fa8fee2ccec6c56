"""Counters of the edge. Every process has a file of its own; /metrics adds them up (multiprocess mode).

No PIN, card, CallerID or number is ever a label, and every label has few values: tests/monitoring lists them.
"""

import struct
import time
from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from rating.outcome import Refusal

READ_TRIES = 5
READ_AGAIN_S = 0.01

CALLS = Counter("cardswitch_edge_calls_total", "New calls by what became of them", ["kind", "outcome"])
REPLIES = Counter("cardswitch_edge_final_replies_total", "Final replies of gateways", ["status"])
ATTEMPTS = Counter(
    "cardswitch_edge_attempts_total", "Gateways tried, by answer (2xx, …, none)", ["gateway_id", "answer"]
)
FAILOVERS = Counter("cardswitch_edge_failovers_total", "Further gateways tried")
ERRORS = Counter("cardswitch_edge_errors_total", "Exceptions in a callback", ["callback"])
ATTESTATIONS = Counter("cardswitch_edge_attestations_total", "Signed calls by verified level; F: failed", ["level"])
JOURNAL_EVENTS = Counter("cardswitch_edge_journal_events_total", "Events for the call journal", ["event"])
JOURNAL_LOST = Counter("cardswitch_edge_journal_lost_total", "Events that could not be written")
LEDGER_UNAVAILABLE = Counter("cardswitch_edge_ledger_unavailable_total", "Calls refused because of the ledger")
AUTHORISE = Histogram(
    "cardswitch_edge_authorise_seconds",
    "Time to authorise or claim",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
DIRECTORY_VERSION = Gauge(
    "cardswitch_edge_directory_version",
    "Changes of trunks and access numbers seen since the start; 0: none read yet",
    multiprocess_mode="max",
)
BREAKER_OPEN = Gauge("cardswitch_edge_breaker_open", "1 while new calls are refused", multiprocess_mode="mostrecent")
PDD = Histogram("cardswitch_edge_pdd_seconds", "INVITE to ringing", buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16))

# Shown as 0 from the start: what comes first is a change then, for rates and alerts.
for _kind, _outcomes in {
    "card": ("PLACED", "LEDGER_UNAVAILABLE", *Refusal),
    "second_leg": ("PLACED", "LEDGER_UNAVAILABLE", *Refusal),
    "ivr": ("PLACED", "NO_MEDIA_SERVER"),
    "unknown": ("UNKNOWN_SOURCE",),
}.items():
    for _outcome in _outcomes:
        CALLS.labels(_kind, str(_outcome))

BUILD = Gauge("cardswitch_build_info", "What runs", ["part", "version"], multiprocess_mode="max")


def tried(gateway_id: int, status: int | None) -> None:
    """Counts an attempt at a gateway; no status: it said nothing at all."""
    ATTEMPTS.labels(str(gateway_id), f"{status // 100}xx" if status else "none").inc()


def exposition() -> str:
    """All processes' counters in Prometheus' text format."""
    for _ in range(READ_TRIES):
        with suppress(struct.error):  # a process is just making its file: it is still empty
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            return generate_latest(registry).decode()
        time.sleep(READ_AGAIN_S)
    return ""
