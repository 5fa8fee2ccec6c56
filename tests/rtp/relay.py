"""A bad network in user space: a UDP relay that loses, delays and reorders, by chance that can be had again.

Each pair of ends has a socket of its own in the relay; what comes from one end goes to the other, each way with a
random number generator of its own, so that what happens to the n-th packet of a way depends on the seed alone.

The callers' packets are sent by the relay's thread too, and its clock stands still while the machine does not run it:
else every stall would send a second's packets at once, which no telephone does.
"""

import contextlib
import heapq
import random
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

Address = tuple[str, int]

DATAGRAM_BYTES_MAX = 2048
DATAGRAMS_AT_ONCE = 32
TURN_S = 0.005
STALL_S = 0.010  # a longer turn of the loop is the machine's doing


@dataclass(frozen=True, slots=True)
class Weather:
    """``loss`` and ``reordered`` are shares of the packets; each is late by up to ``jitter_ms``; a reordered one by
    ``held_ms`` more, so that those sent after it overtake it."""

    loss: float
    reordered: float
    jitter_ms: float
    held_ms: float = 40.0


@dataclass(frozen=True, slots=True)
class Sending:
    """A packet that leaves ``sender`` for the relay at its time."""

    at_s: float
    sender: socket.socket
    target: Address
    data: bytes


@dataclass
class Way:
    """From one end to the other, and what became of the packets."""

    chance: random.Random
    target: Address
    taken: int = 0
    lost: int = 0
    held: int = 0
    overtaken: int = 0  # left later than one that came after it
    newest: int = 0

    def left(self, number: int) -> None:
        self.overtaken += number < self.newest
        self.newest = max(self.newest, number)


@dataclass
class Pair:
    """A socket between a caller and a server; each sends to ``address`` and hears the other from there."""

    socket: socket.socket
    address: Address
    ways: dict[Address, Way] = field(default_factory=dict)


class Relay:
    """A thread between callers and servers, until the ``with`` is left."""

    def __init__(self, weather: Weather, seed: int) -> None:
        self.weather, self._seed = weather, seed
        self.pairs: list[Pair] = []
        self._by_fd: dict[int, Pair] = {}
        self._epoll = select.epoll()
        self._due: list[tuple[float, int, int, bytes, Pair, Way]] = []
        self._sendings: deque[Sending] = deque()
        self._numbered = 0
        self._clock_s = 0.0
        self._real_s = time.monotonic()
        self._running = True
        self._thread = threading.Thread(target=self._run, name="relay")

    def between(self, caller: Address, server: Address) -> Address:
        """A new pair: both ends send to the address that is returned. Only before the ``with``."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        pair = Pair(sock, sock.getsockname())
        for source, target in ((caller, server), (server, caller)):
            chance = random.Random(f"{self._seed} {len(self.pairs)} {source == caller}")
            pair.ways[source] = Way(chance, target)
        self.pairs.append(pair)
        self._by_fd[sock.fileno()] = pair
        self._epoll.register(sock, select.EPOLLIN)
        return pair.address

    def send(self, sendings: Iterable[Sending]) -> None:
        """What the callers will have sent. Only before the ``with``, whose beginning is their second 0."""
        self._sendings = deque(sorted(sendings, key=lambda sending: sending.at_s))

    def total(self, count: str) -> int:
        """One of the counts of ``Way``, over all of them."""
        return sum(getattr(way, count) for pair in self.pairs for way in pair.ways.values())

    def __enter__(self) -> Self:
        self._real_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running = False
        self._thread.join(timeout=10)
        self._epoll.close()
        for pair in self.pairs:
            pair.socket.close()

    def _run(self) -> None:
        while self._running:
            ready = self._epoll.poll(self._rest_s())
            self._advance()
            while self._sendings and self._sendings[0].at_s <= self._clock_s:
                sending = self._sendings.popleft()
                sending.sender.sendto(sending.data, sending.target)
            for fd, _ in ready:
                self._take(self._by_fd[fd])
            self._let_go()

    def _rest_s(self) -> float:
        soonest_s = min(
            self._due[0][0] if self._due else self._clock_s + TURN_S,
            self._sendings[0].at_s if self._sendings else self._clock_s + TURN_S,
        )
        return min(max(soonest_s - self._clock_s, 0.0), TURN_S)

    def _advance(self) -> None:
        now_s = time.monotonic()
        self._clock_s += min(now_s - self._real_s, STALL_S)
        self._real_s = now_s

    def _take(self, pair: Pair) -> None:
        for _ in range(DATAGRAMS_AT_ONCE):
            try:
                data, source = pair.socket.recvfrom(DATAGRAM_BYTES_MAX)
            except OSError:
                return
            if (way := pair.ways.get(source)) is not None:
                self._delay(pair, way, data)

    def _delay(self, pair: Pair, way: Way, data: bytes) -> None:
        """Draws three numbers for each packet, whatever becomes of it."""
        way.taken += 1
        lost, late_ms, held = way.chance.random(), way.chance.uniform(0, self.weather.jitter_ms), way.chance.random()
        if lost < self.weather.loss:
            way.lost += 1
            return
        if held < self.weather.reordered:
            way.held += 1
            late_ms += self.weather.held_ms
        self._numbered += 1
        heapq.heappush(self._due, (self._clock_s + late_ms / 1000, self._numbered, way.taken, data, pair, way))

    def _let_go(self) -> None:
        while self._due and self._due[0][0] <= self._clock_s:
            _, _, number, data, pair, way = heapq.heappop(self._due)
            way.left(number)
            with contextlib.suppress(OSError):  # whom it goes to is not there any more
                pair.socket.sendto(data, way.target)
