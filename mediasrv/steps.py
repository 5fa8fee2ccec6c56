"""The media server's call log (rating/calllog.py): what callers hear and do. Keys are counted, not written."""

import logging
from typing import Any

from rating.calllog import CallLog
from rating.settings import Settings

log = logging.getLogger("mediasrv.steps")
PART = "mediasrv"

_calls = CallLog(None, PART, "", log.info)


def keep_as(settings: Settings) -> None:
    """Where the settings ask for it; in the process's own log until then, and where they ask for none."""
    global _calls  # noqa: PLW0603 - a process has one
    _calls = CallLog.of(settings, PART, log.info)


def step(call_id: str, name: str, **facts: Any) -> None:
    """``facts`` are JSON values; never a PIN or a digit of one."""
    _calls.step(call_id, name, **facts)
