"""The second leg: placed through Kamailio, rung for, connected to the caller by re-INVITE, and taken apart again.

The media of a connected call passes rtpengine only: each leg is given the other's session description. So does early
media: what the far end says before it answers (its own ringing, an announcement) is the caller's to hear.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any, Protocol

from mediasrv import sdp
from mediasrv.ivr.caller import BridgeOutcome, BridgeResult
from mediasrv.ivr.causes import outcome_of
from mediasrv.rtp.client import RtpError
from mediasrv.settings import Address
from mediasrv.sip.leg import Leg, LegError, OfferRefusedError, Refusal
from mediasrv.sip.outgoing import OutgoingLeg
from mediasrv.sip.state import Session
from mediasrv.steps import step
from rating.model import AccessNumber, Authorised

RECALL_WITHIN_S = 2.0
DEAF_S = 4.0  # without any response the edge is taken for dead; Kamailio says 100 within milliseconds
PAST_LIMIT_S = 5  # Kamailio ends the call at the limit (±1 s); we do it this much later if it did not
CAUSE_LIMIT = 102  # Q.850 "recovery on timer expiry": Kamailio's BYE at the limit


class Edge(Protocol):
    """What a bridge needs of the process."""

    ring_max_s: int

    def place(self, authorised: Authorised, offer: str, edge: Address) -> OutgoingLeg:
        """Sends the INVITE of the second leg, through ``edge``. Raises OSError or ValueError when none left."""

    def bridged(self, result: BridgeResult) -> None:
        """The end of a second leg, to be counted."""

    def ringback(self, country: str) -> Sequence[Path]:
        """The ringing tone of a country, for as long as anything may ring."""


class Bridged(Protocol):
    """What a bridge needs of the caller's call."""

    access: AccessNumber

    @property
    def leg(self) -> Leg: ...

    @property
    def gone(self) -> bool: ...

    @property
    def came_from(self) -> Address: ...

    @property
    def session(self) -> str: ...

    async def play_files(self, files: Sequence[Path]) -> str: ...

    async def stop_playing(self) -> None: ...

    async def give_away(self, session: str) -> str: ...

    async def take_back(self) -> None: ...

    def answer_from(self, session: str) -> str: ...


class Recall:
    """Two "#" in a row within two seconds: the caller wants the next call. Keys that come twice are heard one way."""

    def __init__(self) -> None:
        self.wanted = asyncio.Event()
        self._kind = ""
        self._last_s: float | None = None

    def key(self, key: str, kind: str, now_s: float) -> None:
        self._kind = self._kind or kind
        if kind != self._kind:
            return
        if key == "#" and self._last_s is not None and now_s - self._last_s <= RECALL_WITHIN_S:
            self.wanted.set()
        self._last_s = now_s if key == "#" else None

    def any_kind(self) -> None:
        """From now on the keys come another way: the media has moved."""
        self._kind = ""


