"""``cardswitch calls``: those that run now, hanging one up, call records, sums of them."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table

from console import show
from console.commands.common import (
    DEFAULT_RUN_DIR,
    After,
    AsJson,
    Config,
    Limit,
    RunDir,
    Yes,
    confirm,
    core_of,
    moment_us,
    settings_of,
)
from console.commands.output import Column, amount, column, moment, print_done, print_page, print_rows
from console.commands.status import EXIT_STATUSES
from rating.administration import ALL_TIMES_US, ConflictError, InputError
from rating.core import RatingCore
from rating.edges import end_call
from rating.export import new_file, write_csv, write_json_lines

app = typer.Typer(help="Calls: live, hang up, search, export.", no_args_is_help=True, epilog=EXIT_STATUSES)

REFRESH_S = 1.0


def clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


LIVE_COLUMNS = (
    column("call", "call_id"),
    column("serial", "serial"),
    column("from", "ani"),
    column("to", "dnis"),
    column("destination", "destination"),
    column("carrier", "carrier"),
    column("state", "state"),
    Column("since answer", lambda call: clock(call.seconds) if call.answered_us else "", right=True),
    Column("left", lambda call: clock(call.left_s), right=True),
    amount("spent", "spent_micros"),
    column("node", "node"),
)
COLUMNS = (
    moment("placed", "placed_us"),
    column("serial", "serial"),
    column("from", "ani"),
    column("to", "dnis"),
    column("destination", "destination"),
    column("outcome", "outcome"),
    column("s", "seconds", right=True),
    column("billed s", "billable_s", right=True),
    amount("charge", "charge_micros"),
    column("carrier", "carrier"),
    column("SIP", "sip_status", right=True),
    column("ended by", "ended_by"),
    column("call", "call_id"),
)
Serial = Annotated[str, typer.Option(help="Of the card.")]
Ani = Annotated[str, typer.Option(help="The caller's number: whole, 1303* or *0147.")]
Dialled = Annotated[str, typer.Option("--number", help="The number called: whole, 44207* or *4567.")]
Since = Annotated[str, typer.Option(help="Placed since 2026-11-22T09:00Z, or so long ago: 90m, 2h, 7d.")]
Until = Annotated[str, typer.Option(help="Placed before that moment.")]
Outcome = Annotated[str, typer.Option(help="captured, void or expired.")]


@app.command("live", epilog="Example: cardswitch calls live --watch")
def live(
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Again every second, until Ctrl-C.")] = False,
    after: After = None,
    limit: Limit = 100,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Lists the calls that ring or are connected now: spend so far, time left."""
    core = core_of(run_dir, config)
    if watch:
        if as_json:
            raise InputError("--watch is for people; with --json ask again instead")
        _watch(core, limit)
        return
    print_page(core.live_calls(after=after, limit=limit), LIVE_COLUMNS, as_json=as_json, nothing="no calls now")


def _watch(core: RatingCore, limit: int) -> None:
    try:
        with Live(_table(core, limit), console=show.terminal, auto_refresh=False, transient=True) as screen:
            while True:
                time.sleep(REFRESH_S)
                screen.update(_table(core, limit), refresh=True)
    except KeyboardInterrupt:
        return


def _table(core: RatingCore, limit: int) -> Table:
    page = core.live_calls(limit=limit)
    more = " or more" if page.next else ""
    table = Table(title=f"{len(page.items)}{more} calls at {datetime.now(UTC):%H:%M:%S} UTC, Ctrl-C ends", expand=True)
    for each in LIVE_COLUMNS:
        table.add_column(each.heading, justify="right" if each.right else "left")
    for call in page.items:
        table.add_row(*(each.text(call).replace("[", "\\[") for each in LIVE_COLUMNS))
    return table


@app.command("hangup", epilog="Example: cardswitch calls hangup 9f86d081884c7d659a2feaa0c55ad015 --yes")
def hangup(
    call: Annotated[str, typer.Argument(help="Its call id or hold id, as `calls live` shows it.")],
    *,
    yes: Yes = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Ends one running call: BYE to both sides; it is charged for what it lasted."""
    settings = settings_of(run_dir, config)
    running = RatingCore.from_settings(settings).running_call(call)
    confirm(f"Hang up the call from {running['ani'] or 'an unknown number'} to {running['dnis']}?", yes)
    if not end_call(settings, call):
        raise ConflictError(f"call {call} is not answered yet, or ended a moment ago: nothing was hung up")
    print_done({"ended": call}, f"call {call} was told to end", as_json=as_json)


@app.command(
    "search", epilog="Examples: cardswitch calls search --serial 100001   calls search --number '44207*' --since 2h"
)
def search(
    *,
    serial: Serial = "",
    ani: Ani = "",
    number: Dialled = "",
    since: Since = "",
    until: Until = "",
    outcome: Outcome = "",
    after: After = None,
    limit: Limit = 50,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Finds call records, the newest first; those that fit all that is given."""
    since_us, until_us = _times(since, until)
    page = core_of(run_dir, config).search_calls(
        serial=serial,
        ani=ani,
        number=number,
        outcome=outcome,
        since_us=since_us,
        until_us=until_us,
        after=after,
        limit=limit,
    )
    print_page(page, COLUMNS, as_json=as_json, nothing="no such calls")


@app.command(
    "export", epilog="Example: cardswitch calls export --since 2026-11-01 --until 2026-12-01 --out november.csv"
)
def export(
    *,
    out: Annotated[Path, typer.Option(help="New file; .jsonl or .ndjson: one JSON object a line, else CSV.")],
    serial: Serial = "",
    ani: Ani = "",
    number: Dialled = "",
    since: Since = "",
    until: Until = "",
    outcome: Outcome = "",
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Writes all call records that fit to a file, the newest first."""
    since_us, until_us = _times(since, until)
    rows = core_of(run_dir, config).export_calls(
        serial=serial, ani=ani, number=number, outcome=outcome, since_us=since_us, until_us=until_us
    )
    write = write_json_lines if out.suffix in (".jsonl", ".ndjson") else write_csv
    with new_file(out) as file:
        written = write(rows, file)
    print_done({"calls": written, "file": str(out)}, f"{written:,} call records written to {out}", as_json=as_json)


USAGE_COLUMNS = (
    column("", "group"),
    column("calls", "calls", right=True),
    column("answered", "answered", right=True),
    Column("minutes", lambda each: f"{each.seconds / 60:,.1f}", right=True),
    amount("charged", "charge_micros"),
    amount("cost", "cost_micros"),
    amount("margin", "margin_micros"),
)


@app.command("usage", epilog="Example: cardswitch calls usage --by destination --days 30")
def usage(
    *,
    by: Annotated[str, typer.Option(help="day or destination.")] = "day",
    days: Annotated[int, typer.Option(min=1, max=3660, help="So many days up to today (UTC).")] = 30,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Sums up calls, minutes, spend and margin by day or by destination."""
    today = datetime.now(UTC).date()
    found = core_of(run_dir, config).usage(by, today - timedelta(days - 1), today)
    print_rows(found, USAGE_COLUMNS, as_json=as_json, nothing="no calls in that time")


def _times(since: str, until: str) -> tuple[int, int]:
    since_us, until_us = moment_us(since), moment_us(until)
    return (
        ALL_TIMES_US[0] if since_us is None else since_us,
        ALL_TIMES_US[1] if until_us is None else until_us,
    )
