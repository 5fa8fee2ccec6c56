"""For every alert a story in which it fires, and one in which it must not. Values are promtool's, one a minute."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """``fires``: so many alerts are firing at the time ``at``; 0: none."""

    alert: str
    title: str
    fires: int
    at: str
    series: dict[str, str]


def fires(alert: str, title: str, at: str, series: dict[str, str], number: int = 1) -> Case:
    return Case(f"Cardswitch{alert}", title, number, at, series)


def silent(alert: str, title: str, at: str, series: dict[str, str]) -> Case:
    return Case(f"Cardswitch{alert}", title, 0, at, series)


INVARIANT, UP, BREAKER = "cardswitch_ledger_invariant", "cardswitch_ledger_up", "cardswitch_edge_breaker_open"
HOLDS, DIALOGS, IVR = "cardswitch_holds_outstanding", "cardswitch_edge_dialogs", "cardswitch_ivr_calls_active"
AUTHORISE = "cardswitch_edge_authorise_seconds_bucket"
AUTHORISE_IVR = "cardswitch_ivr_authorise_seconds_bucket"
NODE_FREE, NODE_SIZE = "node_filesystem_avail_bytes", "node_filesystem_size_bytes"
PACING = "cardswitch_rtp_pacing_error_seconds_bucket"
CALLS, SPEND = "cardswitch_route_calls_total", "cardswitch_spend_charged_total"
ATTEMPTS, CONNECTED = "cardswitch_edge_attempts_total", "cardswitch_concurrent_calls"
SILENT_CALLS, LOCKED = "cardswitch_calls_without_media", "cardswitch_pin_locked"
CERTIFICATE = 'cardswitch_certificate_expiry_timestamp_seconds{certificate="edge.pem"}'

CASES = (
    fires("LedgerInvariantBroken", "one of two keepers finds a difference", "3m", {
        f'{INVARIANT}{{instance="a"}}': "1 1 1 1", f'{INVARIANT}{{instance="b"}}': "1 1 0 0",
    }),
    silent("LedgerInvariantBroken", "the books agree", "3m", {f'{INVARIANT}{{instance="a"}}': "1 1 1 1"}),
    fires("LedgerAway", "a keeper and an edge lose the ledger", "4m", {
        f'{UP}{{instance="k"}}': "1 0 0 0 0", f'{BREAKER}{{instance="e"}}': "0 1 1 1 1",
    }, 2),
    silent("LedgerAway", "a restart of the database, over in half a minute", "2m", {
        f'{UP}{{instance="k"}}': "1 0 1 1", f'{BREAKER}{{instance="e"}}': "0 1 0 0",
    }),
    fires("JournalLag", "a keeper stands still", "6m", {"cardswitch_journal_lag_seconds": "0 60 120 180 240 300 360"}),
    silent("JournalLag", "a keeper catches up after a restart", "4m", {"cardswitch_journal_lag_seconds": "0 40 2 0 0"}),
    fires("JournalLost", "an event could not be written", "5m", {"cardswitch_edge_journal_lost_total": "0 0 0 1 1 1"}),
    silent("JournalLost", "all are written", "5m", {"cardswitch_edge_journal_lost_total": "3 3 3 3 3 3"}),
    fires("HoldsWithoutCalls", "an edge died with 40 calls, 10 go on elsewhere, 5 callers are in the IVR", "10m", {
        f'{HOLDS}{{node="edge1"}}': "40x12", f'{HOLDS}{{node="edge2"}}': "10x12",
        f'{DIALOGS}{{state="active"}}': "15x12", IVR: "5x12",
    }),
    silent("HoldsWithoutCalls", "every hold has its call, seen by two keepers", "10m", {
        f'{HOLDS}{{node="edge1",instance="a"}}': "40x12", f'{HOLDS}{{node="edge1",instance="b"}}': "40x12",
        f'{DIALOGS}{{state="active"}}': "40x12", f'{DIALOGS}{{state="early"}}': "3x12", IVR: "5x12",
    }),
    fires("HoldsSwept", "the sweeper found one", "5m", {"cardswitch_sweeper_finds_total": "2 2 2 3 3 3"}),
    silent("HoldsSwept", "nothing new was found", "5m", {"cardswitch_sweeper_finds_total": "2 2 2 2 2 2"}),
    fires("AuthoriseSlow", "every tenth call waits half a second", "15m", {
        f'{AUTHORISE}{{le="0.25"}}': "0+90x20", f'{AUTHORISE}{{le="0.5"}}': "0+100x20",
        f'{AUTHORISE}{{le="+Inf"}}': "0+100x20",
    }),
    fires("AuthoriseSlow", "that of the media servers, beside quick edges", "15m", {
        f'{AUTHORISE}{{job="edge",le="0.25"}}': "0+100x20", f'{AUTHORISE}{{job="edge",le="0.5"}}': "0+100x20",
        f'{AUTHORISE}{{job="edge",le="+Inf"}}': "0+100x20", f'{AUTHORISE_IVR}{{job="mediasrv",le="0.25"}}': "0+0x20",
        f'{AUTHORISE_IVR}{{job="mediasrv",le="0.5"}}': "0+10x20",
        f'{AUTHORISE_IVR}{{job="mediasrv",le="+Inf"}}': "0+10x20",
    }),
    silent("AuthoriseSlow", "one in a thousand does", "15m", {
        f'{AUTHORISE}{{le="0.25"}}': "0+999x20", f'{AUTHORISE}{{le="0.5"}}': "0+1000x20",
        f'{AUTHORISE}{{le="+Inf"}}': "0+1000x20",
    }),
    fires("AsrDrop", "a carrier that answered 6 of 10 calls answers none", "330m", {
        f'{CALLS}{{carrier="acme",outcome="answered"}}': "0+6x300 1800x60",
        f'{CALLS}{{carrier="acme",outcome="unanswered"}}': "0+4x300 1200+10x60",
    }),
    silent("AsrDrop", "a carrier answers as it did, another has too few calls to say anything", "330m", {
        f'{CALLS}{{carrier="acme",outcome="answered"}}': "0+6x360",
        f'{CALLS}{{carrier="acme",outcome="unanswered"}}': "0+4x360",
        f'{CALLS}{{carrier="tiny",outcome="answered"}}': "0+1x300 300x60",
        f'{CALLS}{{carrier="tiny",outcome="unanswered"}}': "0x300 0+1x60",
    }),
    fires("GatewayDead", "gateway 1 says nothing any more, gateway 2 answers", "20m", {
        f'{ATTEMPTS}{{gateway_id="1",answer="2xx"}}': "0+5x10 50x15",
        f'{ATTEMPTS}{{gateway_id="1",answer="none"}}': "0x10 0+5x15",
        f'{ATTEMPTS}{{gateway_id="2",answer="2xx"}}': "0+5x25",
    }),
    silent("GatewayDead", "a gateway refuses some calls for congestion, and answers others", "20m", {
        f'{ATTEMPTS}{{gateway_id="1",answer="2xx"}}': "0+5x25", f'{ATTEMPTS}{{gateway_id="1",answer="5xx"}}': "0+5x25",
    }),
    fires("NoMedia", "a third of the calls is silent", "5m", {
        SILENT_CALLS: "0 10 10 10 10 10", f'{CONNECTED}{{state="connected",instance="a"}}': "30x5",
    }),
    silent("NoMedia", "one caller of thirty has muted the telephone", "5m", {
        SILENT_CALLS: "0 1 1 1 1 1", f'{CONNECTED}{{state="connected",instance="a"}}': "30x5",
    }),
    fires("PromptsLate", "a tenth of the packets is 20 ms late", "15m", {
        f'{PACING}{{le="0.01"}}': "0+900x20", f'{PACING}{{le="0.02"}}': "0+1000x20",
        f'{PACING}{{le="+Inf"}}': "0+1000x20",
    }),
    silent("PromptsLate", "all leave in time", "15m", {
        f'{PACING}{{le="0.01"}}': "0+1000x20", f'{PACING}{{le="0.02"}}': "0+1000x20",
        f'{PACING}{{le="+Inf"}}': "0+1000x20",
    }),
    fires("IvrFaults", "a conversation ended by an exception", "5m", {"cardswitch_ivr_failed_total": "0 0 1 1 1 1"}),
    silent("IvrFaults", "none did", "5m", {"cardswitch_ivr_failed_total": "1 1 1 1 1 1"}),
    fires("LockOutsRising", "twelve CallerIDs are locked out", "5m", {
        f'{LOCKED}{{scope="ani"}}': "0 4 8 12 12 12", f'{LOCKED}{{scope="trunk"}}': "0x5",
        f'{LOCKED}{{scope="all"}}': "0x5",
    }),
    fires("LockOutsRising", "everybody is locked out", "5m", {
        f'{LOCKED}{{scope="ani"}}': "1x5", f'{LOCKED}{{scope="all"}}': "0 1 1 1 1 1",
    }),
    silent("LockOutsRising", "three people have forgotten their PINs", "5m", {
        f'{LOCKED}{{scope="ani"}}': "3x5", f'{LOCKED}{{scope="trunk"}}': "0x5", f'{LOCKED}{{scope="all"}}': "0x5",
    }),
    fires("SpendSpike", "ten a minute to Latvia, where a tenth of a unit a minute is usual", "320m", {
        f'{SPEND}{{destination_group="LV",currency="USD",product="World"}}': "0+0.1x300 30+10x30",
        f'{SPEND}{{destination_group="GB",currency="USD",product="World"}}': "0+10x330",
    }),
    fires("SpendSpike", "a country that nobody has called before", "320m", {
        f'{SPEND}{{destination_group="LV",currency="USD",product="World"}}': "0x300 0+10x30",
    }),
    silent("SpendSpike", "a busy hour, and a small sum to a new country", "800m", {
        f'{SPEND}{{destination_group="GB",currency="USD",product="World"}}': "0+10x740 7400+20x100",
        f'{SPEND}{{destination_group="LV",currency="USD",product="World"}}': "0x740 0+0.5x100",
    }),
    fires("ProcessDown", "a keeper is gone", "4m", {
        'up{job="cardswitch-keeper",instance="k"}': "1 0 0 0 0", 'up{job="rtpengine",instance="r"}': "1x5",
    }),
    silent("ProcessDown", "somebody else's process is gone", "4m", {
        'up{job="cardswitch-keeper",instance="k"}': "1x5", 'up{job="node",instance="n"}': "0x5",
    }),
    fires("EdgeErrors", "a bug in the routing", "5m", {'cardswitch_edge_errors_total{callback="x"}': "0 0 0 2 2 2"}),
    silent("EdgeErrors", "no new one", "5m", {'cardswitch_edge_errors_total{callback="x"}': "2x5"}),
    fires("CertificateExpiring", "it ends in ten days", "120m", {CERTIFICATE: f"{10 * 86_400}x130"}),
    silent("CertificateExpiring", "it ends in a month", "120m", {CERTIFICATE: f"{30 * 86_400}x130"}),
    fires("DiskFilling", "5 of 100 GB are free", "10m", {
        'cardswitch_disk_free_bytes{instance="k"}': "5e9x12", 'cardswitch_disk_size_bytes{instance="k"}': "100e9x12",
    }),
    fires("DiskFilling", "a database's disk", "10m", {
        f'{NODE_FREE}{{instance="d",mountpoint="/",fstype="ext4"}}': "5e9x12",
        f'{NODE_SIZE}{{instance="d",mountpoint="/",fstype="ext4"}}': "100e9x12",
    }),
    silent("DiskFilling", "half is free, and a file system in memory is full", "10m", {
        'cardswitch_disk_free_bytes{instance="k"}': "50e9x12", 'cardswitch_disk_size_bytes{instance="k"}': "100e9x12",
        f'{NODE_FREE}{{instance="d",mountpoint="/run",fstype="tmpfs"}}': "0x12",
        f'{NODE_SIZE}{{instance="d",mountpoint="/run",fstype="tmpfs"}}': "1e9x12",
    }),
)  # fmt: skip
