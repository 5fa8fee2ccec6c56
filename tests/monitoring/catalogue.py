"""Every metric with its labels, and how many values each label can have. What is not listed here may not be shown.

A label names what an operator provisions or what the code enumerates; never a PIN, a card, a CallerID or a number.
"""

from dataclasses import dataclass

# Provisioned: far above what a carrier has. Enumerated: counted in the code named beside it.
LABEL_VALUES = {
    "product": 50,
    "currency": 10,
    "carrier": 50,
    "trunk": 100,
    "node": 16,
    "gateway_id": 200,
    "destination_group": 252,  # ISO 3166, and "001", "ZZ"
    "outcome": 24,  # rating/outcome.py and OK, PLACED, LEDGER_UNAVAILABLE, …; BridgeOutcome
    "state": 4,  # of a call, a card, a dialog
    "kind": 6,  # of a call, a key, an amount, a SIP message
    "cause": 128,  # Q.850
    "ended_by": 6,  # caller, callee, timeout, platform, sweeper, ""
    "scope": 3,  # ani, trunk, all: not whose
    "stage": 14,  # mediasrv/progress.py
    "by": 2,
    "how": 2,
    "answer": 6,  # 2xx … 6xx, none
    "status": 80,  # SIP
    "callback": 16,  # kemi/route.py
    "event": 4,
    "worker": 16,
    "part": 4,
    "area": 5,  # console/web/metrics.py
    "version": 3,  # while an upgrade is under way
    "certificate": 10,
}
SERIES_MAX = 200_000
NOT_LABELS = {
    "pin",
    "card",
    "card_id",
    "serial",
    "ani",
    "dnis",
    "number",
    "call",
    "call_id",
    "callid",
    "hold",
    "prefix",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """``at_most``: where something else than the product of the labels' values is the bound, and smaller."""

    labels: tuple[str, ...] = ()
    buckets: int = 1
    at_most: int = 0

    @property
    def bound(self) -> int:
        series = self.buckets
        for label in self.labels:
            series *= LABEL_VALUES[label]
        return min(series, self.at_most) if self.at_most else series


CALLS_AT_ONCE = 20_000  # a gauge has no more series than there are calls to count

KEEPER = {
    "spend_charged": Shown(("product", "currency", "destination_group")),
    "spend_cost": Shown(("product", "currency", "destination_group")),
    "calls_settled": Shown(("outcome",)),
    "connected_seconds": Shown(),
    "route_calls": Shown(("carrier", "destination_group", "outcome"), at_most=50 * 252 * 2),  # answered, unanswered
    "route_connected_seconds": Shown(("carrier", "destination_group")),
    "route_charged": Shown(("carrier", "currency")),
    "route_cost": Shown(("carrier", "currency")),
    "call_ends": Shown(("cause", "ended_by")),
    "calls_ended_by_balance": Shown(("product",)),
    "calls_late": Shown(),
    "sweeper_finds": Shown(),
    "pdd_seconds": Shown(("carrier",), buckets=11),
    "setup_seconds": Shown(("carrier",), buckets=12),
    "concurrent_calls": Shown(("product", "trunk", "carrier", "state", "node"), at_most=CALLS_AT_ONCE),
    "holds_outstanding": Shown(("node",)),
    "calls_without_media": Shown(),
    "gateway_info": Shown(("gateway_id", "carrier"), at_most=200),
    "held": Shown(("currency",)),
    "balance_liability": Shown(("currency",)),
    "ledger_amount": Shown(("currency", "kind")),
    "cards": Shown(("product", "state")),
    "batches": Shown(("product",)),
    "refills": Shown(("product", "currency")),
    "refilled": Shown(("product", "currency")),
    "ledger_up": Shown(),
    "ledger_invariant": Shown(),
    "pin_locked": Shown(("scope",)),
    "pin_failures": Shown(("scope",)),
    "pin_lockouts": Shown(("scope",)),
    "journal_bytes": Shown(),
    "journal_lag_bytes": Shown(),
    "journal_lag_seconds": Shown(),
    "journal_torn": Shown(),
    "journal_strange": Shown(),
    "journal_unknown": Shown(),
    "certificate_expiry_timestamp_seconds": Shown(("certificate",)),
    "disk_free_bytes": Shown(),
    "disk_size_bytes": Shown(),
    "warnings_played": Shown(),
    "warnings_failed": Shown(),
    "calls_lengthened": Shown(),
    "calls_ended_by_guard": Shown(),
    "build_info": Shown(("part", "version")),
}
EDGE = {
    "edge_calls": Shown(("kind", "outcome")),
    "edge_final_replies": Shown(("status",)),
    "edge_attempts": Shown(("gateway_id", "answer")),
    "edge_failovers": Shown(),
    "edge_errors": Shown(("callback",)),
    "edge_journal_events": Shown(("event",)),
    "edge_journal_lost": Shown(),
    "edge_ledger_unavailable": Shown(),
    "edge_authorise_seconds": Shown(buckets=14),
    "edge_directory_version": Shown(),
    "edge_breaker_open": Shown(),
    "edge_pdd_seconds": Shown(buckets=12),
    "edge_dialogs": Shown(("state",)),
    "edge_dialogs_ended": Shown(("how",)),
    "edge_messages": Shown(("kind",)),
    "edge_transactions": Shown(),
    "edge_shared_memory_bytes": Shown(("state",)),
    "desk_away": Shown(),
    "build_info": Shown(("part", "version")),
}
MEDIASRV = {
    "ivr_calls": Shown(),
    "ivr_refused": Shown(("status",)),
    "ivr_failed": Shown(),
    "ivr_bridges": Shown(("outcome",)),
    "ivr_ended": Shown(("stage", "by")),
    "ivr_keys": Shown(("kind",)),
    "ivr_pins": Shown(("outcome",)),
    "ivr_refills": Shown(("outcome",)),
    "ivr_authorisations": Shown(("outcome",)),
    "ivr_authorise_seconds": Shown(buckets=14),
    "ivr_sessions": Shown(("stage",)),
    "ivr_calls_active": Shown(),
    "ivr_draining": Shown(),
    "build_info": Shown(("part", "version")),
    "rtp_workers": Shown(),
    "rtp_worker_restarts": Shown(),
    **{
        f"rtp_{name}": Shown(("worker",))
        for name in (
            "calls_opened",
            "packets_sent",
            "packets_unsent",
            "packets_received",
            "packets_refused",
            "silences",
            "slots_skipped",
            "messages_dropped",
            "bugs",
            "cpu_seconds",
            "calls",
            "resident_bytes",
            "prompt_cache_bytes",
        )
    },
    "rtp_digits": Shown(("kind", "worker")),
    "rtp_pacing_error_seconds": Shown(("worker",), buckets=13),
}
DESK = {
    "desk_calls": Shown(("outcome",)),
    "desk_group_calls": Shown(buckets=10),
    "desk_group_seconds": Shown(buckets=15),
    "desk_late": Shown(),
    "desk_clients": Shown(),
    "desk_away": Shown(),
    "build_info": Shown(("part", "version")),
}
# Shown by a stack in which what they count has happened; it does not in the tests' calls.
NOT_IN_TESTS = {
    "calls_ended_by_balance": "no caller of the tests talks for so long: tests/monitoring/test_figures.py",
    "certificate_expiry_timestamp_seconds": "the stack has no certificates: tests/monitoring/test_certificates.py",
    "refills": "no card of the tests is refilled: tests/ledger/test_keeper_process.py",
    "refilled": "no card of the tests is refilled: tests/ledger/test_keeper_process.py",
    "edge_final_replies": "the demo's gateway answers every call",
    "ivr_refused": "the media server is never full",
}
SUFFIXES = ("_total", "_bucket", "_sum", "_count", "")
PREFIX = "cardswitch_"
CONSOLE = {
    "console_requests": Shown(("area", "status")),
    "console_request_seconds": Shown(("area",), buckets=13),
    "console_logins": Shown(("kind", "outcome")),
}

PARTS = {"keeper": KEEPER, "edge": EDGE, "mediasrv": MEDIASRV, "desk": DESK, "console": CONSOLE}
