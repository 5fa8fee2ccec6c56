"""The log of what becomes of calls: one JSON line a step, to be followed by ``call``, as the media server's.

Answers and ends are in the call journal. ``cardswitch trace`` puts them all together.
"""

import json
import time

from kemi import ksr, running

MARK = "step "


def step(call_id: str, name: str, **facts: str | int | None) -> None:
    """Never a PIN; ``t_us`` is CLOCK_REALTIME."""
    line = {"call": call_id, "step": name, "t_us": time.time_ns() // 1000, **facts}
    ksr.log_info(MARK + json.dumps(line, separators=(",", ":")))


def step_of_dialog(name: str, **facts: str | int | None) -> None:
    """Of the call of the dialog at hand, if it is one on a card."""
    call = running.call_of_dialog()
    if call is not None:
        step(call.call, name, **facts)
