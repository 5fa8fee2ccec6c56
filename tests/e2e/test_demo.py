"""The newcomer's first command."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from console.demo.audio import RATE, read_wav
from console.stack.plan import ROOT
from console.stack.process import members
from tests.support.stack import PROMPT_CACHE, cardswitch, command

DEMO_TIMEOUT_S = 280
# Where programs leave things unasked. The demo finds these empty, in a mount name space of its own.
ELSEWHERE = ("/tmp", "/var/tmp", "/var/log", "/var/spool", "/run", "/dev/shm", "/root")
WATCHED = """
base=$1 root=$2 aside=$3 places=$4; shift 4
set -e
mount -t tmpfs tmpfs "$aside"
mkdir "$aside/base" "$aside/root"
mount --bind "$base" "$aside/base"
mount --bind "$root" "$aside/root"
for place in $places; do mount -t tmpfs -o mode=1777 tmpfs "$place"; done
mkdir -p "$base" "$root"
mount --bind "$aside/base" "$base"
mount --bind "$aside/root" "$root"
find $places -xdev | sort >"$base/before"
status=0; "$@" || status=$?
find $places -xdev | sort >"$base/after"
exit $status
"""


def watched(base: Path) -> list[str]:
    """A prefix: what the command leaves ELSEWHERE is the difference of ``before`` and ``after`` in ``base``."""
    aside = "/srv" if ROOT.is_relative_to("/mnt") else "/mnt"
    places = " ".join(place for place in ELSEWHERE if Path(place).is_dir())
    return ["unshare", "--mount", "sh", "-c", WATCHED, "sh", str(base), str(ROOT), aside, places]


def listed(file: Path) -> set[str]:
    return set(file.read_text().splitlines())


@pytest.mark.timeout(DEMO_TIMEOUT_S + 60)
def test_demo() -> None:
    """Four stories, every check holds, exit status 0, what the callers heard is there; nothing is left elsewhere."""
    with tempfile.TemporaryDirectory(prefix="cs") as base:
        run_dir = Path(base, "run")
        run_dir.mkdir()
        PROMPT_CACHE.mkdir(parents=True, exist_ok=True)
        (run_dir / "prompts").symlink_to(PROMPT_CACHE)
        told = Path(base, "told")
        root = os.geteuid() == 0  # others may not mount; for them the rest is looked at
        demo = [*(watched(Path(base)) if root else []), *command("demo", "--run-dir", str(run_dir))]
        try:
            with told.open("w") as output:
                done = subprocess.run(
                    demo, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False, cwd=ROOT,
                    timeout=DEMO_TIMEOUT_S,
                )  # fmt: skip
        finally:
            cardswitch("down", "--run-dir", str(run_dir))
        text = told.read_text()
        assert done.returncode == 0, text
        assert re.search(r"^all \d+ checks held$", text, re.MULTILINE)
        assert "✗" not in text
        recordings = {file.stem: len(read_wav(file)) / RATE for file in (run_dir / "demo" / "heard").glob("story*.wav")}
        assert len(recordings) == 6
        assert min(recordings.values()) > 3
        assert list(members(run_dir / "demo")) == []
        if root:
            assert listed(Path(base, "after")) - listed(Path(base, "before")) == set()
