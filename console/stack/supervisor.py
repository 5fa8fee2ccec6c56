"""Starts the parts of a stack in order, watches them, stops them in order; whatever happens, nothing stays behind."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from console.stack import signals
from console.stack.errors import StackError
from console.stack.mariadb import PrivateMariaDb
from console.stack.parts import (
    CONSOLE,
    KAMAILIO,
    KEEPER,
    MEDIASRV,
    MONITORING_PARTS,
    PARTS,
    STOP_ORDER,
    Part,
    package_versions,
    python_module,
)
from console.stack.plan import DATABASE, Plan, RunDirectory
from console.stack.process import (
    ProcessId,
    end_child,
    end_members,
    start,
    wait_until,
)
from console.stack.state import PartState, StackState, exclusive, load_state

TASK_TIMEOUT_S = 600  # the prompts of nine languages, on a slow machine
RESTARTS_MAX = 5  # of one part; then the stack is given up
LEDGER_PARTS = (KEEPER, MEDIASRV, KAMAILIO, CONSOLE)  # they need the migrated ledger and the prompts

READY_POLL_S = 0.15  # asking more often looks like a flood to the edge, which then is silent for a while

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Task:
    """A process that does its work and ends."""

    name: str
    child: subprocess.Popen[bytes]
    log: Path


def version() -> str:
    """Cardswitch's own version."""
    try:
        return metadata.version("cardswitch")
    except metadata.PackageNotFoundError:
        import tomllib

        project = Path(__file__).resolve().parents[2] / "pyproject.toml"
        found: str = tomllib.loads(project.read_text())["project"]["version"]
        return found


