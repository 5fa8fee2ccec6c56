"""The edge's HTTP side: metrics, JSON-RPC, and the limit of a running call."""

import re
from urllib.parse import urlsplit

from kemi import directory, farewell, ksr, metrics, node, server_statistics, survive
from kemi.settings import host_and_port

_LIMIT = re.compile(r"/calls/([0-9]{1,10}):([0-9]{1,10})/limit/([0-9]{1,6})")
_END = re.compile(r"/calls/([0-9]{1,10}):([0-9]{1,10})/end")
HELP = "there are /metrics, /rpc, /drain, /calls/bye, /calls/<dialog>/limit/<seconds> and /calls/<dialog>/end\n"


def answer() -> None:
    """``/metrics``; and, by POST, ``/rpc`` (JSON-RPC), ``/drain`` (no new calls from now on),
    ``/calls/<h_entry>:<h_id>/limit/<seconds from now>``, ``/calls/<h_entry>:<h_id>/end``, and ``/calls/bye`` with the
    legs of a dead edge's call (rating/keeper/legs.py). On the HTTP listener only: to the SIP ports come strangers."""
    if not ksr.arrived_at(host_and_port(node.edge().http)):
        ksr.http_reply(404, "Not Found", "text/plain", "\n")
        return
    path = urlsplit(ksr.get("$hu") or "/").path
    if path == "/metrics":
        exposition = metrics.exposition() + server_statistics.exposition()
        ksr.http_reply(200, "OK", "text/plain; version=0.0.4; charset=utf-8", exposition)
    elif not ksr.is_method("POST"):
        ksr.http_reply(404, "Not Found", "text/plain", HELP)
    elif path == "/rpc":
        ksr.http_rpc()
    elif path == "/drain":
        directory.drain()
        tell(True)
    elif found := _LIMIT.fullmatch(path):
        tell(set_limit(int(found[1]), int(found[2]), int(found[3])))
    elif path == "/calls/bye":
        tell(farewell.send_byes(ksr.get("$rb") or ""))
    elif found := _END.fullmatch(path):
        tell(ksr.end_dialog(int(found[1]), int(found[2])))
    else:
        ksr.http_reply(404, "Not Found", "text/plain", HELP)


def tell(done: bool) -> None:
    if done:
        ksr.http_reply(200, "OK", "text/plain", "ok\n")
    else:
        ksr.http_reply(404, "Not Found", "text/plain", "no such call\n")


def set_limit(entry: int, dialog_id: int, seconds: int) -> bool:
    """Lets a running call go on for ``seconds`` from now."""
    if not ksr.set_dialog_timeout_by_id(seconds, entry, dialog_id):
        return False
    survive.extend(f"{entry}:{dialog_id}", seconds)
    return True
