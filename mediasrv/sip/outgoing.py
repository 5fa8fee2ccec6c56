"""A call that we place: from the INVITE to its answer, refusal, or our giving up."""

import asyncio
from collections.abc import Callable, Sequence

from mediasrv.sip import dialog as dialogs
from mediasrv.sip.dialog import Dialog
from mediasrv.sip.leg import Gone, Header, Leg
from mediasrv.sip.message import ALLOWED, Response, tag_of
from mediasrv.sip.session_timer import Terms
from mediasrv.sip.stack import Address, SipStack
from mediasrv.sip.state import Event, Life

CANCEL_PATIENCE_S = 32.0  # RFC 3261 9.1: 64 × T1 after the CANCEL the INVITE is taken for ended
DEAF_PATIENCE_S = 1.0  # the same where nobody has answered anything: the CANCEL itself waits for a first response


class OutgoingLeg(Leg):
    """``answered`` is done with True at a 2xx, False when the call ended before; ``gone`` then says how."""

    calls = True

    def __init__(self, stack: SipStack, dialog: Dialog, forget: Callable[[Leg], None]) -> None:
        super().__init__(stack, dialog, forget)
        self.answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.heard = asyncio.Event()  # any response came: somebody is there
        self.ringing = asyncio.Event()  # a 18x came; to be cleared by who waits for the next one
        self.early_sdp = ""  # of a 18x, "" without; of the gateway that rings now, when another one has failed
        self._ringing_tag = ""
        self.late_answer = ""  # to the callee's offer, when the INVITE has none: sent with the ACK
        self.gone.add_done_callback(lambda _: self._settle(False))

    def invite(self, sdp: str, headers: Sequence[Header], next_hop: Address | None) -> None:
        """Sends the INVITE. Must be called once."""
        self.machine.move(Event.SEND_INVITE)
        self.local_sdp = sdp
        self.dialog = self.dialog.next()
        self._invite = self.stack.request(
            "INVITE",
            self.dialog.target,
            local=self.dialog.local,
            remote=self.dialog.remote,
            call_id=self.dialog.call_id,
            cseq=self.dialog.cseq,
            next_hop=next_hop,
            headers=[("Allow", ALLOWED), ("Supported", "timer"), *headers],
            body=sdp,
            on_response=self._response,
        )

    async def end(self, reason: str = "") -> None:
        """Whatever ends it now: CANCEL before the answer, BYE after it. Returns when it is gone."""
        if self.machine.life is Life.CALLING:
            self.machine.move(Event.SEND_CANCEL)
            self._invite.cancel(reason)
            await asyncio.wait([self.gone], timeout=CANCEL_PATIENCE_S if self.heard.is_set() else DEAF_PATIENCE_S)
            if not self.gone.done():
                self._end(Gone(remote=True, status=408, lost=True))
        await self.bye(reason)

    def _response(self, response: Response) -> None:
        self.heard.set()
        if response.status < 200:
            self._provisional(response)
        elif response.status < 300:
            self._success(response)
        elif not self.gone.done():
            self.machine.move(Event.RECV_REFUSAL)
            self._end(Gone(remote=True, status=response.status, cause=response.cause))

    def _provisional(self, response: Response) -> None:
        if response.status > 100:
            before, self._ringing_tag = self._ringing_tag, tag_of(response.header("to") or "")
            self.early_sdp = response.sdp or (self.early_sdp if before == self._ringing_tag else "")
            self.ringing.set()

    def _success(self, response: Response) -> None:
        self.dialog = dialogs.answered(self.dialog, response)
        self._invite.acknowledge(self.dialog.target, self.dialog.routes, self.late_answer)
        crossed = self.machine.life is not Life.CALLING  # our CANCEL came too late, or we have given up altogether
        if self.gone.done():
            self._send("BYE")
            return
        self.machine.move(Event.RECV_SUCCESS)
        self.remote_sdp = response.sdp or self.early_sdp
        if crossed:
            self.machine.move(Event.SEND_BYE)
            self._send("BYE")
            self._end(Gone(remote=False, status=response.status))
            return
        self._timer.agreed(Terms.of(response), we_asked=True)
        self._settle(True)

    def _settle(self, answered: bool) -> None:
        if not self.answered.done():
            self.answered.set_result(answered)
