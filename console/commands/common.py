"""What all commands of operators share: which ledger, confirming, moments and amounts as people write them."""

import re
import sys
import time
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from console.commands.status import UnconfirmedError
from console.stack.errors import StackError
from console.stack.plan import ROOT
from console.stack.state import running_states
from rating.administration import InputError
from rating.core import RatingCore
from rating.deckhours import parse_moment
from rating.settings import CONFIG_VARIABLE, Settings, load_settings

DEFAULT_RUN_DIR = ROOT / ".run"
RunDir = Annotated[Path, typer.Option("--run-dir", help="The stack's directory.", show_default=".run")]
Config = Annotated[
    Path | None,
    typer.Option("--config", envvar=CONFIG_VARIABLE, help="A node's cardswitch.toml, instead of a running stack."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document; amounts in micro-units, times in µs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask: for scripts.")]
After = Annotated[str | None, typer.Option("--after", help="Go on behind this one: `next` of the page before.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="So many rows.")]
Reference = Annotated[str, typer.Option(help="Makes it happen once: the same reference again changes nothing.")]

_AGO = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[smhd])", re.ASCII)
_UNIT_US = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


def settings_of(run_dir: Path, config: Path | None) -> Settings:
    """The settings of ``--config``, or of the stack that runs in the run directory. StackError, SettingsError."""
    if config is None:
        states = running_states(run_dir.resolve())
        if not states:
            raise StackError(f"no stack runs in {run_dir}: start one with `cardswitch up`, or pass --config.")
        config = Path(states[0].run_dir) / "cardswitch.toml"
    return load_settings(config)


def core_of(run_dir: Path, config: Path | None) -> RatingCore:
    """The rating core over that ledger; connects when first used."""
    return RatingCore.from_settings(settings_of(run_dir, config))


def confirm(question: str, yes: bool) -> None:
    """Asks, unless ``--yes`` was given. Raises UnconfirmedError when there is nobody to ask, or the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UnconfirmedError(f"{question} Nobody is there to ask (no terminal): add --yes to do it.")
    if not typer.confirm(question, err=True):
        raise UnconfirmedError("nothing was changed")


def moment_us(text: str) -> int | None:
    """Epoch microseconds of "2026-11-22T09:00Z", "2026-11-22" (UTC), or "90m", "2h", "7d" ago; None for "".

    Raises WhenError.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return time.time_ns() // 1000 - int(ago["count"]) * _UNIT_US[ago["unit"]]
    return parse_moment(text, ZoneInfo("UTC"))


def on_off(text: str | None, option: str) -> bool | None:
    """True of "yes", False of "no", None when the option was not given. Raises InputError."""
    if text is None:
        return None
    if text not in ("yes", "no"):
        raise InputError(f"{option} is yes or no, not {text!r}")
    return text == "yes"
