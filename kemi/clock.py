"""The times of the call journal: wall clock, a clock that runs on through suspension, and which boot that one is of."""

import time
from functools import lru_cache
from pathlib import Path


def wall_us() -> int:
    """CLOCK_REALTIME in microseconds."""
    return time.clock_gettime_ns(time.CLOCK_REALTIME) // 1000


def steady_us() -> int:
    """CLOCK_BOOTTIME in microseconds: comparable between processes of one boot only."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


@lru_cache(maxsize=1)
def boot_id() -> str:
    """First 8 hexadecimal digits of the kernel's boot id."""
    return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
