"""The media server: takes calls from the edge, gives each its media and its conversation, and lets them go."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mediasrv import sdp, tones
from mediasrv.call import Arrival, Call, Prompts
from mediasrv.ivr.caller import BridgeResult
from mediasrv.metrics import Metrics
from mediasrv.orphans import call_id_prefix
from mediasrv.rtp.client import RtpClient, RtpError
from mediasrv.settings import Address, MediaSettings
from mediasrv.sip.agent import UserAgent
from mediasrv.sip.incoming import IncomingLeg
from mediasrv.sip.message import Request
from mediasrv.sip.outgoing import OutgoingLeg
from mediasrv.steps import step
from rating.model import AccessNumber, Authorised
from rating.outcome import LedgerUnavailableError

log = logging.getLogger("mediasrv")

SILENCE_S = 60.0  # without a packet from the caller, until a card's product says otherwise
GOODBYE_S = 3.0  # that the BYEs of a stopping server may take

Conversation = Callable[[Call], Awaitable[None]]
Directory = Callable[[], Awaitable[dict[str, AccessNumber]]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the server is made of besides its settings."""

    rtp: RtpClient
    prompts: Prompts
    conversation: Conversation
    access_numbers: Directory
    metrics: Metrics


class MediaServer:
    """Calls that are in, and the door. ``start`` binds; ``stop`` ends every call."""

    def __init__(self, settings: MediaSettings, parts: Parts) -> None:
        self.settings, self.parts = settings, parts
        self.ring_max_s = settings.ring_max_s
        self.draining = False
        self.empty = asyncio.Event()  # draining, and the last call has ended
        self._calls: dict[asyncio.Task[None], IncomingLeg] = {}
        self._talking: dict[str, Call] = {}  # by the Call-ID of the caller's leg

    def start(self) -> None:
        """Raises OSError when the SIP address is taken."""
        self.agent = UserAgent(self.settings.sip, self.settings.edge, self)

    def drain(self) -> None:
        """No new calls; those that are in go on to their end."""
        self.draining = True
        self._let_go()

    async def stop(self) -> None:
        """Ends every call with BYE and closes the socket."""
        self.drain()
        if self._calls:
            for task in self._calls:
                task.cancel()
            await asyncio.wait(self._calls, timeout=GOODBYE_S)
        await asyncio.sleep(0)  # what was sent last leaves
        self.agent.close()

    @property
    def calls(self) -> int:
        return len(self._calls)

    def stages(self) -> list[str]:
        """Where each caller is in the conversation. May be called from any thread."""
        return [call.progress.stage for call in list(self._talking.values())]

    # -- AgentUser ----------------------------------------------------------------------------------------------------

    def accepting(self) -> int:
        if self.draining:
            return 503
        return 486 if len(self._calls) >= self.settings.calls_max else 200

    def invited(self, leg: IncomingLeg) -> None:
        if leg.invite.source not in self.settings.edges:
            log.warning("INVITE from %s:%s refused: not an edge", *leg.invite.source)
            leg.refuse(403)
            return
        task = asyncio.create_task(self._serve(leg))
        self._calls[task] = leg
        self.parts.metrics.calls.inc()
        task.add_done_callback(self._served)

    def key_heard(self, call_id: str, tag: str, key: str) -> None:
        """A key of who hears the far end, told by rtpengine: ours if it is the caller's, on the caller's own leg."""
        call = self._talking.get(call_id)
        if call is not None and call.bridged is not None and call.bridged.away and tag == call.tag:
            call.pressed(key, "rtpengine")

    # -- Edge ---------------------------------------------------------------------------------------------------------

    def place(self, authorised: Authorised, offer: str, edge: Address) -> OutgoingLeg:
        """The second leg, through ``edge``, which the caller came through: that one lives."""
        edge = self.settings.outbound or edge
        host, port = edge
        where = f"{f'[{host}]' if ':' in host else host}:{port}"
        return self.agent.call(
            f"sip:{authorised.dnis}@{where}",
            local=f"<sip:{authorised.ani or 'anonymous'}@{self.agent.stack.host}>",
            sdp=offer,
            headers=[("X-Cardswitch-Call", authorised.call_id), ("X-Cardswitch-Hold", authorised.hold_id)],
            next_hop=edge,
            call_id_prefix=call_id_prefix(self.settings.sip),
        )

    def bridged(self, result: BridgeResult) -> None:
        self.parts.metrics.bridges.labels(result.outcome).inc()

    def ringback(self, country: str) -> Sequence[Path]:
        return tones.ringback(country, self.settings.prompt_cache_dir)

    # -- a call -------------------------------------------------------------------------------------------------------

    async def _serve(self, leg: IncomingLeg) -> None:
        call = await self._admit(leg)
        if call is None:
            return
        sip_call_id = leg.dialog.call_id
        self._talking[sip_call_id] = call
        try:
            await self.parts.conversation(call)
        finally:
            del self._talking[sip_call_id]
            await asyncio.shield(call.hang_up())
            self.parts.metrics.over(call.progress)

    async def _admit(self, leg: IncomingLeg) -> Call | None:
        """The call with its media, or None when it was refused."""
        try:
            arrival = await self._arrival(leg.invite)
            law = sdp.read(leg.invite.sdp).law if leg.invite.sdp else "PCMU"
            port = await self.parts.rtp.open(law=law)
        except LedgerUnavailableError:
            self._refuse(leg, 503, "ledger")
            return None
        except sdp.NotAcceptableError as error:
            self._refuse(leg, 488, str(error))
            return None
        except RtpError as error:
            # Full, or without a worker: to a 503 the edge tries another media server.
            self._refuse(leg, 486 if self.parts.rtp.workers_running else 503, str(error))
            return None
        if arrival is None:
            await port.close()
            self._refuse(leg, 404, "no such access number")
            return None
        step(arrival.call_id, "invite", access=arrival.access.number, trunk=arrival.trunk, ani=arrival.ani)
        return Call(arrival, leg, port, prompts=self.parts.prompts, edge=self, silence_s=SILENCE_S)

    def _refuse(self, leg: IncomingLeg, status: int, why: str) -> None:
        step(leg.invite.header("x-cardswitch-call") or "", "refuse", status=status, why=why)
        self.parts.metrics.refused.labels(str(status)).inc()
        leg.refuse(status, [("Retry-After", "5")] if status == 503 else [])

    async def _arrival(self, invite: Request) -> Arrival | None:
        """None when the number dialled is no access number."""
        number = (invite.header("x-cardswitch-access") or "").strip()
        access = (await self.parts.access_numbers()).get(number)
        return None if access is None else arrival_of(invite, access)

    def _served(self, task: asyncio.Task[None]) -> None:
        leg = self._calls.pop(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("call %s failed", leg.invite.header("x-cardswitch-call"), exc_info=error)
            self.parts.metrics.failed.inc()
        self._let_go()

    def _let_go(self) -> None:
        if self.draining and not self._calls:
            self.empty.set()


def arrival_of(invite: Request, access: AccessNumber) -> Arrival:
    """The X-Cardswitch headers of an INVITE from the edge. A card counts on a trusted CallerID only."""

    def header(name: str) -> str:
        return (invite.header(f"x-cardswitch-{name}") or "").strip()

    trusted = header("ani-trusted") == "yes"
    card = header("card")
    return Arrival(
        call_id=header("call"),
        trunk=header("trunk"),
        ani=header("ani") or None,
        ani_trusted=trusted,
        attestation=header("attestation"),
        card_id=int(card) if trusted and card.isdecimal() else None,
        access=access,
        dnis=header("dnis"),
    )
