"""For all tests. At SIGUSR1 pytest writes down where every thread is; ``console/check.py`` sends it when time is up."""

import faulthandler
import os
import signal
import sys

import pytest


def pytest_configure(config: pytest.Config) -> None:
    # A copy of standard error: while a test runs the real one goes into pytest's capture.
    faulthandler.register(signal.SIGUSR1, file=os.dup(sys.__stderr__.fileno()), all_threads=True)
