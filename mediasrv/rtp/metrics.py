"""The RTP workers' figures for Prometheus.

    registry.register(RtpCollector(client))

The figures are at most a second old; a scrape waits for nobody and may come from any thread.
"""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from mediasrv.rtp.client import RtpClient
from mediasrv.rtp.stats import PACING_BOUNDS_US, Stats

PREFIX: Final = "cardswitch_rtp_"

COUNTERS: Final[tuple[tuple[str, str, Callable[[Stats], float]], ...]] = (
    ("calls_opened", "Calls that were given ports.", lambda stats: stats.calls_opened),
    ("packets_sent", "RTP packets sent.", lambda stats: stats.packets_sent),
    ("packets_unsent", "RTP packets the kernel did not take.", lambda stats: stats.packets_unsent),
    ("packets_received", "RTP packets taken from callers; their filtered audio is not among them.",
     lambda stats: stats.packets_received),
    ("packets_refused", "Datagrams that were no valid RTP of the caller.", lambda stats: stats.packets_refused),
    ("silences", "Callers from whom nothing came for too long.", lambda stats: stats.silences),
    ("slots_skipped", "Milliseconds left out after a stall.", lambda stats: stats.slots_skipped),
    ("messages_dropped", "Events lost because the media server did not read them.",
     lambda stats: stats.messages_dropped),
    ("bugs", "Exceptions that nobody had foreseen; the worker went on.", lambda stats: stats.bugs),
    ("cpu_seconds", "CPU time of the worker.", lambda stats: stats.cpu_s),
)  # fmt: skip
GAUGES: Final[tuple[tuple[str, str, Callable[[Stats], float]], ...]] = (
    ("calls", "Calls that have ports.", lambda stats: stats.calls),
    ("resident_bytes", "Memory of the worker.", lambda stats: stats.resident_bytes),
    ("prompt_cache_bytes", "Encoded prompts kept.", lambda stats: stats.prompt_cache_bytes),
)


class RtpCollector(Collector):
    """The workers of one client. A worker that was started again counts from zero, as Prometheus expects."""

    def __init__(self, client: RtpClient) -> None:
        self._client = client

    def collect(self) -> Iterator[Metric]:
        """Every figure, labelled with the worker's number."""
        yield GaugeMetricFamily(f"{PREFIX}workers", "RTP workers that take calls.", self._client.workers_running)
        yield CounterMetricFamily(f"{PREFIX}worker_restarts", "RTP workers started again.", self._client.restarts)
        for name, text, value in COUNTERS:
            yield self._family(CounterMetricFamily(PREFIX + name, text, labels=["worker"]), value)
        for name, text, value in GAUGES:
            yield self._family(GaugeMetricFamily(PREFIX + name, text, labels=["worker"]), value)
        yield self._digits()
        yield self._pacing()

    def _family(self, family: CounterMetricFamily | GaugeMetricFamily, value: Callable[[Stats], float]) -> Metric:
        for number, stats in enumerate(self._client.last_stats):
            family.add_metric([str(number)], value(stats))
        return family

    def _digits(self) -> Metric:
        family = CounterMetricFamily(f"{PREFIX}digits", "Keys heard, by how they came.", labels=["worker", "kind"])
        for number, stats in enumerate(self._client.last_stats):
            family.add_metric([str(number), "rfc4733"], stats.digits_rfc4733)
            family.add_metric([str(number), "inband"], stats.digits_inband)
        return family

    def _pacing(self) -> Metric:
        family = HistogramMetricFamily(f"{PREFIX}pacing_error_seconds", "How late packets left.", labels=["worker"])
        for number, stats in enumerate(self._client.last_stats):
            family.add_metric([str(number)], _buckets(stats.pacing), stats.pacing_sum_us / 1e6)
        return family


def _buckets(counts: list[int]) -> list[tuple[str, float]]:
    """Prometheus counts in each bucket everything up to its bound."""
    total = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip((*(str(us / 1e6) for us in PACING_BOUNDS_US), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, total))
    return buckets
