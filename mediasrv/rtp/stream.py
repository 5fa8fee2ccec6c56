"""One call's media: its two sockets, and what goes out of and comes in through them."""

import contextlib
import ctypes
import secrets
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final

from mediasrv.rtp import bpf
from mediasrv.rtp.clock import tick_now
from mediasrv.rtp.codec import SAMPLE_RATE_HZ, Law, PromptCache
from mediasrv.rtp.dtmf import SETTLE_MS, EventReceiver
from mediasrv.rtp.inband import InbandBank
from mediasrv.rtp.latch import Address, Latch
from mediasrv.rtp.messages import Connect, DigitHeard, Notice, PlayEnded, SilenceHeard
from mediasrv.rtp.packet import FIXED_HEADER, VERSION, PacketError, RtpPacket
from mediasrv.rtp.player import BATCH, Player
from mediasrv.rtp.rtcp import CanonicalName, Goodbye, SenderReport, ntp_timestamp
from mediasrv.rtp.stats import Stats
from mediasrv.rtp.wheel import PTIMES_MS

DATAGRAM_BYTES_MAX: Final = 2048
RECEIVE_BUFFER_BYTES: Final = 65_536
"""About 170 event packets: what a network lets go at once after a stall. A flood takes no more of the kernel."""

EXPEDITED_FORWARDING: Final = 46 << 2
"""The mark by which routers let voice go first (RFC 4594, 4.1)."""

SAMPLES_PER_TICK: Final = SAMPLE_RATE_HZ // 1000
FLAGS: Final = VERSION << 6
REPORT_INTERVAL_S: Final = 5
DEFAULT_PTIME_MS: Final = 20

DRAINED_MAX: Final = 64
"""Datagrams that are looked at before a key is told: more than a stall of a second leaves behind."""

EVENT_HEAD: Final = struct.Struct("!II")
EVENT_PACKET_BYTES: Final = 16

Datagram = tuple[bytes, Address]

# Once, not at each use: ctypes makes classes for these, and a class is a cycle that nobody collects in the worker.
_libc: Final = ctypes.CDLL(None)
_UNSPECIFIED: Final = ctypes.create_string_buffer(16)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the calls of one worker share. ``wake(stream, tick)`` has the stream's ``release`` called at that tick."""

    stats: Stats
    prompts: PromptCache
    emit: Callable[[Notice], None]
    inband: InbandBank["Stream"]
    wake: Callable[["Stream", int], None]


class PortTakenError(Exception):
    """Another process has one of the two ports."""


