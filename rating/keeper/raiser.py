"""A refill during a call raises the limit of that call: in the ledger, then in the edge that has it.

It does not matter who refilled, and how: the keeper looks for money that came to a card after its running call was
placed. A limit is only ever raised, so that doing it again after a restart changes nothing.
"""

import logging

from rating.core import RatingCore
from rating.database import Database
from rating.edges import TIMER_SPARE_S, Edges, EdgeUnavailableError, lasted_s
from rating.model import HoldView
from rating.outcome import HoldState
from rating.store import keeping

LOG = logging.getLogger(__name__)


class Raiser:
    """Looks after the running calls of one node."""

    def __init__(self, database: Database, core: RatingCore, node: str, edges: Edges) -> None:
        self.raised = 0
        self._database = database
        self._core = core
        self._node = node
        self._edges = edges
        self._done: dict[str, int] = {}  # hold to the last refill that its call knows of

    def poll(self) -> None:
        """Raises LedgerUnavailableError. An edge that does not answer is asked again the next time."""
        calls = {call["id"]: call for call in keeping.refilled(self._database, self._node)}
        self._done = {hold: entry for hold, entry in self._done.items() if hold in calls}
        for hold_id, call in calls.items():
            if self._done.get(hold_id) == call["entry_id"]:
                continue
            view = self._core.extend_hold(hold_id)
            if isinstance(view, HoldView) and view.state is HoldState.HELD and call["dialog"]:
                seconds = view.limit_s - lasted_s(call) + TIMER_SPARE_S
                try:
                    known = self._edges.set_limit(self._node, call["dialog"], seconds)
                except EdgeUnavailableError as error:
                    LOG.warning("hold %s was refilled, its call not yet lengthened: %s", hold_id, error)
                    continue
                self.raised += known
                LOG.info("hold %s was refilled: its call may last %d s", hold_id, view.limit_s)
            self._done[hold_id] = call["entry_id"]
