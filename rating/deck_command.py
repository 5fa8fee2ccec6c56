"""``cardswitch deck``: check a rate deck, import it into the ledger, list what is there.

A deck with errors changes nothing: all its errors go to standard error, one a line, and the exit status is 1.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from rating.core import RatingCore
from rating.deck import DeckError, DeckTable, DeckTerms
from rating.deckcsv import DeckImportError, read_deck
from rating.deckdiff import describe, diff_decks
from rating.money import AmountError, parse_amount
from rating.rate import RateError
from rating.settings import CONFIG_VARIABLE, load_settings

deck_app = typer.Typer(help="Rate decks: check, import, list.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="Rate deck, a CSV file.")]
Config = Annotated[Path | None, typer.Option(envvar=CONFIG_VARIABLE, help="The node's cardswitch.toml.")]
TimeZone = Annotated[str, typer.Option(help="The deck's own time zone, as Europe/Berlin.")]
Examples = Annotated[int, typer.Option(min=0, help="Show so many changes of each kind.")]


@deck_app.command("check")
def check_deck(
    *,
    file: File,
    against: Annotated[Path | None, typer.Option(help="An older deck (CSV): show what changes.")] = None,
    time_zone: TimeZone = "UTC",
    examples: Examples = 20,
) -> None:
    """Reads a deck and reports all its errors; asks no ledger."""
    with one_sentence():
        terms = DeckTerms(file.stem, time_zone=time_zone)
        table = read_deck(file, terms)
        typer.echo(
            f"{file.name}: {table.prefix_count():,} prefixes, {len(table.destinations):,} destinations, no errors"
        )
        if against is not None:
            show_changes(read_deck(against, terms), table, examples)


@deck_app.command("import")
def import_deck(
    *,
    file: File,
    name: Annotated[str, typer.Option(help="The deck it replaces, or the new one it makes.")],
    currency: Annotated[str, typer.Option(help="Currency of the deck.")],
    config: Config = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, change nothing.")] = False,
    time_zone: TimeZone = "UTC",
    minimum_charge: Annotated[str, typer.Option(help="The least a charged call costs.")] = "0",
    free_grace: Annotated[
        int, typer.Option(min=0, max=86_400, help="Calls shorter than so many seconds are free.")
    ] = 0,
    examples: Examples = 20,
) -> None:
    """Replaces a deck of the ledger at once, while calls go on: calls that run keep the rate they began with."""
    settings = load_settings(config)
    with one_sentence():
        terms = DeckTerms(name, currency, time_zone, parse_amount(minimum_charge), free_grace)
        table = read_deck(file, terms)
        core = RatingCore.from_settings(settings)
        if dry_run:
            for line in describe(core.diff_deck(table, examples)):
                typer.echo(line)
        else:
            version = core.publish_deck(table, str(file))
            typer.echo(f"deck {name}: version {version} with {table.prefix_count():,} prefixes is in effect")


@deck_app.command("list")
def list_decks(config: Config = None) -> None:
    """The decks of the ledger."""
    for deck in RatingCore.from_settings(load_settings(config)).list_decks():
        since = datetime.fromtimestamp((deck.imported_us or 0) // 10**6, UTC)
        typer.echo(
            f"{deck.name:<24} {deck.currency} version {deck.version:<4} {deck.prefixes or 0:>9,} prefixes"
            f"  {since:%Y-%m-%d %H:%M}Z  {deck.source or ''}"
        )


def show_changes(old: DeckTable, new: DeckTable, examples: int) -> None:
    """Prints what is new, dearer, cheaper, changed and gone."""
    for line in describe(diff_decks(old, new, examples)):
        typer.echo(line)


@contextmanager
def one_sentence() -> Iterator[None]:
    """What is wrong with a deck goes to standard error, with exit status 1."""
    try:
        yield
    except OSError as error:
        print(f"cannot read {error.filename}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(1) from error
    except (DeckImportError, DeckError, AmountError, RateError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
