"""The ledger against its model (tests/ledger/test_model.py), for as long as asked: no figure, a search for differences.

Random issues, refills, fees, authorisations, answers, ends, crashes and replays on a real MariaDB, each compared with a
plain in-memory model. The suite makes 10,000 steps.
"""

import argparse
import json
import os
import subprocess
import sys
import time

TEST = "tests/ledger/test_model.py"
STEPS = 200_000


def main(argv: list[str]) -> int:
    """Runs it; the exit status is the test's."""
    parser = argparse.ArgumentParser(prog="bench ledger_model", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", help="of another run than the last one")
    options = parser.parse_args(argv)
    variables = {"CARDSWITCH_MODEL_STEPS": str(options.steps)}
    if options.seed is not None:
        variables["CARDSWITCH_MODEL_SEED"] = options.seed
    began = time.perf_counter()
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=0", TEST]
    status = subprocess.run(command, env=os.environ | variables, check=False).returncode
    took_s = time.perf_counter() - began
    print(json.dumps({"steps": options.steps, "passed": status == 0, "seconds": round(took_s, 1)}))
    return status
