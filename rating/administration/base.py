"""What the themes of the operators' half share: the connection, product names, pages, what can be wrong with a wish."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Generic, TypeVar

from rating.database import Connection, Database, Row
from rating.decks import DeckCache
from rating.directory import Directory
from rating.store import network

T = TypeVar("T")

PAGE = 50
PAGE_MAX = 1000
AMOUNT_DIGITS = 15


class NotFoundError(LookupError):
    """There is no such thing; the message names it."""


class ConflictError(ValueError):
    """It cannot be done as things are: the thing is there already, or in use; the message says what to do."""


class InputError(ValueError):
    """What was asked for cannot be right; the message says how to write it."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A piece of a listing. ``next`` is passed as ``after`` for the piece that follows; None: this was the last."""

    items: tuple[T, ...]
    next: str | None = None


def page_of(rows: list[T], limit: int, cursor: Callable[[T], str]) -> Page[T]:
    """The page of a listing that was asked for one row more than ``limit``."""
    items = tuple(rows[:limit])
    return Page(items, cursor(items[-1]) if len(rows) > limit else None)


def checked_limit(limit: int) -> int:
    """Raises InputError when a page may not have so many rows."""
    if not 1 <= limit <= PAGE_MAX:
        raise InputError(f"a page has 1 to {PAGE_MAX} rows, not {limit}")
    return limit


def build(kind: type[T], row: Mapping[str, Any]) -> T:
    """A dataclass of a row that has a column for each of its fields; the database's 0 and 1 become False and True."""
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        value = row[field.name]
        if field.type is bool:
            value = bool(value)
        elif isinstance(value, Decimal):  # what SUM makes of integers
            value = int(value)
        values[field.name] = value
    return kind(**values)


def build_all(kind: type[T], rows: list[Row]) -> tuple[T, ...]:
    return tuple(build(kind, row) for row in rows)


def known(row: Row | None, what: str) -> Row:
    """The row. Raises NotFoundError when there is none."""
    if row is None:
        raise NotFoundError(f"there is no {what}")
    return row


class Operators:
    """``_slow`` has time for long statements; ``_changed`` makes this process read anew what it keeps in memory."""

    def __init__(
        self,
        database: Database,
        pepper: bytes,
        directory: Directory,
        decks: DeckCache,
        clock_us: Callable[[], int],
    ) -> None:
        self._slow = database
        self._issue_pepper = pepper
        self._changed = directory.expire
        self._compiled = decks
        self._now_us = clock_us

    def _product_id(self, product: int | str) -> int:
        """Raises NotFoundError when there is no product of that name."""
        if isinstance(product, int):
            return product
        return int(known(network.product_id(self._slow, product), f"product {product!r}")["product_id"])

    def _in_transaction(self, work: Callable[[Connection], T]) -> T:
        """Runs ``work`` in a transaction, then has this process read its directory anew."""
        result = self._slow.transaction(work)
        self._changed()
        return result
