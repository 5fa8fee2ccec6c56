"""The rating core: quotes and decks (rating_quotes), then the ledger (rating_ledger), as one set of figures.

Each runs in a process of its own, so that neither weighs on the other. ``--only quotes`` or ``--only ledger`` runs one
of them, and then takes its arguments.
"""

import argparse
import json
import subprocess
import sys
from typing import Any

PARTS = ("quotes", "ledger")
FIGURES = (
    "quotes_per_s",
    "prefixes",
    "bytes_per_prefix",
    "load_1m_rows_s",
    "authorise_vs_floor",
    "authorise_p99_ratio_5m_vs_10k",
    "keeper_vs_single",
)


def main(argv: list[str]) -> int:
    """Runs the parts and prints their figures as one JSON object; the exit status is the first that is not 0."""
    parser = argparse.ArgumentParser(prog="bench rating", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=PARTS, help="run this part alone")
    options, rest = parser.parse_known_args(argv)
    if rest and options.only is None:
        parser.error(f"{' '.join(rest)}: say with --only for which part")
    figures: dict[str, Any] = {}
    status = 0
    for part in PARTS if options.only is None else (options.only,):
        print(f"── rating_{part}", flush=True)
        ended, found = run_part(f"rating_{part}", rest)
        status = status or ended
        figures |= found
    if options.only is None:  # the rest stands in the lines above
        figures = {name: figures.get(name) for name in FIGURES}
    print(json.dumps(figures))
    return status


def run_part(name: str, arguments: list[str]) -> tuple[int, dict[str, Any]]:
    """Shows what a benchmark prints as it comes; its exit status, and the figures of its last line."""
    command = [sys.executable, "-m", f"bench.{name}", *arguments]
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if last:
                print(last, end="", flush=True)
            last = line
    try:
        return process.returncode, dict(json.loads(last))
    except ValueError:
        print(last, end="")
        return process.returncode or 1, {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
