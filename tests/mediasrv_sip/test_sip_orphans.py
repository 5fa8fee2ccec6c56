"""Second legs of a media server that died, told by an edge that speaks Kamailio's JSON-RPC over HTTP."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mediasrv.orphans import call_id_prefix, end_orphans

SIP = ("127.0.0.1", 5070)


class Edge:
    """Dialogs by (h_entry, h_id) with their Call-ID; ``end_dlg`` takes one away unless it is stuck."""

    def __init__(self, dialogs: dict[tuple[int, int], str], stuck: bool) -> None:
        self.dialogs, self.stuck, self.ended = dialogs, stuck, 0

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = getattr(self, request["method"].partition(".")[2])(*request["params"])
        return {"jsonrpc": "2.0", "id": request["id"], **found}

    def list_match(self, key: str, operator: str, value: str, limit: int) -> dict[str, Any]:
        assert (key, operator) == ("callid", "sw")
        found = [{"h_entry": a, "h_id": b} for (a, b), call_id in self.dialogs.items() if call_id.startswith(value)]
        return {"result": found[:limit]} if found else {"error": {"code": 404, "message": "Not found"}}

    def end_dlg(self, h_entry: int, h_id: int) -> dict[str, Any]:
        self.ended += 1
        if not self.stuck:
            del self.dialogs[h_entry, h_id]
        return {"result": None}


@contextmanager
def served(edge: Edge) -> Iterator[str]:
    """Where it listens."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            assert self.path == "/rpc"
            body = json.dumps(edge.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """No news."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_all_second_legs_of_this_address_are_ended_at_every_edge_and_no_others() -> None:
    ours = {(1, number): f"{call_id_prefix(SIP)}{number}" for number in range(45)}
    others = {(2, 1): "somebody@else", (2, 2): call_id_prefix(("127.0.0.1", 5071)) + "1"}
    edges = Edge(ours | others, stuck=False), Edge({(3, 3): call_id_prefix(SIP) + "x"}, stuck=False)
    with served(edges[0]) as one, served(edges[1]) as other:
        assert end_orphans([one, other], SIP) == 46
    assert edges[0].dialogs == others
    assert edges[1].dialogs == {}


def test_a_dialog_that_does_not_go_is_tried_once() -> None:
    edge = Edge({(1, 1): call_id_prefix(SIP) + "1"}, stuck=True)
    with served(edge) as address:
        assert end_orphans([address], SIP) == 1
    assert edge.ended == 1


def test_without_an_edge_there_is_nothing_to_end() -> None:
    assert end_orphans(["127.0.0.1:9"], SIP) == 0
