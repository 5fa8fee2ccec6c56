"""Overview: what goes on, what it is worth, how well it works."""

from console.monitoring.panel import Board, Row, Unit, lines, single, stacked
from console.monitoring.promql import ledger, or_zero, per_minute, quantile, seen_per_minute, share, sum_ledger

CALLS = ledger("cardswitch_concurrent_calls")
CONNECTED = ledger('cardswitch_concurrent_calls{state="connected"}')
CHARGED = "cardswitch_spend_charged_total"
COST = "cardswitch_spend_cost_total"
SETTLED = "cardswitch_calls_settled_total"
CAPTURED = 'cardswitch_calls_settled_total{outcome="captured"}'
REFUSED = 'cardswitch_edge_calls_total{outcome!="PLACED"}'

OVERVIEW = Board(
    "overview",
    "Cardswitch: overview",
    "Calls, spend, margin and answers, for the whole platform.",
    (
        Row(
            "Now",
            (
                single(
                    "Concurrent calls",
                    "Calls that are connected now and paid for by a card. Callers in the IVR are not among them.",
                    Unit.COUNT,
                    or_zero(f"sum({CONNECTED})"),
                ),
                single(
                    "Calls being placed",
                    "Money is held for them, nobody has answered yet.",
                    Unit.COUNT,
                    or_zero(sum_ledger('cardswitch_concurrent_calls{state="placed"}')),
                ),
                single(
                    "Callers in the IVR",
                    "Callers whose leg is with a media server, connected through it or not.",
                    Unit.COUNT,
                    "sum(cardswitch_ivr_calls_active)",
                ),
                single(
                    "Balance liability",
                    "What card holders have paid for and can still call for, by currency.",
                    Unit.CURRENCY,
                    f"sum by (currency) ({ledger('cardswitch_balance_liability')})",
                    "{{currency}}",
                    decimals=2,
                ),
                single(
                    "Books agree",
                    "Whether issued + refilled − charged − fees = posted, and all holds add up. No: see the "
                    "runbook ledger-invariant.",
                    Unit.YES_NO,
                    "min(cardswitch_ledger_invariant)",
                ),
                single(
                    "New calls are taken",
                    "No while an edge's breaker is open, because its ledger does not answer.",
                    Unit.YES_NO,
                    "1 - max(cardswitch_edge_breaker_open)",
                ),
            ),
        ),
        Row(
            "Concurrent calls",
            (
                stacked(
                    "Concurrent calls by product",
                    "Calls that money is held for, by the product of the card.",
                    Unit.COUNT,
                    f"sum by (product) ({CALLS})",
                    "{{product}}",
                ),
                stacked(
                    "Concurrent calls by trunk",
                    "Where the callers come from. A trunk that falls to nothing while others go on has a fault.",
                    Unit.COUNT,
                    f"sum by (trunk) ({CALLS})",
                    "{{trunk}}",
                ),
                stacked(
                    "Concurrent calls by carrier",
                    "Who carries the connected calls.",
                    Unit.COUNT,
                    f"sum by (carrier) ({CONNECTED})",
                    "{{carrier}}",
                ),
            ),
        ),
        Row(
            "Money",
            (
                lines(
                    "Spend a minute",
                    "Charged to cards and owed to carriers, in currency units a minute. Counted when a call is "
                    "settled.",
                    Unit.CURRENCY,
                    per_minute(CHARGED, "currency"),
                    "charged {{currency}}",
                    cost=per_minute(COST, "currency"),
                ),
                lines(
                    "Margin a minute",
                    "Charged less cost, in currency units a minute. Negative: a carrier costs more than the "
                    "deck earns.",
                    Unit.CURRENCY,
                    f"{per_minute(CHARGED, 'currency')} - {per_minute(COST, 'currency')}",
                    "{{currency}}",
                ),
                lines(
                    "Margin share",
                    "Margin as a share of what is charged.",
                    Unit.PERCENT,
                    f"1 - {share(COST, CHARGED, 'currency')}",
                    "{{currency}}",
                ),
            ),
        ),
        Row(
            "Quality",
            (
                lines(
                    "ASR",
                    "Answer-seizure ratio: answered calls of all that were placed and are over.",
                    Unit.PERCENT,
                    share(CAPTURED, SETTLED),
                    "ASR",
                ),
                lines(
                    "ACD",
                    "Average call duration: connected seconds of an answered call. A sudden fall is a fault of "
                    "audio or of a carrier.",
                    Unit.SECONDS,
                    share("cardswitch_connected_seconds_total", CAPTURED),
                    "ACD",
                ),
                lines(
                    "Settled calls a minute",
                    "Captured: answered and charged. Void: never answered. Expired: settled without an end by "
                    "the sweeper.",
                    Unit.PER_MINUTE,
                    per_minute(SETTLED, "outcome"),
                    "{{outcome}}",
                ),
                lines(
                    "Post-dial delay",
                    "INVITE to ringing, by the edges' clocks.",
                    Unit.SECONDS,
                    quantile(0.5, "cardswitch_edge_pdd_seconds"),
                    "median",
                    p95=quantile(0.95, "cardswitch_edge_pdd_seconds"),
                ),
                lines(
                    "New calls a minute",
                    "INVITEs by kind: direct on a card, to the IVR, its second legs, from unknown addresses.",
                    Unit.PER_MINUTE,
                    per_minute("cardswitch_edge_calls_total", "kind"),
                    "{{kind}}",
                ),
                lines(
                    "Refused calls a minute",
                    "New calls that were not placed, by reason.",
                    Unit.PER_MINUTE,
                    or_zero(seen_per_minute(REFUSED, "outcome")),
                    "{{outcome}}",
                ),
            ),
        ),
    ),
)
