"""Rate limits: token buckets in memory, by address or token."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

SUBJECTS_MAX = 20_000  # the ones not seen for longest are forgotten, full again


class RateLimit:
    """``rate`` a second on average, ``burst`` at once. Threads may share it."""

    def __init__(self, rate: float, burst: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock_s = rate, burst, clock_s
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, subject: str) -> float:
        """Takes one; 0 when there was one, else in how many seconds there will be."""
        now = self._clock_s()
        with self._lock:
            left, at = self._buckets.pop(subject, (float(self._burst), now))
            left = min(float(self._burst), left + (now - at) * self._rate)
            allowed = left >= 1
            left -= allowed
            self._buckets[subject] = (left, now)
            if len(self._buckets) > SUBJECTS_MAX:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate
