"""What the charts show: calls at once by the minute, minutes, spend and margin by time and by destination."""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.concurrency import run_in_threadpool

from rating.cards import now_us
from rating.core import RatingCore
from rating.database import Database
from rating.outcome import LedgerUnavailableError
from rating.store import traffic

LOG = logging.getLogger("cardswitch.console")
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
MINUTES_KEPT = 32 * 24 * 60
SAMPLE_S = 5.0
KEPT_S = 15  # a picture is drawn from the ledger that often at most, however many look at it


@dataclass(frozen=True, slots=True)
class Period:
    """What a chart covers: so many buckets back from now. Buckets of a day begin at midnight UTC."""

    name: str
    buckets: int
    bucket_minutes: int


PERIODS = {
    period.name: period for period in (Period("day", 24, 60), Period("week", 7, 1440), Period("month", 30, 1440))
}


@dataclass(slots=True)
class Sums:
    """Of answered calls; micro-units of one currency. ``margin``: where the cost is known."""

    calls: int = 0
    seconds: int = 0
    charge_micros: int = 0
    margin_micros: int = 0

    def add(self, calls: int, seconds: int, charge_micros: int, margin_micros: int) -> None:
        self.calls += calls
        self.seconds += seconds
        self.charge_micros += charge_micros
        self.margin_micros += margin_micros


@dataclass(slots=True)
class Picture:
    """All figures of a page of charts. Buckets are named by their first second (epoch)."""

    period: Period
    buckets: tuple[int, ...]
    calls_at_once: tuple[int, ...]
    by_time: dict[str, dict[int, Sums]] = field(default_factory=dict)  # currency → bucket → sums
    by_destination: dict[str, dict[str, Sums]] = field(default_factory=dict)  # currency → destination → sums

    def at(self, currency: str, bucket: int) -> Sums:
        return self.by_time.setdefault(currency, {}).setdefault(bucket, Sums())

    def of(self, currency: str, destination: str) -> Sums:
        return self.by_destination.setdefault(currency, {}).setdefault(destination, Sums())

    @property
    def minutes(self) -> tuple[int, ...]:
        """Of talk, all currencies, by bucket."""
        return tuple(
            sum(times[bucket].seconds for times in self.by_time.values() if bucket in times) // 60
            for bucket in self.buckets
        )


class Traffic:
    """Over the ledger's database. Threads may share it."""

    def __init__(self, database: Database, core: RatingCore, clock_us: Callable[[], int] = now_us) -> None:
        self._database, self._core, self._clock_us = database, core, clock_us
        self._lock = threading.Lock()
        self._drawn: dict[str, tuple[int, Picture]] = {}

    async def run(self) -> None:
        """Samples the calls at once; until cancelled."""
        while True:
            try:
                await run_in_threadpool(self.sample)
            except LedgerUnavailableError:
                LOG.warning("the ledger cannot be reached: no sample of calls at once")
            except Exception:
                LOG.exception("sampling the calls at once failed")
            await asyncio.sleep(SAMPLE_S)

    def sample(self) -> None:
        """Notes how many calls are connected now."""
        minute = self._clock_us() // MINUTE_US
        traffic.note_calls(self._database, minute, traffic.connected_now(self._database))
        if minute % 60 == 0:
            traffic.forget_minutes(self._database, minute - MINUTES_KEPT)

    def picture(self, period: Period) -> Picture:
        """The figures, at most KEPT_S old."""
        with self._lock:
            at_us, drawn = self._drawn.get(period.name, (0, None))
            if drawn is None or self._clock_us() - at_us > KEPT_S * 1_000_000:
                drawn = self._draw(period)
                self._drawn[period.name] = self._clock_us(), drawn
            return drawn

    def _draw(self, period: Period) -> Picture:
        size = period.bucket_minutes
        last = self._clock_us() // MINUTE_US // size * size
        minutes = range(last - (period.buckets - 1) * size, last + size, size)
        peaks = {row["bucket"]: row["calls"] for row in traffic.calls_at_once(self._database, minutes[0], size)}
        drawn = Picture(
            period,
            tuple(minute * 60 for minute in minutes),
            tuple(int(peaks.get(minute, 0)) for minute in minutes),
        )
        if period.name == "day":
            self._add_hours(drawn)
        else:
            self._add_days(drawn)
        return drawn

    def _add_hours(self, drawn: Picture) -> None:
        for row in traffic.hours(self._database, drawn.buckets[0] * 1_000_000):
            figures = (int(row["calls"]), int(row["seconds"]), int(row["charge_micros"]), int(row["margin_micros"]))
            drawn.at(row["currency"], row["hour"] * 3600).add(*figures)
            drawn.of(row["currency"], row["destination"]).add(*figures)

    def _add_days(self, drawn: Picture) -> None:
        first = datetime.fromtimestamp(drawn.buckets[0], UTC).date()
        last = first + timedelta(days=drawn.period.buckets - 1)
        for use in self._core.usage("day", first, last):
            bucket = int(datetime.fromisoformat(use.group).replace(tzinfo=UTC).timestamp())
            drawn.at(use.currency, bucket).add(use.answered, use.seconds, use.charge_micros, use.margin_micros)
        for use in self._core.usage("destination", first, last):
            drawn.of(use.currency, use.group).add(use.answered, use.seconds, use.charge_micros, use.margin_micros)
