"""Running calls from outside: ended, or their limit raised, by the edge that has them.

An edge is asked over HTTP. Where it listens is in the settings: ``[edges] NAME = "host:port"`` for every node, or
``[edge] http`` of this node's own. What an edge offers there is in kemi/web.py. Blocking; nothing here is in the way of
a call that is being set up.
"""

import http.client
from contextlib import closing

from rating import journal
from rating.cards import now_us
from rating.database import Database, Row
from rating.settings import Settings
from rating.store import calls

TIMEOUT_S = 2.0
TIMER_SPARE_S = (
    1  # an edge's dialog timer is ± 1 s: the caller gets what is paid for, the charge is clamped to the hold
)


class EdgeUnavailableError(Exception):
    """The edge that has a call does not answer, or the settings do not say where it is."""


class Edges:
    """The edges that the settings name. Dialogs are ``"<h_entry>:<h_id>"``, as the answer event has them."""

    def __init__(self, settings: Settings) -> None:
        self._addresses = {str(name): str(address) for name, address in settings.table("edges").items()}
        own = settings.table("edge").get("http")
        if own:
            self._addresses.setdefault(settings.node, str(own))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._addresses)

    def end(self, node: str, dialog: str) -> bool:
        """BYE to both sides; False when the edge has no such dialog. Raises EdgeUnavailableError."""
        return self.post(node, f"/calls/{dialog}/end")

    def set_limit(self, node: str, dialog: str, seconds: int) -> bool:
        """The call ends ``seconds`` from now, sooner or later than before. Raises EdgeUnavailableError."""
        return self.post(node, f"/calls/{dialog}/limit/{max(1, seconds)}")

    def lives(self, node: str) -> bool:
        """Whether that edge answers."""
        try:
            self.post(node, "/calls/0:0/limit/1")  # which no call has
        except EdgeUnavailableError:
            return False
        return True

    def post(self, node: str, path: str, body: bytes = b"") -> bool:
        """Whether the edge did what the path asks for; False is its 404."""
        address = self._addresses.get(node)
        if address is None:
            raise EdgeUnavailableError(f'where is edge {node}? Give [edges] {node} = "host:port" in the settings.')
        try:
            with closing(http.client.HTTPConnection(address, timeout=TIMEOUT_S)) as connection:
                connection.request("POST", path, body)
                status = connection.getresponse().status
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise EdgeUnavailableError(f"edge {node} at {address} does not answer: {error}") from error
        if status not in (200, 404):
            raise EdgeUnavailableError(f"edge {node} at {address} answers {status}")
        return status == 200


def end_call(settings: Settings, call: str) -> bool:
    """Hangs up the running calls with that hold id or call id: BYE to both sides, charged for what they lasted.

    False: none runs, or not yet answered. Raises EdgeUnavailableError, and LedgerUnavailableError.
    """
    edges = Edges(settings)
    ended = [edges.end(row["node"], row["dialog"]) for row in _running(settings, call)]  # all of them, not the first
    return any(ended)


def set_limit(settings: Settings, call: str, limit_s: int) -> bool:
    """Lets the running call with that hold id or call id go on until ``limit_s`` seconds after its answer.

    Only the edge's timer moves, never what the hold pays for: to be used for a lower limit, or after ``extend_hold``.
    """
    edges = Edges(settings)
    moved = [
        edges.set_limit(row["node"], row["dialog"], limit_s - lasted_s(row) + TIMER_SPARE_S)
        for row in _running(settings, call)
    ]
    return any(moved)


def lasted_s(row: Row) -> int:
    """Whole seconds since the answer. By the clock that no step moves, where it is the same machine's."""
    if row["boot"] and row["boot"] == journal.boot_id():
        return int(max(0, journal.boot_clock_us() - row["answer_mono_us"]) // 1_000_000)
    return int(max(0, now_us() - row["answered_us"]) // 1_000_000)


def _running(settings: Settings, call: str) -> list[Row]:
    database = Database(settings.database)
    with closing(database):
        return calls.running(database, call)