class Bridge:
    """One second leg, from its INVITE to the caller's return."""

    def __init__(self, caller: Bridged, edge: Edge, authorised: Authorised) -> None:
        self.connected = False
        self.recall = Recall()
        self._given = ""  # the far end's session, while the caller's media is there
        self._refused: str | None = None  # a session that the caller's telephone did not take
        self._answered_given = ""  # what the caller's telephone answered to it
        self._giving: asyncio.Future[None] | None = None
        self._caller, self._edge, self._authorised = caller, edge, authorised
        self._origin = sdp.Origin.new("127.0.0.1")
        self._leg: OutgoingLeg

    @property
    def away(self) -> bool:
        """Whether the caller's media is at the far end: connected, or early media."""
        return bool(self._given)

    async def run(self) -> BridgeResult:
        """Places, connects, returns at the end with the caller back. Cancelled, it ends the second leg too."""
        offer = self._caller.session
        try:
            self._leg = self._edge.place(self._authorised, sdp.with_origin(offer, self._origin), self._caller.came_from)
        except (OSError, ValueError):
            return BridgeResult(BridgeOutcome.UNREACHABLE, placed=False)
        self._leg.user = self
        try:
            return await self._run(offer)
        except asyncio.CancelledError:
            await self._leg.end()
            raise

    async def _run(self, offer: str) -> BridgeResult:
        if not await self._answered():
            return await self._back(self._failed())
        started_s = time.monotonic()
        try:
            await self._connect(offer)
        except (LegError, RtpError, sdp.NotAcceptableError):
            await self._leg.end()
            return await self._back(self._result(BridgeOutcome.UNREACHABLE, started_s))
        outcome = await self._over(started_s)
        result = self._result(outcome, started_s)
        return await self._back(result)

    def info(self, content_type: str, body: str) -> bool:  # noqa: ARG002
        """An INFO of the callee means nothing to us."""
        return False

    def caller_info(self, content_type: str, body: str) -> None:
        """A caller whose phone sends its keys by INFO may be talking to a machine, from its answer on."""
        self._leg.send_info(content_type, body)

    def key(self, key: str, kind: str) -> None:
        """A key of the caller."""
        self.recall.key(key, kind, time.monotonic())

    # -- before the answer --------------------------------------------------------------------------------------------

    async def _answered(self) -> bool:
        """Until it is: ringing. The caller, a recall, and the time for ringing can end that."""
        alerting = asyncio.create_task(self._alert())
        over = (self._leg.answered, self._caller.leg.gone)
        try:
            await self._first(DEAF_S, *over, self._leg.heard.wait())
            if self._leg.heard.is_set():
                await self._first(self._edge.ring_max_s, *over, self.recall.wanted.wait())
        finally:
            alerting.cancel()
        if not self._leg.answered.done():
            await self._leg.end()
        if self._giving is not None:  # one re-INVITE at a time
            await asyncio.wait([self._giving])
        await self._quiet()
        return self._leg.answered.result() and not self._leg.gone.done()

    async def _alert(self) -> None:
        """Early media where the far end sends any; the ringing tone where it only says that it rings."""
        sounding = False
        while True:
            await self._leg.ringing.wait()
            self._leg.ringing.clear()
            with contextlib.suppress(LegError, RtpError, sdp.NotAcceptableError):
                await self._hear(self._leg.early_sdp)
            if not self.away and not sounding:
                sounding = True
                with contextlib.suppress(RtpError):
                    await self._caller.play_files(self._edge.ringback(self._caller.access.country))

    async def _hear(self, session: str) -> None:
        """What the far end sends before it answers, for the caller; nothing ("") once that gateway has failed.

        A telephone that refuses is asked once. A re-INVITE that is out goes on when the task is cancelled.
        """
        if session not in (self._given, self._refused):
            self._refused = session
            self._giving = asyncio.ensure_future(self._give(session))
            self._giving.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.shield(self._giving)

    async def _give(self, session: str) -> None:
        if session:
            self._answered_given = await self._caller.give_away(session)
        else:
            await self._caller.take_back()
        self._given, self._refused = session, None
        self.recall.any_kind()

    async def _quiet(self) -> None:
        try:
            await self._caller.stop_playing()
        except RtpError:
            return

    def _failed(self) -> BridgeResult:
        gone = self._leg.gone.result()
        if self._caller.gone:
            outcome = BridgeOutcome.CALLER_LEFT
        elif self.recall.wanted.is_set():
            outcome = BridgeOutcome.RECALLED
        else:
            outcome = BridgeOutcome.UNREACHABLE if gone.lost else outcome_of(gone.status, gone.cause)
        return BridgeResult(outcome, cause=gone.cause, sip=gone.status)

    # -- connected ----------------------------------------------------------------------------------------------------

    async def _connect(self, offered: str) -> None:
        """re-INVITE of the caller with the callee's session; when the caller's media is not where the callee was
        told, it is told again."""
        if not sdp.alike(self._leg.remote_sdp, self._given):
            await self._give(self._leg.remote_sdp)
        self.connected = True
        step(self._authorised.call_id, "connected", hold=self._authorised.hold_id)
        if sdp.endpoint(self._answered_given) != sdp.endpoint(offered):
            self._origin = self._origin.next()
            await self._leg.offer(sdp.with_origin(self._answered_given, self._origin))

    async def _over(self, started_s: float) -> BridgeOutcome:
        limit_s = self._authorised.limit_s
        patience_s = started_s + limit_s + PAST_LIMIT_S - time.monotonic()
        await self._first(patience_s, self._caller.leg.gone, self._leg.gone, self.recall.wanted.wait())
        if self._caller.leg.gone.done():
            await self._leg.end()
            return BridgeOutcome.CALLER_LEFT
        if self._leg.gone.done():
            used_up = self._leg.gone.result().cause == CAUSE_LIMIT or time.monotonic() - started_s >= limit_s
            return BridgeOutcome.LIMIT if used_up else BridgeOutcome.COMPLETED
        if self.recall.wanted.is_set():
            await self._leg.end()
            return BridgeOutcome.RECALLED
        await self._leg.end(f"Q.850;cause={CAUSE_LIMIT}")
        return BridgeOutcome.LIMIT

    def _result(self, outcome: BridgeOutcome, started_s: float) -> BridgeResult:
        seconds = math.ceil(time.monotonic() - started_s)
        cause = self._leg.gone.result().cause if self._leg.gone.done() else 0
        return BridgeResult(BridgeOutcome.CALLER_LEFT if self._caller.gone else outcome, seconds, cause, 200)

    async def _back(self, result: BridgeResult) -> BridgeResult:
        self.connected = False
        if self._caller.gone or not self.away:
            return result
        try:
            await self._give("")
        except (LegError, RtpError, sdp.NotAcceptableError):
            await self._caller.leg.bye()
            return BridgeResult(BridgeOutcome.CALLER_LEFT, result.seconds, result.cause, result.sip)
        return result

    # -- offers within the connected call -----------------------------------------------------------------------------

    async def caller_offered(self, offer: str) -> str | Refusal:
        """The caller's new offer goes to the callee, whose answer comes back as the caller's leg's."""
        if not offer:
            return self._caller.leg.local_sdp
        if not self.connected:  # early media: who has not answered cannot be asked
            return Refusal(491)
        if self._leg.machine.session is not Session.STABLE:
            return Refusal(491)
        self._origin = self._origin.next()
        try:
            return self._caller.answer_from(await self._leg.offer(sdp.with_origin(offer, self._origin)))
        except OfferRefusedError as error:
            return Refusal(error.status)

    async def offered(self, offer: str) -> str | Refusal:
        """The callee's new offer goes to the caller."""
        if not offer or sdp.same_version(offer, self._leg.remote_sdp):
            return self._leg.local_sdp
        if not self.connected or self._caller.leg.machine.session is not Session.STABLE:
            return Refusal(491)
        try:
            answered = await self._caller.leg.offer(self._caller.answer_from(offer))
        except OfferRefusedError as error:
            return Refusal(error.status)
        self._origin = self._origin.next()
        return sdp.with_origin(answered, self._origin)

    async def _first(self, patience_s: float, *events: Awaitable[Any]) -> None:
        """Returns when the first of them has happened or the time is over. Futures stay, coroutines are ended."""
        waiting = [event if isinstance(event, asyncio.Future) else asyncio.ensure_future(event) for event in events]
        await asyncio.wait(waiting, timeout=max(patience_s, 0), return_when=asyncio.FIRST_COMPLETED)
        for event in waiting:
            if isinstance(event, asyncio.Task):
                event.cancel()
