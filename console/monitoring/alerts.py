"""When somebody has to look. Each alert has a page in docs/runbooks, a firing and a silent case in tests/monitoring."""

from console.monitoring.alert import Alert, Severity
from console.monitoring.promql import ledger, sum_ledger

CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING
CALLS, ANSWERED = "cardswitch_route_calls_total", 'cardswitch_route_calls_total{outcome="answered"}'
CHARGED = "cardswitch_spend_charged_total"
FAILED = 'cardswitch_edge_attempts_total{answer=~"none|5xx"}'
GOOD = 'cardswitch_edge_attempts_total{answer!~"none|5xx"}'
CONNECTED = 'cardswitch_concurrent_calls{state="connected"}'
LOCKED_SOME, LOCKED_ALL = 'cardswitch_pin_locked{scope=~"ani|trunk"}', 'cardswitch_pin_locked{scope="all"}'
AUTHORISE, AUTHORISE_IVR = "cardswitch_edge_authorise_seconds_bucket", "cardswitch_ivr_authorise_seconds_bucket"
DISK_FREE = "cardswitch_disk_free_bytes / cardswitch_disk_size_bytes"
REAL_DISK = '{fstype!~"tmpfs|ramfs|overlay|squashfs|fuse.*"}'
ANY_DISK_FREE = f"node_filesystem_avail_bytes{REAL_DISK} / node_filesystem_size_bytes{REAL_DISK}"
CALLS_MIN = 20  # in a quarter of an hour: fewer say nothing of a carrier
SPEND_MIN = 20  # currency units in a quarter of an hour: less is no loss worth a night


def _asr(span: str) -> str:
    answered, calls = (
        f"sum by (carrier) (increase({ANSWERED}[{span}]))",
        f"sum by (carrier) (increase({CALLS}[{span}]))",
    )
    return f"(({answered} or 0 * {calls}) / {calls})"


def _spend(span: str, offset: str = "") -> str:
    return f"sum by (destination_group, currency) (increase({CHARGED}[{span}]{offset}))"


