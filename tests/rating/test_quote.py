"""Quotes, and the command for them."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from rating.deck import DeckTerms
from rating.deckcsv import read_deck_lines
from rating.deckfile import Deck
from rating.outcome import Refusal
from rating.quote import DeckQuote, quote_call
from rating.quote_command import quote_command
from rating.rate import call_cost

HEADER = "prefix,destination,rate_per_minute,connect_fee,initial_increment_s,increment_s,from_second,effective_from"
ROWS = [
    "44,United Kingdom,0.02,,60,60,,",
    "442071,London,0.012,0.05,30,6,,",
    "4490,UK premium,blocked,,,,,",
    "1800,Toll free,0,,,,,",
    "33,France,0.1,,60,60,0,",
    "33,France,0.01,,,1,60,",
    "49,Germany,0.03,,,,,2027-01-01",
]
app = typer.Typer()
app.command()(quote_command)
runner = CliRunner()


@pytest.fixture
def deck_file(tmp_path: Path) -> Path:
    file = tmp_path / "rates.csv"
    file.write_text("\n".join([HEADER, *ROWS, ""]))
    return file


def quote(file: Path, *options: str, balance: str = "10.00", status: int = 0) -> Any:
    ended = runner.invoke(app, ["--deck", str(file), "--balance", balance, "--json", *options])
    assert ended.exit_code == status, ended.output
    return json.loads(ended.stdout)


def test_the_quote_of_a_call(deck_file: Path) -> None:
    answer = quote(deck_file, "--dest", "442071234567", "--seconds", "45", "--at", "2026-11-22T09:00Z")
    assert answer == {
        "prefix": "442071",
        "destination": "London",
        "currency": "USD",
        "connect_fee": "0.050000",
        "minimum_charge": "0.000000",
        "free_grace_s": 0,
        "initial_increment_s": 30,
        "tiers": [{"from_second": 0, "rate_per_minute": "0.012000", "increment_s": 6}],
        "seconds": 45,
        "billable_seconds": 48,
        "charge": "0.059600",
        "max_duration_s": 49_746,
    }


def test_without_seconds_the_longest_call_is_priced(deck_file: Path) -> None:
    answer = quote(deck_file, "--dest", "+44 121 234 5678", "--longest", "3599")
    assert (answer["max_duration_s"], answer["billable_seconds"], answer["charge"]) == (3599, 3600, "1.200000")


def test_tiers_of_a_rate(deck_file: Path) -> None:
    answer = quote(deck_file, "--dest", "0033123456789", "--seconds", "61")
    assert (answer["billable_seconds"], answer["charge"]) == (61, "0.100167")
    assert [tier["from_second"] for tier in answer["tiers"]] == [0, 60]


def test_a_call_that_costs_nothing_has_no_longest_duration(deck_file: Path) -> None:
    answer = quote(deck_file, "--dest", "18005550100", balance="0")
    assert (answer["max_duration_s"], answer["billable_seconds"], answer["charge"]) == (None, None, None)
    assert quote(deck_file, "--dest", "18005550100", "--longest", "60", balance="0")["charge"] == "0.000000"


@pytest.mark.parametrize(
    ("dest", "balance", "refused"),
    [
        ("390612345678", "10", "NO_RATE"),
        ("99912345", "10", "NO_RATE"),
        ("491701234567", "10", "NO_RATE"),  # in effect from 2027
        ("4490123456", "10", "BLOCKED_DESTINATION"),
        ("441212345678", "0.019999", "NO_CREDIT"),
        ("911", "10", "EMERGENCY"),
        ("44 20 CALL ME", "10", "BAD_NUMBER"),
    ],
)
def test_a_refusal_exits_2(deck_file: Path, dest: str, balance: str, refused: str) -> None:
    options = ("--dest", dest, "--at", "2026-11-22T09:00Z")
    assert quote(deck_file, *options, balance=balance, status=2) == {"refused": refused}


def test_terms_of_the_deck_and_a_surcharge(deck_file: Path) -> None:
    options = ("--dest", "441212345678", "--minimum-charge", "0.05", "--free-grace", "5", "--surcharge", "0.01")
    assert quote(deck_file, *options, "--seconds", "4")["charge"] == "0.000000"
    assert quote(deck_file, *options, "--seconds", "5")["charge"] == "0.050000"
    assert quote(deck_file, *options, "--seconds", "181")["charge"] == "0.090000"
    assert quote(deck_file, *options, balance="0.049999", status=2) == {"refused": "NO_CREDIT"}


def test_national_numbers_need_a_country(deck_file: Path) -> None:
    assert quote(deck_file, "--dest", "020 7123 4567", "--country", "GB")["prefix"] == "442071"


def test_people_read_the_same(deck_file: Path) -> None:
    ended = runner.invoke(
        app, ["--deck", str(deck_file), "--balance", "1", "--dest", "33123456789", "--seconds", "9999"]
    )
    assert ended.stdout.splitlines() == [
        "prefix        33  France",
        "rate          0.100000 USD per minute, 60/60 from second 0",
        "              0.010000 USD per minute, 1/1 from second 60",
        "charge        1.756500 USD for 9999 s (9999 s billable)",
        "longest call  5460 s (1:31:00)",
        "              the balance does not pay for 9999 s",
    ]
    ended = runner.invoke(app, ["--deck", str(deck_file), "--balance", "1", "--dest", "7"])
    assert (ended.exit_code, ended.stdout) == (
        2,
        "refused: NO_RATE, no prefix of the deck matches the number at that time\n",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--balance", "1,50"], "'1,50' is not an amount; write it with a point, as 0.25"),
        (["--balance", "-1"], "--balance -1 must be 0 to 1000000000"),
        (["--at", "soon"], "'soon' is not a date; write it as 2026-11-22 or 2026-11-22T09:00Z"),
        (["--time-zone", "Mars"], "no time zone 'Mars'; write it as Europe/Berlin or UTC"),
        (["--deck", "missing.csv"], "cannot read missing.csv: No such file or directory"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_status_1(deck_file: Path, options: list[str], message: str) -> None:
    ended = runner.invoke(app, ["--deck", str(deck_file), "--balance", "1", "--dest", "44", *options])
    assert (ended.exit_code, ended.stderr) == (1, f"{message}\n")


def test_all_errors_of_the_deck_are_shown(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(f"{HEADER}\n44,UK,x,,,,,\n45x,DK,1,,,,,\n")
    ended = runner.invoke(app, ["--deck", str(file), "--balance", "1", "--dest", "44"])
    assert ended.exit_code == 1
    assert ended.stderr.splitlines() == [
        "rates.csv, line 2: rate_per_minute 'x' is not an amount; write digits with a point, as 0.25",
        "rates.csv, line 3: prefix '45x' must be 1 to 15 digits",
    ]


DECK = Deck.from_table(read_deck_lines([HEADER, *ROWS], DeckTerms(minimum_charge_micros=9_000, free_grace_s=3)))


@given(
    st.sampled_from(["442071", "4412", "1800", "331"]),
    st.integers(0, 10**7),
    st.none() | st.integers(1, 9999),
    st.integers(0, 20_000),
)
def test_what_is_held_pays_for_the_whole_call_and_is_never_above_the_balance(
    dnis: str, available: int, longest: int | None, surcharge: int
) -> None:
    found = quote_call(DECK, dnis, 0, available, longest, surcharge_micros=surcharge)
    if found == Refusal.NO_CREDIT:
        plain = DECK.find(dnis, 0)
        assert not isinstance(plain, Refusal)
        assert call_cost(plain.rate.with_surcharge(surcharge), 3) > available
    else:
        assert isinstance(found, DeckQuote)
        assert found.hold_micros <= available
        if found.limit_s is not None:
            assert call_cost(found.match.rate, found.limit_s) == found.hold_micros
