"""Starting, recognising and ending processes: the one module that sends signals.

A process is known by its pid *and* its start time (``/proc/<pid>/stat``, field 22), because pids are used again.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from console.stack.errors import StackError
from console.stack.signals import shield

# Plain users often have no sbin in PATH, and Debian keeps kamailio, mariadbd and rtpengine there.
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Set for every process of a stack, inherited by their children: how leftovers of a killed supervisor are found.
RUN_DIR_VARIABLE = "CARDSWITCH_RUN_DIR"

STOP_TIMEOUT_S = 10.0
KILL_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process, not only its number: ``start_ticks`` is its start time in clock ticks since boot."""

    pid: int
    start_ticks: int

    @classmethod
    def of(cls, pid: int) -> "ProcessId | None":
        """The process that has ``pid`` now; None when there is none, or only its zombie."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        # The name is in parentheses and may hold spaces and parentheses itself: count from the last one.
        fields = stat[stat.rindex(")") + 2 :].split()
        return None if fields[0] in "ZX" else cls(pid, int(fields[19]))

    @property
    def alive(self) -> bool:
        return ProcessId.of(self.pid) == self

    def send(self, number: signal.Signals) -> None:
        """Sends the signal if this very process still lives."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def find_program(name: str, package: str) -> str:
    """The full path of a program; raises StackError naming the Debian package when it is not there."""
    found = shutil.which(name) or shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        raise StackError(f"{name} is not installed: run ./cardswitch once as root, or install the package {package}.")
    return found


def start(
    command: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Starts a process with both outputs appended to ``log``, in a session of its own: the terminal's Ctrl-C
    reaches the supervisor only, which then stops the parts in order."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output, shield():
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            start_new_session=True,
        )


def wait_until(condition: Callable[[], bool], timeout_s: float, *, interval_s: float = 0.02) -> bool:
    """Polls until the condition holds; False when it did not within ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval_s)
    return True


def end(process: ProcessId, *, timeout_s: float = STOP_TIMEOUT_S) -> bool:
    """SIGTERM, then SIGKILL after ``timeout_s``. Returns whether it went by itself."""
    process.send(signal.SIGTERM)
    if wait_until(lambda: not process.alive, timeout_s):
        return True
    process.send(signal.SIGKILL)
    wait_until(lambda: not process.alive, 2.0)
    return False


def end_child(child: subprocess.Popen[bytes], *, timeout_s: float = STOP_TIMEOUT_S) -> bool:
    """The same for a child of ours, which is reaped. Returns whether it went by itself."""
    if child.poll() is None:
        child.terminate()
    try:
        child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # in an uninterruptible call, on a dead disk say
            child.wait(KILL_TIMEOUT_S)
        return False
    return True


def members(run_dir: Path) -> Iterator[ProcessId]:
    """Every living process that was started for this run directory."""
    return marked(RUN_DIR_VARIABLE, str(run_dir))


def marked(variable: str, value: str) -> Iterator[ProcessId]:
    """Every living process but this one with that in its environment: children inherit it, orphans keep it."""
    marker = f"{variable}={value}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue  # gone meanwhile, or another user's
        if marker in environment.split(b"\0") and (found := ProcessId.of(int(entry.name))):
            yield found


def end_members(run_dir: Path, *, timeout_s: float = STOP_TIMEOUT_S) -> int:
    """Ends whatever still runs for this run directory, all at once. Returns how many there were."""
    return end_marked(RUN_DIR_VARIABLE, str(run_dir), timeout_s=timeout_s)


def end_marked(variable: str, value: str, *, timeout_s: float = STOP_TIMEOUT_S) -> int:
    """The same for whatever runs with that in its environment."""
    found = list(marked(variable, value))
    for process in found:
        process.send(signal.SIGTERM)
    wait_until(lambda: not any(process.alive for process in found), timeout_s)
    for process in marked(variable, value):
        process.send(signal.SIGKILL)
    wait_until(lambda: next(marked(variable, value), None) is None, 2.0)
    return len(found)
