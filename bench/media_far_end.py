"""The simulated callers of ``bench media``: a C program, compiled when needed, and how to talk to it."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

SOURCES = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Heard:
    """What the callers heard: percentiles of |gap − 20 ms|; packets that never came; packets of silence.

    ``late_max_ms`` is how far the callers themselves fell behind.
    """

    gaps: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    missing: int
    silent: int
    unsent: int
    late_max_ms: float
    cpu_s: float


def compile_program(name: str, folder: Path) -> Path:
    """Compiles ``bench/<name>.c``. Raises CalledProcessError after gcc has said why."""
    program = folder / name
    subprocess.run(["gcc", "-O2", "-o", str(program), str(SOURCES / f"{name}.c")], check=True)
    return program


def expected_keys(caller: int, count: int) -> str:
    """The keys that the C program's caller presses."""
    return "".join(str((7 * caller + 3 * j) % 10) for j in range(count))


async def read_ports(reader: asyncio.StreamReader) -> list[int]:
    """The line "ports p1 p2 …"."""
    line = (await reader.readline()).decode().split()
    if line[:1] != ["ports"]:
        raise RuntimeError(f"a program of the benchmark said {line!r} instead of its ports")
    return [int(port) for port in line[1:]]


def write_ports(writer: asyncio.StreamWriter, ports: Sequence[int]) -> None:
    """One port a caller, and the end."""
    writer.write("\n".join(map(str, ports)).encode() + b"\n")
    writer.write_eof()


class FarEnd:
    """The running callers."""

    def __init__(self, process: asyncio.subprocess.Process, ports: list[int]) -> None:
        self.ports = ports
        self._process = process

    @classmethod
    @asynccontextmanager
    async def start(
        cls, program: Path, callers: int, warmup_ms: int, measure_ms: int, keys: int
    ) -> AsyncIterator[Self]:
        """Opens the callers' ports; ends the process on the way out."""
        arguments = (str(callers), str(warmup_ms), str(measure_ms), str(keys))
        process = await asyncio.create_subprocess_exec(
            program, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 20
        )
        assert process.stdout
        try:
            yield cls(process, await read_ports(process.stdout))
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def go(self, ports: Sequence[int]) -> None:
        """Names the port each caller sends to; they begin."""
        assert self._process.stdin
        write_ports(self._process.stdin, ports)

    async def measuring(self) -> None:
        """Returns when the warm-up is over."""
        assert self._process.stdout
        await self._process.stdout.readline()

    async def result(self) -> Heard:
        """What they heard, when the time is up."""
        assert self._process.stdout
        line = b"measuring\n"
        while line == b"measuring\n":
            line = await self._process.stdout.readline()
        await self._process.wait()
        return Heard(**json.loads(line))
