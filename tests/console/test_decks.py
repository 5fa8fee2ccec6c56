"""``cardswitch decks``: check, dry run, import, list."""

from pathlib import Path

from tests.console.conftest import Run

HEADER = "prefix,destination,rate_per_minute"


def rates(file: Path, *rows: str) -> Path:
    file.write_text("\n".join([HEADER, *rows, ""]))
    return file


def version_of(run: Run, name: str) -> int | None:
    """Of the ledger's deck; None when there is none."""
    versions = {deck["name"]: deck["version"] for deck in run("decks", "list", "--json").document}
    return versions.get(name)


def test_a_deck_is_imported_and_a_dry_run_changes_nothing(run: Run, tmp_path: Path) -> None:
    old = rates(tmp_path / "old.csv", "44,United Kingdom,0.02", "33,France,0.02", "49,Germany,0.02")
    new = rates(tmp_path / "new.csv", "44,United Kingdom,0.03", "33,France,0.02", "34,Spain,0.02")
    options = ("--name", "shop", "--currency", "USD")
    assert run("decks", "import", old, *options, "--dry-run").out.splitlines()[0] == (
        "3 new, 0 dearer, 0 cheaper, 0 changed, 0 gone, 0 as before"
    )
    assert version_of(run, "shop") is None
    assert run("decks", "import", old, *options).out == "deck shop: version 1 with 3 prefixes is in effect\n"
    assert run("decks", "import", new, *options, "--dry-run").out.splitlines() == [
        "1 new, 1 dearer, 0 cheaper, 0 changed, 1 gone, 1 as before",
        "new      34              Spain                            0.020000 1/1",
        "dearer   44              United Kingdom                   0.020000 1/1 → 0.030000 1/1",
        "gone     49              Germany                          0.020000 1/1",
    ]
    assert version_of(run, "shop") == 1
    assert run("decks", "import", new, *options).out == "deck shop: version 2 with 3 prefixes is in effect\n"


def test_a_deck_with_errors_changes_nothing(run: Run, tmp_path: Path) -> None:
    wrong = rates(tmp_path / "rates.csv", "44,United Kingdom,0.02", "44,United Kingdom,0.03", "x,France,y")
    ended = run("decks", "import", wrong, "--name", "broken", "--currency", "USD")
    assert ended.status == 1
    assert ended.err.splitlines() == [
        "cardswitch: rates.csv, line 3: prefix 44 appears twice, on lines 2 and 3 of rates.csv",
        "rates.csv, line 4: prefix 'x' must be 1 to 15 digits",
        "rates.csv, line 4: rate_per_minute 'y' is not an amount; write digits with a point, as 0.25",
    ]
    assert version_of(run, "broken") is None


def test_a_deck_is_checked_without_a_ledger(run: Run, tmp_path: Path) -> None:
    old = rates(tmp_path / "old.csv", "44,United Kingdom,0.02")
    new = rates(tmp_path / "new.csv", "44,United Kingdom,0.01")
    assert run("decks", "check", new, "--against", old).out.splitlines() == [
        "new.csv: 1 prefixes, 1 destinations, no errors",
        "0 new, 0 dearer, 1 cheaper, 0 changed, 0 gone, 0 as before",
        "cheaper  44              United Kingdom                   0.020000 1/1 → 0.010000 1/1",
    ]
    missing = run("decks", "check", tmp_path / "missing.csv")
    assert (missing.status, missing.err) == (
        1,
        f"cardswitch: {tmp_path}/missing.csv: No such file or directory\n",
    )
