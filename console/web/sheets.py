"""What is downloaded to be opened in a spreadsheet."""

import csv
import io
from collections.abc import Iterable
from typing import Any

FORMULA = frozenset("=+-@\t\r\n")


def csv_line(cells: Iterable[Any]) -> str:
    """A line of CSV whose cells no spreadsheet takes for a formula."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([harmless(cell) for cell in cells])
    return text.getvalue()


def harmless(cell: Any) -> Any:
    """A text that begins like a formula gets an apostrophe in front; numbers are left as they are."""
    if not isinstance(cell, str) or not cell or cell[0] not in FORMULA:
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def attachment(name: str) -> dict[str, str]:
    """The headers of a download; the name has letters, digits, dots, dashes and spaces only."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}
