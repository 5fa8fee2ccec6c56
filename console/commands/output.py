"""How commands show what they found: one JSON document, a table on a terminal, aligned columns elsewhere."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from rich.table import Table

from console import show
from rating.administration import Page
from rating.money import format_amount


class Column(NamedTuple):
    """A heading, and the text of a cell. ``right``: numbers stand at the right."""

    heading: str
    text: Callable[[Any], str]
    right: bool = False


def column(heading: str, name: str, *, right: bool = False) -> Column:
    """A field as it is; nothing for None."""
    return Column(heading, lambda item: _plain(getattr(item, name)), right)


def amount(heading: str, name: str) -> Column:
    """A field of micro-units in the item's currency."""

    def text(item: Any) -> str:
        micros = getattr(item, name)
        return "" if micros is None else format_amount(micros, item.currency)

    return Column(heading, text, right=True)


def moment(heading: str, name: str) -> Column:
    """A field of epoch microseconds, in UTC."""
    return Column(heading, lambda item: when(getattr(item, name)))


def when(at_us: int | None) -> str:
    """``2026-11-22 12:00:00Z``; nothing for None and 0."""
    return f"{datetime.fromtimestamp(at_us // 1_000_000, UTC):%Y-%m-%d %H:%M:%S}Z" if at_us else ""


def print_rows(rows: Iterable[Any], columns: Sequence[Column], *, as_json: bool, nothing: str = "none") -> None:
    """A whole listing."""
    items = list(rows)
    if as_json:
        print_json([document(item) for item in items])
    else:
        _print_table(items, columns, nothing)


def print_page(page: Page[Any], columns: Sequence[Column], *, as_json: bool, nothing: str = "none") -> None:
    """A page of a listing: in JSON ``items`` and ``next``."""
    if as_json:
        print_json({"items": [document(item) for item in page.items], "next": page.next})
        return
    _print_table(page.items, columns, nothing)
    if page.next is not None:
        show.plain(f"… more: --after {page.next}")


def print_fields(item: Any, fields: Mapping[str, str], *, as_json: bool) -> None:
    """One thing: its JSON document, or a line for each of the fields."""
    if as_json:
        print_json(document(item))
        return
    width = max(map(len, fields))
    for name, text in fields.items():
        show.plain(f"{name:<{width}}  {text}".rstrip())


def print_done(result: Mapping[str, Any], sentence: str, *, as_json: bool) -> None:
    """What a command did."""
    if as_json:
        print_json(dict(result))
    else:
        show.plain(sentence)


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def document(item: Any) -> Any:
    """The item as JSON can hold it."""
    return asdict(item) if is_dataclass(item) and not isinstance(item, type) else item


def _print_table(items: Sequence[Any], columns: Sequence[Column], nothing: str) -> None:
    if not items:
        show.plain(nothing)
        return
    cells = [[column.text(item) for column in columns] for item in items]
    if show.terminal.is_terminal:
        table = Table()
        for each in columns:
            table.add_column(each.heading, justify="right" if each.right else "left", overflow="fold")
        for row in cells:
            table.add_row(*map(_escaped, row))
        show.terminal.print(table)
        return
    lines = [[each.heading for each in columns], *cells]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        show.plain("  ".join(_padded(*cell) for cell in zip(line, widths, columns, strict=True)).rstrip())


def _padded(text: str, width: int, of: Column) -> str:
    return text.rjust(width) if of.right else text.ljust(width)


def _escaped(text: str) -> str:
    """What came from outside is not markup."""
    return text.replace("[", "\\[")


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(_plain, value)) if isinstance(value, tuple) else str(value)
