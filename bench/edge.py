"""The complete edge beside a plain proxy: calls a second that stay clean, and Kamailio's CPU time a call.

The edge authorises against MariaDB (commits durable), holds, makes the dialog, writes the journal; the keeper settles.
The plain proxy is the same Kamailio, record-routing with dialogs, in native configuration. Both get the same calls from
the same SIPp, alternating, on the same cores. Clean: < 0.1 % of the calls failed, < 1 % of the messages repeated.
Calls carry no session description: the media relay costs the same with either.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.edge.sipp import ack, invite, pause, receive, reply, reply_in_dialog, request
from tests.edge.world import EDGE, GATEWAY, LONDON, ROOT, EdgeWorld, edge_world, wait_for

FAILED_MAX = 0.001
REPEATED_MAX = 0.01
PAUSE_MS = 40  # without one, workers reorder 180 and 200
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Load:
    """What one run at one rate gave."""

    rate: float
    calls: int
    failed: int
    repeated: int
    cpu_ms_per_call: float

    @property
    def clean(self) -> bool:
        return self.failed <= FAILED_MAX * self.calls and self.repeated <= REPEATED_MAX * self.calls


def cpu_s(parent: int) -> float:
    """User and system time so far of a process and its children."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    total = 0
    for pid in [str(parent), *children]:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def figure(text: str, name: str) -> int:
    """The cumulative figure of a line of SIPp's last screen."""
    found = re.findall(rf"{name}\s*\|[^|]*\|\s*(\d+)", text)
    return int(found[-1]) if found else 0


def load(world: EdgeWorld, target: str, pid: int, rate: float, *, seconds: float, anis: Path) -> Load:
    """Calls at ``rate`` for ``seconds`` through ``target``."""
    calls = int(rate * seconds)
    rings = [receive("INVITE", rrs=True), reply(180, "Ringing"), pause(PAUSE_MS), reply(200, "OK", retrans_ms=500)]
    gateway = world.gateway(
        [*rings, receive("ACK"), receive("BYE"), reply_in_dialog()], calls=calls, timeout_s=30, trace=False
    )
    ani = "[field0]"
    dials = [invite(LONDON, ani, sdp=False), receive(100, optional=True), receive(180, optional=True)]
    talks = [receive(200, rrs=True), ack(LONDON, ani), pause(PAUSE_MS), request("BYE", LONDON, ani), receive(200)]
    before = cpu_s(pid)
    caller = world.caller(
        [*dials, *talks], calls=calls, rate=rate, timeout_s=30, extra=["-inf", str(anis)], to=target, trace=False
    )
    caller.wait()
    gateway.stop()
    used = cpu_s(pid) - before
    text = (caller.directory / "caller.out").read_text(errors="replace")
    failed = calls - figure(text, "Successful call")
    return Load(rate, calls, failed, retransmissions(text), 1000 * used / calls)


def retransmissions(text: str) -> int:
    """The column of repeated messages on SIPp's last screen."""
    screen = text[text.rfind("Messages  Retrans") :].split("Test Terminated", maxsplit=1)[0]
    rows = re.findall(r"(?:---->|<----|-->|<--)[^\n]*?\s(\d+)\s+(\d+)\s+(?:\d+)?", screen)
    return sum(int(again) for _, again in rows)


def highest_clean(measure: Callable[[float], Load], start: float, step: float, limit: int = 12) -> tuple[float, Load]:
    """Raises the rate until a run is not clean, twice at one rate; the last clean rate and its load."""
    best: Load | None = None
    rate = start
    for _ in range(limit):
        found = measure(rate)
        if not found.clean:
            found = measure(rate)
        if not found.clean:
            if best is not None:
                break
            rate /= 2
            continue
        best = found
        rate += step
    assert best is not None, "not clean at any rate"
    return best.rate, best


