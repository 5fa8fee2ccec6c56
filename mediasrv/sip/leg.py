"""A leg: one INVITE dialog of ours, as coroutines. The shell around ``dialog`` (identity) and ``state`` (what may be).

LegError
├── LegGoneError        the dialog ended before what was asked of it was done
└── OfferRefusedError   the far side refused our offer; the session stays as it was
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from mediasrv.sip import dialog as dialogs
from mediasrv.sip import session_timer
from mediasrv.sip.dialog import Dialog
from mediasrv.sip.message import ALLOWED, SDP, Request, Response, tag_of
from mediasrv.sip.reasons import phrase
from mediasrv.sip.session_timer import SessionTimer, Terms
from mediasrv.sip.stack import ClientTransaction, ServerTransaction, SipStack
from mediasrv.sip.state import Event, Life, Machine, RemoteError, Session

Header = tuple[str, str]
T = TypeVar("T")

GLARE_TRIES = 4
LOST_REASON = 'SIP;cause=408;text="Session lost"'

log = logging.getLogger("mediasrv.sip")


class LegError(Exception):
    """Base of the two below."""


class LegGoneError(LegError):
    """The dialog ended before what was asked of it was done."""


class OfferRefusedError(LegError):
    """The far side refused our offer; the session stays as it was."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.status} {response.reason}")
        self.status = response.status


@dataclass(frozen=True, slots=True)
class Gone:
    """How a leg ended. ``remote``: the far side ended it (BYE, CANCEL, refusal), or was lost; not we."""

    remote: bool
    status: int = 0  # the final response that ended it, 0: none did
    cause: int = 0  # Q.850 of the Reason header, 0: none
    lost: bool = False  # no ACK, no answer within the dialog, session timer ran out


@dataclass(frozen=True, slots=True)
class Refusal:
    """In place of an answer to an offer."""

    status: int
    headers: tuple[Header, ...] = ()


class LegUser(Protocol):
    """Who owns a leg: told of offers and INFOs of the far side."""

    async def offered(self, sdp: str) -> str | Refusal:
        """The answer to the offer of a re-INVITE or UPDATE. To ``""`` (no offer was made): an offer of ours."""

    def info(self, content_type: str, body: str) -> bool:
        """An INFO; False: not understood, it is answered with 415."""


