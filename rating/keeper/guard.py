"""The second line: calls past their limit are ended, signs of life noted, holds without an end settled."""

import itertools
import json
import logging
import os
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rating.calllog import CallLog
from rating.database import Connection, Database, Row
from rating.edges import Edges, EdgeUnavailableError
from rating.journal import Event, boot_clock_us, boot_id
from rating.keeper.figures import SWEEPER
from rating.keeper.ng import NgClient, NgError, Relays
from rating.keeper.outcome import END, FAILED
from rating.keeper.settle import Applied, Settler
from rating.store import keeping
from rating.store.keeping import Moment

LOG = logging.getLogger(__name__)
CAUSE_RECOVERY = 102  # Q.850: recovery on timer expiry
RPC_TIMEOUT_S = 1.0
SILENCE_US = 30_000_000
SWEPT_AT_ONCE_MAX = 500
CUTS_MAX = 3  # tries to end a call of a dead edge


@dataclass(frozen=True, slots=True)
class GuardTimes:
    """Seconds. The dialog timeout ends a call at its limit + 1 s; one that is there after ``overdue_s`` was missed."""

    overdue_s: int = 5
    unanswered_s: int = 300  # no INVITE rings so long
    dead_edge_s: int = 15  # the same for calls of other nodes whose edge does not answer
    no_end_s: int = 900  # past the limit, for this node's calls: its whole journal is read by then
    other_nodes_s: int = 14_400  # the same for calls of other nodes, whose keepers may be late
    confirm_s: int = 300  # how long that must have looked so before it is believed, see ``Guard.sweep``


class Guard:
    """Looks after this node's calls, and at last after all nodes'."""

    def __init__(
        self,
        database: Database,
        node: str,
        settler: Settler,
        *,
        ng: NgClient | Relays | None,
        rpc_socket: Path | None,
        times: GuardTimes,
        clock_us: Callable[[], int],
        calls: CallLog | None = None,
        boot_us: Callable[[], int] = boot_clock_us,
        boot: str | None = None,
        edges: Edges | None = None,
    ) -> None:
        self.ended = 0
        self.silent = 0  # connected calls without a packet for SILENCE_US, when last asked
        self._database = database
        self._node = node
        self._settler = settler
        self._ng = ng
        self._rpc_socket = rpc_socket
        self._times = times
        self._clock_us = clock_us
        self._calls = calls or CallLog(None, "keeper", node)
        self._boot_us = boot_us
        self._boot = boot_id() if boot is None else boot
        self._edges = edges
        self._cut: dict[str, int] = {}  # tries to end calls of other nodes, by hold
        self._suspected_us: dict[str, int] = {}  # hold without an end: since when, by the machine's own clock

    def _now(self) -> Moment:
        return Moment(self._clock_us(), self._boot_us(), self._boot)

    def end_overdue(self) -> None:
        """Ends calls the edge should have ended: the dialog by RPC, the media in rtpengine, each on its own."""
        for call in keeping.overdue(self._database, self._node, self._now(), self._times.overdue_s):
            self.ended += 1
            LOG.warning("hold %s is past its limit: ending its call", call["id"])
            self._calls.step(call["call_id"], "ended_overdue", hold=call["id"], limit_s=call["limit_s"])
            if self._rpc_socket is not None and call["dialog"]:
                _end_dialog(self._rpc_socket, call["dialog"])
            self._delete_media(call)

    def end_overdue_elsewhere(self) -> None:
        """Ends calls of other nodes that are past their limit and whose edge is dead: their BYEs are sent by this
        node's edge, to both sides, and the media is deleted. A living edge is left alone: its own timers are right, and
        this machine's clock may not be."""
        if self._edges is None:
            return
        calls = keeping.overdue_elsewhere(self._database, self._node, self._now(), self._times.dead_edge_s)
        self._cut = {call["id"]: self._cut.get(call["id"], 0) for call in calls}
        dead = {node for node in {str(call["node"]) for call in calls} if not self._edges.lives(node)}
        for call in calls:
            if call["node"] in dead and self._cut[call["id"]] < CUTS_MAX:
                self._cut[call["id"]] += 1
                self.ended += 1
                LOG.warning("hold %s is past its limit and edge %s is dead: ending its call", call["id"], call["node"])
                self._calls.step(call["call_id"], "ended_overdue", hold=call["id"], limit_s=call["limit_s"])
                self._note_sign_of_life(call)
                self._delete_media(call)
                self._send_byes(call)

    def _send_byes(self, call: Row) -> None:
        try:
            if self._edges is not None and call["legs"]:
                self._edges.post(self._node, "/calls/bye", str(call["legs"]).encode())
        except EdgeUnavailableError as error:
            LOG.warning("hold %s: nobody sends its BYEs: %s", call["id"], error)

    def _delete_media(self, call: Row) -> None:
        if self._ng is not None and call["sip_call_id"]:
            try:
                self._ng.request("delete", call_id=call["sip_call_id"], delete_delay=0)  # its default is 30 s
            except NgError as error:
                LOG.info("hold %s: %s", call["id"], error)

    def note_signs_of_life(self) -> None:
        """Asks rtpengine for the last packet of every connected call of this node, and counts those without any."""
        if self._ng is None:
            return
        silent = 0
        for call in keeping.connected(self._database, self._node):
            last_us = self._note_sign_of_life(call)
            silent += last_us is None or self._clock_us() - max(last_us, call["answered_us"]) > SILENCE_US
        self.silent = silent

    def _note_sign_of_life(self, call: Row) -> int | None:
        """When the call's last packet came, 0 for none yet; None when no rtpengine knows the call."""
        try:
            answer = None if self._ng is None else self._ng.request("query", call_id=call["sip_call_id"])
        except NgError:
            answer = None
        if answer is None:
            return None
        now, last_us = self._now(), max(last_packets(answer), default=0) * 1_000_000
        if 0 < last_us <= now.wall_us:  # a packet of the future came before somebody set the clock back
            keeping.seen_alive(self._database, call["id"], life_us(call, last_us, now))
        return last_us

    def sweep(self) -> int:
        """Settles holds whose end nobody will tell any more; how many.

        A clock that is set forward makes every hold look old, and a ringing call whose hold is released is free. So a
        hold must have looked forgotten for ``confirm_s`` by the machine's own clock.
        """
        times, now = self._times, self._now()
        found = keeping.without_end(
            self._database,
            self._node,
            now,
            (times.unanswered_s, times.no_end_s),
            (times.other_nodes_s, times.other_nodes_s),
        )
        self._suspected_us = {call["id"]: self._suspected_us.get(call["id"], now.boot_us) for call in found}
        believed_us = now.boot_us - times.confirm_s * 1_000_000
        calls = [call for call in found if self._suspected_us[call["id"]] <= believed_us][:SWEPT_AT_ONCE_MAX]
        if not calls:
            return 0

        def work(connection: Connection) -> Applied:
            return self._settler.apply_events(connection, [swept(call, self._clock_us()) for call in calls])

        applied = self._database.transaction(work)
        LOG.warning("swept %d holds without an end: %d charged", len(calls), applied.captured)
        self._calls.steps(applied.steps)
        return len(calls)


