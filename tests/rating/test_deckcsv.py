"""Decks from CSV: what is read, and what is said about files that are wrong."""

import codecs
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.deck import DeckError, DeckRow, DeckTable, DeckTerms
from rating.deckcsv import DeckImportError, read_deck, read_deck_lines
from rating.deckdiff import ChangeKind, describe, diff_decks
from rating.deckfile import Deck
from rating.deckhours import parse_moment
from rating.rate import Rate, Tier, flat_rate

TERMS = DeckTerms("retail", "USD", "Europe/Berlin")
HEADER = (
    "prefix,destination,rate_per_minute,connect_fee,initial_increment_s,increment_s,"
    "from_second,effective_from,effective_until,days,hours"
)
FIRST_TIER_MISSING = (
    "rates.csv, line 16: prefix 33 begins at from_second 60; "
    "put a row from second 0 with the same dates, days and hours before it"
)


def deck(*rows: str, header: str = HEADER, terms: DeckTerms = TERMS) -> DeckTable:
    return read_deck_lines([f"{line}\r\n" for line in (header, *rows)], terms, "rates.csv")


def problems(*rows: str, header: str = HEADER) -> list[str]:
    with pytest.raises(DeckImportError) as caught:
        deck(*rows, header=header)
    return str(caught.value).split("\n")


def only_rate(table: DeckTable) -> Rate:
    (row,) = table.rows()
    return Rate.unpack(row.rate)


def test_three_columns_are_enough() -> None:
    table = deck("44,United Kingdom,0.012", header="prefix,destination,rate_per_minute")
    assert list(table.rows()) == [DeckRow("44", "United Kingdom", flat_rate(12_000, 1, 1).pack())]


def test_columns_come_in_any_order_and_case() -> None:
    assert only_rate(deck("6,UK,0.01,44", header="Increment_s, Destination ,RATE_PER_MINUTE,prefix")) == flat_rate(
        10_000, 6, 6
    )


@pytest.mark.parametrize(
    ("initial", "increment", "plan"),
    [("30", "6", (30, 6)), ("", "60", (60, 60)), ("60", "", (60, 1)), ("", "", (1, 1))],
)
def test_the_initial_increment_is_like_the_others_unless_said(
    initial: str, increment: str, plan: tuple[int, int]
) -> None:
    assert only_rate(deck(f"44,UK,0.01,,{initial},{increment},,,,,")) == flat_rate(10_000, *plan)


def test_all_columns() -> None:
    (row,) = deck("44,UK,0.01,0.05,30,6,0,2026-12-01,2027-01-01T00:00Z,Mon-Fri,18:00-08:00").rows()
    assert row == DeckRow(
        "44",
        "UK",
        flat_rate(10_000, 30, 6, 50_000).pack(),
        parse_moment("2026-11-30T23:00Z", TERMS.zone()),
        parse_moment("2027-01-01T01:00+01:00", TERMS.zone()),
        "Mon-Fri",
        "00:00-08:00 18:00-24:00",
    )


def test_tiers_are_rows_of_the_same_prefix() -> None:
    table = deck(
        "44,UK,0.10,0.05,60,60,0,,,,", "33,France,0.01,,,,,,,,", "44,UK,0.02,,,1,60,,,,", "44,UK,0.01,,,6,3600,,,,"
    )
    tiers = (Tier(0, 100_000, 60), Tier(60, 20_000, 1), Tier(3600, 10_000, 6))
    assert [Rate.unpack(row.rate) for row in table.rows()] == [flat_rate(10_000), Rate(50_000, 60, tiers)]


def test_a_prefix_may_have_other_rates_at_other_times() -> None:
    table = deck(
        "44,UK,0.10,,,,,,,,", "44,UK,0.08,,,,,,,,20:00-06:00", "44,UK,0.12,,,,,2026-12-01,,,", "44,UK,0.05,,,,60,,,,"
    )
    assert len(table) == 3
    assert table.prefix_count() == 1


def test_a_blocked_prefix_has_no_rate() -> None:
    assert [row.rate for row in deck("4490,Premium,blocked,,,,,,,,").rows()] == [""]


def test_minimum_charge_and_free_grace_of_the_deck_are_in_each_rate() -> None:
    terms = DeckTerms("retail", "USD", "UTC", minimum_charge_micros=20_000, free_grace_s=3)
    assert only_rate(deck("44,UK,0.01,,,,,,,,", terms=terms)) == Rate(0, 1, (Tier(0, 10_000, 1),), 20_000, 3)


