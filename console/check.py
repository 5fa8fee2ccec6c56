"""``cardswitch test``: pytest over tests/, then ruff and mypy. Everything runs, then the worst is reported.

Nothing here waits for ever: a machine on which the tests hang is told so after an hour, and is left clean.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from console import show
from console.stack import signals
from console.stack.errors import StackError
from console.stack.plan import ROOT
from console.stack.process import SYSTEM_PATH, end_child, end_marked, marked, wait_until

TESTS_FAILED = 1  # pytest's exit status; others are a broken run
SPECIAL = ("deploy", "failover", "faults", "attacks", "simulator")  # suites with options, or needs, of their own

TESTS_TIMEOUT_S = 55 * 60.0  # the tests take about 15 minutes on two calm cores, half an hour on busy ones
AGAIN_TIMEOUT_S = 10 * 60.0
STYLE_TIMEOUT_S = 5 * 60.0
FAILURES_MAX = 12  # then the machine is broken, or the tree is: more time-outs would tell nothing new
AGAIN_MAX = 10
SLOWEST_SHOWN = 25
DUMP_S = 2.0  # for pytest to write down where its threads are (tests/conftest.py)
CLEAN_UP_S = 60.0  # for pytest to end what its tests have started, and to say what had failed
LINGER_S = 5.0  # what has been told to end may take so long

ALL_TESTS = ("pytest", "tests", f"--maxfail={FAILURES_MAX}", f"--durations={SLOWEST_SHOWN}", "--cache-clear")
ONCE_MORE = ("pytest", "tests", "--last-failed", "--last-failed-no-failures=none")
STYLE = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))

# Every process of a test run inherits it, whatever session or parent it has later.
MARK_VARIABLE = "CARDSWITCH_TEST_RUN"
TIMED_OUT = 124  # as timeout(1) has it


def run_tests(arguments: Sequence[str]) -> int:
    """Returns 0 when all passed. With arguments for pytest only pytest runs. Raises StackError."""
    if arguments and arguments[0] in SPECIAL:
        return _run_special(arguments[0], arguments[1:])
    if arguments:
        return subprocess.call(_command(["pytest", *arguments]), cwd=ROOT, env=_environment())
    signals.install()
    try:
        failed = [] if _run_all_tests() == 0 else ["pytest"]
        failed += [" ".join(command) for command in STYLE if _run(command, STYLE_TIMEOUT_S) != 0]
    except signals.StopRequested:
        show.plain("interrupted; what was started has been ended")
        return 130
    show.plain(f"FAILED: {', '.join(failed)}" if failed else "all passed")
    return 1 if failed else 0


def _run_all_tests() -> int:
    """A few that fail are run once more: the stories keep real time on machines that do not. A defect fails twice."""
    status = _run(ALL_TESTS, TESTS_TIMEOUT_S)
    first = _last_failed()
    if status != TESTS_FAILED or not 0 < len(first) <= AGAIN_MAX:
        return status
    show.plain(f"ONCE MORE: {len(first)} failed and are run again, in case the machine was too busy for them")
    status = _run(ONCE_MORE, AGAIN_TIMEOUT_S)
    second = _last_failed()
    for name in first:
        show.plain(f"{'FAILED TWICE' if name in second or status not in (0, 1) else 'UNSTABLE, wants mending'}: {name}")
    return status


def _last_failed() -> list[str]:
    """The names of the tests that failed in the run before this."""
    try:
        found: dict[str, bool] = json.loads((ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed").read_text())
    except (OSError, json.JSONDecodeError):
        return []
    return sorted(found)


def _run_special(name: str, arguments: Sequence[str]) -> int:
    suite = ROOT / "tests" / name
    if not any(suite.glob("test_*.py")):
        raise StackError(f"there is no suite `{name}` yet: tests/{name}/ holds no tests.")
    return subprocess.call(_command(["pytest", str(suite), *arguments]), cwd=ROOT, env=_environment())


def _run(command: Sequence[str], timeout_s: float) -> int:
    """Its exit status, TIMED_OUT when it had to be ended. Afterwards nothing runs that it started."""
    show.plain(f"$ {' '.join(command)}")
    mark = secrets.token_hex(8)
    began = time.monotonic()
    with signals.shield():
        child = subprocess.Popen(
            _command(command),
            cwd=ROOT,
            env=_environment() | {MARK_VARIABLE: mark},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is ours to pass on
        )
    try:
        status = child.wait(timeout_s)
        show.plain(f"  {command[0]}: {time.monotonic() - began:.0f} s, exit status {status}")
        return status
    except subprocess.TimeoutExpired:
        show.plain(f"{' '.join(command)} has not ended after {timeout_s / 60:.0f} minutes. Where it is:")
        child.send_signal(signal.SIGUSR1)
        wait_until(lambda: child.poll() is not None, DUMP_S)
        _interrupt(child)
        return TIMED_OUT
    except signals.StopRequested:
        signals.ignore()
        _interrupt(child)
        raise
    finally:
        end_child(child)
        _leave_nothing(mark)


def _interrupt(child: "subprocess.Popen[bytes]") -> None:
    """As Ctrl-C: pytest ends what its tests have started and says what had failed."""
    child.send_signal(signal.SIGINT)
    wait_until(lambda: child.poll() is not None, CLEAN_UP_S)


def _leave_nothing(mark: str) -> None:
    """Ends, and names, what the command has left running."""
    wait_until(lambda: next(marked(MARK_VARIABLE, mark), None) is None, LINGER_S)
    for process in marked(MARK_VARIABLE, mark):
        show.plain(f"left behind, and ended now: {process.pid} {_command_line(process.pid)}")
    end_marked(MARK_VARIABLE, mark)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:150]
    except OSError:
        return "(gone)"


def _command(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-P", "-m", *words]


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), SYSTEM_PATH])
    return os.environ | {"PATH": path, "PYTHONPATH": "", "PYTHONUNBUFFERED": "1"}
