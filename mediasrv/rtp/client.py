"""The media server's side of the RTP engine: ports for calls, prompts into them, keys out of them.

    async with RtpClient(RtpSettings("127.0.0.1", 20000, 20400)) as client:
        port = await client.open(law="PCMA")
        await port.connect(("192.0.2.1", 4000), payload_type=8, event_payload_type=101)
        await port.play([Path("welcome.wav")])
        event = await port.events.get()

Exceptions:

    RtpError
    ├── WorkerGoneError       the worker process died; its calls get Closed, a new one is started
    ├── PortsExhaustedError   every RTP port is in use, or no worker runs: refuse the call
    ├── PromptFileError       a file cannot be played; what plays goes on
    └── CallClosedError       the port has been closed
"""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from mediasrv.rtp.link import RtpSettings, WorkerLink
from mediasrv.rtp.messages import (
    Close,
    Command,
    Connect,
    DigitHeard,
    Hold,
    Notice,
    Open,
    Play,
    PlayEnded,
    Reply,
    SilenceHeard,
    Stop,
)
from mediasrv.rtp.stats import Stats

__all__ = [
    "CallClosedError",
    "Closed",
    "Digit",
    "Played",
    "PortsExhaustedError",
    "PromptFileError",
    "RtpClient",
    "RtpError",
    "RtpEvent",
    "RtpPort",
    "RtpSettings",
    "Silence",
    "WorkerGoneError",
]

log = logging.getLogger(__name__)

RESTART_DELAYS_S: Final = (0.0, 0.1, 1.0, 5.0, 15.0)
"""Pauses before a worker is started again, by how often it has died without being steady; the last one repeats."""

STEADY_AFTER_S: Final = 10.0
"""A worker that lived so long is started again at once."""


class RtpError(Exception):
    """Base of what this module raises."""


class WorkerGoneError(RtpError):
    """The worker that has this call died."""


class PortsExhaustedError(RtpError):
    """No room for another call."""


class PromptFileError(RtpError):
    """A prompt cannot be played; the message names the file and says why."""


class CallClosedError(RtpError):
    """The port has been closed."""


@dataclass(frozen=True, slots=True)
class Digit:
    """The caller pressed ``char``: one of 0-9, *, #, A-D. ``kind`` is "rfc4733" or "inband"."""

    char: str
    kind: str


@dataclass(frozen=True, slots=True)
class Played:
    """A playing ended; ``finished`` is False when it was stopped or replaced before its end."""

    play_id: str
    finished: bool = True


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing came from the caller for ``seconds``; reported once until something comes again."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Closed:
    """The last event: the port was closed, or its worker died (``reason`` is then not empty)."""

    reason: str = ""


RtpEvent = Digit | Played | Silence | Closed

_ERRORS: Final[dict[str, type[RtpError]]] = {
    "prompt": PromptFileError,
    "ports": PortsExhaustedError,
    "call": CallClosedError,
    "gone": WorkerGoneError,
}


class RtpPort:
    """The media of one call. Not made by hand: see ``RtpClient.open``."""

    def __init__(self, worker: "_WorkerSlot", call: int, address: str, port: int) -> None:
        self.address = address
        self.port = port
        self.events: asyncio.Queue[RtpEvent] = asyncio.Queue()
        self.closed = False
        self._worker = worker
        self._call = call

    async def connect(
        self,
        remote: tuple[str, int],
        *,
        payload_type: int,
        event_payload_type: int | None,
        ptime_ms: int = 20,
        silence_after_s: float = 0.0,
    ) -> None:
        """Starts (or changes) sending to ``remote``, an IPv4 address and port from the SDP.

        ``payload_type`` is 0 (PCMU) or 8 (PCMA). Without ``event_payload_type`` keys are listened for in the audio.
        Another ``remote`` than before makes the engine learn the caller's source anew. ``silence_after_s`` above 0
        asks for Silence events. Raises RtpError for anything else.
        """
        host, port = remote
        await self._ask(
            Connect(self._call, host, port, payload_type, event_payload_type, ptime_ms, float(silence_after_s))
        )

    async def play(self, files: Sequence[Path]) -> str:
        """Plays 8 kHz mono 16-bit WAV files one after the other, at once, in place of what plays.

        Returns the id that Played will carry. Raises PromptFileError, and what plays goes on.
        """
        play_id = uuid.uuid4().hex
        await self._ask(Play(self._call, play_id, [str(file) for file in files]))
        return play_id

    async def stop(self) -> None:
        """Silence instead of what plays."""
        await self._ask(Stop(self._call))

    async def hold(self, on: bool) -> None:
        """Sends nothing while ``on``: the caller's media goes elsewhere. A playing waits."""
        await self._ask(Hold(self._call, on))

    async def close(self) -> None:
        """Gives the ports back; may be called again. Never raises for a dead worker."""
        if not self.closed:
            self.end("")
            self._worker.forget(self._call)
            with contextlib.suppress(RtpError):
                await self._worker.ask(Close(self._call))

    def end(self, reason: str) -> None:
        """Marks the port closed and says so in the queue."""
        if not self.closed:
            self.closed = True
            self.events.put_nowait(Closed(reason))

    async def _ask(self, command: Connect | Play | Stop | Hold) -> None:
        if self.closed:
            raise CallClosedError("the call's media has been closed")
        await self._worker.ask(command)


