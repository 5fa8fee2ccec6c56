"""Simulated time, put in the place of module ``time`` where the rating core asks for it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import rating.database
import rating.directory
import rating.journal

MICROS = 1_000_000
START_US = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC


class SimulatedTime:
    """True time in microseconds, and what the clock on the wall says: another one on each machine, set now and then.

    It has what the rating core uses of module ``time``. Sleeping costs nothing and moves nothing but the time.
    """

    CLOCK_BOOTTIME = time.CLOCK_BOOTTIME
    gmtime = staticmethod(time.gmtime)
    strftime = staticmethod(time.strftime)

    def __init__(self) -> None:
        self.now_us = START_US
        self.wall_offset_us = 0  # of the machine whose code runs now

    def wall_us(self) -> int:
        return self.now_us + self.wall_offset_us

    def boot_us(self) -> int:
        """The clock that nobody sets; all machines started together."""
        return self.now_us - START_US + MICROS

    def time(self) -> float:
        return self.wall_us() / MICROS

    def time_ns(self) -> int:
        return self.wall_us() * 1000

    def monotonic(self) -> float:
        return self.boot_us() / MICROS

    def clock_gettime_ns(self, _clock: int) -> int:
        return self.boot_us() * 1000

    def sleep(self, seconds: float) -> None:
        self.now_us += int(seconds * MICROS)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The rating core lives in this time."""
        modules: tuple[Any, ...] = (rating.database, rating.directory, rating.journal)
        patches = [patch.object(module, "time", self) for module in modules]
        for each in patches:
            each.start()
        try:
            yield
        finally:
            for each in patches:
                each.stop()