class Leg:
    """Common to both directions. ``gone`` is done once, when the dialog has ended by whichever side."""

    calls = False  # we made the call, and its Call-ID

    def __init__(self, stack: SipStack, dialog: Dialog, forget: Callable[["Leg"], None]) -> None:
        self.stack, self.dialog, self.key = stack, dialog, dialog.key
        self.user: LegUser | None = None
        self.machine = Machine()
        self.gone: asyncio.Future[Gone] = asyncio.get_running_loop().create_future()
        self.local_sdp = ""  # what we said last, as offer or answer
        self.remote_sdp = ""  # what they said last
        self.remote_offer = ""  # the last of it that was an offer: all that they can do, not what was chosen of it
        self._forget = forget
        self._one_offer = asyncio.Lock()
        self.acknowledged = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer = SessionTimer(self._refresh, self._lost)

    @property
    def up(self) -> bool:
        """Answered and acknowledged, and not ended."""
        return self.machine.life is Life.UP

    # -- what the owner does ------------------------------------------------------------------------------------------

    async def offer(self, sdp: str) -> str:
        """re-INVITE with ``sdp``; returns the answer. Glare is waited out (RFC 3261 14.1) and tried again.

        Raises OfferRefusedError or LegGoneError.
        """
        async with self._one_offer:
            response = await self._offer_once(sdp)
            for _ in range(GLARE_TRIES - 1):
                if response.status != 491:
                    break
                await self._pause(self._glare_pause_s())
                response = await self._offer_once(sdp)
        if response.status >= 300:
            raise OfferRefusedError(response)
        self.local_sdp, self.remote_sdp = sdp, response.sdp or self.remote_sdp
        return self.remote_sdp

    async def bye(self, reason: str = "") -> None:
        """BYE; waits for the ACK of our 200 first while it is out (RFC 3261 15). Does nothing when gone."""
        if self.machine.life is Life.ANSWERED:
            await self.acknowledged.wait()
        if not self.machine.can(Event.SEND_BYE):
            return
        self.machine.move(Event.SEND_BYE)
        self._send("BYE", [("Reason", reason)] if reason else ())
        self._end(Gone(remote=False))

    def send_info(self, content_type: str, body: str) -> None:
        """INFO, to be answered or not. Does nothing unless the call is up."""
        if self.machine.life is Life.UP:
            self._send("INFO", body=body, kind=content_type)

    def abandon(self) -> None:
        """The process ends: BYE where there is a call, whether it was acknowledged or not, and gone at once."""
        if self.machine.life in (Life.ANSWERED, Life.UP):
            self._send("BYE")
        self._end(Gone(remote=False, lost=True))

    # -- requests of the far side within the dialog -------------------------------------------------------------------

    def receive(self, request: Request, transaction: ServerTransaction) -> None:
        """One request of the dialog (RFC 3261 12.2.2)."""
        if request.cseq < self.dialog.remote_cseq:
            self._respond(transaction, 500)
            return
        self.dialog = replace(self.dialog, remote_cseq=request.cseq)
        steps = {"BYE": self._bye, "INVITE": self._reinvite, "UPDATE": self._update, "INFO": self._info}
        step = steps.get(request.method)
        if step is None:
            self._respond(transaction, 200 if request.method == "OPTIONS" else 405, [("Allow", ALLOWED)])
        else:
            step(request, transaction)

    def _bye(self, request: Request, transaction: ServerTransaction) -> None:
        self._respond(transaction, 200)
        self.machine.move(Event.RECV_BYE)
        self._end(Gone(remote=True, cause=request.cause))

    def _info(self, request: Request, transaction: ServerTransaction) -> None:
        taken = not request.body or (self.user is not None and self.user.info(request.content_type, request.body))
        self._respond(transaction, 200 if taken else 415)

    def _update(self, request: Request, transaction: ServerTransaction) -> None:
        if request.sdp:
            self._reinvite(request, transaction)
        elif session_timer.too_small(request):
            self._respond(transaction, 422, [("Min-SE", str(session_timer.MIN_SE_S))])
        else:
            self._accept(request, transaction, "")

    def _reinvite(self, request: Request, transaction: ServerTransaction) -> None:
        if session_timer.too_small(request):
            self._respond(transaction, 422, [("Min-SE", str(session_timer.MIN_SE_S))])
            return
        try:
            if self.machine.life is Life.ANSWERED and self.remote_sdp:
                self._acknowledge_received()  # lost on the way: who sends this has our 200
            if self.machine.life is not Life.UP:
                raise RemoteError(500, "an offer before the answer to ours")
            self.machine.move(Event.RECV_OFFER)
        except RemoteError as error:
            later = [("Retry-After", str(random.randint(0, 10)))] if error.status == 500 else []
            self._respond(transaction, error.status, later)
            return
        if request.method == "INVITE":
            self._respond(transaction, 100)
        self._spawn(self._answer_offer(request, transaction))

    async def _answer_offer(self, request: Request, transaction: ServerTransaction) -> None:
        answer: str | Refusal = Refusal(488)
        try:
            if self.user is not None:
                answer = await self.user.offered(request.sdp)
        except LegError:
            answer = Refusal(500, (("Retry-After", "2"),))
        finally:
            self.machine.session = Session.STABLE
        if isinstance(answer, Refusal):
            self._respond(transaction, answer.status, answer.headers)
            return
        self.local_sdp, self.remote_sdp = answer, request.sdp or self.remote_sdp
        self.remote_offer = request.sdp or self.remote_offer
        transaction.on_ack = lambda ack: self._late_answer(request, ack)
        transaction.on_no_ack = self._lost
        self._accept(request, transaction, answer)

    def _acknowledge_received(self) -> None:
        """The ACK of our 200 to the first INVITE."""
        if self.machine.life is Life.ANSWERED:
            self.machine.move(Event.RECV_ACK)
            self.acknowledged.set()

    def _accept(self, request: Request, transaction: ServerTransaction, answer: str) -> None:
        self.dialog = dialogs.refreshed(self.dialog, request.header("contact"))
        terms = session_timer.terms_for(request)
        headers = [("Contact", self.stack.contact), ("Supported", "timer"), *session_timer.headers_of(terms)]
        self._respond(transaction, 200, headers, answer)
        self._timer.agreed(terms, we_asked=False)

    def _late_answer(self, request: Request, ack: Request) -> None:
        """A re-INVITE without an offer has the answer to ours in the ACK (RFC 3261 13.2.1)."""
        if not request.sdp and ack.sdp:
            self.remote_sdp = ack.sdp

    # -- our requests within the dialog -------------------------------------------------------------------------------

    async def _offer_once(self, sdp: str) -> Response:
        if self.machine.life is Life.ANSWERED:
            await self.acknowledged.wait()
        while self.machine.session is Session.ANSWERING:
            await self._pause(0.01)
        if self.machine.life is not Life.UP:
            raise LegGoneError
        self.machine.move(Event.SEND_OFFER)
        try:
            return await self._request("INVITE", self._timer.request_headers(), sdp)
        finally:
            self.machine.session = Session.STABLE

    async def _request(self, method: str, headers: Sequence[Header], body: str = "") -> Response:
        """An INVITE or UPDATE within the dialog, its final response. Raises LegGoneError when the leg ends first."""
        final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        transaction = self._send(method, headers, body, lambda response: self._final(response, final))
        final.add_done_callback(lambda _: self._acknowledge(method, final.result(), transaction))
        response = await self._unless_gone(final)
        if response.status in (408, 481):  # RFC 3261 12.2.1.2: the dialog is no more
            self._lost()
            raise LegGoneError
        if response.status < 300:
            self._timer.agreed(Terms.of(response), we_asked=True)
        return response

    def _acknowledge(self, method: str, response: Response, transaction: ClientTransaction) -> None:
        """The ACK of a re-INVITE's 2xx goes out even when nobody waits for the answer any more."""
        if method == "INVITE" and response.status < 300:
            self.dialog = dialogs.refreshed(self.dialog, response.header("contact"))
            transaction.acknowledge(self.dialog.target, self.dialog.routes)

    @staticmethod
    def _final(response: Response, final: asyncio.Future[Response]) -> None:
        if response.status >= 200 and not final.done():
            final.set_result(response)

    def _send(
        self,
        method: str,
        headers: Sequence[Header] = (),
        body: str = "",
        on_response: Callable[[Response], None] = lambda _: None,
        kind: str = SDP,
    ) -> ClientTransaction:
        self.dialog = self.dialog.next()
        return self.stack.request(
            method,
            self.dialog.target,
            local=self.dialog.local,
            remote=self.dialog.remote,
            call_id=self.dialog.call_id,
            cseq=self.dialog.cseq,
            routes=self.dialog.routes,
            headers=headers,
            body=body,
            kind=kind,
            on_response=on_response,
        )

    def _glare_pause_s(self) -> float:
        """RFC 3261 14.1: who made the Call-ID waits 2.1 to 4 s, the other up to 2 s, in steps of 10 ms."""
        return (random.randint(210, 400) if self.calls else random.randint(0, 200)) / 100

    async def _refresh(self) -> None:
        """Our turn to refresh the session (RFC 4028 10): by UPDATE, which has no glare; by re-INVITE where it must."""
        try:
            if (await self._request("UPDATE", self._timer.request_headers())).status in (405, 501):
                await self.offer(self.local_sdp)
        except LegError as error:
            log.info("session not refreshed: %s", type(error).__name__)

    # -- the end ------------------------------------------------------------------------------------------------------

    def _lost(self) -> None:
        """The far side does not answer. It is sent a BYE all the same: it may only be deaf."""
        if self.gone.done():
            return
        if self.machine.life in (Life.ANSWERED, Life.UP):
            self._send("BYE", [("Reason", LOST_REASON)])
        self.machine.move(Event.LOST)
        self._end(Gone(remote=True, lost=True))

    def _end(self, gone: Gone) -> None:
        self._timer.stop()
        self.acknowledged.set()
        if not self.gone.done():
            self.gone.set_result(gone)
            self._forget(self)

    async def _unless_gone(self, wanted: asyncio.Future[T]) -> T:
        either: list[asyncio.Future[Any]] = [wanted, self.gone]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self.gone.done() or not wanted.done():
            raise LegGoneError
        return wanted.result()

    async def _pause(self, seconds: float) -> None:
        await asyncio.wait([self.gone], timeout=seconds)
        if self.gone.done():
            raise LegGoneError

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _respond(
        self, transaction: ServerTransaction, status: int, headers: Sequence[Header] = (), body: str = ""
    ) -> None:
        transaction.respond(status, phrase(status), tag=tag_of(self.dialog.local), headers=headers, body=body)