def test_every_error_is_reported_with_its_line() -> None:
    rows = ["44207,London,0.01,,,,,,,,"] + [f"1{n:03},US,0.01,,,,,,,," for n in range(2)]
    rows += [
        "44x,UK,0.01,,,,,,,,",
        ",UK,0.01,,,,,,,,",
        "45,,0.01,,,,,,,,",
        '46,Sweden,"0,01",,,,,,,,',
        "47,Norway,,,,,,,,,",
        "48,Poland,-1,,,,,,,,",
        "49,Germany,0.0000001,,0,6.5,x,,,,",
        "43,Austria,0.01,,,,,22.11.2026,,Mo,25:00-26:00",
        "41,Switzerland,0.01,,,,,2026-12-01,2026-12-01,,",
        "40,Romania,0.01",
        "44207,London,0.02,,,,,,,,",
        "33,France,0.01,,,,60,,,,",
        "1234567890123456,Long,0.01,,,,,,,,",
    ]
    assert problems(*rows) == [
        "rates.csv, line 5: prefix '44x' must be 1 to 15 digits",
        "rates.csv, line 6: prefix '' must be 1 to 15 digits",
        "rates.csv, line 7: destination is empty; name the destination",
        "rates.csv, line 8: rate_per_minute '0,01' is not an amount; write it with a point, as 0.25",
        "rates.csv, line 9: rate_per_minute is empty; write 0 for a free call, or blocked",
        "rates.csv, line 10: rate_per_minute -1 must be 0 to 1000000",
        "rates.csv, line 11: from_second 'x' must be whole seconds, 0 to 864000",
        "rates.csv, line 11: increment_s '6.5' must be whole seconds, 1 to 86400",
        "rates.csv, line 11: initial_increment_s '0' must be whole seconds, 1 to 86400",
        "rates.csv, line 11: rate_per_minute '0.0000001' has more than six decimals; the smallest unit is 0.000001",
        "rates.csv, line 12: days: days 'Mo': 'Mo' is not a day; write them as Mon-Fri or Sat,Sun",
        "rates.csv, line 12: effective_from: '22.11.2026' is not a date; write it as 2026-11-22 or 2026-11-22T09:00Z",
        "rates.csv, line 12: hours: hours '25:00-26:00': '25:00' is not a time; write them as 08:00-18:00",
        "rates.csv, line 13: effective_until 2026-12-01 is not after effective_from 2026-12-01",
        "rates.csv, line 14: has 3 fields, the first line has 11; quote names with commas",
        "rates.csv, line 15: prefix 44207 appears twice, on lines 2 and 15 of rates.csv",
        FIRST_TIER_MISSING,
        "rates.csv, line 17: prefix '1234567890123456' must be 1 to 15 digits",
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["44,UK,1,,,,,,,,", "44,UK,2,,,,60,,,,", "44,UK,3,,,,60,,,,"],
         "line 4: prefix 44 appears twice with from_second 60, on lines 3 and 4 of rates.csv"),
        (["44,UK,1,,,,,,,,", "44,UK,2,,,,60,,,,", "44,UK,3,,,,30,,,,"],
         "line 4: prefix 44: from_second 30 follows 60; put the rows in rising order"),
        (["44,UK,1,0.1,,,,,,,", "44,UK,2,0.2,,,60,,,,"],
         "line 3: prefix 44: a call has one connect_fee; leave it empty on later tiers"),
        (["44,UK,1,,,,,,,,", "44,UK,blocked,,,,60,,,,"],
         "line 3: prefix 44 cannot be blocked for a part of the call"),
        (["44,UK,1,,,,,,,Mon-Fri,", "44,UK,2,,,,,,,Fri-Sun,"],
         "line 3: prefix 44 appears twice, on lines 2 and 3 of rates.csv"),
        (["44,UK,1,,,,,,2026-12-01,,", "44,UK,2,,,,,,2027-12-01,,"],
         "line 3: prefix 44 appears twice, on lines 2 and 3 of rates.csv"),
        ([f"44,UK,1,,,,{n},,,," for n in range(9)],
         "line 10: prefix 44 has 9 tiers; at most 8 are possible"),
        (["44,U\x07K,1,,,,,,,,"], "line 2: destination 'U\\x07K' has control characters; take them out"),
        (['44,"UK,1,,,,,,,,'], "line 2: is not CSV (unexpected end of data); nothing after it was read"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_rows_of_a_prefix(rows: list[str], message: str) -> None:
    assert problems(*rows) == [f"rates.csv, {message}"]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("prefix,destination", "line 1: column rate_per_minute is missing; the columns are prefix,destination,"),
        ("prefix,destination,rate_per_minute,conect_fee", "line 1: column 'conect_fee' is not known; the columns are"),
        ("prefix,destination,rate_per_minute,prefix", "line 1: column prefix is there twice; leave one out"),
        ("prefix;destination;rate_per_minute", "line 1: columns are separated by semicolons; separate them by commas"),
    ],
)
def test_a_header_that_is_wrong(header: str, message: str) -> None:
    (problem,) = problems("44,UK,0.01", header=header)
    assert problem.startswith(f"rates.csv, {message}")


def test_a_deck_without_rates_is_an_error() -> None:
    assert problems() == ["rates.csv: has no rates; there must be a row for each prefix"]
    with pytest.raises(DeckImportError, match=r"rates\.csv: is empty; the first line names the columns"):
        read_deck_lines([], TERMS, "rates.csv")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_byte_order_mark_and_line_ends_do_not_matter(tmp_path: Path, mark: bytes, end: bytes) -> None:
    file = tmp_path / "rates.csv"
    file.write_bytes(mark + end.join([HEADER.encode(), "49,Österreich,0.01,,,,,,,,".encode(), b"", b",,,,,,,,,,", b""]))
    assert [row.destination for row in read_deck(file, TERMS).rows()] == ["Österreich"]


