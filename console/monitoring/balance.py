"""Balance enforcement: every connected second is paid for once."""

from console.monitoring.panel import Board, Row, Unit, lines, single
from console.monitoring.promql import ledger, or_zero, per_minute, quantile, seen_per_minute

HOLDS = f"sum({ledger('cardswitch_holds_outstanding')})"

BALANCE = Board(
    "balance",
    "Cardswitch: balance enforcement",
    "Holds, limits and settlement: that every connected second is paid for once.",
    (
        Row(
            "The books",
            (
                single(
                    "Books agree",
                    "Whether issued + refilled − charged − fees = posted, and all holds add up, when last recomputed.",
                    Unit.YES_NO,
                    "min(cardswitch_ledger_invariant)",
                ),
                single(
                    "Held",
                    "Held on cards for calls in progress, by currency.",
                    Unit.CURRENCY,
                    or_zero(f"sum by (currency) ({ledger('cardswitch_held')})"),
                    "{{currency}}",
                    decimals=2,
                ),
                single(
                    "Holds outstanding",
                    "Holds that are not settled: calls in progress and calls being placed.",
                    Unit.COUNT,
                    or_zero(HOLDS),
                ),
                single(
                    "Holds without a call",
                    "Holds less the edges' dialogs on cards. More than a few for minutes: see the runbook "
                    "holds-without-calls.",
                    Unit.COUNT,
                    f"({or_zero(HOLDS)}) - (sum(cardswitch_edge_dialogs) - sum(cardswitch_ivr_calls_active))",
                ),
                single(
                    "Journal lag",
                    "Age of the oldest event that is not applied to the ledger.",
                    Unit.SECONDS,
                    "max(cardswitch_journal_lag_seconds)",
                    decimals=1,
                ),
                single(
                    "Calls without media",
                    "Connected calls for which rtpengine has seen no packet for half a minute.",
                    Unit.COUNT,
                    "sum(cardswitch_calls_without_media)",
                ),
            ),
        ),
        Row(
            "Money",
            (
                lines(
                    "Sums of the books",
                    "Issued, refilled, charged, fees, posted and held, in currency units. Recomputed from all entries.",
                    Unit.CURRENCY,
                    f"sum by (currency, kind) ({ledger('cardswitch_ledger_amount')})",
                    "{{kind}} {{currency}}",
                ),
                lines(
                    "Refills",
                    "Refilled in the last hour, in currency units, by product: vouchers, console and API.",
                    Unit.CURRENCY,
                    or_zero(f"sum by (product, currency) ({ledger('increase(cardswitch_refilled_total[1h])')})"),
                    "{{product}} {{currency}}",
                ),
                lines(
                    "Held",
                    "Held for calls in progress: what would be charged if all of them used up their limits.",
                    Unit.CURRENCY,
                    f"sum by (currency) ({ledger('cardswitch_held')})",
                    "{{currency}}",
                ),
                lines(
                    "Holds and dialogs",
                    "Holds of the ledger beside the dialogs of the edges (with the IVR's callers): they rise "
                    "and fall together.",
                    Unit.COUNT,
                    or_zero(HOLDS),
                    "holds",
                    dialogs="sum(cardswitch_edge_dialogs)",
                    IVR_callers="sum(cardswitch_ivr_calls_active)",
                ),
            ),
        ),
        Row(
            "Ends of calls",
            (
                lines(
                    "Who ends calls",
                    "Settled calls a minute by who ended them; timeout: the limit that was paid for; sweeper: "
                    "nobody told.",
                    Unit.PER_MINUTE,
                    per_minute("cardswitch_call_ends_total", "ended_by"),
                    "{{ended_by}}",
                ),
                lines(
                    "Calls ended by balance",
                    "Calls a minute that ended because the balance was used up, by product.",
                    Unit.PER_MINUTE,
                    or_zero(per_minute("cardswitch_calls_ended_by_balance_total", "product")),
                    "{{product}}",
                ),
                lines(
                    "Warnings",
                    "Warnings before the limit that were played, and those that could not be.",
                    Unit.PER_MINUTE,
                    per_minute("cardswitch_warnings_played_total"),
                    "played",
                    failed=per_minute("cardswitch_warnings_failed_total"),
                ),
                lines(
                    "The second line",
                    "Calls that the keeper had to end past their limit, holds it settled without an end, ends "
                    "that came too late.",
                    Unit.PER_MINUTE,
                    per_minute("cardswitch_calls_ended_by_guard_total"),
                    "ended by the guard",
                    swept=per_minute("cardswitch_sweeper_finds_total"),
                    late=per_minute("cardswitch_calls_late_total"),
                ),
                lines(
                    "Journal",
                    "Bytes of the call journal not applied yet, and events it lost, was unable to read, or "
                    "knows no hold for.",
                    Unit.BYTES,
                    "sum(cardswitch_journal_lag_bytes)",
                    "not applied",
                ),
                lines(
                    "Journal trouble",
                    "Events a minute that could not be written, were torn, not understood, or of unknown holds. "
                    "All stay at 0.",
                    Unit.PER_MINUTE,
                    per_minute("cardswitch_edge_journal_lost_total"),
                    "lost",
                    torn=per_minute("cardswitch_journal_torn_total"),
                    strange=per_minute("cardswitch_journal_strange_total"),
                    unknown=per_minute("cardswitch_journal_unknown_total"),
                ),
            ),
        ),
        Row(
            "Authorising",
            (
                lines(
                    "Authorise latency at the edge",
                    "Time to hold the cost of a call, or to claim the hold of a second leg.",
                    Unit.SECONDS,
                    quantile(0.5, "cardswitch_edge_authorise_seconds"),
                    "median",
                    p99=quantile(0.99, "cardswitch_edge_authorise_seconds"),
                ),
                lines(
                    "Authorise latency in the IVR",
                    "The same, as callers of the IVR wait for it, with the wait for a thread.",
                    Unit.SECONDS,
                    quantile(0.5, "cardswitch_ivr_authorise_seconds"),
                    "median",
                    p99=quantile(0.99, "cardswitch_ivr_authorise_seconds"),
                ),
                lines(
                    "Outcomes in the IVR",
                    "Calls asked for in the IVR, a minute, by outcome.",
                    Unit.PER_MINUTE,
                    or_zero(seen_per_minute("cardswitch_ivr_authorisations_total", "outcome")),
                    "{{outcome}}",
                ),
            ),
        ),
    ),
)
