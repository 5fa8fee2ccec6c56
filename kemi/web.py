"""The edge's HTTP side: metrics, JSON-RPC, and the limit of a running call."""

import re
from urllib.parse import urlsplit

from kemi import ksr, metrics, server_statistics, survive

_LIMIT = re.compile(r"/calls/([0-9]{1,10}):([0-9]{1,10})/limit/([0-9]{1,6})")


def answer() -> None:
    """``/metrics``; ``/rpc`` (JSON-RPC, POST); ``/calls/<h_entry>:<h_id>/limit/<seconds from now>`` (POST)."""
    path = urlsplit(ksr.get("$hu") or "/").path
    limit = _LIMIT.fullmatch(path)
    if path == "/metrics":
        ksr.http_reply(
            200, "OK", "text/plain; version=0.0.4; charset=utf-8", metrics.exposition() + server_statistics.exposition()
        )
    elif path == "/rpc" and ksr.is_method("POST"):
        ksr.http_rpc()
    elif limit and ksr.is_method("POST"):
        set_limit(int(limit[1]), int(limit[2]), int(limit[3]))
    else:
        ksr.http_reply(404, "Not Found", "text/plain", "there are /metrics, /rpc and /calls/<dialog>/limit/<seconds>\n")


def set_limit(entry: int, dialog_id: int, seconds: int) -> None:
    """Lets a running call go on for ``seconds`` from now."""
    if ksr.set_dialog_timeout_by_id(seconds, entry, dialog_id):
        survive.extend(f"{entry}:{dialog_id}", seconds)
        ksr.http_reply(200, "OK", "text/plain", "ok\n")
    else:
        ksr.http_reply(404, "Not Found", "text/plain", "no such call\n")
