"""The examples in sql/examples print what is written beside them.

After a change that is meant: CARDSWITCH_WRITE_EXAMPLES=1 pytest tests/ledger/test_examples.py, and read the difference.
"""

import os
from pathlib import Path

import pymysql
import pytest

from rating.database import Database
from rating.migrate import SQL_DIRECTORY
from rating.settings import DatabaseSettings

EXAMPLES = sorted((SQL_DIRECTORY / "examples").glob("*.sql"))


def run(database: Database, text: str) -> str:
    """Every statement, as written, and below it the rows or the error it gave. Blank lines separate statements."""
    parts = []
    for statement in text.strip().split("\n\n"):
        sql = "\n".join(line for line in statement.splitlines() if not line.startswith("--"))
        parts.append(statement)
        if sql:
            parts.append(result_of(database, sql))
    return "\n\n".join(part for part in parts if part) + "\n"


def result_of(database: Database, sql: str) -> str:
    try:
        rows = database.rows(sql)
    except pymysql.MySQLError as error:
        return f"=> {error.args[1]}"
    lines = [" | ".join(map(str, row.values())) for row in rows]
    return "\n".join(f"=> {line}" for line in ([" | ".join(rows[0]), *lines] if rows else []))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_what_is_written_beside_it(ledger: DatabaseSettings, example: Path) -> None:
    printed = run(Database(ledger), example.read_text()).replace(f"`{ledger.name}`", "`cardswitch`")
    expected = example.with_suffix(".out")
    if os.environ.get("CARDSWITCH_WRITE_EXAMPLES"):
        expected.write_text(printed)
    assert printed == expected.read_text()


def test_there_are_examples() -> None:
    assert EXAMPLES
