"""Fraud: guessed PINs, dear destinations, strangers."""

from console.monitoring.panel import Board, Panel, Query, Row, Unit, bars, lines, single, stacked
from console.monitoring.promql import (
    RATE,
    ledger,
    max_ledger,
    or_zero,
    per_minute,
    per_second,
    seen_per_minute,
    sum_by,
    sum_ledger,
)

CHARGED = "cardswitch_spend_charged_total"
CAPTURED = 'cardswitch_calls_settled_total{outcome="captured"}'

FRAUD = Board(
    "fraud",
    "Cardswitch: fraud",
    "Guessed PINs, dear destinations, callers who are not who they say.",
    (
        Row(
            "Now",
            (
                single(
                    "Locked out: CallerIDs",
                    "CallerIDs that may not enter a PIN now, after wrong ones.",
                    Unit.COUNT,
                    or_zero(sum_ledger('cardswitch_pin_locked{scope="ani"}')),
                ),
                single(
                    "Locked out: trunks",
                    "Trunks from which no PIN is taken now.",
                    Unit.COUNT,
                    or_zero(sum_ledger('cardswitch_pin_locked{scope="trunk"}')),
                ),
                single(
                    "Locked out: everybody",
                    "No PIN is taken from anywhere: somebody guesses on a large scale.",
                    Unit.YES_NO,
                    or_zero(max_ledger('cardswitch_pin_locked{scope="all"}')),
                ),
                single(
                    "Wrong PINs",
                    "Wrong PINs that count towards a lock-out of everybody.",
                    Unit.COUNT,
                    or_zero(sum_ledger('cardswitch_pin_failures{scope="all"}')),
                ),
                single(
                    "Dearest destination",
                    "Charged in the last hour for calls to the country most was spent on.",
                    Unit.CURRENCY,
                    or_zero(f"topk(1, sum by (destination_group, currency) (increase({CHARGED}[1h])))"),
                    "{{destination_group}} {{currency}}",
                    decimals=2,
                ),
                single(
                    "Strangers",
                    "New calls an hour from addresses that are no trunk; all are refused.",
                    Unit.COUNT,
                    or_zero('sum(increase(cardswitch_edge_calls_total{outcome="UNKNOWN_SOURCE"}[1h]))'),
                    decimals=0,
                ),
            ),
        ),
        Row(
            "PINs and cards",
            (
                lines(
                    "PINs keyed in",
                    "PINs a minute by outcome. Many WRONG_PIN with few OK: guessing.",
                    Unit.PER_MINUTE,
                    or_zero(seen_per_minute("cardswitch_ivr_pins_total", "outcome")),
                    "{{outcome}}",
                ),
                lines(
                    "Wrong PINs that count",
                    "Wrong PINs of the last hour that count towards a lock-out, by scope.",
                    Unit.COUNT,
                    or_zero(f"sum by (scope) ({ledger('cardswitch_pin_failures')})"),
                    "{{scope}}",
                    lock_outs=or_zero(f"sum({ledger('cardswitch_pin_lockouts')})"),
                ),
                lines(
                    "Vouchers",
                    "Refills by voucher PIN a minute, by outcome.",
                    Unit.PER_MINUTE,
                    or_zero(seen_per_minute("cardswitch_ivr_refills_total", "outcome")),
                    "{{outcome}}",
                ),
                stacked(
                    "Cards by state",
                    "All cards, by product and state. A jump of blocked or exhausted ones wants a look.",
                    Unit.COUNT,
                    f"sum by (product, state) ({ledger('cardswitch_cards')})",
                    "{{product}} {{state}}",
                ),
                bars(
                    "Batches",
                    "Batches issued, by product.",
                    Unit.COUNT,
                    f"sum by (product) ({ledger('cardswitch_batches')})",
                    "{{product}}",
                ),
                lines(
                    "Refused for limits",
                    "Calls a minute refused for velocity, calls at once, blocked destinations, credit.",
                    Unit.PER_MINUTE,
                    or_zero(
                        per_minute(
                            'cardswitch_edge_calls_total{outcome=~"VELOCITY|CALL_LIMIT|BLOCKED_DESTINATION|NO_CREDIT"}',
                            "outcome",
                        )
                    ),
                    "{{outcome}}",
                ),
            ),
        ),
        Row(
            "Destinations (IRSF)",
            (
                lines(
                    "Spend by destination",
                    "Charged a minute for calls to each of the ten dearest countries. International revenue "
                    "share fraud shows here first.",
                    Unit.CURRENCY,
                    f"topk(10, {per_minute(CHARGED, 'destination_group', 'currency')})",
                    "{{destination_group}} {{currency}}",
                ),
                lines(
                    "Calls by destination",
                    "Settled calls a minute to each of the ten countries called most.",
                    Unit.PER_MINUTE,
                    f"topk(10, {per_minute('cardswitch_route_calls_total', 'destination_group')})",
                    "{{destination_group}}",
                ),
                lines(
                    "Spend beside usual",
                    "Spend of the last quarter of an hour, as a multiple of the last day's usual quarter.",
                    Unit.COUNT,
                    f"96 * {sum_by('destination_group')} (increase({CHARGED}[15m])) / "
                    f"{sum_by('destination_group')} (increase({CHARGED}[1d]))",
                    "{{destination_group}}",
                ),
            ),
        ),
        Row(
            "At the door",
            (
                lines(
                    "Unknown sources",
                    "New calls a minute from addresses that are no trunk.",
                    Unit.PER_MINUTE,
                    per_minute('cardswitch_edge_calls_total{outcome="UNKNOWN_SOURCE"}'),
                    "refused",
                ),
                Panel(
                    "Dropped messages",
                    "SIP requests and replies a minute that Kamailio dropped: scanners, floods, malformed ones.",
                    Unit.PER_MINUTE,
                    (
                        Query(
                            f'60 * sum by (kind) (rate(cardswitch_edge_messages_total{{kind=~".*dropped"}}[{RATE}]))',
                            "{{kind}}",
                        ),
                    ),
                ),
                lines(
                    "Charge of a call",
                    "Average charge of an answered call, by currency.",
                    Unit.CURRENCY,
                    f"{per_second(CHARGED, 'currency')} / on () group_left () {per_second(CAPTURED)}",
                    "{{currency}}",
                ),
            ),
        ),
    ),
)
