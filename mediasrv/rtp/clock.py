"""A millisecond tick from timerfd(2), which Python 3.11 does not wrap."""

import ctypes
import os
import time
from typing import Final

TICK_NS: Final = 1_000_000
TFD_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC
TFD_TIMER_ABSTIME: Final = 1

_libc: Final = ctypes.CDLL(None, use_errno=True)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


def tick_now() -> int:
    """Milliseconds of the monotonic clock."""
    return time.monotonic_ns() // TICK_NS


class TickTimer:
    """Becomes readable at every whole millisecond of the monotonic clock while it is armed."""

    def __init__(self) -> None:
        self.fd: int = _libc.timerfd_create(time.CLOCK_MONOTONIC, TFD_FLAGS)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")

    def fileno(self) -> int:
        """For epoll."""
        return self.fd

    def arm(self) -> None:
        """Ticks from the next millisecond on."""
        seconds, nanoseconds = divmod((tick_now() + 1) * TICK_NS, 1_000_000_000)
        self._set(_Itimerspec(_Timespec(0, TICK_NS), _Timespec(seconds, nanoseconds)))

    def disarm(self) -> None:
        """No more ticks: an idle worker sleeps."""
        self._set(_Itimerspec(_Timespec(0, 0), _Timespec(0, 0)))

    def acknowledge(self) -> None:
        """Makes the descriptor unreadable until the next tick."""
        try:
            os.read(self.fd, 8)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Gives the descriptor back."""
        os.close(self.fd)

    def _set(self, spec: _Itimerspec) -> None:
        if _libc.timerfd_settime(self.fd, TFD_TIMER_ABSTIME, ctypes.byref(spec), None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")
