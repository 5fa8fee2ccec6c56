"""Second legs of a media server that died, told by an edge that speaks Kamailio's jsonrpcs protocol."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mediasrv.orphans import call_id_prefix, end_orphans

SIP = ("127.0.0.1", 5070)


class Edge:
    """Dialogs by (h_entry, h_id) with their Call-ID; ``end_dlg`` takes one away unless it is stuck."""

    def __init__(self, path: Path, dialogs: dict[tuple[int, int], str], stuck: bool) -> None:
        self.dialogs, self.stuck, self.ended = dialogs, stuck, 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            data, client = self.socket.recvfrom(65536)
            if not data:
                return
            request = json.loads(data)
            answer = getattr(self, request["method"].partition(".")[2])(*request["params"])
            self.socket.sendto(json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer}).encode(), client)

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
def edge(directory: Path, dialogs: dict[tuple[int, int], str], *, stuck: bool = False) -> Iterator[Edge]:
    one = Edge(directory / "rpc", dialogs, stuck)
    yield one
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as goodbye:
        goodbye.sendto(b"", str(directory / "rpc"))


def test_all_second_legs_of_this_address_are_ended_and_no_others(tmp_path: Path) -> None:
    ours = {(1, number): f"{call_id_prefix(SIP)}{number}" for number in range(45)}
    others = {(2, 1): "somebody@else", (2, 2): call_id_prefix(("127.0.0.1", 5071)) + "1"}
    with edge(tmp_path, ours | others) as kamailio:
        assert end_orphans(tmp_path / "rpc", SIP) == 45
        assert kamailio.dialogs == others


def test_a_dialog_that_does_not_go_is_tried_once(tmp_path: Path) -> None:
    with edge(tmp_path, {(1, 1): call_id_prefix(SIP) + "1"}, stuck=True) as kamailio:
        assert end_orphans(tmp_path / "rpc", SIP) == 1
        assert kamailio.ended == 1


def test_without_an_edge_there_is_nothing_to_end(tmp_path: Path) -> None:
    assert end_orphans(tmp_path / "rpc", SIP) == 0
