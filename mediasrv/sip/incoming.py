"""A call that comes in: the INVITE until it is answered, refused, or given up by the caller."""

from collections.abc import Callable, Sequence

from mediasrv.sip import dialog as dialogs
from mediasrv.sip import session_timer
from mediasrv.sip.leg import Gone, Header, Leg, LegGoneError
from mediasrv.sip.message import ALLOWED, Request, tag_of
from mediasrv.sip.stack import ServerTransaction, SipStack
from mediasrv.sip.state import Event, Life


class IncomingLeg(Leg):
    """``invite`` is the request as it came, headers and all."""

    def __init__(
        self, stack: SipStack, invite: Request, transaction: ServerTransaction, forget: Callable[[Leg], None]
    ) -> None:
        super().__init__(stack, dialogs.of_incoming(invite, dialogs.new_tag()), forget)
        self.invite = invite
        self.remote_sdp = self.remote_offer = invite.sdp
        self._transaction = transaction
        self.machine.move(Event.RECV_INVITE)
        transaction.answer_cancel_with(tag_of(self.dialog.local))
        transaction.on_cancel = self._cancelled

    def ring(self) -> None:
        """180; does nothing when the call is answered or gone."""
        if self.machine.life is Life.INVITED:
            self._respond(self._transaction, 180, [("Contact", self.stack.contact)])

    def answer(self, sdp: str) -> None:
        """200 with our answer (or, to an INVITE without offer, our offer). Raises LegGoneError after a CANCEL."""
        if self.machine.life is not Life.INVITED:
            raise LegGoneError
        terms = session_timer.terms_for(self.invite)
        self.machine.move(Event.SEND_SUCCESS)
        self.local_sdp = sdp
        self._transaction.on_ack = self._ack
        self._transaction.on_no_ack = self._lost
        headers = [("Contact", self.stack.contact), ("Allow", ALLOWED), ("Supported", "timer")]
        self._respond(self._transaction, 200, [*headers, *session_timer.headers_of(terms)], sdp)
        self._timer.agreed(terms, we_asked=False)

    def refuse(self, status: int, headers: Sequence[Header] = ()) -> None:
        """A final response from 300 on; does nothing when the call is answered or gone."""
        if self.machine.life is Life.INVITED:
            self.machine.move(Event.SEND_REFUSAL)
            self._respond(self._transaction, status, headers)
            self._end(Gone(remote=False, status=status))

    async def end(self, reason: str = "") -> None:
        """Whatever ends it now: refusal 480 before the answer, BYE after it."""
        self.refuse(480)
        await self.bye(reason)

    def _ack(self, ack: Request) -> None:
        self.remote_sdp = self.remote_sdp or ack.sdp
        self._acknowledge_received()

    def _cancelled(self, cancel: Request | None) -> None:
        """sippy has answered the CANCEL and refused the INVITE with 487."""
        if self.machine.life is Life.INVITED:
            self.machine.move(Event.RECV_CANCEL)
            self._end(Gone(remote=True, status=487, cause=cancel.cause if cancel else 0))