def start_plain(world: EdgeWorld, port: int, workers: int) -> "subprocess.Popen[bytes]":
    file = world.directory / "plain.cfg"
    gateway = f"{GATEWAY}:{world.gateway_ports[0]}"
    defines = [("WORKERS", workers), ("LISTEN", f"udp:{EDGE}:{port}"), ("GATEWAY", gateway)]
    text = (ROOT / "bench" / "edge_plain.cfg").read_text()
    for name, value in defines:
        text = text.replace(f"PLAIN_{name}", str(value))
    file.write_text(text)
    directory = world.directory / "plain"
    directory.mkdir()
    memory = ["-m", "64", "-M", "8", "-x", "fm", "-X", "fm"]  # as the edge
    command = ["kamailio", "-f", str(file), "-DD", "-E", *memory, "-Y", str(directory)]
    return world.start_process("plain", command)


def run(world: EdgeWorld, options: argparse.Namespace) -> dict[str, float]:
    workers = options.workers
    port = world.sip_port + 1
    plain = start_plain(world, port, workers)
    anis = world.directory / "anis.csv"
    cards = [world.new_card(10**9, "Many")[1] for _ in range(options.cards)]
    anis.write_text("RANDOM\n" + "".join(f"{ani};\n" for ani in cards))

    def edge_load(rate: float) -> Load:
        found = load(world, world.edge, world.kamailio.pid, rate, seconds=options.seconds, anis=anis)
        return told("edge", found)

    def plain_load(rate: float) -> Load:
        return told("plain", load(world, f"{EDGE}:{port}", plain.pid, rate, seconds=options.seconds, anis=anis))

    edge_load(50)  # connections, caches
    plain_load(50)
    pairs = [(edge_load(options.cpu_rate), plain_load(options.cpu_rate)) for _ in range(options.rounds)]
    edge_cpu = statistics.median(pair[0].cpu_ms_per_call for pair in pairs)
    plain_cpu = statistics.median(pair[1].cpu_ms_per_call for pair in pairs)
    figures = []
    for _ in range(options.rounds):
        figures.append(
            (
                highest_clean(edge_load, options.start, options.step)[0],
                highest_clean(plain_load, options.start, options.step)[0],
            )
        )
    cps, cps_plain = (statistics.median(column) for column in zip(*figures, strict=True))
    return {
        "cps": cps,
        "cps_plain": cps_plain,
        "cps_ratio": round(cps / cps_plain, 3),
        "ms_per_call": round(edge_cpu, 3),
        "ms_per_call_plain": round(plain_cpu, 3),
        "cpu_ratio": round(edge_cpu / plain_cpu, 3),
    }


def told(name: str, found: Load) -> Load:
    print(
        f"{name:<6} {found.rate:>6.0f} calls/s  {found.failed:>5} of {found.calls} failed  {found.repeated:>5} repeated"
        f"  {found.cpu_ms_per_call:.2f} ms a call  {'clean' if found.clean else '-'}",
        flush=True,
    )
    return found


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="cardswitch bench edge", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cpu-rate", type=float, default=200, help="calls/s at which CPU is compared")
    parser.add_argument("--start", type=float, default=200)
    parser.add_argument("--step", type=float, default=100)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--async-workers", type=int, default=4)
    parser.add_argument("--cards", type=int, default=300)
    parser.add_argument("--hide-topology", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args(argv)
    began = time.monotonic()
    processes = {"udp_workers": options.workers, "async_workers": options.async_workers}
    with edge_world(keeper=True, hide_topology=options.hide_topology, **processes) as world:
        figures = run(world, options)
        wait_for(lambda: world.core.check().held == 0, 60)
        ledger = world.core.check()
        figures["ledger_ok"] = ledger.ok
        figures["settled"] = len(world.core.cdrs(limit=10_000_000))
    figures["took_s"] = round(time.monotonic() - began)
    for name, value in figures.items():
        print(f"{name:<20} {value:>10}")
    print(json.dumps(figures))
    return 0 if figures["ledger_ok"] else 1
