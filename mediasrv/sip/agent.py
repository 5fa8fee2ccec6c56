"""The user agent: one SIP socket, its legs, and what it says to requests that belong to no leg."""

from collections.abc import Sequence
from secrets import token_hex
from typing import Protocol

from mediasrv.sip import dialog as dialogs
from mediasrv.sip import session_timer
from mediasrv.sip.incoming import IncomingLeg
from mediasrv.sip.leg import Header, Leg
from mediasrv.sip.message import ALLOWED, SDP, SUPPORTED, Request, options_of, tag_of
from mediasrv.sip.outgoing import OutgoingLeg
from mediasrv.sip.reasons import phrase
from mediasrv.sip.stack import Address, ServerTransaction, SipStack
from mediasrv.sip.state import RemoteError


class AgentUser(Protocol):
    """Who takes calls."""

    def invited(self, leg: IncomingLeg) -> None:
        """A call: to be answered or refused, later or at once. It must not block."""

    def accepting(self) -> int:
        """200: calls are taken; else the status that refuses them now (503 draining, 486 full)."""


class UserAgent:
    """Binds at once; needs a running loop. Raises OSError when the address is taken."""

    def __init__(self, address: Address, proxy: Address, user: AgentUser) -> None:
        self.stack = SipStack(address, proxy, self)
        self._user = user
        self._legs: dict[tuple[str, str], Leg] = {}

    @property
    def legs(self) -> int:
        return len(self._legs)

    def close(self) -> None:
        """Every leg is gone then, and the socket closed."""
        for leg in list(self._legs.values()):
            leg.abandon()
        self.stack.close()

    def call(
        self,
        uri: str,
        *,
        local: str,
        sdp: str,
        headers: Sequence[Header] = (),
        next_hop: Address | None = None,
        call_id_prefix: str = "",
    ) -> OutgoingLeg:
        """Sends an INVITE to ``uri``. ``local`` is the From value without tag, ``next_hop`` where the request goes."""
        call_id = call_id_prefix + token_hex(16)
        identity = dialogs.of_outgoing(call_id, dialogs.with_tag(local, dialogs.new_tag()), f"<{uri}>", uri)
        leg = OutgoingLeg(self.stack, identity, self._forget)
        self._legs[leg.key] = leg
        leg.invite(sdp, headers, next_hop)
        return leg

    def received(self, request: Request, transaction: ServerTransaction) -> None:
        """A new request: of a leg, or for us."""
        tag = tag_of(request.header("to") or "")
        if tag:
            self._within(request, transaction, tag)
        elif request.method == "INVITE":
            self._invite(request, transaction)
        elif request.method == "OPTIONS":
            self._options(transaction)
        else:
            self._respond(transaction, 405, [("Allow", ALLOWED)])

    def _within(self, request: Request, transaction: ServerTransaction, tag: str) -> None:
        leg = self._legs.get((request.call_id, tag))
        if leg is None:
            self._respond(transaction, 481)
            return
        try:
            leg.receive(request, transaction)
        except RemoteError as error:
            self._respond(transaction, error.status)

    def _invite(self, invite: Request, transaction: ServerTransaction) -> None:
        unknown = options_of(invite, "require").difference(SUPPORTED)
        if unknown:
            self._respond(transaction, 420, [("Unsupported", ", ".join(sorted(unknown)))])
        elif session_timer.too_small(invite):
            self._respond(transaction, 422, [("Min-SE", str(session_timer.MIN_SE_S))])
        elif invite.body and not invite.sdp:
            self._respond(transaction, 415, [("Accept", SDP)])
        elif not invite.header("contact"):
            self._respond(transaction, 400)
        elif (status := self._user.accepting()) != 200:
            self._respond(transaction, status, [("Retry-After", "5")] if status == 503 else [])
        else:
            leg = IncomingLeg(self.stack, invite, transaction, self._forget)
            self._legs[leg.key] = leg
            transaction.respond(100, phrase(100))
            self._user.invited(leg)

    def _options(self, transaction: ServerTransaction) -> None:
        """The dispatcher's probe: a server that drains says so, one that is full is still alive."""
        status = 503 if self._user.accepting() == 503 else 200
        self._respond(transaction, status, [("Allow", ALLOWED), ("Accept", SDP), ("Supported", ", ".join(SUPPORTED))])

    def _respond(self, transaction: ServerTransaction, status: int, headers: Sequence[Header] = ()) -> None:
        transaction.respond(status, phrase(status), headers=headers)

    def _forget(self, leg: Leg) -> None:
        self._legs.pop(leg.key, None)