class Supervisor:
    """One stack. Use as a context manager: leaving it, by whatever way, stops what was started.

    ``say`` gets a line for each thing that happens. ``fresh``: what an earlier run left is
    removed first.
    """

    def __init__(self, plan: Plan, *, say: Say = lambda _: None, fresh: bool = False) -> None:
        self.plan = plan
        self.fresh = fresh
        self.say = say
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.parts: dict[str, Part] = {}
        self.database: PrivateMariaDb | None = None
        self.state = self._new_state()
        self._cleanup = ExitStack()

    def _new_state(self) -> StackState:
        me = ProcessId.of(os.getpid())
        assert me is not None, "we are alive"  # noqa: S101
        return StackState(
            run_dir=str(self.plan.run.path),
            stage="starting",
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            supervisor_pid=me.pid,
            supervisor_start_ticks=me.start_ticks,
            version=version(),
        )

    def __enter__(self) -> "Supervisor":
        self.plan.run.prepare()
        self._cleanup.enter_context(exclusive(self.plan.run))
        try:
            self.clean_up_before()
            if self.fresh:
                self._remove_earlier()
            self.plan.run.clear_stale()
            self.plan.write()
            self.state.save(self.plan.run)
        except BaseException:
            self._cleanup.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self._cleanup.close()

    def clean_up_before(self) -> None:
        """Ends what a supervisor that was killed left behind in this run directory."""
        left = end_members(self.plan.run.path)
        if left:
            self.say(f"ended {left} processes that an earlier run had left behind")

    def _remove_earlier(self) -> None:
        for entry in self.plan.run.path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry != self.plan.run.lock:
                entry.unlink()
        self.plan.run.prepare()

    def start(self, provision: Callable[[], None] = lambda: None) -> None:
        """Starts everything; returns when every part answers. Raises StackError.

        ``provision`` is called when the ledger is there, before those start who read it.
        """
        began = time.monotonic()
        # What needs no ledger gets ready while the database starts.
        prompts = self._begin_prompts()
        for part in (*PARTS, *(MONITORING_PARTS if self.plan.monitoring else ())):
            if part not in LEDGER_PARTS:
                self._start_part(part)
        self._start_database()
        provision()
        self._finish(prompts)
        for part in LEDGER_PARTS:
            self._start_part(part)
        self._await_ready()
        self.state.stage = "running"
        self.state.save(self.plan.run)
        self.say(f"everything answers after {time.monotonic() - began:.1f} s")

    def _start_database(self) -> None:
        run = self.plan.run
        self.database = PrivateMariaDb(run.mariadb, log=run.log("mariadb"), env=self.plan.environment)
        self.database.start(started=lambda child: self._record("mariadb", child, {"socket": str(run.mariadb)}))
        self.database.create_database(DATABASE, user=DATABASE, password=self.plan.database_password)
        self.say("mariadb answers")
        self._finish(self._begin("migrate", "rating.migrate"))

    def _begin_prompts(self) -> "Task":
        self.plan.prompts.mkdir(parents=True, exist_ok=True)
        languages = ",".join(self.plan.languages)
        return self._begin(
            "prompts", "mediasrv.prompts", "render", "--languages", languages, "--cache", str(self.plan.prompts)
        )

    def _begin(self, name: str, module: str, *arguments: str) -> "Task":
        """Starts one of our modules that does its work and ends."""
        log = self.plan.run.log(name)
        child = start(python_module(module, *arguments), log, env=self.plan.environment, cwd=self.plan.run.path)
        return Task(name, child, log)

    def _finish(self, task: "Task") -> None:
        """Waits for its end. Raises StackError with its last line when it failed."""
        try:
            status = task.child.wait(TASK_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise StackError(f"{task.name} has not ended after {TASK_TIMEOUT_S} s (log: {task.log})") from error
        if status != 0:
            raise StackError(f"{task.name} failed: {last_line(task.log)} (log: {task.log})")
        self.say(f"{task.name}: done")

    def _start_part(self, part: Part) -> None:
        command = part.command(self.plan)
        log = self.plan.run.log(part.name)
        child = start(command, log, env=self.plan.environment, cwd=self.plan.run.path)
        self.parts[part.name] = part
        self._record(part.name, child, part.addresses(self.plan), package=part.package)

    def _record(
        self, name: str, child: subprocess.Popen[bytes], addresses: dict[str, str], *, package: str = ""
    ) -> None:
        """Notes a process in stack.json at once: a killed supervisor's successor finds it there."""
        self.children[name] = child
        process = ProcessId.of(child.pid) or ProcessId(child.pid, 0)
        before = next((part for part in self.state.parts if part.name == name), None)
        known = package or ("mariadb-server" if name == "mariadb" else "")
        entry = PartState(
            name=name,
            pid=process.pid,
            start_ticks=process.start_ticks,
            log=str(self.plan.run.log(name)),
            version=package_versions().get(known, "") if known else self.state.version,
            addresses=addresses,
            restarts=before.restarts + 1 if before else 0,
        )
        self.state.parts = [part for part in self.state.parts if part.name != name] + [entry]
        self.state.save(self.plan.run)

    def _await_ready(self) -> None:
        waiting = list(self.parts.values())
        deadline = time.monotonic() + max(part.ready_timeout_s for part in waiting)
        while waiting:
            self._demand_alive()
            for part in [part for part in waiting if part.ready(self.plan)]:
                self.say(f"{part.name} answers")
                waiting.remove(part)
            if waiting and time.monotonic() > deadline:
                names = ", ".join(part.name for part in waiting)
                log = self.plan.run.log(waiting[0].name)
                raise StackError(f"{names} did not get ready in time: {last_line(log)} (log: {log})")
            time.sleep(READY_POLL_S)

    def _demand_alive(self) -> None:
        for name, child in self.children.items():
            if child.poll() is not None:
                log = self.plan.run.log(name)
                raise StackError(f"{name} ended while starting (status {child.returncode}): {last_line(log)} ({log})")

    def note_access_numbers(self, numbers: list[str]) -> None:
        """What ``status`` shows."""
        self.state.access_numbers = numbers
        self.state.save(self.plan.run)

    def watch(self) -> None:
        """To be called now and then: starts again what ended by itself. Raises StackError when that is no use."""
        for name, child in list(self.children.items()):
            if child.poll() is None:
                continue
            restarts = next(part.restarts for part in self.state.parts if part.name == name)
            log = self.plan.run.log(name)
            if name not in self.parts or restarts >= RESTARTS_MAX:
                raise StackError(f"{name} ended (status {child.returncode}): {last_line(log)} (log: {log})")
            self.say(f"{name} ended (status {child.returncode}): started again")
            self._start_part(self.parts[name])

    def stop(self) -> None:
        """Stops all parts in order; then whatever else still runs for this run directory."""
        signals.ignore()
        self.state.stage = "stopping"
        with suppress(OSError):
            self.state.save(self.plan.run)
        for name in STOP_ORDER:
            child = self.children.pop(name, None)
            timeout_s = self.parts[name].stop_timeout_s if name in self.parts else self._database_timeout_s()
            if child is not None and not end_child(child, timeout_s=timeout_s):
                self.say(f"{name} had to be killed")
        end_members(self.plan.run.path, timeout_s=self._database_timeout_s())
        with suppress(FileNotFoundError):
            self.plan.run.state.unlink()

    def _database_timeout_s(self) -> float:
        return self.database.stop_timeout_s if self.database is not None else 2.0


def last_line(log: Path) -> str:
    """The last thing a part said: most often the reason."""
    with suppress(OSError):
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        if lines:
            return lines[-1].strip()[:300]
    return "it said nothing"


def take_down(plan_run: Path, *, say: Say) -> bool:
    """Ends the stack of a run directory from outside: its supervisor, which stops the parts; then what is left.

    Returns whether there was anything to end.
    """
    run = RunDirectory(plan_run)
    state = load_state(run)
    found = False
    if state is not None and state.supervisor.alive:
        found = True
        state.supervisor.send(signal.SIGTERM)
        wait_until(lambda: not state.supervisor.alive, 60.0)
    if end_members(run.path):
        found = True
        say("the supervisor was gone; ended the processes it had left behind")
    with suppress(FileNotFoundError):
        run.state.unlink()
    return found
