"""How the console speaks: Rich on a terminal, plain lines elsewhere. Times are local, to the millisecond."""

import sys
from datetime import datetime

from rich.console import Console
from rich.text import Text

terminal = Console(highlight=False, soft_wrap=True)


def clock() -> str:
    """The time of day, ``14:03:07.512``."""
    return datetime.now().astimezone().strftime("%H:%M:%S.%f")[:-3]


def plain(text: str) -> None:
    """A line without a time."""
    terminal.print(Text(text))


def timed(text: str, *, style: str = "", mark: str = " ") -> None:
    """A line of a transcript."""
    terminal.print(Text.assemble((clock(), "dim"), f" {mark} ", (text, style)))


def error(text: str) -> None:
    """One sentence for standard error."""
    print(f"cardswitch: {text}", file=sys.stderr)
