"""Callers on one core: how many hear a prompt on time while every one of them talks and presses keys.

The engine's worker runs on one core, at real-time priority where that is allowed, as do the callers and
the two it is compared with; the callers are a C program on another (``media_far_end.c``), where this program
runs too. Callers are added until p99 of |gap − 20 ms| reaches 5 ms or a key is lost. On the same core, one after the
other: pyVoIP, and a C program that only sends the same packets (the floor).
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import wave
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile
from math import pi, sin
from pathlib import Path
from typing import Any, Final

from bench.media_far_end import FarEnd, Heard, compile_program, expected_keys, read_ports, write_ports
from mediasrv.rtp.client import Digit, RtpClient, RtpPort, RtpSettings

ENGINE_CORE: Final = 0
CALLERS_CORE: Final = 1
LIMIT_MS: Final = 5.0
KEYS: Final = 4
"""Keys of each caller in the measured time: one in little more than a second, of 8 packets each."""

COMPLETE_SHARE: Final = 0.98
CALLERS_LATE_MAX_MS: Final = 100.0
TRIES: Final = 2
"""A step that was not on time is measured once more: the machine has other things to do. The same for pyVoIP."""

WARMUP_MS: Final = 1500
PORT_MIN: Final = 10_000
PORT_MAX: Final = 31_999
PYVOIP_STEPS: Final = (50, 100, 150, 200, 225, 250, 275, 300)
SETUPS_AT_ONCE: Final = 20
SETUP_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement: ``cpu_ms`` is CPU time a caller and second, ``lost_keys`` of ``callers`` × KEYS."""

    callers: int
    packets_due: float
    heard: Heard
    lost_keys: int
    cpu_ms: float
    cpu_share: float
    kb_per_caller: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether the callers did their part: heard (nearly) every packet, and sent theirs at 50 a second.

        Otherwise the figures say nothing of the engine.
        """
        return self.heard.gaps > COMPLETE_SHARE * self.packets_due and self.heard.late_max_ms < CALLERS_LATE_MAX_MS

    @property
    def on_time(self) -> bool:
        """Whether this many callers are served as they should be."""
        return self.heard.p99_ms < LIMIT_MS and self.complete and not self.lost_keys and not self.heard.silent


def main(argv: list[str]) -> int:
    """Runs the benchmark; 0 when the engine served at least one step."""
    options = _parse_arguments(argv)
    if len(os.sched_getaffinity(0)) < 2:
        print("bench media needs two cores: one for the engine, one for its callers", file=sys.stderr)
        return 1
    if not shutil.which("gcc"):
        print("bench media needs gcc for its callers: apt-get install gcc libc6-dev", file=sys.stderr)
        return 1
    os.sched_setaffinity(0, {CALLERS_CORE})
    with tempfile.TemporaryDirectory(prefix="cardswitch-bench-") as folder:
        figures = asyncio.run(Bench(Path(folder), options.seconds).run(options))
    print(json.dumps(figures))
    return 0 if figures["callers"] else 1


def _parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench media", description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="measured time of each step (default 6)")
    parser.add_argument("--start", type=int, default=1000, help="callers of the first step (default 1000)")
    parser.add_argument("--step", type=int, default=250, help="callers added after a step that was on time")
    parser.add_argument("--most", type=int, default=4000, help="callers at which to stop adding (default 4000)")
    parser.add_argument("--no-pyvoip", action="store_true", help="leave pyVoIP out (vs_pyvoip is then null)")
    return parser.parse_args(argv)


class Bench:
    """The measurements, with what they need in a folder that goes away."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self._far_end = compile_program("media_far_end", folder)
        self._floor = compile_program("media_floor", folder)
        self._prompt = _write_prompt(folder / "prompt.wav")
        self._measure_ms = int(seconds * 1000)

    async def run(self, options: argparse.Namespace) -> dict[str, Any]:
        """All of it; prints the table as it goes."""
        print(f"{'':<12}{'callers':>8}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}", end="")
        print(f"{'keys lost':>11}{'CPU ms/s':>10}{'core %':>8}")
        best = await self._search("engine", self._engine, range(options.start, options.most + 1, options.step))
        if best is None:
            best = await self._search("engine", self._engine, (options.start // 4, options.start // 2))
        pyvoip = None
        if not options.no_pyvoip:
            pyvoip = await self._search("pyVoIP", self._pyvoip, PYVOIP_STEPS)
            pyvoip = pyvoip or await self._search("pyVoIP", self._pyvoip, (1, 10, 25))
        callers = best.callers if best else 0
        # What else runs on the machine can only add to the floor, and a high floor would flatter the engine.
        floor = min([await self.floor(callers or options.start) for _ in range(3)])
        print(f"{'C floor':<12}{callers or options.start:>8}{'':>38}{floor:>10.3f}")
        setups = await self.setups()
        print(f"{'setups':<12}{setups:>8.0f} a second (open, connect, play, close)")
        return {
            "callers": callers,
            "p99_gap_error_ms": best.heard.p99_ms if best else None,
            "vs_pyvoip": round(callers / pyvoip.callers, 1) if pyvoip else None,
            "pyvoip_callers": pyvoip.callers if pyvoip else None,
            "cpu_vs_floor": round(best.cpu_ms / floor, 2) if best else None,
            "cpu_ms_per_caller_s": round(best.cpu_ms, 3) if best else None,
            "setups_per_s": round(setups),
            "kb_per_caller": round(best.kb_per_caller, 1) if best else None,
            "lost_digits": best.lost_keys if best else None,
        }

    async def _search(self, name: str, measure: "Callable[[int], Any]", steps: Sequence[int]) -> Run | None:
        """The last step that was on time before the first that was not."""
        best = None
        for callers in steps:
            for _ in range(TRIES):
                run: Run = await measure(callers)
                _print_row(name, run)
                if run.on_time:
                    break
            else:
                return best
            best = run
        return best

    async def _engine(self, callers: int) -> Run:
        """The engine with so many callers, all of them hearing the prompt."""
        async with self._worker() as client, self._callers(callers) as far_end:
            (before,) = await client.stats()
            ports = [await self._connect(client, port) for port in far_end.ports]
            far_end.go([port.port for port in ports])
            await far_end.measuring()
            (start,), start_s = await client.stats(), time.monotonic()
            heard = await far_end.result()
            (end,), end_s = await client.stats(), time.monotonic()
            lost = sum(_lost(port, index) for index, port in enumerate(ports))
        share = (end.cpu_s - start.cpu_s) / (end_s - start_s)
        return Run(
            callers,
            self._packets_due(callers),
            heard,
            lost,
            share * 1000 / callers,
            share,
            (end.resident_bytes - before.resident_bytes) / 1024 / callers,
        )

    async def _connect(self, client: RtpClient, caller_port: int) -> RtpPort:
        port = await client.open()
        await port.connect(("127.0.0.1", caller_port), payload_type=0, event_payload_type=101)
        await port.play([self._prompt])
        return port

    async def _pyvoip(self, callers: int) -> Run:
        """pyVoIP's RTP side alone, in a process of its own."""
        async with self._callers(callers) as far_end:
            seconds = (WARMUP_MS + self._measure_ms) / 1000
            command = [sys.executable, "-m", "bench.media_pyvoip", str(seconds + 1), str(ENGINE_CORE)]
            child = await asyncio.create_subprocess_exec(
                *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            assert child.stdin
            assert child.stdout
            write_ports(child.stdin, far_end.ports)
            far_end.go(await read_ports(child.stdout))
            heard = await far_end.result()
            answer = json.loads(await child.stdout.readline())
            await child.wait()
        lost = sum(_missing(answer["keys"][i], expected_keys(i, KEYS)) for i in range(callers))
        share = answer["cpu_s"] / seconds
        return Run(callers, self._packets_due(callers), heard, lost, share * 1000 / callers, share)

    def _packets_due(self, callers: int) -> float:
        return callers * self._measure_ms / 20

    async def floor(self, callers: int) -> float:
        """CPU milliseconds a caller and second of the C program that only sends."""
        async with self._callers(callers) as far_end:
            arguments = (str(callers), str(WARMUP_MS), str(self._measure_ms - 500))
            child = await asyncio.create_subprocess_exec(
                self._floor, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            os.sched_setaffinity(child.pid, {ENGINE_CORE})
            _ask_for_realtime(child.pid)
            assert child.stdin
            assert child.stdout
            ports = await read_ports(child.stdout)
            write_ports(child.stdin, far_end.ports)
            far_end.go(ports)
            cpu_s: float = json.loads(await child.stdout.readline())["cpu_s"]
            await child.wait()
            await far_end.result()
        return cpu_s * 1_000_000 / (self._measure_ms - 500) / callers

    async def setups(self) -> float:
        """Calls a second that are opened, connected, given a prompt and closed, many at once."""
        async with self._worker() as client:
            deadline = time.monotonic() + SETUP_SECONDS

            async def caller() -> int:
                done = 0
                while time.monotonic() < deadline:
                    await (await self._connect(client, 9)).close()
                    done += 1
                return done

            return sum(await asyncio.gather(*(caller() for _ in range(SETUPS_AT_ONCE)))) / SETUP_SECONDS

    @asynccontextmanager
    async def _worker(self) -> AsyncIterator[RtpClient]:
        async with RtpClient(RtpSettings("127.0.0.1", PORT_MIN, PORT_MAX)) as client:
            for pid in client.pids:
                os.sched_setaffinity(pid, {ENGINE_CORE})
            yield client

    @asynccontextmanager
    async def _callers(self, count: int) -> AsyncIterator[FarEnd]:
        async with FarEnd.start(self._far_end, count, WARMUP_MS, self._measure_ms, KEYS) as far_end:
            os.sched_setaffinity(far_end.pid, {CALLERS_CORE})
            _ask_for_realtime(far_end.pid)
            yield far_end


def _print_row(name: str, run: Run) -> None:
    heard = run.heard
    print(f"{name:<12}{run.callers:>8}{heard.p50_ms:>9.2f}{heard.p99_ms:>9.2f}{heard.max_ms:>9.1f}", end="")
    note = "" if run.complete else f"  only {heard.gaps / run.packets_due:.0%} heard"
    note += f"  callers late by {heard.late_max_ms:.0f} ms" if heard.late_max_ms > LIMIT_MS else ""
    print(f"{run.lost_keys:>11}{run.cpu_ms:>10.3f}{run.cpu_share:>8.0%}{note}", flush=True)


def _ask_for_realtime(pid: int) -> None:
    with suppress(OSError):
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))


def _lost(port: RtpPort, index: int) -> int:
    """Keys of caller ``index`` that were not heard, or not in their place."""
    heard = ""
    while not port.events.empty():
        event = port.events.get_nowait()
        heard += event.char if isinstance(event, Digit) else ""
    return _missing(heard, expected_keys(index, KEYS))


def _missing(heard: str, expected: str) -> int:
    """How many keys do not stand where they should; keys too many count as well."""
    right = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(heard, expected, strict=False)))
    return max(len(expected), len(heard)) - right


def _write_prompt(path: Path) -> Path:
    """Thirty seconds that are nowhere silent."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(array("h", (int(8000 * sin(2 * pi * 440 * i / 8000)) for i in range(8000 * 30))).tobytes())
    return path
