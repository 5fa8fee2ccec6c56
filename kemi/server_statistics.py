"""Kamailio's own statistics (pseudo-variable ``$stat``), in Prometheus' text format beside our counters."""

from kemi import ksr, metrics
from rating.build import version

# metric, type, help text, {labels: Kamailio's statistic}
STATISTICS = (
    (
        "cardswitch_edge_dialogs",
        "gauge",
        "Dialogs: calls on cards, and callers in the IVR",
        {'{state="early"}': "early_dialogs", '{state="active"}': "active_dialogs"},
    ),
    (
        "cardswitch_edge_dialogs_ended_total",
        "counter",
        "Dialogs that failed or ran out of time",
        {'{how="failed"}': "failed_dialogs", '{how="expired"}': "expired_dialogs"},
    ),
    (
        "cardswitch_edge_messages_total",
        "counter",
        "SIP messages by kind",
        {
            '{kind="request_received"}': "rcv_requests",
            '{kind="request_forwarded"}': "fwd_requests",
            '{kind="request_dropped"}': "drop_requests",
            '{kind="reply_received"}': "rcv_replies",
            '{kind="reply_forwarded"}': "fwd_replies",
            '{kind="reply_dropped"}': "drop_replies",
        },
    ),
    ("cardswitch_edge_transactions", "gauge", "SIP transactions in memory", {"": "inuse_transactions"}),
    (
        "cardswitch_edge_shared_memory_bytes",
        "gauge",
        "Shared memory of Kamailio",
        {'{state="used"}': "real_used_size", '{state="free"}': "free_size"},
    ),
)


def exposition() -> str:
    """Statistics that this Kamailio does not have are left out."""
    metrics.BUILD.labels("edge", version()).set(1)
    lines = []
    for metric, kind, text, parts in STATISTICS:
        values = [(labels, ksr.get(f"$stat({name})")) for labels, name in parts.items()]
        known = [f"{metric}{labels} {value}" for labels, value in values if value]
        if known:
            lines += [f"# HELP {metric} {text}", f"# TYPE {metric} {kind}", *known]
    return "".join(f"{line}\n" for line in lines)
