"""Carriers and routes: who completes the calls, how fast, what is left."""

from console.monitoring.panel import Board, Row, Unit, bars, lines
from console.monitoring.promql import ledger, or_zero, per_minute, per_second, quantile, share

ROUTED = "cardswitch_route_calls_total"
ANSWERED = 'cardswitch_route_calls_total{outcome="answered"}'
TALKED = "cardswitch_route_connected_seconds_total"
MOST_CALLED = f"topk(10, {per_second(ROUTED, 'destination_group')})"
GATEWAYS = f"* on (gateway_id) group_left (carrier) {ledger('cardswitch_gateway_info')}"

CARRIERS = Board(
    "carriers",
    "Cardswitch: carriers and routes",
    "Who completes our calls, how fast, and what is left of the money.",
    (
        Row(
            "Answers",
            (
                lines(
                    "ASR by carrier",
                    "Answered calls as a share of all calls whose last attempt was with this carrier.",
                    Unit.PERCENT,
                    share(ANSWERED, ROUTED, "carrier"),
                    "{{carrier}}",
                ),
                lines(
                    "ACD by carrier",
                    "Connected seconds of an answered call.",
                    Unit.SECONDS,
                    share(TALKED, ANSWERED, "carrier"),
                    "{{carrier}}",
                ),
                lines(
                    "Calls by carrier",
                    "Settled calls a minute, by the carrier tried last and whether it was answered.",
                    Unit.PER_MINUTE,
                    per_minute(ROUTED, "carrier", "outcome"),
                    "{{carrier}} {{outcome}}",
                ),
                lines(
                    "ASR by destination",
                    "Answered calls as a share of all, for the ten countries called most.",
                    Unit.PERCENT,
                    f"({share(ANSWERED, ROUTED, 'destination_group')}) and {MOST_CALLED}",
                    "{{destination_group}}",
                ),
                lines(
                    "ACD by destination",
                    "Connected seconds of an answered call, for the ten countries called most.",
                    Unit.SECONDS,
                    f"({share(TALKED, ANSWERED, 'destination_group')}) and {MOST_CALLED}",
                    "{{destination_group}}",
                ),
                lines(
                    "Hang-up causes",
                    "Settled calls a minute by Q.850 cause: 16 normal, 17 busy, 19 no answer, 102 limit reached.",
                    Unit.PER_MINUTE,
                    per_minute("cardswitch_call_ends_total", "cause"),
                    "{{cause}}",
                ),
            ),
        ),
        Row(
            "Speed",
            (
                lines(
                    "Post-dial delay by carrier",
                    "95 of 100 calls ring within this time after the INVITE.",
                    Unit.SECONDS,
                    quantile(0.95, "cardswitch_pdd_seconds", "carrier"),
                    "{{carrier}}",
                ),
                lines(
                    "Setup time by carrier",
                    "95 of 100 answered calls are answered within this time after they were authorised.",
                    Unit.SECONDS,
                    quantile(0.95, "cardswitch_setup_seconds", "carrier"),
                    "{{carrier}}",
                ),
                lines(
                    "Further gateways tried",
                    "Calls a minute that went to another gateway after one had failed.",
                    Unit.PER_MINUTE,
                    per_minute("cardswitch_edge_failovers_total"),
                    "failover",
                ),
            ),
        ),
        Row(
            "Gateways",
            (
                lines(
                    "Attempts by gateway",
                    "INVITEs a minute by gateway and class of answer; none: it said nothing.",
                    Unit.PER_MINUTE,
                    f"{per_minute('cardswitch_edge_attempts_total', 'gateway_id', 'answer')} {GATEWAYS}",
                    "{{carrier}} {{gateway_id}} {{answer}}",
                ),
                lines(
                    "Failed attempts",
                    "Share of a gateway's attempts that brought no answer or a 5xx. 1 for minutes: it is dead.",
                    Unit.PERCENT,
                    share(
                        'cardswitch_edge_attempts_total{answer=~"none|5xx"}',
                        "cardswitch_edge_attempts_total",
                        "gateway_id",
                    ),
                    "gateway {{gateway_id}}",
                ),
                lines(
                    "Negative replies",
                    "Final negative replies of gateways a minute, by SIP status.",
                    Unit.PER_MINUTE,
                    or_zero(per_minute("cardswitch_edge_final_replies_total", "status")),
                    "{{status}}",
                ),
            ),
        ),
        Row(
            "Money",
            (
                lines(
                    "Margin by carrier",
                    "Charged for a carrier's calls less what it takes, in currency units a minute.",
                    Unit.CURRENCY,
                    f"{per_minute('cardswitch_route_charged_total', 'carrier', 'currency')} - "
                    f"{per_minute('cardswitch_route_cost_total', 'carrier', 'currency')}",
                    "{{carrier}} {{currency}}",
                ),
                bars(
                    "Cost by carrier",
                    "What each carrier takes for all calls so far, in currency units: to compare with its invoice.",
                    Unit.CURRENCY,
                    "sort_desc(sum by (carrier, currency) (cardswitch_route_cost_total))",
                    "{{carrier}} {{currency}}",
                ),
                bars(
                    "Charged by destination",
                    "What was charged so far for calls to each of the ten dearest countries, in currency units.",
                    Unit.CURRENCY,
                    "sort_desc(topk(10, sum by (destination_group, currency) (cardswitch_spend_charged_total)))",
                    "{{destination_group}} {{currency}}",
                ),
            ),
        ),
    ),
)