class Stream:
    """RTP on ``port``, RTCP on ``port`` + 1. Its owner takes a packet of ``ahead`` (or of ``make``) every packet time
    and gives it to ``transmit``, and calls ``mind`` every second."""

    def __init__(self, call: int, address: Address, law: Law, around: Surroundings) -> None:
        self.call = call
        self.ptime_ms = DEFAULT_PTIME_MS
        self.rtp, self._rtcp = _bind_pair(address)
        self.take: Callable[[], Datagram] = partial(self.rtp.recvfrom, DATAGRAM_BYTES_MAX)
        self._around = around
        self._latch = Latch()
        self._player = Player(law, self.ptime_ms)
        self._play_id = ""
        self._files: list[Path] = []
        self._events = EventReceiver()
        self._last_event = b"none yet"
        self._payload_type: int = law.value
        self._event_type: int | None = None
        self._silence_after_s = 0.0
        self._heard_tick = tick_now()
        self._reported_silence = False
        self._held = False
        self._inband_sequence: int | None = None
        # Random by RFC 3550, 5.1 and 8.1: nobody can guess them, and streams do not collide.
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._timestamp_offset = secrets.randbits(32)
        self._marker = 0x80
        self.transmit: Callable[[bytes], int] = self._send_to_signalled
        self.ahead: list[bytes] = []  # packets that are made already, the next one last
        self._packets = 0
        self._octets = 0
        self._seconds = 0

    @property
    def sending(self) -> bool:
        """Whether packets have to go out: the remote is known and the call is not on hold."""
        return not self._held and self._latch.target is not None

    def connect(self, command: Connect) -> None:
        """Takes what the signalling says; whatever plays goes on, in the new law if it changed.

        Raises ValueError or OSError for what cannot be, PromptError when what plays is not there any more; either
        changes nothing.
        """
        remote = (socket.inet_ntoa(socket.inet_aton(command.host)), _port(command.port))
        law, event_type = Law(command.payload_type), _event_type(command)
        playing = [self._around.prompts.load(file, law) for file in self._files] if self._player.playing else []
        self.unmake()
        self.ptime_ms = command.ptime_ms if command.ptime_ms in PTIMES_MS else DEFAULT_PTIME_MS
        self._player.format(law, self.ptime_ms)
        self._player.recode(playing)
        self._payload_type, self._event_type = law.value, event_type
        self._silence_after_s = command.silence_after_s
        self._around.inband.forget(self)
        self._latch.signal(remote)
        self._follow_latch()
        self._heard()

    def play(self, play_id: str, files: list[Path]) -> None:
        """Replaces what plays. Raises PromptError, and then plays on what it played."""
        audio = [self._around.prompts.load(file, self._player.law) for file in files]
        self.stop()
        self._play_id, self._files = play_id, files
        self._player.play(audio)

    def stop(self) -> None:
        """Silence from the next packet on; a playing that is cut short is reported."""
        self.unmake()
        self._player.stop()
        self._report_played(finished=False)

    def hold(self, on: bool) -> None:
        """Stops or starts sending; the silence of a caller whose media goes elsewhere is not reported."""
        self.unmake()
        self._held = on
        self._marker = 0x80
        self._heard()

    def close(self) -> None:
        """Says goodbye (RFC 3550, 6.3.7) and gives the ports back."""
        self.stop()
        if self._packets:
            self._send_report(tick_now(), bytes(Goodbye((self._ssrc,))))
        self._around.inband.forget(self)
        # Its own method in its own attribute is a cycle, and nobody collects those here.
        self.transmit = _nowhere
        self.rtp.close()
        self._rtcp.close()

    def make(self, tick: int) -> list[bytes]:
        """Packets from the one on that is due in millisecond ``tick``: ``ahead``, which was empty.

        Sixteen at once where nothing happens among them, for what the interpreter does in a row is several times as
        cheap as what it does between two system calls. The timestamp follows from the tick, so that after a hold, or a
        stall of this process, the caller's jitter buffer knows how much time has passed.
        """
        timestamp = (self._timestamp_offset + SAMPLES_PER_TICK * tick) & 0xFFFF_FFFF
        samples = SAMPLES_PER_TICK * self.ptime_ms
        sequence = (self._sequence + 1) & 0xFFFF
        wraps = sequence + BATCH > 0xFFFF or timestamp + BATCH * samples > 0xFFFF_FFFF
        frames = () if self._marker or wraps else self._player.frames()
        if not frames:
            return self._make_one(sequence, timestamp)
        head = int.from_bytes(FIXED_HEADER.pack(FLAGS, self._payload_type, sequence, timestamp, self._ssrc), "big")
        self.ahead = [
            (head + step).to_bytes(FIXED_HEADER.size, "big") + frame
            for step, frame in zip(_steps(samples), frames, strict=True)
        ]
        self.ahead.reverse()
        self._sequence = sequence + BATCH - 1
        self._packets += BATCH
        self._octets += BATCH * samples
        return self.ahead

    def _make_one(self, sequence: int, timestamp: int) -> list[bytes]:
        frame = self._player.next_frame()
        marker_and_type = self._payload_type | self._marker
        self.ahead = [FIXED_HEADER.pack(FLAGS, marker_and_type, sequence, timestamp, self._ssrc) + frame]
        self._sequence = sequence
        self._marker = 0
        self._packets += 1
        self._octets += len(frame)
        if self._play_id and not self._player.playing:
            self._report_played(finished=True)
        return self.ahead

    def unmake(self) -> None:
        """Takes back what was made ahead: something else is to be heard, or later."""
        unsent = len(self.ahead)
        if unsent:
            self._sequence = (self._sequence - unsent) & 0xFFFF
            self._packets -= unsent
            self._octets -= unsent * SAMPLES_PER_TICK * self.ptime_ms
            self._player.back(unsent)
            self.ahead = []

    def receive(self, data: bytes, source: Address) -> None:
        """Looks at one datagram, from ``take``. What is not the caller's valid RTP changes nothing."""
        if data[4:13] == self._last_event and source == self._latch.source and self._is_event(data):
            # Seven of eight event packets only say again what is known: nothing to parse.
            self._around.stats.packets_received += 1
            self._heard()
            return
        try:
            packet = RtpPacket.parse(data)
        except PacketError:
            self._around.stats.packets_refused += 1
            return
        if packet.payload_type in (self._payload_type, self._event_type) and self._latch.accepts(source):
            self._accept(packet, source)
        else:
            self._around.stats.packets_refused += 1

    def mind(self, tick: int) -> None:
        """Once a second: reports silence once per silence, and sends a sender report every 5 s."""
        self._seconds += 1
        if self._packets and self.sending and self._seconds % REPORT_INTERVAL_S == 0:
            self._send_report(tick)
        quiet_s = (tick - self._heard_tick) / 1000
        if self._silence_after_s and not self._held and not self._reported_silence and quiet_s > self._silence_after_s:
            self._reported_silence = True
            self._around.stats.silences += 1
            self._around.emit(SilenceHeard(self.call, round(quiet_s, 1)))

    def release(self, tick: int) -> None:
        """Reports the keys that have settled by ``tick``.

        A worker that is behind has them waiting in the socket: what has come by now is looked at first, or the next key
        would be told before one that it overtook.
        """
        with contextlib.suppress(OSError):
            for _ in range(DRAINED_MAX):
                self.receive(*self.take())
        for key in self._events.release(tick):
            self._around.stats.digits_rfc4733 += 1
            self._around.emit(DigitHeard(self.call, key, "rfc4733"))

    def heard_inband(self, key: str) -> None:
        """Reports a key that was heard in the audio."""
        self._around.stats.digits_inband += 1
        self._around.emit(DigitHeard(self.call, key, "inband"))

    def _accept(self, packet: RtpPacket, source: Address) -> None:
        self._around.stats.packets_received += 1
        self._heard()
        if not self._latch.source:
            self._latch.learn(source)
            self._follow_latch()
        if packet.payload_type == self._event_type:
            self._last_event = EVENT_HEAD.pack(packet.timestamp, packet.ssrc) + packet.payload[:1]
            tick = tick_now()
            if self._events.receive(packet, tick):
                self._around.wake(self, tick + SETTLE_MS)
        elif self._event_type is None and self._is_newer(packet.sequence):
            self._around.inband.hear(self, self._player.law, packet.payload)

    def _is_event(self, data: bytes) -> bool:
        """Whether it is a plain telephone event: no extension, no padding, one event."""
        return len(data) == EVENT_PACKET_BYTES and data[0] == FLAGS and data[1] & 0x7F == self._event_type

    def _is_newer(self, sequence: int) -> bool:
        """Repeated and late packets would only spoil the tones around them."""
        last, self._inband_sequence = self._inband_sequence, sequence
        if last is None or 0 < (sequence - last) & 0xFFFF < 0x8000:
            return True
        self._inband_sequence = last if (last - sequence) & 0xFFFF < 100 else sequence
        return False

    def _follow_latch(self) -> None:
        """Hears everybody until the source is known, then only the source, and of it only what the keys need.

        A connected socket drops what others send in the kernel, and sends without looking up the route each time.
        """
        if self._latch.source:
            self.rtp.connect(self._latch.source)
            self.transmit = self.rtp.send
        else:
            disconnect(self.rtp)
            self.transmit = self._send_to_signalled
        if self._event_type is None or not self._latch.source:
            bpf.attach(self.rtp, bpf.everything_of(self._payload_type, self._event_type))
        else:
            bpf.attach(self.rtp, bpf.events_and_life(self._payload_type, self._event_type))

    def _send_to_signalled(self, packet: bytes) -> int:
        assert self._latch.target  # noqa: S101  # nothing is sent before the signalling has named a remote
        return self.rtp.sendto(packet, self._latch.target)

    def _heard(self) -> None:
        self._heard_tick = tick_now()
        self._reported_silence = False

    def _report_played(self, *, finished: bool) -> None:
        if self._play_id:
            play_id, self._play_id, self._files = self._play_id, "", []
            self._around.emit(PlayEnded(self.call, play_id, finished))

    def _send_report(self, tick: int, more: bytes = b"") -> None:
        timestamp = (self._timestamp_offset + SAMPLES_PER_TICK * tick) & 0xFFFF_FFFF
        packets = self._packets - len(self.ahead)
        octets = self._octets - len(self.ahead) * SAMPLES_PER_TICK * self.ptime_ms
        report = SenderReport(self._ssrc, ntp_timestamp(time.time_ns()), timestamp, packets, octets)
        name = CanonicalName(self._ssrc, f"{self._ssrc:08x}@cardswitch")
        assert self._latch.target  # noqa: S101  # packets have been sent
        host, port = self._latch.target
        with contextlib.suppress(OSError, OverflowError):
            self._rtcp.sendto(bytes(report) + bytes(name) + more, (host, port + 1))


