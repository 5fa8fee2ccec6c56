"""OPTIONS and BYE while every authorise takes 2 s longer, beside the same with the ledger as it is.

Real Kamailio, rtpengine and MariaDB. New calls keep all async workers waiting for the hold; calls in
progress are hung up meanwhile, and OPTIONS is sent all the time. Wanted: both answered within 100 ms.
"""

import argparse
import json
import time
from pathlib import Path

from bench.limit import messages_of
from tests.edge.parts import ANSWERS, HANGS_UP, calls, hangs_up
from tests.edge.sipp import Sipp, pause
from tests.edge.test_hostile import options
from tests.edge.world import EdgeWorld, edge_world, wait_for

DELAY_S = 2
WANTED_MS = 100.0


def delay_authorise(world: EdgeWorld, seconds: int) -> None:
    """Every hold that is written waits first; none for 0."""
    world.execute("DROP TRIGGER IF EXISTS slow_hold")
    if seconds:
        waits = f"SET NEW.node = IF(SLEEP({seconds}), NEW.node, NEW.node)"
        world.execute(f"CREATE TRIGGER slow_hold BEFORE INSERT ON hold FOR EACH ROW {waits}")


def bye_latencies_ms(sipp: Sipp) -> list[float]:
    """From each call's first BYE to its 200, as the caller's SIPp wrote them down."""
    sent: dict[str, float] = {}
    found: dict[str, float] = {}
    for stamp_s, call, text in messages_of(sipp):
        if text.startswith("BYE "):
            sent.setdefault(call, stamp_s)
        elif text.startswith("SIP/2.0 200") and " BYE" in text and call in sent:
            found.setdefault(call, 1000 * (stamp_s - sent[call]))
    return list(found.values())


def cards_file(world: EdgeWorld, name: str, count: int) -> Path:
    file = world.directory / f"{name}.csv"
    file.write_text("SEQUENTIAL\n" + "".join(f"{world.new_card(1_000_000)[1]};\n" for _ in range(count)))
    return file


def run(world: EdgeWorld, name: str, delay_s: int, running: int, waiting: int) -> dict[str, int | float]:
    """``running`` calls hung up while ``waiting`` new ones are authorised."""
    gateway = world.gateway([*ANSWERS, *HANGS_UP], calls=running + waiting, timeout_s=60)
    files = [cards_file(world, f"{name}{kind}", count) for kind, count in (("old", running), ("new", waiting))]
    steps = [*calls("[field0]"), pause(4000), *hangs_up("[field0]")]
    old = world.caller(steps, calls=running, rate=running / 2, timeout_s=60, extra=["-inf", str(files[0])])
    wait_for(lambda: gateway.messages().count("\nACK ") >= running, 20)
    delay_authorise(world, delay_s)
    steps = [*calls("[field0]"), *hangs_up("[field0]")]
    new = world.caller(steps, calls=waiting, rate=waiting, timeout_s=60, extra=["-inf", str(files[1])])
    options_ms: list[float] = []
    while old.process is not None and old.process.poll() is None:
        began = time.perf_counter()
        assert options(world, quick=True)[0].startswith(b"SIP/2.0 200")
        options_ms.append(1000 * (time.perf_counter() - began))
        time.sleep(0.02)
    byes_ms = bye_latencies_ms(old)
    statuses = [sipp.wait() for sipp in (old, new, gateway)]
    delay_authorise(world, 0)
    return {
        "authorise_delay_s": delay_s,
        "options": len(options_ms),
        "options_worst_ms": round(max(options_ms), 2),
        "byes": len(byes_ms),
        "byes_worst_ms": round(max(byes_ms), 2),
        "far_ends_failed": sum(status != 0 for status in statuses),
    }


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="cardswitch bench slow_ledger", description=__doc__)
    parser.add_argument("--running", type=int, default=30, help="calls that are hung up")
    parser.add_argument("--waiting", type=int, default=6, help="new calls meanwhile, two at a time")
    chosen = parser.parse_args(argv)
    with edge_world(keeper=True, ledger_timeout_s=2.0 * DELAY_S) as world:
        usual = run(world, "usual", 0, chosen.running, chosen.waiting)
        slow = run(world, "slow", DELAY_S, chosen.running, chosen.waiting)
    for name in usual:
        print(f"{name:<20} {usual[name]:>10} {slow[name]:>10}")
    print(json.dumps({"usual": usual, "slow": slow}))
    good = max(slow["options_worst_ms"], slow["byes_worst_ms"]) < WANTED_MS
    return 0 if good and slow["byes"] == chosen.running and not slow["far_ends_failed"] else 1
