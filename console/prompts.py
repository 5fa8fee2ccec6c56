"""``cardswitch prompts``: the prompts of a run directory's stack. The media server's own tool does the work."""

import os
import subprocess
from collections.abc import Sequence

from console.stack.parts import python_module
from console.stack.plan import RunDirectory

WORDS = ("list", "play", "check", "render", "prune")
CHOOSE_THEMSELVES = ("--config", "--cache")


def run_prompts(run: RunDirectory, arguments: Sequence[str]) -> int:
    """Hands over to ``python -m mediasrv.prompts``; returns its exit status.

    With the settings of the run directory; where none were written yet, with the directories that a stack would use.
    An option of the tool's, or CARDSWITCH_CONFIG, chooses others.
    """
    command = python_module("mediasrv.prompts", *arguments)
    environment = dict(os.environ)
    chosen = any(argument.split("=")[0] in CHOOSE_THEMSELVES for argument in arguments)
    if run.config.exists():
        environment.setdefault("CARDSWITCH_CONFIG", str(run.config))
    elif not chosen and "CARDSWITCH_CONFIG" not in environment and arguments and arguments[0] in WORDS:
        command += ["--cache", str(run.path / "prompts"), "--recordings", str(run.recordings)]
    return subprocess.call(command, env=environment)
