"""``cardswitch up``: a stack in the foreground, with a live view on a terminal and plain lines elsewhere."""

import time
from collections import deque
from pathlib import Path

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from console import show
from console.commands.access import FIRST, first_password
from console.demo.network import set_up
from console.stack.errors import StackError
from console.stack.plan import HOST, Addresses, Plan, RunDirectory
from console.stack.signals import StopRequested, install
from console.stack.supervisor import Supervisor
from rating.core import RatingCore
from rating.database import Row
from rating.money import format_amount
from rating.outcome import LedgerUnavailableError
from rating.settings import load_settings

REFRESH_S = 1.0
EVENTS_SHOWN = 8
CALLS_SHOWN = 8
CARDS_SHOWN = 8


def run_up(
    run_dir: Path, *, sip_port: int | None, empty: bool, prompt_cache: Path | None = None, monitoring: bool = False
) -> int:
    """Runs until Ctrl-C, SIGTERM or ``down`` (0), or until a part cannot be kept running (1)."""
    install()
    try:
        cache = prompt_cache.resolve() if prompt_cache else None
        addresses = Addresses.choose(sip_port=sip_port)
        plan = Plan(RunDirectory(run_dir), addresses, prompt_cache=cache, monitoring=monitoring)
        with Supervisor(plan, say=show.timed) as supervisor:
            core = RatingCore.from_settings(load_settings(plan.run.config))

            passwords: list[str | None] = []

            def provision() -> None:
                passwords.append(first_password(load_settings(plan.run.config)))
                if not empty:
                    supervisor.note_access_numbers([set_up(core, plan.addresses.gateway).access_number])

            supervisor.start(provision=provision)
            show.timed(f"SIP on {HOST}:{plan.addresses.edge}; Ctrl-C ends it, `cardswitch status` shows the addresses")
            show.timed(console_sentence(addresses.console, passwords[0]))
            if monitoring:
                show.timed(f"Prometheus on http://{HOST}:{addresses.prometheus}")
            View(supervisor, core).run()
    except StopRequested:
        show.timed("stopped")
        return 0
    except StackError as error:
        show.error(str(error))
        return 1
    return 0


def console_sentence(port: int, password: str | None) -> str:
    """Where the web console is, and how to get in."""
    how = f"log in as {FIRST} with {password} (good for one log-in)" if password else f"log in as {FIRST}"
    return f"Web console on http://{HOST}:{port}: {how}; card holders: http://{HOST}:{port}/card"


class View:
    """What happens now: calls, balances, last events."""

    def __init__(self, supervisor: Supervisor, core: RatingCore) -> None:
        self.supervisor = supervisor
        self.core = core
        self.events: deque[str] = deque(maxlen=EVENTS_SHOWN)
        self.calls: dict[str, Row] = {}  # open ones, by hold

    def run(self) -> None:
        """Until StopRequested or StackError."""
        live = show.terminal.is_terminal
        with Live(console=show.terminal, auto_refresh=False, screen=False) if live else _Nothing() as display:
            self.supervisor.say = self.event
            while True:
                self.supervisor.watch()
                self.look()
                if isinstance(display, Live):
                    display.update(self.draw(), refresh=True)
                time.sleep(REFRESH_S)

    def event(self, text: str) -> None:
        """Something happened."""
        if show.terminal.is_terminal:
            self.events.append(f"{show.clock()}  {text}")
        else:
            show.timed(text)

    def look(self) -> None:
        """Finds out what is new: calls that began, calls that were settled."""
        try:
            calls = {row["hold_id"]: row for row in self.core.open_calls()}
        except LedgerUnavailableError:
            self.event("the ledger cannot be reached")
            return
        for key, row in calls.items():
            if key not in self.calls or stage(row) != stage(self.calls[key]):
                self.event(f"call to {row['dnis']} {stage(row)}")
        for key in self.calls.keys() - calls.keys():
            self.event(f"call to {self.calls[key]['dnis']} settled")
        self.calls = calls

    def draw(self) -> Group:
        """The whole view."""
        state = self.supervisor.state
        parts = "  ".join(f"{part.name} {part.pid}" for part in state.parts)
        return Group(
            Text(f"Cardswitch in {state.run_dir}: {parts}", style="bold"),
            self.draw_calls(time.time()),
            self.draw_balances(),
            Text("\n".join(self.events)),
        )

    def draw_calls(self, now_s: float) -> Table:
        """The newest of those that are held or connected now."""
        shown = list(self.calls.values())[-CALLS_SHOWN:]
        title = f"{len(self.calls)} calls" + (
            f", the last {len(shown)} of them" if len(shown) < len(self.calls) else ""
        )
        table = Table("to", "destination", "from", "stage", "limit", "held", title=title, title_justify="left")
        for row in reversed(shown):
            talked = f" {max(0, now_s - row['answered_us'] / 1e6):.0f} s" if row["answered_us"] else ""
            held = format_amount(int(row["held_micros"]), row["currency"])
            called = (row["dnis"], row["destination"], row["ani"] or "anonymous")
            table.add_row(*called, stage(row) + talked, f"{row['limit_s']} s", held)
        return table

    def draw_balances(self) -> Table:
        """Of the cards that were used last."""
        table = Table("card", "product", "posted", "held", title="balances", title_justify="left")
        try:
            for row in self.core.balances(limit=CARDS_SHOWN):
                amounts = (format_amount(int(row[key]), row["currency"]) for key in ("posted_micros", "held_micros"))
                table.add_row(str(row["serial"]), row["product"], *amounts)
        except LedgerUnavailableError:
            table.caption = "the ledger cannot be reached"
        return table


def stage(row: Row) -> str:
    """How far an open call is."""
    return "connected" if row["answered_us"] else "placed"


class _Nothing:
    """In the place of a live display."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None