@cache
def _steps(samples: int) -> tuple[int, ...]:
    """What to add to a header, as a number of twelve bytes, to have that of the n-th packet after it."""
    return tuple(n << 64 | n * samples << 32 for n in range(BATCH))


def _port(port: int) -> int:
    if not 1 <= port <= 65_535:
        raise ValueError(f"no UDP port: {port}")
    return port


def _event_type(command: Connect) -> int | None:
    event_type = command.event_payload_type
    if event_type is not None and (not 0 <= event_type <= 127 or event_type == command.payload_type):
        raise ValueError(f"no payload type for telephone events: {event_type}")
    return event_type


def _nowhere(packet: bytes) -> int:
    return len(packet)


def disconnect(sock: socket.socket) -> None:
    """Undoes ``connect``: hears everybody again, on the same port (connect(2), AF_UNSPEC; Python has no such call)."""
    _libc.connect(sock.fileno(), _UNSPECIFIED, len(_UNSPECIFIED))


def _bind_pair(address: Address) -> tuple[socket.socket, socket.socket]:
    host, port = address
    rtp = _bind((host, port))
    try:
        return rtp, _bind((host, port + 1))
    except PortTakenError:
        rtp.close()
        raise


def _bind(address: Address) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, EXPEDITED_FORWARDING)
    bpf.attach(sock, bpf.NOTHING)
    try:
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise PortTakenError(f"{address[0]}:{address[1]}: {error.strerror}") from error
    return sock
