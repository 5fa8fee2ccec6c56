"""200 calls beside Prometheus: concurrent calls at three moments, the spend to the micro-unit, every panel.

The demo's gateway takes 60 calls at once: three groups make the moments, the rest come one after the other.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from console.monitoring.__main__ import BOARDS
from console.monitoring.picture import draw
from tests.monitoring.others import ivr_calls, refused_calls
from tests.monitoring.watched import Watched
from tests.support.stack import running_stack

GROUPS = ((15, 40_000), (15, 30_000), (15, 20_000))  # callers, ms they talk
SHORT_MS = 1_500
SHORT_RATE = 5  # a second
PATIENCE_S = 90.0


def run(watched: Watched, calls: int, directory: Path) -> dict[str, int | float]:
    """Places the calls, and compares."""
    began_s = time.time()
    groups, moments = [], 0
    for place, (number, talk_ms) in enumerate(GROUPS):
        groups.append(watched.callers(number, talk_ms, directory / f"group{place}"))
        watched.await_calls(sum(number for number, _ in GROUPS[: place + 1]), timeout_s=PATIENCE_S)
        moments += 1
    failed = sum(caller.wait() != 0 for caller in groups)
    rest = calls - sum(number for number, _ in GROUPS)
    failed += watched.callers(rest, SHORT_MS, directory / "rest", rate=SHORT_RATE).wait() != 0
    refused_calls(watched, directory)
    ivr_calls(watched, directory)
    watched.await_calls(0, timeout_s=PATIENCE_S)
    charged, cost = watched.await_spend(timeout_s=PATIENCE_S)
    queries, empty = watched.await_panels(began_s)
    for title in empty:
        print(f"no data: {title}")
    return {
        "calls": calls,
        "settled": len(watched.core.cdrs()),
        "far_ends_failed": failed,
        "moments_agreed": moments + 1,
        "charged_micros": charged,
        "charged_shown_micros": watched.micros("cardswitch_spend_charged_total"),
        "cost_micros": cost,
        "cost_shown_micros": watched.micros("cardswitch_spend_cost_total"),
        "queries": queries,
        "queries_with_data": queries - len(empty),
        "series": int(watched.prometheus.number("prometheus_tsdb_head_series") or 0),
        "slowest_scrape_ms": round(1000 * (watched.prometheus.number("max(scrape_duration_seconds)") or 0), 1),
        "took_s": round(time.time() - began_s, 1),
    }


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="cardswitch bench monitoring", description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--pictures", type=Path, help="draw the dashboards into this directory")
    options = parser.parse_args(argv)
    with running_stack("--monitoring") as stack, tempfile.TemporaryDirectory(prefix="cs") as directory:
        watched = Watched(stack)
        figures = run(watched, options.calls, Path(directory))
        if options.pictures:
            for board in BOARDS:
                picture = draw(board, watched.prometheus.series, watched.started_s, time.time())
                (options.pictures / f"{board.name}.svg").write_text(picture)
    for name, value in figures.items():
        print(f"{name:<24} {value:>10}")
    print(json.dumps(figures))
    exact = figures["charged_micros"] == figures["charged_shown_micros"] and not figures["far_ends_failed"]
    return 0 if exact and figures["queries"] == figures["queries_with_data"] else 1