class _WorkerSlot:
    """One worker process at a time, with the ports of its calls; started again when it dies."""

    def __init__(self, settings: RtpSettings, port_min: int, port_max: int) -> None:
        self.ports: dict[int, RtpPort] = {}
        self.opening = 0
        self.restarts = 0
        self._settings = settings
        self._range = (port_min, port_max)
        self._link: WorkerLink | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def load(self) -> int:
        """Calls it has and is about to have."""
        return len(self.ports) + self.opening

    @property
    def last_stats(self) -> Stats:
        """Its counters, no more than a second old; zeros while it does not run."""
        return self._link.last_stats if self._link else Stats()

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return self._link.pid if self._link else None

    @property
    def running(self) -> bool:
        """Whether it takes calls."""
        return self._link is not None

    async def start(self) -> None:
        """Starts the process and the task that starts it again. Raises RtpError when it does not come up."""
        try:
            await self._launch()
        except OSError as error:
            raise RtpError(str(error)) from error
        self._keeper = asyncio.create_task(self._keep_running())

    async def close(self) -> None:
        """Ends the process; its calls are closed."""
        if self._keeper:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        link, self._link = self._link, None
        if link:
            await link.close()
        self._end_ports("")

    async def open(self, law: str) -> RtpPort:
        """A new call in this worker. When the caller is gone before it is there, its ports are given back."""
        opening = asyncio.create_task(self._open(law))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(self._give_back)
            raise

    def _give_back(self, opening: asyncio.Task[RtpPort]) -> None:
        if not opening.cancelled() and not opening.exception():
            closing = asyncio.create_task(opening.result().close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _open(self, law: str) -> RtpPort:
        self.opening += 1
        try:
            link = self._link
            answer = await self.ask(Open(law))
            port = RtpPort(self, answer["call"], answer["host"], answer["port"])
            if link is not self._link:
                raise WorkerGoneError("the RTP worker died")
            self.ports[answer["call"]] = port
            return port
        finally:
            self.opening -= 1

    def forget(self, call: int) -> None:
        """Events of this call go nowhere from now on."""
        self.ports.pop(call, None)

    async def ask(self, command: Command) -> dict[str, Any]:
        """Sends a command and waits for its answer. Raises RtpError."""
        if self._link is None:
            raise WorkerGoneError("the RTP worker is not running")
        reply: Reply = await self._link.ask(command)
        if reply.failed:
            raise _ERRORS.get(reply.failed, RtpError)(reply.why)
        return reply.result

    async def stats(self) -> Stats:
        """The worker's counters as they are now; zeros while it does not run."""
        return await self._link.stats() if self._link else Stats()

    async def _launch(self) -> None:
        link = await WorkerLink.start(self._settings, *self._range, on_notice=self._take)
        self._link = link

    async def _keep_running(self) -> None:
        deaths = 0
        while True:
            started_s = time.monotonic()
            if self._link:
                status = await self._link.wait()
                self._link = None
                log.error("RTP worker ended with status %s, %d calls lost", status, len(self.ports))
                self._end_ports(f"the RTP worker ended with status {status}")
            deaths = 0 if time.monotonic() - started_s > STEADY_AFTER_S else deaths + 1
            await asyncio.sleep(RESTART_DELAYS_S[min(deaths, len(RESTART_DELAYS_S) - 1)])
            await self._relaunch()

    async def _relaunch(self) -> None:
        self.restarts += 1
        try:
            await self._launch()
        except OSError as error:
            log.error("the RTP worker does not start: %s", error)

    def _end_ports(self, reason: str) -> None:
        for port in self.ports.values():
            port.end(reason)
        self.ports.clear()

    def _take(self, notice: Notice) -> None:
        port = self.ports.get(notice.call)
        if port:
            port.events.put_nowait(_event(notice))


def _event(notice: Notice) -> RtpEvent:
    match notice:
        case DigitHeard(_, key, kind):
            return Digit(key, kind)
        case PlayEnded(_, play_id, finished):
            return Played(play_id, finished)
        case SilenceHeard(_, seconds):
            return Silence(seconds)


class RtpClient:
    """The RTP workers of this media server. An async context manager, or ``start`` and ``close``."""

    def __init__(self, settings: RtpSettings) -> None:
        self._workers = [_WorkerSlot(settings, *ports) for ports in settings.shares()]

    async def start(self) -> None:
        """Starts the worker processes. Raises RtpError when one does not come up."""
        await asyncio.gather(*(worker.start() for worker in self._workers))

    async def close(self) -> None:
        """Ends the worker processes; open ports get Closed."""
        await asyncio.gather(*(worker.close() for worker in self._workers))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self, *, law: str = "PCMU") -> RtpPort:
        """Ports for a new call, in the worker with the fewest. ``law``: "PCMU" or "PCMA", until ``connect`` says.

        Raises PortsExhaustedError when no worker has room.
        """
        for worker in sorted((worker for worker in self._workers if worker.running), key=lambda one: one.load):
            with contextlib.suppress(PortsExhaustedError, WorkerGoneError):
                return await worker.open(law)
        raise PortsExhaustedError("no RTP worker has a free port")

    @property
    def pids(self) -> list[int]:
        """The worker processes that run now."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    @property
    def load(self) -> int:
        """Calls that have ports, or are about to."""
        return sum(worker.load for worker in self._workers)

    @property
    def workers_running(self) -> int:
        """How many workers take calls."""
        return sum(worker.running for worker in self._workers)

    @property
    def restarts(self) -> int:
        """How often a worker had to be started again."""
        return sum(worker.restarts for worker in self._workers)

    @property
    def last_stats(self) -> list[Stats]:
        """Each worker's counters, no more than a second old. From any thread, and nobody waits."""
        return [worker.last_stats for worker in self._workers]

    async def stats(self) -> list[Stats]:
        """Each worker's counters as they are now."""
        return list(await asyncio.gather(*(worker.stats() for worker in self._workers)))
