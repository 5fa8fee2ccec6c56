"""``cardswitch decks``: check a rate deck, import it with a preview and a progress bar, list, export, diff.

A deck with errors changes nothing: all its errors go to standard error, one a line, and the exit status is 1.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from console.commands.common import DEFAULT_RUN_DIR, AsJson, Config, RunDir, core_of
from console.commands.output import column, moment, print_done, print_json, print_rows
from console.commands.status import EXIT_STATUSES
from rating.deck import DeckTable, DeckTerms
from rating.deckcsv import read_deck
from rating.deckdiff import Change, DeckDiff, describe, diff_decks
from rating.export import new_file
from rating.money import parse_amount

app = typer.Typer(help="Rate decks: check, import, list, export, diff.", no_args_is_help=True, epilog=EXIT_STATUSES)

File = Annotated[Path, typer.Argument(help="Rate deck, a CSV file.")]
Name = Annotated[str, typer.Argument(help="The deck's name.")]
TimeZone = Annotated[str, typer.Option(help="The deck's own time zone, as Europe/Berlin.")]
Examples = Annotated[int, typer.Option(min=0, help="Show so many changes of each kind.")]
COLUMNS = (
    column("name", "name"),
    column("currency", "currency"),
    column("version", "version", right=True),
    column("prefixes", "prefixes", right=True),
    moment("imported", "imported_us"),
    column("from", "source"),
)


@app.command("check", epilog="Example: cardswitch decks check new.csv --against old.csv")
def check_deck(
    *,
    file: File,
    against: Annotated[Path | None, typer.Option(help="An older deck (CSV): show what changes.")] = None,
    time_zone: TimeZone = "UTC",
    examples: Examples = 20,
    as_json: AsJson = False,
) -> None:
    """Reads a deck and reports all its errors; asks no ledger."""
    terms = DeckTerms(file.stem, time_zone=time_zone)
    table = read_deck(file, terms)
    diff = None if against is None else diff_decks(read_deck(against, terms), table, examples)
    if as_json:
        counts = {"prefixes": table.prefix_count(), "destinations": len(table.destinations)}
        print_json(counts | ({} if diff is None else {"changes": _diff_document(diff)}))
        return
    typer.echo(f"{file.name}: {table.prefix_count():,} prefixes, {len(table.destinations):,} destinations, no errors")
    if diff is not None:
        _show(diff)


@app.command("import", epilog="Example: cardswitch decks import retail.csv --name retail --currency USD --dry-run")
def import_deck(
    *,
    file: File,
    name: Annotated[str, typer.Option(help="The deck it replaces, or the new one it makes.")],
    currency: Annotated[str, typer.Option(help="Currency of the deck.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, change nothing.")] = False,
    time_zone: TimeZone = "UTC",
    minimum_charge: Annotated[str, typer.Option(help="The least a charged call costs.")] = "0",
    free_grace: Annotated[
        int, typer.Option(min=0, max=86_400, help="Calls shorter than so many seconds are free.")
    ] = 0,
    examples: Examples = 20,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Replaces a deck of the ledger at once, while calls go on: calls that run keep the rate they began with."""
    core = core_of(run_dir, config)
    terms = DeckTerms(name, currency, time_zone, parse_amount(minimum_charge), free_grace)
    with progress_bar(f"reading {file.name}") as progress:
        table = core.read_deck(file, terms, progress)
    if dry_run:
        diff = core.diff_deck(table, examples)
        print_json(_diff_document(diff)) if as_json else _show(diff)
        return
    version = core.publish_deck(table, str(file))
    prefixes = table.prefix_count()
    print_done(
        {"deck": name, "version": version, "prefixes": prefixes},
        f"deck {name}: version {version} with {prefixes:,} prefixes is in effect",
        as_json=as_json,
    )


@app.command("list")
def list_decks(*, run_dir: RunDir = DEFAULT_RUN_DIR, config: Config = None, as_json: AsJson = False) -> None:
    """Lists the decks of the ledger."""
    print_rows(core_of(run_dir, config).list_decks(), COLUMNS, as_json=as_json, nothing="no decks yet")


@app.command("export", epilog="Example: cardswitch decks export retail --out retail.csv")
def export_deck(
    name: Name,
    *,
    out: Annotated[Path, typer.Option(help="New file.")],
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Writes a deck as the CSV that imports to it."""
    core = core_of(run_dir, config)
    with new_file(out) as file:
        rows = core.export_deck(name, file)
    terms = core.deck_table(name).terms
    extra = f"; import it with --time-zone {terms.time_zone}" if terms.time_zone != "UTC" else ""
    print_done({"rows": rows, "file": str(out), "terms": asdict(terms)}, f"{rows:,} rows written to {out}{extra}",
               as_json=as_json)  # fmt: skip


@app.command("diff", epilog="Example: cardswitch decks diff retail new.csv")
def diff_deck(
    name: Name,
    file: File,
    *,
    time_zone: TimeZone = "UTC",
    examples: Examples = 20,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Shows what importing a file would change in a deck that is there."""
    core = core_of(run_dir, config)
    old: DeckTable = core.deck_table(name)
    with progress_bar(f"reading {file.name}") as progress:
        table = core.read_deck(file, DeckTerms(name, old.terms.currency, time_zone), progress)
    diff = diff_decks(old, table, examples)
    print_json(_diff_document(diff)) if as_json else _show(diff)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, where that is a terminal; told of rows done and rows in all."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn())
    terminal = Console(stderr=True)
    with Progress(
        *columns, TimeRemainingColumn(), console=terminal, transient=True, disable=not terminal.is_terminal
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _show(diff: DeckDiff) -> None:
    for line in describe(diff):
        typer.echo(line)


def _diff_document(diff: DeckDiff) -> dict[str, Any]:
    """Counts of each kind, and the examples: rates packed as ``rating.rate`` says."""
    return {
        "counts": {kind.value: count for kind, count in diff.counts.items()},
        "unchanged": diff.unchanged,
        "examples": {kind.value: list(map(_change, found)) for kind, found in diff.examples.items()},
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "prefix": change.prefix,
        "destination": change.destination,
        "before": [row._asdict() for row in change.before],
        "after": [row._asdict() for row in change.after],
    }