LEDGER = (
    Alert(
        "CardswitchLedgerInvariantBroken",
        CRITICAL,
        "min(cardswitch_ledger_invariant) == 0",
        "0m",
        "The books do not agree: entries, balances and holds do not add up",
        "ledger-invariant",
    ),
    Alert(
        "CardswitchLedgerAway",
        CRITICAL,
        "cardswitch_ledger_up == 0 or cardswitch_edge_breaker_open == 1",
        "30s",
        "{{ $labels.instance }} cannot reach the ledger: new calls are refused",
        "ledger-away",
    ),
    Alert(
        "CardswitchJournalLag",
        WARNING,
        "max(cardswitch_journal_lag_seconds) > 30",
        "1m",
        "Ends of calls are applied {{ $value | humanizeDuration }} late: balances are too high",
        "journal-lag",
    ),
    Alert(
        "CardswitchJournalLost",
        CRITICAL,
        "sum(increase(cardswitch_edge_journal_lost_total[10m])) > 0",
        "0m",
        "Events could not be written to the call journal: is its disk full?",
        "journal-lag",
    ),
    Alert(
        "CardswitchHoldsWithoutCalls",
        WARNING,
        f"{sum_ledger('cardswitch_holds_outstanding')}"
        " - (sum(cardswitch_edge_dialogs) - (sum(cardswitch_ivr_calls_active) or vector(0)) or vector(0)) > 5",
        "5m",
        "{{ $value }} holds more than calls: card holders' money is held for nothing",
        "holds-without-calls",
    ),
    Alert(
        "CardswitchHoldsSwept",
        WARNING,
        "sum(increase(cardswitch_sweeper_finds_total[1h])) > 0",
        "0m",
        "Calls were settled without an end: their journal was lost",
        "holds-without-calls",
    ),
)
CALL_ALERTS = (
    Alert(
        "CardswitchAuthoriseSlow",
        WARNING,
        f"histogram_quantile(0.99, sum by (le) (rate({AUTHORISE}[5m]) or rate({AUTHORISE_IVR}[5m]))) > 0.25",
        "5m",
        "One call in a hundred waits longer than {{ $value | humanizeDuration }} for the ledger",
        "authorise-slow",
    ),
    Alert(
        "CardswitchAsrDrop",
        WARNING,
        f"{_asr('15m')} < 0.5 * {_asr('1d')} and sum by (carrier) (increase({CALLS}[15m])) > {CALLS_MIN}",
        "5m",
        "{{ $labels.carrier }} answers {{ $value | humanizePercentage }} of its calls, less than half of the usual",
        "asr-drop",
    ),
    Alert(
        "CardswitchGatewayDead",
        CRITICAL,
        f"sum by (gateway_id) (increase({FAILED}[5m])) >= 5 unless sum by (gateway_id) (increase({GOOD}[5m])) > 0",
        "1m",
        "Gateway {{ $labels.gateway_id }} fails every call",
        "gateway-dead",
    ),
    Alert(
        "CardswitchNoMedia",
        CRITICAL,
        "sum(cardswitch_calls_without_media) > 0.2 * sum"
        f"({ledger(CONNECTED)}) and sum(cardswitch_calls_without_media) >= 2",
        "1m",
        "{{ $value }} connected calls have no media: callers pay for silence",
        "no-media",
    ),
    Alert(
        "CardswitchPromptsLate",
        WARNING,
        "histogram_quantile(0.99, sum by (instance, le) (rate(cardswitch_rtp_pacing_error_seconds_bucket[5m]))) > 0.01",
        "5m",
        "Prompts of {{ $labels.instance }} stutter: packets leave {{ $value | humanizeDuration }} late",
        "prompts-late",
    ),
    Alert(
        "CardswitchIvrFaults",
        WARNING,
        "sum by (instance) (increase(cardswitch_ivr_failed_total[15m])) > 0",
        "0m",
        "Conversations on {{ $labels.instance }} ended by a fault of ours",
        "ivr-faults",
    ),
)
FRAUD = (
    Alert(
        "CardswitchLockOutsRising",
        WARNING,
        f"{sum_ledger(LOCKED_SOME)} > 10 or {sum_ledger(LOCKED_ALL)} > 0",
        "1m",
        "{{ $value }} callers or trunks are locked out after wrong PINs: somebody guesses",
        "lock-outs",
    ),
    Alert(
        "CardswitchSpendSpike",
        CRITICAL,
        f"{_spend('15m')} > {SPEND_MIN} and"
        f" {_spend('15m')} > 5 * ({_spend('1d', ' offset 15m')} / 96 or 0 * {_spend('15m')})",
        "0m",
        "{{ $value | humanize }} {{ $labels.currency }} in 15 minutes to {{ $labels.destination_group }},"
        " over 5 times the usual",
        "spend-spike",
    ),
)
PLATFORM = (
    Alert(
        "CardswitchProcessDown",
        CRITICAL,
        'up{job=~"cardswitch-.*|rtpengine"} == 0',
        "30s",
        "{{ $labels.job }} on {{ $labels.instance }} does not answer",
        "process-down",
    ),
    Alert(
        "CardswitchEdgeErrors",
        WARNING,
        "sum by (callback) (increase(cardswitch_edge_errors_total[15m])) > 0",
        "0m",
        "Exceptions in the routing, in {{ $labels.callback }}",
        "edge-errors",
    ),
    Alert(
        "CardswitchCertificateExpiring",
        WARNING,
        "cardswitch_certificate_expiry_timestamp_seconds - time() < 14 * 86400",
        "1h",
        "{{ $labels.certificate }} ends in {{ $value | humanizeDuration }}",
        "certificate-expiring",
    ),
    Alert(
        "CardswitchDiskFilling",
        WARNING,
        f"{DISK_FREE} < 0.1 or {ANY_DISK_FREE} < 0.1",
        "5m",
        '{{ $value | humanizePercentage }} of the disk {{ or $labels.mountpoint "of the journal" }}'
        " on {{ $labels.instance }} is free",
        "disk-filling",
    ),
)
GROUPS = {"ledger": LEDGER, "calls": CALL_ALERTS, "fraud": FRAUD, "platform": PLATFORM}
ALERTS = tuple(alert for alerts in GROUPS.values() for alert in alerts)
