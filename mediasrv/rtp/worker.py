"""The RTP worker: one thread, one epoll loop, the media of many calls on one core.

Packets leave on absolute deadlines in 1 ms slots; between the slots the loop takes commands from the media server and
the few packets that the socket filters let through. The garbage collector is off: nothing here makes cycles, and one
full collection would be heard by every caller.
"""

import contextlib
import gc
import heapq
import os
import resource
import select
import socket
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from operator import call
from pathlib import Path
from typing import Any, Final

from mediasrv.rtp.clock import TICK_NS, TickTimer, tick_now
from mediasrv.rtp.codec import Law, PromptCache, PromptError
from mediasrv.rtp.inband import InbandBank
from mediasrv.rtp.messages import (
    MESSAGE_BYTES_MAX,
    Close,
    Command,
    Connect,
    GetStats,
    Hold,
    MessageError,
    Notice,
    Open,
    Play,
    Reply,
    Stop,
    notice_bytes,
    parse_command,
    reply_bytes,
)
from mediasrv.rtp.stats import Stats
from mediasrv.rtp.stream import Datagram, PortTakenError, Stream, Surroundings
from mediasrv.rtp.wheel import Wheel

EVENTS_PER_TURN: Final = 128
SLOTS_PER_TURN: Final = 4
"""How much of each the loop does before it looks at the other: an overloaded worker is late, but hears every key."""

LATENESS_MAX_MS: Final = 200
"""After a longer stall the slots missed are left out: a burst of old packets helps nobody."""

OUTBOX_MAX: Final = 20_000
INBAND_ROUND_MS: Final = 20
TRACEBACKS_MAX: Final = 20
MINDERS: Final = 1000


class NoPortError(Exception):
    """Every port of this worker is in use."""


class UnknownCallError(Exception):
    """No such call, or no longer."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """``port_min`` to ``port_max`` (inclusive) are this worker's alone; a call takes an even port and the next."""

    host: str
    port_min: int
    port_max: int
    realtime: bool = True


