"""``python -m kemi.drain [--within SECONDS]``: before an edge is restarted.

New calls get a 503, with which carriers go to another edge, and so do their probes. It returns when no call is being
set up any more, or when time is up. Connected calls stay: Kamailio restores them when it starts again. Callers in the
IVR may still be connected. There is no way back but the restart.
"""

import argparse
import http.client
import json
import sys
import time
from contextlib import closing
from typing import Any

from kemi.settings import edge_settings
from rating.settings import SettingsError, load_settings

TIMEOUT_S = 2.0
POLL_S = 0.2


def calls_in_setup(address: str) -> int:
    """Dialogs that are neither connected nor over. Raises OSError, http.client.HTTPException, ValueError."""
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "dlg.stats_active", "params": []})
    figures: dict[str, Any] = json.loads(_post(address, "/rpc", request))["result"]
    return sum(int(figures.get(state, 0)) for state in ("starting", "connecting", "answering"))


def drain(address: str, within_s: float) -> int:
    """Tells the edge at ``address`` (host:port of its HTTP); how many calls were still being set up in the end."""
    deadline = time.monotonic() + within_s
    _post(address, "/drain", "")
    while (left := calls_in_setup(address)) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return left


def _post(address: str, path: str, body: str) -> bytes:
    with closing(http.client.HTTPConnection(address, timeout=TIMEOUT_S)) as connection:
        connection.request("POST", path, body)
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise ValueError(f"{path} is answered by {response.status}")
        return content


def main() -> int:
    """0 also when calls are left; 1 with one line when the edge cannot be told."""
    parser = argparse.ArgumentParser(prog="python -m kemi.drain", description=__doc__)
    parser.add_argument("--config", help="cardswitch.toml; default: what CARDSWITCH_CONFIG names")
    parser.add_argument("--within", type=float, default=30.0, help="seconds (30)")
    options = parser.parse_args()
    try:
        left = drain(edge_settings(load_settings(options.config)).http, options.within)
    except (SettingsError, OSError, ValueError, KeyError, http.client.HTTPException) as error:
        print(f"kemi.drain: {error}", file=sys.stderr)
        return 1
    print(f"drained, {left} calls still being set up")
    return 0


if __name__ == "__main__":
    sys.exit(main())
