"""One RTP worker process and the channel to it."""

import asyncio
import logging
import os
import socket
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from mediasrv.rtp.messages import (
    MESSAGE_BYTES_MAX,
    Command,
    GetStats,
    MessageError,
    Notice,
    Reply,
    command_bytes,
    parse_from_worker,
)
from mediasrv.rtp.stats import Stats

log = logging.getLogger(__name__)

START_TIMEOUT_S: Final = 20.0
END_TIMEOUT_S: Final = 5.0
WATCH_INTERVAL_S: Final = 1.0
PORTS_WORTH_A_WORKER: Final = 100
"""Fewer calls than half of this do not need another process."""

PROJECT_ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class RtpSettings:
    """Where callers send to, and how many worker processes share the ports ``port_min`` to ``port_max``."""

    address: str
    port_min: int
    port_max: int
    workers: int = 1
    realtime: bool = True
    answer_within_s: float = 5.0
    """A worker that twice does not answer so long hangs: it is killed, and another one started."""

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> Self:
        """From ``[mediasrv]`` of the settings file; a worker a core unless ``workers`` says otherwise.

        Raises KeyError or ValueError for a missing or wrong value.
        """
        first, last = int(table["rtp_port_min"]), int(table["rtp_port_max"])
        a_core = max(1, min(len(os.sched_getaffinity(0)), (last + 1 - first) // PORTS_WORTH_A_WORKER))
        settings = cls(
            str(table["rtp_address"]),
            first,
            last,
            int(table.get("workers", a_core)),
            bool(table.get("rtp_realtime", True)),
        )
        if settings.workers < 1 or settings.port_max - settings.port_min + 1 < 4 * settings.workers:
            raise ValueError("rtp_port_min to rtp_port_max must hold at least four ports for each worker")
        return settings

    def shares(self) -> list[tuple[int, int]]:
        """The ports of each worker: equal ranges (inclusive) that start at even ports."""
        first = self.port_min + self.port_min % 2
        size = (self.port_max + 1 - first) // self.workers // 2 * 2
        return [(first + i * size, first + (i + 1) * size - 1) for i in range(self.workers)]


class WorkerLink:
    """A running worker. Requests are answered by id; events go to ``on_notice`` as they come."""

    def __init__(
        self, channel: socket.socket, process: asyncio.subprocess.Process, on_notice: Callable[[Notice], None]
    ):
        self._channel = channel
        self._process = process
        self.last_stats = Stats()
        self._watchdog: asyncio.Task[None] | None = None
        self._on_notice = on_notice
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._outbox: deque[bytes] = deque()
        self._last_id = 0
        self._loop.add_reader(channel, self._read)

    @classmethod
    async def start(
        cls, settings: RtpSettings, port_min: int, port_max: int, *, on_notice: Callable[[Notice], None]
    ) -> Self:
        """Starts a worker for these ports and waits until it answers. Raises OSError when it does not."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            command = _worker_command(settings, port_min, port_max, theirs.fileno())
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_environment(),
            )
        link = cls(ours, process, on_notice)
        try:
            ready = not (await asyncio.wait_for(link.ask(GetStats()), START_TIMEOUT_S)).failed
        except TimeoutError:
            ready = False
        if not ready:
            await link.close()
            raise OSError(f"the RTP worker ended with status {process.returncode} before it was ready")
        link._watchdog = asyncio.create_task(link._watch(settings.answer_within_s))
        return link

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    async def ask(self, command: Command) -> Reply:
        """The worker's answer; ``failed`` is "gone" when it ends before it answers."""
        self._last_id += 1
        request_id = self._last_id
        if self._channel.fileno() < 0:
            return _gone(request_id)
        answer: asyncio.Future[Reply] = self._loop.create_future()
        self._waiting[request_id] = answer
        self._post(command_bytes(request_id, command))
        try:
            return await answer
        finally:
            self._waiting.pop(request_id, None)

    async def stats(self) -> Stats:
        """The worker's counters; the last known ones when it ends before it answers."""
        reply = await self.ask(GetStats())
        if not reply.failed:
            self.last_stats = Stats.from_dict(reply.result)
        return self.last_stats

    async def wait(self) -> int:
        """Returns the exit status of the worker once it has ended."""
        status = await self._process.wait()
        self._hang_up()
        return status

    async def close(self) -> None:
        """Lets the worker say goodbye to its callers and end; kills it when it does not within 5 s."""
        self._hang_up()
        try:
            await asyncio.wait_for(self._process.wait(), END_TIMEOUT_S)
        except TimeoutError:
            log.error("RTP worker %d does not end: killed", self.pid)
            self._process.kill()
            await self._process.wait()

    async def _watch(self, answer_within_s: float) -> None:
        """Kills a worker that hangs. One late answer is forgiven: it may be this process that stood still."""
        late = 0
        while late < 2:
            try:
                await asyncio.wait_for(self.stats(), answer_within_s)
            except TimeoutError:
                late += 1
            else:
                late = 0
                await asyncio.sleep(WATCH_INTERVAL_S)
        log.error("RTP worker %d does not answer: killed", self.pid)
        self._process.kill()

    def _hang_up(self) -> None:
        if self._watchdog:
            self._watchdog.cancel()
        if self._channel.fileno() < 0:
            return
        self._loop.remove_reader(self._channel)
        self._loop.remove_writer(self._channel)
        self._channel.close()
        for request_id, answer in self._waiting.items():
            if not answer.done():
                answer.set_result(_gone(request_id))

    def _post(self, data: bytes) -> None:
        self._outbox.append(data)
        if len(self._outbox) == 1:
            self._flush()

    def _flush(self) -> None:
        """Sends what waits; when the worker is behind, goes on once it has read."""
        try:
            while self._outbox:
                self._channel.send(self._outbox[0])
                self._outbox.popleft()
        except BlockingIOError:
            self._loop.add_writer(self._channel, self._flush)
        except OSError:
            self._outbox.clear()
            self._hang_up()
        else:
            self._loop.remove_writer(self._channel)

    def _read(self) -> None:
        try:
            data = self._channel.recv(MESSAGE_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            return
        try:
            message = parse_from_worker(data)
        except MessageError:
            log.exception("RTP worker %d says what nobody understands", self.pid)
            return
        if isinstance(message, Reply):
            answer = self._waiting.get(message.request_id)
            if answer and not answer.done():
                answer.set_result(message)
        else:
            self._on_notice(message)


def _gone(request_id: int) -> Reply:
    return Reply(request_id, {}, "gone", "the RTP worker has ended")


def _worker_command(settings: RtpSettings, port_min: int, port_max: int, descriptor: int) -> list[str]:
    command = [sys.executable, "-m", "mediasrv.rtp", "--socket", str(descriptor), "--address", settings.address]
    command += ["--port-min", str(port_min), "--port-max", str(port_max)]
    return command if settings.realtime else [*command, "--no-realtime"]


def _environment() -> dict[str, str]:
    """The worker finds this package wherever the media server was started, and numpy starts no threads in it."""
    inherited = os.environ.get("PYTHONPATH")
    path = f"{PROJECT_ROOT}{os.pathsep}{inherited}" if inherited else str(PROJECT_ROOT)
    return {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