def test_other_encodings_are_reported(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_bytes(f"{HEADER}\n44,UK,0.01,,,,,,,,\n43,Österreich,0.01,,,,,,,,\n43x,Ö,1,,,,,,,,\n".encode("latin-1"))
    with pytest.raises(DeckImportError) as caught:
        read_deck(file, TERMS)
    assert str(caught.value).split("\n") == [
        'rates.csv, line 3: destination is not UTF-8; save the file as "CSV UTF-8"',
        'rates.csv, line 4: destination is not UTF-8; save the file as "CSV UTF-8"',
        "rates.csv, line 4: prefix '43x' must be 1 to 15 digits",
    ]
    file.write_bytes(HEADER.encode("utf-16"))
    with pytest.raises(DeckImportError, match="UTF-16"):
        read_deck(file, TERMS)


def test_an_unknown_time_zone_is_an_error() -> None:
    with pytest.raises(DeckError, match="no time zone 'Mars/Base'"):
        deck("44,UK,0.01,,,,,,,,", terms=DeckTerms(time_zone="Mars/Base"))


def test_a_diff_of_two_decks_says_what_is_new_dearer_cheaper_and_gone() -> None:
    old = deck(
        "1,US,0.01,,,,,,,,",
        "33,France,0.02,,,,,,,,",
        "44,UK,0.02,,,,,,,,",
        "49,Germany,0.02,,,,,,,,",
        "7,Russia,0.02,,,,,,,,",
    )
    new = deck(
        "1,US,0.01,,,,,,,,",
        "33,France,0.03,,,,,,,,",
        "44,UK,0.01,,,,,,,,",
        "34,Spain,0.02,,,,,,,,",
        "7,Russia,blocked,,,,,,,,",
    )
    diff = diff_decks(old, new)
    assert diff.unchanged == 1
    assert {kind: [change.prefix for change in found] for kind, found in diff.examples.items()} == {
        ChangeKind.NEW: ["34"],
        ChangeKind.DEARER: ["33"],
        ChangeKind.CHEAPER: ["44"],
        ChangeKind.CHANGED: ["7"],
        ChangeKind.GONE: ["49"],
    }


def test_a_diff_is_described_in_lines() -> None:
    old = deck("33,France,0.02,,,,,,,,", "44,UK,0.02,0.1,60,60,,,,,", "44,UK,0.01,,,1,60,,,,")
    spain = "34,Spain,blocked,,,,,2026-12-01T00:00Z,,Mon-Fri,8-18"
    new = deck("33,France,0.03,,,6,,,,,", spain, "35,P,0,,,,,,,,", "36,H,0,,,,,,,,")
    assert list(describe(diff_decks(old, new, examples_max=2))) == [
        "3 new, 1 dearer, 0 cheaper, 0 changed, 1 gone, 0 as before",
        "new      34              Spain                            blocked from 2026-12-01T00:00Z Mon-Fri 08:00-18:00",
        "new      35              P                                0.000000 1/1",
        "new      … and 1 more",
        "dearer   33              France                           0.020000 1/1 → 0.030000 6/6",
        "gone     44              UK                               0.020000 60/60 + 0.010000 1/1 fee 0.100000",
    ]


def test_longer_increments_make_a_rate_dearer() -> None:
    (change,) = diff_decks(deck("1,US,0.01,,6,6,,,,,"), deck("1,US,0.01,,60,60,,,,,")).examples[ChangeKind.DEARER]
    assert (change.before[0].rate, change.after[0].rate) == ("0,0,0,6;0,10000,6", "0,0,0,60;0,10000,60")


def mostly(*good: str) -> st.SearchStrategy[str]:
    """One of the good values, now and then a bad one."""
    return st.sampled_from(good * 12 + ("x", "-1", "\ud800", '"', "\0", "9" * 40))


ROW = st.tuples(
    mostly("44", "442", "4420", "33", "1"),
    mostly("UK", "France"),
    mostly("0.01", "0.02", "blocked"),
    mostly("", "0.05"),
    mostly("", "60"),
    mostly("", "6"),
    mostly("", "0", "60", "120"),
    mostly("", "2026-12-01", "2026-06-01"),
    mostly("", "2027-01-01"),
    mostly("", "Mon-Fri", "Sat Sun"),
    mostly("", "8-18", "18-8"),
).map(",".join)


@given(st.lists(ROW, max_size=12), st.sampled_from([True] * 9 + [False]))
@settings(max_examples=300)
def test_any_file_is_a_deck_or_has_errors(rows: list[str], has_header: bool) -> None:
    lines = [HEADER, *rows] if has_header else rows
    try:
        table = read_deck_lines([f"{line}\n" for line in lines], TERMS)
    except DeckImportError as error:
        lowest, highest = error.problems[0].line, error.problems[-1].line
    else:
        assert 0 < len(Deck.from_table(table)) <= len(rows)
        return
    assert 0 <= lowest <= highest <= len(lines)
