"""Call records and new cards as files: CSV and JSON lines, amounts as decimal text, times in ISO 8601 UTC."""

import csv
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

from rating.cards import IssuedCard
from rating.database import Row
from rating.money import format_amount
from rating.outcome import LedgerUnavailableError

CDR_FIELDS = (
    "call_id", "hold_id", "serial", "product", "outcome", "ani", "dnis", "prefix", "destination", "trunk",
    "access_number", "attestation", "node", "rate", "carrier", "gateway_id", "pdd_ms", "placed", "answered", "ended",
    "seconds", "billable_s", "currency", "charge", "cost", "cost_currency", "margin", "cause", "sip_status", "ended_by",
)  # fmt: skip
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
_AMOUNTS = ("charge", "cost", "margin")
_TIMES = ("placed", "answered", "ended")


def cdr_record(row: Row) -> dict[str, Any]:
    """A row of the view call_record as it is exported; what is not known is None."""
    record: dict[str, Any] = {}
    for name in CDR_FIELDS:
        if name in _AMOUNTS:
            micros = row[f"{name}_micros"]
            record[name] = None if micros is None else format_amount(int(micros))
        elif name in _TIMES:
            record[name] = iso(row[f"{name}_us"])
        else:
            record[name] = row[name]
    return record


def safe_cell(value: Any) -> Any:
    """The value for a CSV that people open with a spreadsheet: text that one would run as a formula gets a "'" before
    it (OWASP, CSV injection). Numbers with a sign stay."""
    if isinstance(value, str) and value.startswith(FORMULA_BEGINS) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def write_csv(rows: Iterable[Row], file: TextIO) -> int:
    """Writes call records with a header line; how many."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CDR_FIELDS)
    return sum(1 for _ in _each(lambda record: writer.writerow(map(safe_cell, record.values())), rows))


def write_json_lines(rows: Iterable[Row], file: TextIO) -> int:
    """Writes call records, one JSON object a line; how many."""
    return sum(1 for _ in _each(lambda record: file.write(json.dumps(record, ensure_ascii=False) + "\n"), rows))


def write_cards(issued: Iterable[IssuedCard], file: TextIO) -> int:
    """Writes serial and PIN of new cards for print. It is the only copy of the PINs: guard the file."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("serial", "pin"))
    return sum(1 for card in issued if writer.writerow((card.serial, card.pin)))


@contextmanager
def new_file(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    """A new text file that only its owner can read; removed again when writing it failed. Raises FileExistsError."""
    place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(place, "w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:
        os.unlink(path)
        raise


def write_serials(cards: Iterable[Any], path: str | os.PathLike[str]) -> int:
    """Writes cards (``rating.administration.values.CardView``) as CSV to a new file, without PINs; how many."""
    with new_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("serial", "product", "state", "currency", "posted", "held"))
        count = 0
        for card in cards:
            amounts = (format_amount(card.posted_micros), format_amount(card.held_micros))
            writer.writerow(map(safe_cell, (card.serial, card.product, card.state, card.currency, *amounts)))
            count += 1
    return count


@contextmanager
def new_secret_file(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    """A new file that only its owner can read; removed again when writing what belongs to it failed for certain.

    Raises FileExistsError. After LedgerUnavailableError it stays, unless it is empty: what it holds may be valid.
    """
    place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(place, "w", encoding="ascii", newline="") as file:
            yield file
    except BaseException as error:
        if not isinstance(error, LedgerUnavailableError) or os.stat(path).st_size == 0:
            os.unlink(path)
        raise


def write_cards_durably(issued: Iterable[IssuedCard], file: TextIO) -> None:
    """Replaces what the file holds by these cards, on the disk when it returns. Raises OSError."""
    file.seek(0)
    file.truncate()
    write_cards(issued, file)
    file.flush()
    os.fsync(file.fileno())


def iso(at_us: int | None) -> str | None:
    """Epoch microseconds as "2026-11-22T12:00:00.000000Z"."""
    if at_us is None:
        return None
    seconds, micros = divmod(at_us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{micros:06d}Z"


def _each(write: Any, rows: Iterable[Row]) -> Iterator[None]:
    for row in rows:
        yield write(cdr_record(row))