class Worker:
    """Serves the media server at the other end of ``channel`` until it goes away."""

    def __init__(self, channel: socket.socket, settings: WorkerSettings) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._settings = settings
        self._outbox: deque[bytes] = deque()
        self._blocked = False
        self._running = True
        self._stats = Stats()
        self._inband: InbandBank[Stream] = InbandBank()
        self._around = Surroundings(self._stats, PromptCache(), self._emit, self._inband, self._wake)
        self._alarms: list[tuple[int, int, Stream]] = []
        self._alarms_set = 0
        self._ticking = False
        self._streams: dict[int, Stream] = {}
        self._by_fd: dict[int, Stream] = {}
        self._wheel: Wheel[Stream] = Wheel()
        self._minders: tuple[dict[Stream, None], ...] = tuple({} for _ in range(MINDERS))
        self._ports = deque(even_ports(settings.port_min, settings.port_max))
        self._next_call = 0
        self._timer = TickTimer()
        self._tick = tick_now()
        self._callers = select.epoll()
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[], None]] = {
            self._timer.fileno(): self._timer.acknowledge,
            channel.fileno(): self._serve_channel,
        }
        for fd in (*self._handlers, self._callers.fileno()):
            self._epoll.register(fd, select.EPOLLIN)

    def run(self) -> None:
        """Returns when the media server has closed its end, or after ``stop``."""
        if self._settings.realtime:
            _ask_for_realtime()
        gc.collect()
        gc.freeze()
        gc.disable()
        more = False
        while self._running:
            for fd, _ in self._epoll.poll(0 if more else -1):
                if fd in self._handlers:
                    self._handlers[fd]()
            ready = self._callers.poll(0, EVENTS_PER_TURN)
            self._receive([self._by_fd[fd] for fd, _ in ready])
            self._run_slots()
            more = len(ready) == EVENTS_PER_TURN
        self._end()

    def stop(self) -> None:
        """Ends ``run``; safe in a signal handler, and wakes a loop that waits."""
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RD)

    def _receive(self, streams: list[Stream]) -> None:
        """Takes one datagram for each stream, all of them first, in C; then looks at them."""
        datagrams: list[Datagram | None] = []
        taking = map(call, [stream.take for stream in streams])
        while len(datagrams) < len(streams):
            try:
                datagrams.extend(taking)
            except OSError:
                datagrams.append(None)  # nothing there after all, or an ICMP error for what we sent
        for stream, datagram in zip(streams, datagrams, strict=True):
            try:
                if datagram:
                    stream.receive(*datagram)
            except Exception:
                self._note_bug()

    def _run_slots(self) -> None:
        """Does what is due by now."""
        if not self._ticking:
            return
        late_ms = tick_now() - self._tick
        if late_ms > LATENESS_MAX_MS:
            self._stats.slots_skipped += late_ms
            self._tick += late_ms
            for stream in self._wheel:
                stream.unmake()
        for _ in range(SLOTS_PER_TURN):
            deadline_ns = self._tick * TICK_NS
            late_ns = time.monotonic_ns() - deadline_ns
            if late_ns < 0:
                return
            self._run_slot(self._tick, late_ns // 1000)

    def _run_slot(self, tick: int, late_us: int) -> None:
        self._tick = tick + 1
        streams = list(self._wheel.at(tick))
        try:
            packets = _packets(streams, tick)
        except Exception:
            self._note_bug()
            streams = self._sound_ones(streams, tick)
            packets = _packets(streams, tick)
        if streams:
            self._send(streams, packets)
            self._stats.observe_pacing(late_us, len(streams))
        try:
            self._run_chores(tick)
        except Exception:
            self._note_bug()

    def _sound_ones(self, streams: list[Stream], tick: int) -> list[Stream]:
        """Those that can make a packet; a stream that cannot has no more turns."""
        sound = []
        for stream in streams:
            try:
                stream.unmake()
                stream.make(tick)
            except Exception:
                self._wheel.remove(stream)
            else:
                sound.append(stream)
        return sound

    def _send(self, streams: list[Stream], packets: list[bytes]) -> None:
        """One packet a stream. The loop is in C: after a system call every Python instruction is dear."""
        sending = map(call, [stream.transmit for stream in streams], packets)
        self._stats.packets_sent += len(packets)
        while True:
            try:
                deque(sending, maxlen=0)
            except OSError:
                self._stats.packets_unsent += 1  # and on with the next stream's
            else:
                return

    def _run_chores(self, tick: int) -> None:
        """What is not a packet: reports, silence, keys that have settled, keys in the audio."""
        for stream in self._minders[tick % MINDERS]:
            stream.mind(tick)
        while self._alarms and self._alarms[0][0] <= tick:
            heapq.heappop(self._alarms)[2].release(tick)
        if tick % INBAND_ROUND_MS == 0:
            for stream, key in self._inband.detect():
                stream.heard_inband(key)
        if not self._alarms and not len(self._wheel):
            self._tick_on(False)

    def _schedule(self, stream: Stream) -> None:
        """Gives a stream its turns, or takes them away."""
        if stream.sending:
            self._wheel.add(stream, stream.ptime_ms)
        else:
            self._wheel.remove(stream)
        if len(self._wheel):
            self._tick_on(True)

    def _wake(self, stream: Stream, tick: int) -> None:
        """Has the stream's ``release`` called at ``tick``; streams have no order, so a running number breaks ties."""
        self._alarms_set += 1
        heapq.heappush(self._alarms, (tick, self._alarms_set, stream))
        self._tick_on(True)

    def _tick_on(self, on: bool) -> None:
        """The timer ticks only while there is something to do: an idle worker sleeps.

        While it ticks nothing but the tick and the media server wake it: what callers send is taken once a millisecond,
        which is a fifth of the wake-ups and is not heard. Else their sockets do.
        """
        if on and not self._ticking:
            self._tick = tick_now() + 1
            self._timer.arm()
            self._epoll.unregister(self._callers.fileno())
        elif self._ticking and not on:
            self._timer.disarm()
            self._epoll.register(self._callers.fileno(), select.EPOLLIN)
        self._ticking = on

    def _serve_channel(self) -> None:
        """Takes what the media server says; the end of the channel ends the worker."""
        self._flush()
        for _ in range(EVENTS_PER_TURN):
            try:
                data = self._channel.recv(MESSAGE_BYTES_MAX)
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            if not data:
                self._running = False
                return
            with contextlib.suppress(MessageError):
                self._post(reply_bytes(self._answer(*parse_command(data))))

    def _answer(self, request_id: int, command: Command) -> Reply:
        """Does what is asked; whatever is wrong with it is the asker's to know, and hurts no other call."""
        try:
            return Reply(request_id, self._do(command))
        except PromptError as error:
            return Reply(request_id, {}, "prompt", str(error))
        except NoPortError as error:
            return Reply(request_id, {}, "ports", str(error))
        except UnknownCallError as error:
            return Reply(request_id, {}, "call", str(error))
        except (ValueError, TypeError, KeyError, OSError) as error:
            return Reply(request_id, {}, "request", f"{type(error).__name__}: {error}")
        except Exception as error:
            self._note_bug()
            return Reply(request_id, {}, "bug", f"{type(error).__name__}: {error}")

    def _do(self, command: Command) -> dict[str, Any]:  # noqa: PLR0911  # one return a command reads best
        match command:
            case Open(law):
                return self._open(Law[law])
            case Connect(call):
                self._stream(call).connect(command)
                self._schedule(self._streams[call])
                return {}
            case Play(call, play_id, files):
                self._stream(call).play(play_id, [Path(file) for file in files])
                return {}
            case Stop(call):
                self._stream(call).stop()
                return {}
            case Hold(call, on):
                self._stream(call).hold(on)
                self._schedule(self._streams[call])
                return {}
            case Close(call):
                self._close(self._stream(call))
                return {}
            case GetStats():
                return self._measure().as_dict()

    def _stream(self, call: int) -> Stream:
        try:
            return self._streams[call]
        except KeyError:
            raise UnknownCallError(f"no call {call}") from None

    def _open(self, law: Law) -> dict[str, Any]:
        self._next_call += 1
        stream = self._bind(self._next_call, law)
        self._streams[stream.call] = stream
        self._minders[stream.call * 7 % MINDERS][stream] = None
        self._by_fd[stream.rtp.fileno()] = stream
        self._callers.register(stream.rtp.fileno(), select.EPOLLIN)
        self._stats.calls_opened += 1
        host, port = stream.rtp.getsockname()
        return {"call": stream.call, "host": host, "port": port}

    def _bind(self, call: int, law: Law) -> Stream:
        """Takes the port that has been free the longest, so that late packets of an old call find nobody."""
        for _ in range(len(self._ports)):
            port = self._ports.popleft()
            try:
                return Stream(call, (self._settings.host, port), law, self._around)
            except PortTakenError:
                self._ports.append(port)
        raise NoPortError(f"no free port pair from {self._settings.port_min} to {self._settings.port_max}")

    def _close(self, stream: Stream) -> None:
        fd, port = stream.rtp.fileno(), stream.rtp.getsockname()[1]
        self._callers.unregister(fd)
        del self._by_fd[fd], self._streams[stream.call]
        del self._minders[stream.call * 7 % MINDERS][stream]
        stream.close()
        self._ports.append(port)
        stream.hold(True)
        self._schedule(stream)

    def _measure(self) -> Stats:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self._stats.calls = len(self._streams)
        self._stats.cpu_s = usage.ru_utime + usage.ru_stime
        self._stats.resident_bytes = _resident_bytes()
        self._stats.prompt_cache_bytes = self._around.prompts.size_bytes
        return self._stats

    def _emit(self, notice: Notice) -> None:
        self._post(notice_bytes(notice))

    def _post(self, data: bytes) -> None:
        """Sends at once when it can; a media server that is behind gets its messages later, in order."""
        if len(self._outbox) >= OUTBOX_MAX:
            self._stats.messages_dropped += 1
            return
        self._outbox.append(data)
        if len(self._outbox) == 1:
            self._flush()

    def _flush(self) -> None:
        try:
            while self._outbox:
                self._channel.send(self._outbox[0])
                self._outbox.popleft()
        except BlockingIOError:
            self._want_to_write(True)
            return
        except OSError:
            self._outbox.clear()
            self._running = False
        self._want_to_write(False)

    def _want_to_write(self, on: bool) -> None:
        if on != self._blocked:
            self._blocked = on
            self._epoll.modify(self._channel.fileno(), select.EPOLLIN | (select.EPOLLOUT if on else 0))

    def _note_bug(self) -> None:
        """What one call meets must not end a thousand others: it is counted, and the first ones are shown."""
        self._stats.bugs += 1
        if self._stats.bugs <= TRACEBACKS_MAX:
            traceback.print_exc()

    def _end(self) -> None:
        for stream in list(self._streams.values()):
            self._close(stream)
        self._timer.close()
        self._callers.close()
        self._epoll.close()
        self._channel.close()


def _packets(streams: list[Stream], tick: int) -> list[bytes]:
    """The packet of each that is due in this millisecond."""
    return list(map(list.pop, [stream.ahead or stream.make(tick) for stream in streams]))


def _ask_for_realtime() -> None:
    """Real-time priority where it is allowed: the worker sleeps most of the time and must wake on time."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def even_ports(port_min: int, port_max: int) -> range:
    """The RTP ports of a range: even ones whose next is in the range too (RFC 3550, section 11)."""
    return range(port_min + port_min % 2, port_max, 2)
