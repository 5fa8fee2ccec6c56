"""The keeper's state as Prometheus metrics.

What is read from the ledger as a whole (holds, balances, cards) is the same from every keeper: queries take
``max without (instance)`` of it. The counters of settlements are each node's own.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from rating.build import version
from rating.keeper.figures import COUNTERS, HISTOGRAMS, MICROS, distributions, labelled
from rating.keeper.monitor import State

Rows = Iterable[Mapping[str, Any]]
CALL_STATES = ("placed", "connected")


class KeeperCollector(Collector):
    """``own`` are counters of this process by name and help text; ``disk`` is where the journal is."""

    def __init__(self, state: State, own: dict[tuple[str, str], Callable[[], int]], disk: Path | None = None) -> None:
        self._state = state
        self._own = own
        self._disk = disk

    def collect(self) -> Iterable[Metric]:
        yield from self._settlements()
        yield from self._calls()
        yield from self._money()
        yield from self._guarded()
        yield from self._journal()
        yield from self._platform()
        for (name, text), value_of in self._own.items():
            yield CounterMetricFamily(name, text, value=value_of())

    def _settlements(self) -> Iterator[Metric]:
        """The counters of the ledger."""
        for counted in COUNTERS:
            counter = CounterMetricFamily(counted.metric, counted.text, labels=counted.labels)
            found = labelled(self._state.tallies, counted)
            for parts, value in (found or ({} if counted.labels else {(): 0})).items():
                counter.add_metric(self._named(counted.labels, parts), value / counted.unit)
            yield counter
        for measured in HISTOGRAMS:
            histogram = HistogramMetricFamily(measured.metric, measured.text, labels=measured.labels)
            for parts, found_of in distributions(self._state.tallies, measured).items():
                histogram.add_metric(self._named(measured.labels, parts), found_of.buckets, found_of.sum_s)
            yield histogram

    def _named(self, labels: tuple[str, ...], parts: tuple[str, ...]) -> list[str]:
        """The parts of a label, products and carriers by name."""
        names = {"product": self._state.products, "carrier": self._state.carriers}
        return [names.get(label, {}).get(part, part) for label, part in zip(labels, parts, strict=True)]

    def _calls(self) -> Iterator[Metric]:
        state = self._state
        open_calls = [row | {"state": CALL_STATES[int(row["connected"])]} for row in state.open_counts]
        text = "Calls that money is held for"
        yield _gauge("concurrent_calls", text, ("product", "trunk", "carrier", "state", "node"), open_calls, "holds")
        yield _gauge("holds_outstanding", "Holds not settled yet", ("node",), open_calls, "holds")
        text = "Connected calls without a packet for half a minute"
        yield GaugeMetricFamily("cardswitch_calls_without_media", text, value=state.silent())
        text = "Gateways, to be joined by their ids"
        gateways = [{"gateway_id": str(row["gateway_id"]), **row, "one": 1} for row in state.gateways]
        yield _gauge("gateway_info", text, ("gateway_id", "carrier"), gateways, "one")

    def _money(self) -> Iterator[Metric]:
        state = self._state
        held, owed = "Held on cards, in currency units", "Unspent on cards, in currency units"
        yield _gauge("held", held, ("currency",), state.open_counts, "held_micros", unit=MICROS)
        liability = [{"currency": currency, "micros": micros} for currency, micros in state.liability.items()]
        yield _gauge("balance_liability", owed, ("currency",), liability, "micros", unit=MICROS)
        amounts = [
            {"currency": currency, "kind": kind, "micros": micros}
            for currency, kinds in state.books.items()
            for kind, micros in kinds.items()
        ]
        text = "Sums of the ledger's entries, in currency units"
        yield _gauge("ledger_amount", text, ("currency", "kind"), amounts, "micros", unit=MICROS)
        yield _gauge("cards", "Cards by state", ("product", "state"), state.cards, "cards")
        yield _gauge("batches", "Batches issued", ("product",), state.batches, "batches")
        yield from self._refills()
        yield GaugeMetricFamily("cardswitch_ledger_up", "Whether the ledger answers", value=int(state.ledger_up))
        if state.ledger_ok is not None:
            text = "Whether issued + refilled - charged - fees = posted, and all holds add up"
            yield GaugeMetricFamily("cardswitch_ledger_invariant", text, value=int(state.ledger_ok))

    def _refills(self) -> Iterator[Metric]:
        """Counted in the ledger's entries, however they were made: by voucher, at the console, over the API."""
        labels = ("product", "currency")
        count = CounterMetricFamily("cardswitch_refills", "Refills of cards", labels=labels)
        sums = CounterMetricFamily("cardswitch_refilled", "Refilled onto cards, in currency units", labels=labels)
        for row in self._state.refills:
            named = [row[label] for label in labels]
            count.add_metric(named, int(row["refills"]))
            sums.add_metric(named, int(row["refilled_micros"]) / MICROS)
        yield count
        yield sums

    def _guarded(self) -> Iterator[Metric]:
        texts = {
            "locked": "Locked out now, after wrong PINs",
            "failures": "Wrong PINs of the last hour that count towards a lock-out",
            "lockouts": "Lock-outs of those that had a wrong PIN within a day",
        }
        for column, text in texts.items():
            name = "pin_locked" if column == "locked" else f"pin_{column}"
            yield _gauge(name, text, ("scope",), self._state.pin_guard, column)

    def _journal(self) -> Iterator[Metric]:
        state = self._state
        yield GaugeMetricFamily("cardswitch_journal_bytes", "Size of the call journal", value=state.journal_bytes)
        yield GaugeMetricFamily("cardswitch_journal_lag_bytes", "Journal not applied yet", value=state.unread_bytes)
        lag_s = max(0.0, time.time() - state.oldest_unread_us / MICROS) if state.oldest_unread_us else 0.0
        yield GaugeMetricFamily("cardswitch_journal_lag_seconds", "Age of the oldest event not applied", value=lag_s)
        yield CounterMetricFamily("cardswitch_journal_torn", "Torn records skipped", value=state.torn)
        yield CounterMetricFamily("cardswitch_journal_strange", "Events that were not understood", value=state.strange)
        text = "Events of holds not in the ledger"
        yield CounterMetricFamily("cardswitch_journal_unknown", text, value=state.unknown)

    def _platform(self) -> Iterator[Metric]:
        build = [{"part": "keeper", "version": version(), "one": 1}]
        yield _gauge("build_info", "What runs", ("part", "version"), build, "one")
        text = "When a certificate ends, epoch seconds"
        ends = [{"certificate": name, "at_s": at_s} for name, at_s in self._state.certificates.items()]
        yield _gauge("certificate_expiry_timestamp_seconds", text, ("certificate",), ends, "at_s")
        if self._disk is not None and self._disk.exists():
            usage = shutil.disk_usage(self._disk)
            yield GaugeMetricFamily("cardswitch_disk_free_bytes", "Free where the journal is", value=usage.free)
            yield GaugeMetricFamily("cardswitch_disk_size_bytes", "Size of that disk", value=usage.total)


def _gauge(
    name: str, text: str, labels: tuple[str, ...], rows: Rows, column: str, *, unit: int = 1
) -> GaugeMetricFamily:
    """The sums of a column by labels, as a metric."""
    sums: dict[tuple[str, ...], int] = {}
    for row in rows:
        key = tuple(str(row[label]) for label in labels)
        sums[key] = sums.get(key, 0) + int(row[column])
    gauge = GaugeMetricFamily(f"cardswitch_{name}", text, labels=labels)
    for key, value in sums.items():
        gauge.add_metric(list(key), value / unit)
    return gauge
