"""``cardswitch test``: pytest over tests/, then ruff and mypy. Everything runs, then the worst is reported."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from console import show
from console.stack.errors import StackError
from console.stack.plan import ROOT
from console.stack.process import SYSTEM_PATH

TESTS_FAILED = 1  # pytest's exit status; others are a broken run
SPECIAL = ("deploy", "failover", "faults", "attacks")  # words for suites that need more than this machine has at hand


def run_tests(arguments: Sequence[str]) -> int:
    """Returns 0 when all passed. With arguments for pytest only pytest runs. Raises StackError."""
    if arguments and arguments[0] in SPECIAL:
        return _run_special(arguments[0], arguments[1:])
    if arguments:
        return _run(["pytest", *arguments])
    failed = [] if _run_all_tests() == 0 else ["pytest"]
    style = [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
    failed += [command[0] for command in style if _run(command) != 0]
    show.plain(f"FAILED: {', '.join(failed)}" if failed else "all passed")
    return 1 if failed else 0


def _run_all_tests() -> int:
    """What fails is run once more: the stories keep real time on machines that do not, and a defect fails twice."""
    status = _run(["pytest", "tests"])
    if status != TESTS_FAILED:
        return status
    show.plain("Once more what failed. What passes now is unstable: the summary above names it, and it wants mending.")
    return _run(["pytest", "--last-failed", "--last-failed-no-failures", "none", "tests"])


def _run_special(name: str, arguments: Sequence[str]) -> int:
    suite = ROOT / "tests" / name
    if not any(suite.glob("test_*.py")):
        raise StackError(f"there is no suite `{name}` yet: tests/{name}/ holds no tests.")
    return _run(["pytest", str(suite), *arguments])


def _run(command: Sequence[str]) -> int:
    show.plain(f"$ {' '.join(command)}")
    binaries = Path(sys.executable).parent
    path = os.pathsep.join([str(binaries), os.environ.get("PATH", ""), SYSTEM_PATH])
    return subprocess.call(
        [sys.executable, "-P", "-m", *command], cwd=ROOT, env=os.environ | {"PATH": path, "PYTHONPATH": ""}
    )
