"""A caller's phone as far as RTP goes: a UDP socket that sends voice and keys, and keeps what it hears."""

import asyncio
import socket
import wave
from array import array
from collections.abc import Sequence
from math import pi, sin
from pathlib import Path

from mediasrv.rtp.client import Digit, RtpEvent, RtpPort
from mediasrv.rtp.codec import Law
from mediasrv.rtp.event import KEYS, TelephoneEvent
from mediasrv.rtp.packet import RtpPacket

EVENT_TYPE = 101
DEADLINE_S = 10.0


def key_packets(
    key: str, *, timestamp: int, sequence: int = 0, ssrc: int = 7, tone_ms: int = 100, event_type: int = EVENT_TYPE
) -> list[RtpPacket]:
    """What a phone sends for one key: a packet each 20 ms, the last one three times (RFC 4733, 2.5.1)."""
    code = KEYS.index(key)
    durations = list(range(160, tone_ms * 8 + 1, 160))
    events = [TelephoneEvent(code, duration) for duration in durations] + [TelephoneEvent(code, tone_ms * 8, True)] * 3
    return [
        RtpPacket(event_type, (sequence + i) & 0xFFFF, timestamp & 0xFFFF_FFFF, ssrc, bytes(event), marker=i == 0)
        for i, event in enumerate(events)
    ]


class Caller:
    """Binds a loopback port. ``heard`` has every packet that came, in order."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.sequence = 0
        self.address: tuple[str, int] = self.socket.getsockname()
        self.heard: list[RtpPacket] = []

    def close(self) -> None:
        self.socket.close()

    def send(self, port: RtpPort, packet: RtpPacket | bytes) -> None:
        self.socket.sendto(bytes(packet), (port.address, port.port))

    def speak(self, port: RtpPort, packets: int = 1, *, law: Law = Law.PCMU, audio: bytes | None = None) -> None:
        """Sends voice (silence, if nothing is given)."""
        for _ in range(packets):
            self.sequence += 1
            payload = audio if audio is not None else law.silence * 160
            self.send(port, RtpPacket(law.value, self.sequence & 0xFFFF, self.sequence * 160, 7, payload))

    def press(self, port: RtpPort, keys: str, *, timestamp: int = 1000) -> None:
        """Sends each key's packets at once."""
        for i, key in enumerate(keys):
            for packet in key_packets(key, timestamp=timestamp + i * 1600):
                self.send(port, packet)

    async def hear(self, packets: int) -> list[RtpPacket]:
        """Waits until ``packets`` more have come, and returns them."""
        wanted = len(self.heard) + packets
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(DEADLINE_S):
            while len(self.heard) < wanted:
                self.heard.append(RtpPacket.parse(await loop.sock_recv(self.socket, 2048)))
        return self.heard[-packets:]

    def drain(self) -> list[RtpPacket]:
        """What has come and not been read yet."""
        fresh: list[RtpPacket] = []
        while True:
            try:
                fresh.append(RtpPacket.parse(self.socket.recv(2048)))
            except BlockingIOError:
                self.heard += fresh
                return fresh


async def next_event(port: RtpPort) -> RtpEvent:
    """The port's next event, within the deadline."""
    return await asyncio.wait_for(port.events.get(), DEADLINE_S)


async def keys_heard(port: RtpPort, count: int) -> str:
    """The next ``count`` keys of the call."""
    keys = ""
    while len(keys) < count:
        event = await next_event(port)
        assert isinstance(event, Digit), event
        keys += event.char
    return keys


def bound(port: int) -> socket.socket:
    """A UDP socket on this port of 127.0.0.1 that waits only so long."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    sock.settimeout(DEADLINE_S)
    return sock


def tone(hertz: float, seconds: float, amplitude: int = 8000) -> bytes:
    """16-bit samples of one tone."""
    return array("h", (int(amplitude * sin(2 * pi * hertz * i / 8000)) for i in range(int(8000 * seconds)))).tobytes()


def write_wav(path: Path, pcm: bytes, *, rate: int = 8000, channels: int = 1) -> Path:
    """A WAV file of these samples."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return path


def payloads(packets: Sequence[RtpPacket]) -> bytes:
    """The audio of these packets, one after the other."""
    return b"".join(packet.payload for packet in packets)
