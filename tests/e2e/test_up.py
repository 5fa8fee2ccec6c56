"""``up`` on a terminal: the live view; ``logs``; ``bench`` without a name."""

import json
import os
import pty
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from console.demo.network import DESTINATION, PRODUCT
from console.stack.plan import ROOT, RunDirectory
from console.stack.process import members
from rating.core import RatingCore
from rating.model import Authorised, CallRequest
from rating.settings import load_settings
from tests.support.stack import PROMPT_CACHE, await_true, cardswitch, command

pytestmark = pytest.mark.timeout(180)


class Terminal:
    """A pseudo-terminal with `up` on it; ``screen`` is all it ever wrote."""

    def __init__(self, run_dir: Path) -> None:
        self.screen = ""
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command("up", "--run-dir", str(run_dir), "--prompt-cache", str(PROMPT_CACHE)),
            stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "160", "LINES": "50"},
        )  # fmt: skip
        os.close(theirs)
        threading.Thread(target=self._read, daemon=True).start()

    def shows(self, text: str, *, timeout_s: float = 60.0) -> None:
        await_true(
            lambda: text in self.screen or self.process.poll() is not None,
            f"the screen shows {text}",
            timeout_s=timeout_s,
        )
        assert text in self.screen, self.screen[-3000:]

    def _read(self) -> None:
        with suppress(OSError):  # its end
            while data := os.read(self._ours, 65536):
                self.screen += data.decode(errors="replace")


def test_the_live_view_shows_calls_balances_and_events() -> None:
    with tempfile.TemporaryDirectory(prefix="cs") as base:
        run = RunDirectory(Path(base, "run"))
        terminal = Terminal(run.path)
        try:
            terminal.shows("Cardswitch in")
            core = RatingCore.from_settings(load_settings(run.config))
            card = core.issue_batch(PRODUCT, 1, 7_650_000)[0]
            terminal.shows(card.serial)
            card_id = core.card_id_of_serial(card.serial)
            assert card_id
            call = CallRequest(hold_id=uuid4().hex, call_id=uuid4().hex, card_id=card_id, dnis=DESTINATION)
            assert isinstance(core.authorise(call), Authorised)
            terminal.shows("1 calls")
            terminal.shows(f"call to {DESTINATION} placed")
            core.void(call.hold_id)
            terminal.shows(f"call to {DESTINATION} settled")
            terminal.process.send_signal(signal.SIGINT)
            assert terminal.process.wait(30) == 0
            assert list(members(run.path)) == []
            said = cardswitch("logs", "mariadb", "-n", "3", "--run-dir", str(run.path))
            assert said.returncode == 0
            assert len(said.stdout.splitlines()) == 3
        finally:
            terminal.process.kill()
            terminal.process.wait(10)
            cardswitch("down", "--run-dir", str(run.path))


def test_logs_of_a_part_that_is_none_name_those_there_are() -> None:
    with tempfile.TemporaryDirectory(prefix="cs") as base:
        Path(base, "logs").mkdir()
        Path(base, "logs", "keeper.log").write_text("hello\n")
        done = cardswitch("logs", "kepper", "--run-dir", base)
        assert done.returncode == 1
        assert "there are: keeper" in done.stderr


def test_the_benchmarks_are_listed_and_an_unknown_one_is_refused() -> None:
    listed = cardswitch("bench")
    assert listed.returncode == 0
    assert {"rating", "media", "edge", "limit"} <= {line.split()[0] for line in listed.stdout.splitlines()}
    assert cardswitch("bench", "no-such-thing").returncode == 2


def test_the_last_line_of_a_benchmark_is_json() -> None:
    small = ("--prefixes", "1000", "--rows", "0")
    done = cardswitch("bench", "rating_quotes", *small)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])
