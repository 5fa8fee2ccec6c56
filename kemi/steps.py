"""The edge's call log (rating/calllog.py): what becomes of calls. ``cardswitch trace`` puts all parts' together."""

import os
from functools import lru_cache

from kemi import ksr, node, running
from rating.calllog import CallLog

PART = "edge"


_noted: list[dict[str, str | int | None]] = []  # of the callback that runs: they are one write


def step(call_id: str, name: str, **facts: str | int | None) -> None:
    """Never a PIN."""
    _noted.append({"call": call_id, "step": name, **facts})


def write() -> None:
    """At the end of each callback."""
    if _noted:
        _log_of(os.getpid()).steps(_noted)
        _noted.clear()


def step_of_dialog(name: str, **facts: str | int | None) -> None:
    """Of the call of the dialog at hand, if it is one on a card."""
    call = running.call_of_dialog()
    if call is not None:
        step(call.call, name, **facts)


@lru_cache(maxsize=1)
def _log_of(_pid: int) -> CallLog:
    return CallLog.of(node.settings(), PART, ksr.log_info)
