"""A caller on the line: ``mediasrv.ivr.caller.Caller`` over a SIP leg and an RTP port."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mediasrv import sdp
from mediasrv.bridge import Bridge, Edge
from mediasrv.ivr.caller import Answer, BridgeOutcome, BridgeResult, Digits, HungUp, NoInput, Question
from mediasrv.keypad import Keypad, key_of_info
from mediasrv.progress import Progress
from mediasrv.prompts.phrase import Phrase
from mediasrv.rtp.client import Closed, Digit, Played, RtpError, RtpPort, Silence
from mediasrv.settings import Address
from mediasrv.sip.incoming import IncomingLeg
from mediasrv.sip.leg import LegError, Refusal
from mediasrv.sip.message import tag_of
from mediasrv.steps import step
from rating.model import AccessNumber, Authorised

ACK_PATIENCE_S = 2.0  # a prompt that starts before the caller's phone has switched to the call loses its first word
ENDING_KEY_S = 2.0  # a "#" so soon after the last digit of a complete answer belongs to that answer


class Prompts(Protocol):
    """Where phrases become sound. May take its time: speech is rendered at first use."""

    async def ready(self, phrases: Sequence[Phrase], language: str) -> list[Path]: ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """What Kamailio says of a call in its X-Cardswitch headers."""

    call_id: str
    trunk: str
    ani: str | None
    ani_trusted: bool
    attestation: str
    card_id: int | None
    access: AccessNumber
    dnis: str = ""


class Call:
    """One caller. Made with the offer read and the RTP port open; ``hang_up`` gives the port back."""

    def __init__(
        self, arrival: Arrival, leg: IncomingLeg, port: RtpPort, *, prompts: Prompts, edge: Edge, silence_s: float
    ) -> None:
        self.call_id, self.trunk = arrival.call_id, arrival.trunk
        self.ani, self.ani_trusted = arrival.ani, arrival.ani_trusted
        self.attestation, self.card_id, self.access = arrival.attestation, arrival.card_id, arrival.access
        self.dnis = arrival.dnis
        self.language = arrival.access.languages[0] if arrival.access.languages else "en"
        self.leg, self.port = leg, port
        self.keypad = Keypad()
        self.progress = Progress()
        self.bridged: Bridge | None = None
        self._prompts, self._edge, self._silence_s = prompts, edge, silence_s
        self._origin = sdp.Origin.new(port.address)
        self._played: set[str] = set()
        self._media_lost = self._hung_up = False
        self._stirred = asyncio.Event()
        self._listener = asyncio.create_task(self._listen())
        leg.user = self
        leg.gone.add_done_callback(lambda _: self._stirred.set())

    # -- Caller -------------------------------------------------------------------------------------------------------

    async def answer(self) -> None:
        """200 OK; returns once it is acknowledged and the media flows. Raises HungUp."""
        offer = self.leg.invite.sdp
        try:
            theirs = sdp.read(offer) if offer else None
            self.leg.answer(self._answer_to(offer, theirs) if theirs else self._own_offer())
            if theirs:
                await self._connect(theirs)
            await asyncio.wait_for(self.leg.acknowledged.wait(), ACK_PATIENCE_S)
            if not theirs:
                await self._connect(sdp.read(self.leg.remote_sdp))
        except TimeoutError:
            pass  # the 200 is being repeated; without an ACK the leg ends by itself
        except (LegError, RtpError, sdp.NotAcceptableError) as error:
            raise HungUp from error
        if self.gone:
            raise HungUp
        step(self.call_id, "answer")

    async def play(self, *phrases: Phrase, skippable: bool = True, fresh: bool = False) -> None:
        """Returns when all is played, or at a key if ``skippable``; ``fresh`` forgets earlier keys. Raises HungUp."""
        if fresh:
            self.keypad.forget()
        self.progress.says(phrases)
        step(self.call_id, "play", prompts=[phrase.prompt for phrase in phrases])
        await self._say(phrases, skippable)

    async def ask(self, question: Question) -> Answer:
        """Raises HungUp."""
        if question.fresh:
            self.keypad.forget()
        self.progress.says(question.prompt)
        await self._say(question.prompt, question.barge_in)
        answer = await self._collect(question)
        given = len(answer.digits) if isinstance(answer, Digits) else None
        step(self.call_id, "ask", prompts=[phrase.prompt for phrase in question.prompt], keys=given)
        return answer

    async def bridge(self, authorised: Authorised) -> BridgeResult:
        """Never raises HungUp."""
        step(self.call_id, "bridge", hold=authorised.hold_id, limit_s=authorised.limit_s)
        self.progress.connects()
        self.bridged = Bridge(self, self._edge, authorised)
        try:
            result = await self.bridged.run()
        finally:
            self.bridged = None
            self.keypad.forget()
        if result.outcome is BridgeOutcome.RECALLED:  # the last packets of the second "#" may reach us, not rtpengine
            self.keypad.ignore_once("#", asyncio.get_running_loop().time() + ENDING_KEY_S)
        self._edge.bridged(result)
        step(
            self.call_id, "bridged", outcome=result.outcome, seconds=result.seconds, cause=result.cause, sip=result.sip
        )
        return result

    async def expect_media(self, silence_s: int) -> None:
        """From now on a caller from whom nothing comes for so long is gone; 0: for ever. Raises HungUp."""
        self._silence_s = float(silence_s)
        try:
            await self._connect(sdp.read(self.leg.remote_sdp))
        except RtpError as error:
            raise HungUp from error

    async def hang_up(self) -> None:
        """Ends the leg and gives the port back; may be repeated."""
        if not self._hung_up:
            self._hung_up = True
            self.progress.leaves(caller_gone=self.gone)
            step(self.call_id, "hang_up", by=self.progress.left_by)
        await self.leg.end()
        await self.port.close()
        await asyncio.wait([self._listener], timeout=1)
        self._listener.cancel()

    @property
    def tag(self) -> str:
        """The caller's own tag."""
        return tag_of(self.leg.dialog.remote)

    # -- for the bridge -----------------------------------------------------------------------------------------------

    @property
    def gone(self) -> bool:
        return self.leg.gone.done() or self._media_lost

    @property
    def came_from(self) -> Address:
        """The edge that sent the caller."""
        return self.leg.invite.source

    @property
    def session(self) -> str:
        """The caller's session as a callee is offered it: with all the codecs that were ever offered to us, as long as
        the caller's media is still where that offer said."""
        offered, now = self.leg.remote_offer, self.leg.remote_sdp
        return offered if offered and sdp.endpoint(offered) == sdp.endpoint(now) else now

    async def play_files(self, files: Sequence[Path]) -> str:
        return await self.port.play(files)

    async def stop_playing(self) -> None:
        await self.port.stop()

    async def give_away(self, session: str) -> str:
        """The caller's media goes where ``session`` says; returns the caller's answer. Raises LegError."""
        self._origin = self._origin.next()
        answered = await self.leg.offer(sdp.with_origin(session, self._origin))
        await self.port.hold(True)
        return answered

    async def take_back(self) -> None:
        """The caller's media comes to us again. Raises LegError, RtpError or NotAcceptableError."""
        theirs = sdp.read(await self.leg.offer(self._own_offer()))
        await self._connect(theirs)

    def answer_from(self, session: str) -> str:
        """What another leg answered, as an answer of this one."""
        self._origin = self._origin.next()
        return sdp.with_origin(session, self._origin)

    # -- LegUser ------------------------------------------------------------------------------------------------------

    async def offered(self, offer: str) -> str | Refusal:
        """The caller's re-INVITE or UPDATE: answered by us, or while bridged by the far end."""
        if sdp.same_version(offer, self.leg.remote_sdp):
            return self.leg.local_sdp
        if self.bridged is not None and self.bridged.away:
            return await self.bridged.caller_offered(offer)
        try:
            theirs = sdp.read(offer) if offer else None
            answer = self._answer_to(offer, theirs) if theirs else self._own_offer()
            if theirs:
                await self._connect(theirs)
        except sdp.NotAcceptableError:
            return Refusal(488)
        except RtpError:
            return Refusal(500)
        return answer

    def info(self, content_type: str, body: str) -> bool:
        key = key_of_info(content_type, body)
        if self.bridged is not None:
            self.bridged.caller_info(content_type, body)
        if key is not None:
            self.pressed(key, "info")
        return key is not None

    def pressed(self, key: str, kind: str) -> None:
        """A key, however it came."""
        self.progress.keys[kind] += 1
        if self.bridged is not None:
            self.bridged.key(key, kind)
        elif self.keypad.press(key, kind, asyncio.get_running_loop().time()):
            self._stirred.set()

    # -- inside -------------------------------------------------------------------------------------------------------

    async def _say(self, phrases: Sequence[Phrase], skippable: bool) -> None:
        files = await self._prompts.ready(phrases, self.language)
        if self.gone:
            raise HungUp
        if not files or (skippable and self.keypad):
            return
        try:
            play_id = await self.port.play(files)
            await self._until(lambda: play_id in self._played or (skippable and bool(self.keypad)))
            if play_id not in self._played:
                await self.port.stop()
        except RtpError as error:
            raise HungUp from error
        self._played.clear()

    async def _collect(self, question: Question) -> Answer:
        digits, patience_s = "", question.first_digit_s
        while len(digits) < question.max_digits:
            if not await self._until(lambda: bool(self.keypad), patience_s):
                return Digits(digits) if digits else NoInput()
            key = self.keypad.next()
            if key in question.ends:
                return Digits(digits, end=key)
            digits, patience_s = digits + key, question.inter_digit_s
        if question.max_digits > 1:
            self.keypad.ignore_once(question.ends, asyncio.get_running_loop().time() + ENDING_KEY_S)
        return Digits(digits)

    async def _until(self, ready: Callable[[], bool], patience_s: float | None = None) -> bool:
        """False when ``patience_s`` is over first. Raises HungUp."""
        try:
            async with asyncio.timeout(patience_s):
                while not ready():
                    if self.gone:
                        raise HungUp
                    self._stirred.clear()
                    await self._stirred.wait()
        except TimeoutError:
            return False
        return True

    async def _listen(self) -> None:
        """Takes the RTP port's events until it is closed."""
        while True:
            match await self.port.events.get():
                case Digit(char, kind):
                    self.pressed(char, kind)
                case Played(play_id):
                    self._played.add(play_id)
                case Silence():
                    self._media_lost |= self.bridged is None or not self.bridged.away
                case Closed():
                    self._media_lost = True
            self._stirred.set()
            if self.port.closed and self.port.events.empty():
                return

    def _answer_to(self, offer: str, theirs: sdp.Audio) -> str:
        self._origin = self._origin.next()
        return sdp.answer(offer, theirs, address=self.port.address, port=self.port.port, origin=self._origin)

    def _own_offer(self) -> str:
        self._origin = self._origin.next()
        return sdp.offer(address=self.port.address, port=self.port.port, origin=self._origin)

    async def _connect(self, theirs: sdp.Audio) -> None:
        await self.port.connect(
            (theirs.host, theirs.port),
            payload_type=theirs.payload_type,
            event_payload_type=theirs.event_payload_type,
            ptime_ms=theirs.ptime_ms,
            silence_after_s=self._silence_s if theirs.hears else 0.0,
        )
        await self.port.hold(not theirs.hears)
