"""Platform: processes, SIP and media underneath the calls."""

from console.monitoring.panel import Board, Kind, Panel, Query, Row, Unit, lines, single
from console.monitoring.promql import RATE, per_minute, per_second

PLATFORM = Board(
    "platform",
    "Cardswitch: platform",
    "Processes, memory, disk, SIP and media underneath the calls.",
    (
        Row(
            "Now",
            (
                single(
                    "Targets up",
                    "Share of scraped processes that answer.",
                    Unit.PERCENT,
                    'avg(up{job=~"cardswitch-.*|rtpengine"})',
                ),
                single("Ledger", "Whether every keeper reaches the ledger.", Unit.YES_NO, "min(cardswitch_ledger_up)"),
                single(
                    "Breakers open",
                    "Edges that refuse new calls because their ledger does not answer.",
                    Unit.COUNT,
                    "sum(cardswitch_edge_breaker_open)",
                ),
                single(
                    "Disk free",
                    "Of the fullest disk that a journal is on.",
                    Unit.PERCENT,
                    "min(cardswitch_disk_free_bytes / cardswitch_disk_size_bytes)",
                ),
                single("Journal", "Size of the call journals.", Unit.BYTES, "sum(cardswitch_journal_bytes)"),
                Panel(
                    "Certificate",
                    "Days until the first certificate ends; never: there are none.",
                    Unit.DAYS,
                    (Query("min(cardswitch_certificate_expiry_timestamp_seconds - time()) / 86400 or vector(Inf)"),),
                    Kind.STAT,
                    4,
                    0,
                    endless="never",
                ),
            ),
        ),
        Row(
            "Processes",
            (
                lines(
                    "CPU",
                    "Share of a core that each keeper, media server and Prometheus uses.",
                    Unit.PERCENT,
                    f"sum by (job, instance) (rate(process_cpu_seconds_total[{RATE}]))",
                    "{{job}} {{instance}}",
                ),
                lines(
                    "Memory",
                    "Resident memory of each process. A line that only rises is a leak.",
                    Unit.BYTES,
                    "process_resident_memory_bytes",
                    "{{job}} {{instance}}",
                ),
                lines(
                    "Open files",
                    "File descriptors in use, as a share of the limit.",
                    Unit.PERCENT,
                    "process_open_fds / process_max_fds",
                    "{{job}} {{instance}}",
                ),
                Panel(
                    "What runs",
                    "Versions of the parts, by instance.",
                    Unit.COUNT,
                    (Query("count by (part, version, instance) (cardswitch_build_info)"),),
                    Kind.TABLE,
                ),
                lines(
                    "Scrape duration",
                    "Time that each process takes to show its metrics.",
                    Unit.SECONDS,
                    "scrape_duration_seconds",
                    "{{job}} {{instance}}",
                ),
                lines(
                    "Exceptions at the edge",
                    "Exceptions in the routing a minute. Each is a bug: its traceback is in Kamailio's log.",
                    Unit.PER_MINUTE,
                    per_minute("cardswitch_edge_errors_total", "callback"),
                    "{{callback}}",
                ),
            ),
        ),
        Row(
            "Kamailio",
            (
                lines(
                    "Dialogs",
                    "Calls as Kamailio counts them: on cards, and callers of the IVR.",
                    Unit.COUNT,
                    "sum by (state) (cardswitch_edge_dialogs)",
                    "{{state}}",
                ),
                lines(
                    "SIP messages",
                    "SIP messages a second by kind.",
                    Unit.PER_SECOND,
                    per_second("cardswitch_edge_messages_total", "kind"),
                    "{{kind}}",
                ),
                lines(
                    "Shared memory",
                    "Kamailio's shared memory. When nothing is free it can take no call.",
                    Unit.BYTES,
                    "sum by (instance, state) (cardswitch_edge_shared_memory_bytes)",
                    "{{instance}} {{state}}",
                ),
                lines(
                    "Transactions",
                    "SIP transactions in memory.",
                    Unit.COUNT,
                    "sum by (instance) (cardswitch_edge_transactions)",
                    "{{instance}}",
                ),
                lines(
                    "Refused because of the ledger",
                    "Calls a minute refused at the edge because the ledger did not answer.",
                    Unit.PER_MINUTE,
                    per_minute("cardswitch_edge_ledger_unavailable_total"),
                    "refused",
                ),
            ),
        ),
        Row(
            "rtpengine",
            (
                lines(
                    "Media sessions",
                    "Calls that rtpengine relays.",
                    Unit.COUNT,
                    'sum by (instance) (rtpengine_sessions{type="own"})',
                    "{{instance}}",
                ),
                lines(
                    "Relayed packets",
                    "RTP packets a second, and those in error.",
                    Unit.PER_SECOND,
                    per_second("rtpengine_packets_total"),
                    "relayed",
                    errors=per_second("rtpengine_packet_errors_total"),
                ),
                lines(
                    "Ports in use",
                    "Share of rtpengine's ports that are in use. At 1 no call can be connected.",
                    Unit.PERCENT,
                    "sum by (instance) (rtpengine_ports_used) / sum by (instance) (rtpengine_ports)",
                    "{{instance}}",
                ),
                lines(
                    "Ends of media",
                    "Media sessions a minute by why they were closed; timeouts: nobody told rtpengine that the "
                    "call was over.",
                    Unit.PER_MINUTE,
                    per_minute("rtpengine_closed_sessions_total", "reason"),
                    "{{reason}}",
                ),
                lines(
                    "One-way and silent",
                    "Media sessions a minute with packets from one side only, and streams without any.",
                    Unit.PER_MINUTE,
                    per_minute("rtpengine_one_way_sessions_total"),
                    "one-way",
                    no_packets=per_minute("rtpengine_zero_packet_streams_total"),
                ),
                lines(
                    "Errors of requests",
                    "Requests of Kamailio a minute that rtpengine could not fulfil.",
                    Unit.PER_MINUTE,
                    per_minute("rtpengine_errors_total"),
                    "errors",
                ),
            ),
        ),
    ),
)
