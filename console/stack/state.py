"""What is known of a stack on disk (``stack.json``): enough for another terminal to show it and to end it."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from console.stack.errors import StackError
from console.stack.plan import RunDirectory, write_private
from console.stack.process import ProcessId


@dataclass(slots=True)
class PartState:
    """One process of the stack. ``addresses``: what it listens on, by purpose."""

    name: str
    pid: int
    start_ticks: int
    log: str
    version: str = ""
    addresses: dict[str, str] = field(default_factory=dict)
    restarts: int = 0

    @property
    def process(self) -> ProcessId:
        return ProcessId(self.pid, self.start_ticks)


@dataclass(slots=True)
class StackState:
    """``stage``: starting, running, stopping. Parts are in the order they were started in."""

    run_dir: str
    stage: str
    started_at: str  # ISO 8601, UTC
    supervisor_pid: int
    supervisor_start_ticks: int
    parts: list[PartState] = field(default_factory=list)
    access_numbers: list[str] = field(default_factory=list)
    version: str = ""

    @property
    def supervisor(self) -> ProcessId:
        return ProcessId(self.supervisor_pid, self.supervisor_start_ticks)

    @property
    def running(self) -> bool:
        """Whether its supervisor lives."""
        return self.supervisor.alive

    def save(self, run: RunDirectory) -> None:
        write_private(run.state, json.dumps(asdict(self), indent=1) + "\n")


def load_state(run: RunDirectory) -> StackState | None:
    """The state on disk; None when there is none, or none that can be read (a half-written one is never there)."""
    try:
        found: dict[str, Any] = json.loads(run.state.read_text())
        parts = [PartState(**part) for part in found.pop("parts")]
        return StackState(**found, parts=parts)
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        return None
    except OSError as error:
        raise StackError(f"cannot read {run.state}: {error.strerror}.") from error


def running_states(run_dir: Path) -> list[StackState]:
    """The running stacks of a run directory: its own, and the demo's inside it."""
    found = (load_state(RunDirectory(path)) for path in (run_dir, run_dir / "demo"))
    return [state for state in found if state is not None and state.running]


@contextmanager
def exclusive(run: RunDirectory) -> Iterator[None]:
    """Holds the run directory for one supervisor. Raises StackError when another has it; the lock dies with us."""
    descriptor = os.open(run.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                f"a stack is already running in {run.path}: see `cardswitch status`, end it with `cardswitch down`, "
                "or choose another --run-dir."
            ) from None
        yield
    finally:
        os.close(descriptor)
