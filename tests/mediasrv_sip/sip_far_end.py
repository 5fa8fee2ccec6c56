"""What the tests of signalling share: ports, a far end played by our own agent, the media server as a process."""

import asyncio
import contextlib
import itertools
import json
import os
import random
import re
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mediasrv import sdp
from mediasrv.sip.agent import UserAgent
from mediasrv.sip.incoming import IncomingLeg
from mediasrv.sip.leg import Refusal
from mediasrv.sip.outgoing import OutgoingLeg

ROOT = Path(__file__).resolve().parents[2]
LOCAL = "127.0.0.1"
SOON_S = 10.0
ACCESS = "18005550100"


_numbers = itertools.cycle(random.sample(range(21000, 32000), 11000))


def free_ports(count: int, kind: int = socket.SOCK_DGRAM) -> list[int]:
    """Ports below the ephemeral range that nobody has now; never the same twice."""
    found: list[int] = []
    while len(found) < count:
        port = next(_numbers)
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, kind) as probe:
            probe.bind((LOCAL, port))
            found.append(port)
    return found


def free_range(size: int) -> int:
    """The first of ``size`` neighbouring ports for RTP, even; who else is there is for the RTP workers to find out."""
    return free_ports(1)[0] // 200 * 200 + random.randrange(0, 200 - size, 2)


def session(port: int, *, law: str = "PCMU", version: int = 1) -> str:
    """A far end's session description."""
    return sdp.offer(address=LOCAL, port=port, origin=sdp.Origin(77, version, LOCAL), first=law)


async def soon(ready: Callable[[], Any]) -> Any:
    """The first true value of ``ready``."""
    async with asyncio.timeout(SOON_S):
        while not (value := ready()):
            await asyncio.sleep(0.01)
        return value


@dataclass
class FarEnd:
    """Plays Kamailio: places first legs, takes second legs; answers offers with its ``port``."""

    port: int = 0
    calls: asyncio.Queue[IncomingLeg] = field(default_factory=asyncio.Queue)
    offers: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)
    answer: str | Refusal = ""
    status: int = 200

    def __post_init__(self) -> None:
        self.agent = UserAgent((LOCAL, self.port), (LOCAL, 9), self)
        self.port = self.agent.stack.address[1]

    def invited(self, leg: IncomingLeg) -> None:
        leg.user = self
        self.calls.put_nowait(leg)

    def accepting(self) -> int:
        return self.status

    async def offered(self, offer: str) -> str | Refusal:
        self.offers.append(offer)
        return self.answer

    def info(self, content_type: str, body: str) -> bool:  # noqa: ARG002
        self.infos.append(body)
        return True

    def call(
        self, port: int, offer: str, headers: list[tuple[str, str]] | None = None, *, answer: str = ""
    ) -> OutgoingLeg:
        """``answer``: sent in the ACK, when the offer is theirs."""
        leg = self.agent.call(
            f"sip:{ACCESS}@{LOCAL}:{port}", local=f"<sip:15551234@{LOCAL}>", sdp=offer, headers=headers or []
        )
        leg.late_answer = answer
        leg.user = self
        return leg

    async def next_call(self) -> IncomingLeg:
        return await asyncio.wait_for(self.calls.get(), SOON_S)


@dataclass
class Server:
    """The media server with the stub's conversation."""

    sip: int
    http: int
    log: Path
    process: asyncio.subprocess.Process

    def steps(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in re.findall(r"^INFO mediasrv.steps (\{.*)$", self.log.read_text(), re.M)]

    async def step(self, name: str, count: int = 1) -> dict[str, Any]:
        """The ``count``-th step of that name, once it is there."""
        found = await soon(lambda: [step for step in self.steps() if step["step"] == name][count - 1 : count])
        return dict(found[0])

    async def get(self, path: str) -> tuple[int, str]:
        def fetch() -> tuple[int, str]:
            try:
                with urllib.request.urlopen(f"http://{LOCAL}:{self.http}{path}", timeout=5) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()

        return await asyncio.to_thread(fetch)


@contextlib.asynccontextmanager
async def media_server(directory: Path, edge: int, *options: str) -> AsyncIterator[Server]:
    """Starts it, waits until it answers, ends it by SIGTERM and expects exit status 0."""
    sip, rtp = free_ports(1)[0], free_range(100)
    http = free_ports(1, socket.SOCK_STREAM)[0]
    log = directory / "mediasrv.log"
    arguments = ["--sip", sip, "--http", http, "--edge", edge, "--rtp", rtp, "--directory", directory, *options]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).parent / "sip_stub.py"),
            *map(str, arguments),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=output,
        )
    server = Server(sip, http, log, process)
    try:
        await soon(lambda: "ready:" in log.read_text() or process.returncode is not None)
        yield server
    finally:
        if process.returncode is None:
            process.terminate()
        status = await asyncio.wait_for(process.wait(), SOON_S)
    assert status == 0, log.read_text()


CALL_HEADERS = [
    ("X-Cardswitch-Call", "c" * 32),
    ("X-Cardswitch-Access", ACCESS),
    ("X-Cardswitch-Trunk", "demo"),
    ("X-Cardswitch-Ani", "15551234"),
    ("X-Cardswitch-Ani-Trusted", "yes"),
]
