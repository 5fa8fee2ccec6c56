"""The newcomer's first command."""

import re
import tempfile
from pathlib import Path

from console.demo.audio import RATE, read_wav
from console.stack.process import members
from tests.support.stack import PROMPT_CACHE, cardswitch


def test_demo() -> None:
    """Four stories, every check holds, exit status 0, what the callers heard is there, no process is left."""
    with tempfile.TemporaryDirectory(prefix="cs") as base:
        run_dir = Path(base, "run")
        run_dir.mkdir()
        (run_dir / "prompts").symlink_to(PROMPT_CACHE)
        done = cardswitch("demo", "--run-dir", str(run_dir), timeout_s=280)
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(r"^all \d+ checks held$", done.stdout, re.MULTILINE)
        assert "✗" not in done.stdout
        recordings = {file.stem: len(read_wav(file)) / RATE for file in (run_dir / "demo" / "heard").glob("story*.wav")}
        assert len(recordings) == 6
        assert min(recordings.values()) > 3
        assert list(members(run_dir / "demo")) == []
