"""``cardswitch deck``: check, dry run, import, list."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rating.deck_command import deck_app
from rating.settings import DatabaseSettings

HEADER = "prefix,destination,rate_per_minute"
runner = CliRunner()


@pytest.fixture
def config(ledger: DatabaseSettings, tmp_path: Path) -> Path:
    (tmp_path / "pepper").write_bytes(b"p" * 32)
    file = tmp_path / "cardswitch.toml"
    file.write_text(
        f"""
        [node]
        name = "test"
        [database]
        unix_socket = "{ledger.unix_socket}"
        user = "{ledger.user}"
        password = "{ledger.password}"
        name = "{ledger.name}"
        [secrets]
        pepper_file = "{tmp_path}/pepper"
        [journal]
        directory = "{tmp_path}/journal"
        [decks]
        cache_directory = "{tmp_path}/decks"
        """
    )
    return file


def run(*arguments: str | Path) -> Result:
    return runner.invoke(deck_app, [str(argument) for argument in arguments])


def rates(file: Path, *rows: str) -> Path:
    file.write_text("\n".join([HEADER, *rows, ""]))
    return file


def test_a_deck_is_imported_and_a_dry_run_changes_nothing(config: Path, tmp_path: Path) -> None:
    old = rates(tmp_path / "old.csv", "44,United Kingdom,0.02", "33,France,0.02", "49,Germany,0.02")
    new = rates(tmp_path / "new.csv", "44,United Kingdom,0.03", "33,France,0.02", "34,Spain,0.02")
    options = ("--name", "retail", "--currency", "USD", "--config", config)
    assert run("import", old, *options, "--dry-run").stdout.splitlines()[0] == (
        "3 new, 0 dearer, 0 cheaper, 0 changed, 0 gone, 0 as before"
    )
    assert run("list", "--config", config).stdout == ""
    assert run("import", old, *options).stdout == "deck retail: version 1 with 3 prefixes is in effect\n"
    assert run("import", new, *options, "--dry-run").stdout.splitlines() == [
        "1 new, 1 dearer, 0 cheaper, 0 changed, 1 gone, 1 as before",
        "new      34              Spain                            0.020000 1/1",
        "dearer   44              United Kingdom                   0.020000 1/1 → 0.030000 1/1",
        "gone     49              Germany                          0.020000 1/1",
    ]
    assert "version 1 " in run("list", "--config", config).stdout
    assert run("import", new, *options).stdout == "deck retail: version 2 with 3 prefixes is in effect\n"


def test_a_deck_with_errors_changes_nothing(config: Path, tmp_path: Path) -> None:
    wrong = rates(tmp_path / "rates.csv", "44,United Kingdom,0.02", "44,United Kingdom,0.03", "x,France,y")
    ended = run("import", wrong, "--name", "retail", "--currency", "USD", "--config", config)
    assert ended.exit_code == 1
    assert ended.stderr.splitlines() == [
        "rates.csv, line 3: prefix 44 appears twice, on lines 2 and 3 of rates.csv",
        "rates.csv, line 4: prefix 'x' must be 1 to 15 digits",
        "rates.csv, line 4: rate_per_minute 'y' is not an amount; write digits with a point, as 0.25",
    ]
    assert run("list", "--config", config).stdout == ""


def test_a_deck_is_checked_without_a_ledger(tmp_path: Path) -> None:
    old = rates(tmp_path / "old.csv", "44,United Kingdom,0.02")
    new = rates(tmp_path / "new.csv", "44,United Kingdom,0.01")
    assert run("check", new, "--against", old).stdout.splitlines() == [
        "new.csv: 1 prefixes, 1 destinations, no errors",
        "0 new, 0 dearer, 1 cheaper, 0 changed, 0 gone, 0 as before",
        "cheaper  44              United Kingdom                   0.020000 1/1 → 0.010000 1/1",
    ]
    missing = run("check", tmp_path / "missing.csv")
    assert (missing.exit_code, missing.stderr) == (
        1,
        f"cannot read {tmp_path}/missing.csv: No such file or directory\n",
    )
