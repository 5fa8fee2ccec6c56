"""The log of what callers do: one JSON line a step, to be followed by ``call``. Keys are counted, not written."""

import json
import logging
from typing import Any

log = logging.getLogger("mediasrv.steps")


def step(call_id: str, name: str, **facts: Any) -> None:
    """``facts`` are JSON values; never a PIN or a digit of one."""
    log.info("%s", json.dumps({"call": call_id, "step": name, **facts}, separators=(",", ":"), default=str))
