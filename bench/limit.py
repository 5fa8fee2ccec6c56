"""Calls that all run out at once: each must end 10.0 to 12.0 s after the answer, on both legs, and cost what was held.

Real Kamailio, rtpengine, MariaDB and keeper; the far ends are SIPp and answer instantly, which is when the two BYEs of
a dialog that timed out can overtake each other.
"""

import argparse
import json
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from rating.rate import call_cost, flat_rate
from tests.edge.parts import ANSWERS, HANGS_UP, PROVISIONAL
from tests.edge.sipp import Sipp, ack, invite, receive
from tests.edge.world import LONDON, EdgeWorld, edge_world, wait_for

LIMIT_S = 10
RATE = flat_rate(60_000)
_MESSAGE = re.compile(
    r"^-{20,} ([0-9-]+ [0-9:.]+)\n\w+ message (received|sent) .*?\n\n(.*?)(?=^-{20,}|\Z)", re.M | re.S
)


def messages_of(sipp: Sipp) -> Iterator[tuple[float, str, str]]:
    """Epoch seconds, Call-ID and text of each message that the far end sent or received."""
    for stamp, _, text in _MESSAGE.findall(sipp.messages()):
        call = re.search(r"^Call-ID: (.*?)\r?$", text, re.M)
        if call:
            yield datetime.fromisoformat(stamp).timestamp(), call[1], text


def call_lengths_s(sipp: Sipp) -> dict[str, float]:
    """Call-ID to seconds between the first 200 of the INVITE and the first BYE, as that far end saw them."""
    answered: dict[str, float] = {}
    ended: dict[str, float] = {}
    for seconds, call, text in messages_of(sipp):
        if text.startswith("SIP/2.0 200") and "1 INVITE" in text:
            answered.setdefault(call, seconds)
        elif text.startswith("BYE "):
            ended.setdefault(call, seconds)
    return {call: ended[call] - answered[call] for call in answered if call in ended}


def run(world: EdgeWorld, calls: int) -> dict[str, int | float]:
    """Places the calls and reads the books."""
    price = call_cost(RATE, LIMIT_S)
    cards = [world.new_card(price) for _ in range(calls)]
    numbers = Path(world.directory / "anis.csv")
    numbers.write_text("SEQUENTIAL\n" + "".join(f"{ani};\n" for _, ani in cards))
    ends = [receive("BYE", timeout_ms=20_000), *HANGS_UP[1:]]
    gateway = world.gateway([*ANSWERS, *ends], calls=calls, timeout_s=60)
    dials = [invite(LONDON, "[field0]"), *PROVISIONAL, receive(200, rrs=True), ack(LONDON, "[field0]")]
    caller = world.caller([*dials, *ends], calls=calls, rate=100, timeout_s=60, extra=["-inf", str(numbers)])
    statuses = caller.wait(), gateway.wait()
    wait_for(lambda: len(settled(world)) >= calls or None, 30)
    legs = [length for sipp in (caller, gateway) for length in call_lengths_s(sipp).values()]
    records = settled(world)
    return {
        "calls": calls,
        "legs_ended": len(legs),
        "early": sum(length < LIMIT_S for length in legs),
        "late_over_2s": sum(length > LIMIT_S + 2 for length in legs) + 2 * calls - len(legs),
        "shortest_s": round(min(legs), 3),
        "longest_s": round(max(legs), 3),
        "settled": len(records),
        "over_hold": sum(record["charge_micros"] > price for record in records),
        "under_hold": sum(record["charge_micros"] < price for record in records),
        "swept": sum(record["ended_by"] not in ("timeout", "caller", "callee", "platform") for record in records),
        "held_after_micros": world.core.check().held,
        "far_ends_failed": sum(status != 0 for status in statuses),
    }


def settled(world: EdgeWorld) -> list[dict[str, Any]]:
    return [record for record in world.core.cdrs() if record["outcome"] == "captured"]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="cardswitch bench limit", description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    options = parser.parse_args(argv)
    with edge_world(rtp_ports=4 * options.calls + 100, keeper=True) as world:
        began = time.monotonic()
        figures = run(world, options.calls)
        figures["took_s"] = round(time.monotonic() - began, 1)
    for name, value in figures.items():
        print(f"{name:<20} {value:>10}")
    print(json.dumps(figures))
    good = figures["early"] == figures["late_over_2s"] == figures["over_hold"] == figures["swept"] == 0
    return 0 if good and figures["settled"] == options.calls else 1
