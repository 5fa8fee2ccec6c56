"""IVR: callers of the access numbers."""

from console.monitoring.panel import Board, Row, Unit, lines, single, stacked
from console.monitoring.promql import RATE, or_zero, per_minute, per_second, quantile, seen_per_minute

IVR = Board(
    "ivr",
    "Cardswitch: IVR",
    "Callers of the access numbers: where they are, where they give up, what they key in.",
    (
        Row(
            "Now",
            (
                single(
                    "Callers",
                    "Callers in the IVR or connected through it.",
                    Unit.COUNT,
                    "sum(cardswitch_ivr_calls_active)",
                ),
                single(
                    "Taken an hour",
                    "Calls that the media servers took in the last hour.",
                    Unit.COUNT,
                    "sum(increase(cardswitch_ivr_calls_total[1h]))",
                    decimals=0,
                ),
                single(
                    "Faults",
                    "Conversations in the last hour that ended by a fault of ours: see the media server's log.",
                    Unit.COUNT,
                    "sum(increase(cardswitch_ivr_failed_total[1h]))",
                    decimals=0,
                ),
                single(
                    "RTP workers",
                    "Processes that send prompts and hear keys.",
                    Unit.COUNT,
                    "sum(cardswitch_rtp_workers)",
                ),
                single(
                    "Draining",
                    "Media servers that take no new calls, because they are to be stopped.",
                    Unit.COUNT,
                    "sum(cardswitch_ivr_draining)",
                ),
                single(
                    "Late packets",
                    "99 of 100 packets of prompts leave no later than this after their time. Above 5 ms is audible.",
                    Unit.SECONDS,
                    "histogram_quantile(0.99, sum by (le) (rate(cardswitch_rtp_pacing_error_seconds_bucket[10m])))",
                    decimals=4,
                ),
            ),
        ),
        Row(
            "The conversation",
            (
                stacked(
                    "Callers by stage",
                    "Where callers are in the conversation. Many in one stage: a prompt that is not understood.",
                    Unit.COUNT,
                    "sum by (stage) (cardswitch_ivr_sessions)",
                    "{{stage}}",
                ),
                stacked(
                    "Where callers give up",
                    "Callers a minute who hang up, by the stage they were in.",
                    Unit.PER_MINUTE,
                    per_minute('cardswitch_ivr_ended_total{by="caller"}', "stage"),
                    "{{stage}}",
                ),
                stacked(
                    "Where we hang up",
                    "Callers a minute to whom we said goodbye: too many tries, refused cards, the ledger away.",
                    Unit.PER_MINUTE,
                    per_minute('cardswitch_ivr_ended_total{by="platform"}', "stage"),
                    "{{stage}}",
                ),
                lines(
                    "PINs",
                    "PINs keyed in a minute, by outcome.",
                    Unit.PER_MINUTE,
                    or_zero(seen_per_minute("cardswitch_ivr_pins_total", "outcome")),
                    "{{outcome}}",
                ),
                lines(
                    "Second legs",
                    "Calls placed for callers of the IVR, a minute, by how they went.",
                    Unit.PER_MINUTE,
                    or_zero(seen_per_minute("cardswitch_ivr_bridges_total", "outcome")),
                    "{{outcome}}",
                ),
                lines(
                    "Calls and refusals",
                    "Calls the media servers took, and those they refused, by SIP status, a minute.",
                    Unit.PER_MINUTE,
                    per_minute("cardswitch_ivr_calls_total"),
                    "taken",
                    refused=or_zero(per_minute("cardswitch_ivr_refused_total")),
                ),
            ),
        ),
        Row(
            "Keys and sound",
            (
                lines(
                    "Keys by kind",
                    "Keys a minute: RFC 4733 events, tones in the audio, SIP INFO, told by rtpengine in "
                    "connected calls.",
                    Unit.PER_MINUTE,
                    per_minute("cardswitch_ivr_keys_total", "kind"),
                    "{{kind}}",
                ),
                lines(
                    "Pacing error",
                    "How late packets of prompts leave after their time.",
                    Unit.SECONDS,
                    quantile(0.5, "cardswitch_rtp_pacing_error_seconds"),
                    "median",
                    p99=quantile(0.99, "cardswitch_rtp_pacing_error_seconds"),
                ),
                lines(
                    "RTP packets",
                    "Packets a second that the workers sent, took, refused, and could not send.",
                    Unit.PER_SECOND,
                    per_second("cardswitch_rtp_packets_sent_total"),
                    "sent",
                    received=per_second("cardswitch_rtp_packets_received_total"),
                    refused=per_second("cardswitch_rtp_packets_refused_total"),
                    unsent=per_second("cardswitch_rtp_packets_unsent_total"),
                ),
                lines(
                    "Silent callers",
                    "Callers a minute from whom nothing came for too long.",
                    Unit.PER_MINUTE,
                    per_minute("cardswitch_rtp_silences_total"),
                    "silent",
                ),
                lines(
                    "Worker CPU",
                    "Share of a core that each RTP worker uses. Above 0.7 start another one.",
                    Unit.PERCENT,
                    f"sum by (instance, worker) (rate(cardswitch_rtp_cpu_seconds_total[{RATE}]))",
                    "{{instance}} {{worker}}",
                ),
                lines(
                    "Worker trouble",
                    "Restarts of workers, unforeseen exceptions, events that were lost, a minute.",
                    Unit.PER_MINUTE,
                    per_minute("cardswitch_rtp_worker_restarts_total"),
                    "restarts",
                    bugs=per_minute("cardswitch_rtp_bugs_total"),
                    lost_events=per_minute("cardswitch_rtp_messages_dropped_total"),
                ),
            ),
        ),
    ),
)
