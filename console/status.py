"""``cardswitch status``: what runs in a run directory, for people and for programs."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from console import show
from console.stack.state import StackState, running_states

NOTHING_RUNS = 3  # as init scripts have it


def print_status(run_dir: Path, *, as_json: bool) -> int:
    """Prints it; 0 when a stack runs, 3 when none does."""
    states = running_states(run_dir)
    if as_json:
        document = describe(states[0]) if states else {"run_dir": str(run_dir), "stage": "stopped", "parts": []}
        print(json.dumps(document, indent=2))
    elif not states:
        show.plain(f"no stack runs in {run_dir}")
    for state in [] if as_json else states:
        print_table(state)
    return 0 if states else NOTHING_RUNS


def describe(state: StackState) -> dict[str, Any]:
    """The stack as one JSON document."""
    document = asdict(state)
    supervisor = {"pid": document.pop("supervisor_pid"), "start_ticks": document.pop("supervisor_start_ticks")}
    for part, entry in zip(state.parts, document["parts"], strict=True):
        entry["alive"] = part.process.alive
    edge = next((part.addresses for part in state.parts if part.name == "kamailio"), {})
    return {"sip": edge.get("sip"), "supervisor": supervisor, "config": f"{state.run_dir}/cardswitch.toml", **document}


def print_table(state: StackState) -> None:
    """The stack as a table."""
    table = Table(title=f"{state.run_dir}: {state.stage} since {state.started_at}", title_justify="left")
    for column in ("part", "pid", "alive", "addresses", "version"):
        table.add_column(column, overflow="fold")
    for part in state.parts:
        addresses = "\n".join(f"{name} {address}" for name, address in part.addresses.items())
        alive = "yes" if part.process.alive else "NO"
        table.add_row(part.name, str(part.pid), alive, addresses, part.version)
    show.terminal.print(table)
    if state.access_numbers:
        show.plain(f"access numbers: {', '.join(state.access_numbers)}")
