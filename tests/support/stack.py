"""A whole stack for end-to-end tests, started as an operator starts it: ``cardswitch up`` in a run directory."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.demo.network import CURRENCY, PRODUCT
from console.stack.plan import ROOT, RunDirectory
from console.stack.probe import Address, parse_address
from console.stack.process import members
from console.stack.state import StackState, load_state
from rating.cards import IssuedCard
from rating.core import RatingCore
from rating.model import Card
from rating.settings import Settings, load_settings

# Rendering the prompts takes seconds; they are the same for all stacks.
PROMPT_CACHE = ROOT / ".run" / "prompts"
START_TIMEOUT_S = 60.0


def await_true(condition: Callable[[], bool], what: str, *, timeout_s: float = 20.0) -> None:
    """Polls until the condition holds; fails the test with ``what`` when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:.0f} s in vain: {what}")
        time.sleep(0.02)


def command(*arguments: str) -> list[str]:
    """A ``cardswitch`` command without the bootstrap."""
    return [sys.executable, "-P", "-m", "console", *arguments]


def cardswitch(*arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Runs one to its end."""
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=timeout_s, check=False, cwd=ROOT)


@dataclass
class RunningStack:
    """``cardswitch up`` as a child, and the way into its ledger."""

    run: RunDirectory
    process: subprocess.Popen[str]

    @property
    def state(self) -> StackState | None:
        return load_state(self.run)

    @property
    def settings(self) -> Settings:
        return load_settings(self.run.config)

    @property
    def core(self) -> RatingCore:
        return RatingCore.from_settings(self.settings)

    @property
    def edge(self) -> str:
        """The edge's SIP address, ``127.0.0.1:5060``."""
        return str(self.settings.table("edge")["sip"])

    def http(self, part: str) -> Address:
        """Where a part serves its metrics."""
        return parse_address(self.settings.table(part)["http"])

    def status(self) -> dict[str, Any]:
        """``cardswitch status --json``."""
        done = cardswitch("status", "--json", "--run-dir", str(self.run.path))
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def output(self) -> str:
        """What ``up`` has printed so far."""
        return (self.run.path.parent / "up.out").read_text()

    def send(self, number: signal.Signals) -> None:
        """A signal to the supervisor only."""
        self.process.send_signal(number)

    def wait(self, timeout_s: float = 30.0) -> int:
        """Its exit status."""
        return self.process.wait(timeout_s)

    def processes(self) -> list[int]:
        """Every process of the stack but the supervisor, whatever its parent."""
        return [process.pid for process in members(self.run.path)]

    def issue(self, value_micros: int, *, product: str = PRODUCT, ani: str | None = None) -> tuple[IssuedCard, int]:
        """A card and its id, registered for a CallerID when one is given."""
        core = self.core
        card = core.issue_batch(product, 1, value_micros)[0]
        card_id = core.card_id_of_serial(card.serial)
        assert card_id is not None
        if ani is not None:
            assert core.register_ani(card_id, ani) is None
        return card, card_id

    def card(self, card_id: int) -> Card:
        found = self.core.card(card_id)
        assert isinstance(found, Card), found
        return found

    def await_record(self, card_id: int, *, timeout_s: float = 10.0) -> dict[str, Any]:
        """The call record of the card's only call."""
        await_true(lambda: bool(self.core.cdrs(card_id=card_id)), "the call is settled", timeout_s=timeout_s)
        (record,) = self.core.cdrs(card_id=card_id)
        return record


@contextmanager
def starting_stack(*options: str, directory: Path | None = None) -> Iterator[RunningStack]:
    """Starts a stack and yields at once, while it is still starting; ends it, whatever state it is in."""
    # Short, because the path of a unix socket may have 107 bytes.
    base = directory or Path(tempfile.mkdtemp(prefix="cs"))
    run = RunDirectory(base / "run")
    arguments = ("up", "--run-dir", str(run.path), "--prompt-cache", str(PROMPT_CACHE), *options)
    with (base / "up.out").open("w") as output:
        process = subprocess.Popen(
            command(*arguments), stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, cwd=ROOT
        )
    stack = RunningStack(run, process)
    try:
        yield stack
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        cardswitch("down", "--run-dir", str(run.path))
        if directory is None:
            shutil.rmtree(base, ignore_errors=True)


def await_stage(stack: RunningStack, stage: str) -> None:
    """Waits until ``stack.json`` says so. Fails with the output of ``up`` when it ended."""

    def reached() -> bool:
        assert stack.process.poll() is None, f"up ended with {stack.process.returncode}: {stack.output()}"
        state = stack.state
        return state is not None and state.supervisor_pid == stack.process.pid and state.stage == stage

    await_true(reached, f"the stack is {stage}", timeout_s=START_TIMEOUT_S)


@contextmanager
def running_stack(*options: str) -> Iterator[RunningStack]:
    """A stack whose parts all answer."""
    with starting_stack(*options) as stack:
        await_stage(stack, "running")
        yield stack


__all__ = ["CURRENCY", "RunningStack", "await_stage", "await_true", "cardswitch", "running_stack", "starting_stack"]
