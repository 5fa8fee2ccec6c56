"""Ctrl-C and SIGTERM: one exception that unwinds to the clean-up, never in the middle of starting a process."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_shielded = 0
_pending = False


class StopRequested(BaseException):
    """The operator (Ctrl-C), ``cardswitch down`` or the system (SIGTERM, SIGHUP) wants an end. Not an error."""


def _handler(_number: int, _frame: FrameType | None) -> None:
    global _pending  # noqa: PLW0603  signal handlers are the process's, and so is their state
    if _shielded:
        _pending = True
    else:
        raise StopRequested


def install() -> None:
    """From now on these signals raise StopRequested in the main thread."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _handler)


@contextmanager
def shield() -> Iterator[None]:
    """Holds the exception back until the end of the block: a process must not be started and then forgotten."""
    global _shielded, _pending  # noqa: PLW0603
    _shielded += 1
    try:
        yield
    finally:
        _shielded -= 1
    if _pending and not _shielded:
        _pending = False
        raise StopRequested


def ignore() -> None:
    """Nothing disturbs the clean-up: impatient Ctrl-Cs would leave processes behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
