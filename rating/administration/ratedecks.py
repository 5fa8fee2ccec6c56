"""Rate decks: importing with a preview of what would change, listing, exporting as the CSV they came from."""

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TextIO

from rating import decks
from rating.administration.base import ConflictError, NotFoundError, Operators, build, build_all
from rating.administration.values import DeckView
from rating.deck import BLOCKED, DeckError, DeckRow, DeckTable, DeckTerms
from rating.deckcsv import COLUMNS, read_deck
from rating.deckdiff import DeckDiff, diff_decks
from rating.export import iso, safe_cell
from rating.money import format_amount
from rating.rate import Rate
from rating.store import configured

Progress = Callable[[int, int], None]  # rows read, rows in the file
PROGRESS_ROWS = 1000


class RateDecks(Operators):
    """Verbs about rate decks."""

    def list_decks(self) -> tuple[DeckView, ...]:
        """All decks, by name."""
        return build_all(DeckView, configured.decks(self._slow))

    def show_deck(self, name: str) -> DeckView:
        """Raises NotFoundError."""
        for deck in configured.decks(self._slow):
            if deck["name"] == name:
                return build(DeckView, deck)
        raise NotFoundError(f"there is no deck {name!r}")

    def deck_table(self, name: str) -> DeckTable:
        """What the deck holds now; an empty table before the first import. Raises NotFoundError."""
        deck = self.show_deck(name)
        if not deck.version:
            return DeckTable(DeckTerms(name, deck.currency))
        return self._compiled.deck(deck.deck_id, deck.version).table()

    def diff_deck(self, table: DeckTable, examples_max: int = 20) -> DeckDiff:
        """What publishing the table would change. Raises DeckError for another currency than the deck's."""
        try:
            current = self.show_deck(table.terms.name)
        except NotFoundError:
            return diff_decks(DeckTable(table.terms), table, examples_max)
        if current.currency != table.terms.currency:
            raise DeckError(f"deck {current.name} is in {current.currency}, not {table.terms.currency}")
        return diff_decks(self.deck_table(current.name), table, examples_max)

    def read_deck(
        self, path: str | Path, terms: DeckTerms, progress: Progress = lambda _done, _total: None
    ) -> DeckTable:
        """The table of a CSV file, for ``diff_deck`` and ``publish_deck``; DeckImportError, DeckError, OSError."""
        file = Path(path)
        with file.open("rb") as raw:
            total = max(0, sum(1 for _ in raw) - 1)
        table = read_deck(file, terms, lambda lines: _counted(lines, total, progress))
        progress(total, total)
        return table

    def import_deck(
        self,
        name: str,
        path: str | Path,
        currency: str,
        *,
        time_zone: str = "UTC",
        minimum_charge_micros: int = 0,
        free_grace_s: int = 0,
        progress: Progress = lambda _done, _total: None,
    ) -> int:
        """Replaces the deck by the CSV at ``path``, while calls go on; its new version.

        Raises DeckImportError with every error of the file, and DeckError; nothing changes then.
        """
        terms = DeckTerms(name, currency, time_zone, minimum_charge_micros, free_grace_s)
        return self.publish_deck(self.read_deck(path, terms, progress), str(path))

    def publish_deck(self, table: DeckTable, source: str = "") -> int:
        """Replaces the deck of ``table.terms.name``; its new version."""
        return self._in_transaction(lambda each: decks.publish(each, table, source, self._now_us()))[1]

    def export_deck(self, name: str, file: TextIO) -> int:
        """Writes the deck as a CSV that imports to the same deck; how many rows. Raises NotFoundError.

        The deck's own terms (time zone, minimum charge, free grace) are not in a CSV: ``deck_table(name).terms`` has
        them. Moments are written in UTC.
        """
        table = self.deck_table(name)
        if not len(table):
            raise ConflictError(f"deck {name} is empty: nothing was imported yet")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        rows = 0
        for row in table.rows():
            for line in csv_rows(row):
                writer.writerow(map(safe_cell, line))
                rows += 1
        return rows


def csv_rows(row: DeckRow) -> Iterator[tuple[str, ...]]:
    """A rate of a deck as the rows of its CSV, one for each tier; the columns are ``rating.deckcsv.COLUMNS``."""
    when = (_moment(row.effective_from_us), _moment(row.effective_until_us), row.days, row.hours)
    if row.rate == BLOCKED:
        yield (row.prefix, row.destination, "blocked", "", "", "", "", *when)
        return
    rate = Rate.unpack(row.rate)
    for place, tier in enumerate(rate.tiers):
        first = ("", "") if place else (format_amount(rate.connect_fee_micros), str(rate.initial_increment_s))
        price = format_amount(tier.rate_per_minute_micros)
        yield (row.prefix, row.destination, price, *first, str(tier.increment_s), str(tier.from_second), *when)


def _moment(at_us: int | None) -> str:
    return iso(at_us) or ""


def _counted(lines: Iterable[str], total: int, progress: Progress) -> Iterator[str]:
    """The lines; ``progress`` is told of every thousandth."""
    for number, line in enumerate(lines):
        if number % PROGRESS_ROWS == 0:
            progress(min(number, total), total)
        yield line