def swept(call: Row, now_us: int) -> Event:
    """The end that nobody told: at the last sign of life, in the caller's favour (a begun second does not count, and
    with no sign of life after the answer the call is free). A call never answered has failed."""
    event: Event = {
        "hold": call["id"],
        "call": call["call_id"],
        "node": call["node"],
        "by": SWEEPER,
        "cause": CAUSE_RECOVERY,
    }
    answered_us = call["answered_us"]
    if answered_us is None:
        return event | {"ev": FAILED, "t_us": now_us}
    seconds = max(0, ((call["last_seen_us"] or answered_us) - answered_us) // 1_000_000)
    return event | {"ev": END, "t_us": answered_us + seconds * 1_000_000, "answer_us": answered_us}


def life_us(call: Row, last_us: int, now: Moment) -> int:
    """When a call gave its last sign of life, told in the time of its answer: what was put between the two by setting
    the clock is nobody's talk."""
    if call["boot"] != now.boot or not call["answer_mono_us"]:
        return last_us
    last_boot_us = now.boot_us - (now.wall_us - last_us)
    return int(call["answered_us"]) + max(0, last_boot_us - int(call["answer_mono_us"]))


def last_packets(answer: Any) -> list[int]:
    """Epoch seconds of the last packets in an answer to ``query``: every "last packet" at any depth."""
    if isinstance(answer, list):
        return [found for item in answer for found in last_packets(item)]
    if not isinstance(answer, dict):
        return []
    own = [value for key, value in answer.items() if key == "last packet" and isinstance(value, int)]
    return own + [found for value in answer.values() for found in last_packets(value)]


_rpc_ids = itertools.count(1)


def _end_dialog(rpc_socket: Path, dialog: str) -> None:
    """Asks Kamailio's jsonrpcs socket to end a dialog; a datagram client needs a name of its own to be answered."""
    h_entry, _, h_id = dialog.partition(":")
    request = {"jsonrpc": "2.0", "method": "dlg.end_dlg", "params": [int(h_entry), int(h_id)], "id": next(_rpc_ids)}
    with (
        tempfile.TemporaryDirectory(prefix="cskeep") as directory,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client,
    ):
        client.settimeout(RPC_TIMEOUT_S)
        client.bind(os.path.join(directory, "s"))
        try:
            client.sendto(json.dumps(request).encode(), str(rpc_socket))
            client.recv(65_536)
        except OSError as error:
            LOG.warning("the edge's RPC socket %s does not answer: %s", rpc_socket, error)
