"""The compiled deck against the rule read literally, and its file."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.deck import DeckBuilder, DeckError, DeckRow, DeckTable, DeckTerms, decode_prefix, encode_prefix
from rating.deckfile import Deck, RateMatch, compile_deck, write_deck
from rating.deckhours import When, minute_of_week, parse_days, parse_hours, parse_moment
from rating.outcome import Refusal
from rating.rate import flat_rate

TERMS = DeckTerms("test", "USD", "Europe/Berlin")
CENT = flat_rate(10_000).pack()
BLOCKED = ""
ZONE = TERMS.zone()


def moment(text: str) -> int:
    found = parse_moment(text, ZONE)
    assert found is not None
    return found


NOW = moment("2026-11-22T09:00Z")  # a Sunday, 10:00 in Berlin


def prefix_of(found: RateMatch | Refusal) -> str:
    return found if isinstance(found, Refusal) else found.prefix


def test_the_longest_prefix_wins() -> None:
    deck = Deck.from_rows(
        TERMS, [DeckRow(p, p, CENT) for p in ("44", "4420", "442071", "1", "1242", "999999999999999")]
    )
    looked_up = {
        "442071234567": "442071",
        "442081234567": "4420",
        "441211234567": "44",
        "4420": "4420",
        "442": "44",
        "44": "44",
        "4": "NO_RATE",
        "12125550123": "1",
        "12425550123": "1242",
        "999999999999999": "999999999999999",
        "99999999999999": "NO_RATE",
        "33123456789": "NO_RATE",
    }
    assert {dnis: prefix_of(deck.find(dnis, NOW)) for dnis in looked_up} == looked_up


def test_a_blocked_prefix_refuses_what_its_shorter_prefix_allows() -> None:
    deck = Deck.from_rows(
        TERMS, [("44", "UK", CENT, None, None, "", ""), ("449", "Premium", BLOCKED, None, None, "", "")]
    )
    assert deck.find("4490912345", NOW) == Refusal.BLOCKED_DESTINATION
    assert prefix_of(deck.find("442071234567", NOW)) == "44"


def test_a_rate_that_is_not_in_effect_leaves_the_call_to_the_shorter_prefix() -> None:
    rows = [
        DeckRow("44", "UK", CENT),
        DeckRow("4420", "London from December", CENT, moment("2026-12-01"), None),
        DeckRow("44207", "London in October", CENT, moment("2026-10-01"), moment("2026-11-01")),
        DeckRow("442071", "London on weekdays", CENT, None, None, "Mon-Fri", ""),
    ]
    deck = Deck.from_rows(TERMS, rows)
    assert prefix_of(deck.find("442071234567", NOW)) == "44"
    assert prefix_of(deck.find("442071234567", moment("2026-11-23T09:00Z"))) == "442071"
    assert prefix_of(deck.find("442072234567", moment("2026-10-31T23:59:59+01:00"))) == "44207"
    assert prefix_of(deck.find("442072234567", moment("2026-11-01"))) == "44"
    assert prefix_of(deck.find("442072234567", moment("2026-12-01"))) == "4420"
    assert prefix_of(deck.find("442072234567", moment("2026-12-01") - 1)) == "44"


def test_among_the_rates_of_a_prefix_hours_come_before_the_general_rate_and_later_before_earlier() -> None:
    rows = [
        DeckRow("44", "old", CENT),
        DeckRow("44", "new", CENT, moment("2026-06-01"), None),
        DeckRow("44", "night", CENT, None, None, "", "20:00-06:00"),
    ]
    deck = Deck.from_rows(TERMS, rows)
    names = {}
    for at in ("2026-05-01T12:00", "2026-07-01T12:00", "2026-07-01T20:00", "2026-07-02T05:59", "2026-07-02T06:00"):
        found = deck.find("442071234567", moment(at))
        assert isinstance(found, RateMatch)
        names[at[5:]] = found.destination
    assert list(names.values()) == ["old", "new", "night", "night", "new"]


def test_hours_are_those_of_the_decks_clock_in_summer_and_winter() -> None:
    deck = Deck.from_rows(TERMS, [DeckRow("44", "day", CENT, None, None, "", "08:00-18:00")])
    assert prefix_of(deck.find("442", moment("2026-01-15T07:00Z"))) == "44"
    assert prefix_of(deck.find("442", moment("2026-01-15T06:59Z"))) == "NO_RATE"
    assert prefix_of(deck.find("442", moment("2026-07-15T06:00Z"))) == "44"
    assert prefix_of(deck.find("442", moment("2026-07-15T16:00Z"))) == "NO_RATE"


prefixes = st.text("012", min_size=1, max_size=6) | st.from_regex("[1-9][0-9]{0,14}", fullmatch=True)
whens = st.builds(
    When,
    st.none() | st.integers(NOW - 3, NOW + 3),
    st.none() | st.integers(NOW - 3, NOW + 3),
    st.integers(1, 127),
    st.sampled_from([(), ((0, 600),), ((600, 1440),)]),
)


@given(st.lists(st.tuples(prefixes, whens), max_size=25), st.lists(prefixes, min_size=1), st.integers(NOW - 4, NOW + 4))
@settings(max_examples=300)
def test_lookups_are_those_of_the_rule_read_literally(
    rates: list[tuple[str, When]], numbers: list[str], at_us: int
) -> None:
    builder = DeckBuilder(TERMS)
    for number, (prefix, when) in enumerate(rates):
        builder.add(encode_prefix(prefix), f"{prefix} {number}", CENT, when)
    deck = Deck.from_table(builder.finish())
    weekday, minute = minute_of_week(at_us, ZONE)
    for dnis in numbers:
        fitting = [
            (-len(prefix), when.precedence(), number)
            for number, (prefix, when) in enumerate(rates)
            if dnis.startswith(prefix) and when.holds_at(at_us, weekday, minute)
        ]
        found = deck.find(dnis, at_us)
        if not fitting:
            assert found == Refusal.NO_RATE
        else:
            length, precedence, _ = min(fitting)
            assert isinstance(found, RateMatch)
            assert len(found.prefix) == -length
            assert rates[int(found.destination.split()[1])][1].precedence() == precedence


@given(st.lists(st.tuples(prefixes, whens), max_size=25, unique_by=lambda rate: (rate[0], rate[1].precedence())))
def test_the_table_of_a_compiled_deck_is_the_one_it_was_made_of(rates: list[tuple[str, When]]) -> None:
    builder = DeckBuilder(TERMS)
    for prefix, when in rates:
        builder.add(encode_prefix(prefix), f"to {prefix}", CENT, when)
    table = builder.finish()
    again = Deck.from_table(table).table()
    assert (list(again.rows()), again.terms) == (list(table.rows()), TERMS)


@given(st.from_regex("[0-9]{1,15}", fullmatch=True))
def test_a_prefix_is_coded_and_decoded(prefix: str) -> None:
    assert decode_prefix(encode_prefix(prefix)) == prefix


def test_rows_come_back_as_they_were_stored() -> None:
    rows = [
        DeckRow("44", "UK", CENT),
        DeckRow("4420", "London", CENT, NOW, NOW + 1, "Mon-Fri", "08:00-18:00"),
        DeckRow("449", "Premium", BLOCKED),
    ]
    assert list(DeckTable.from_rows(TERMS, rows).rows()) == rows


def test_a_deck_file_is_replaced_while_an_old_one_is_in_use(tmp_path: Path) -> None:
    file = tmp_path / "retail.deck"
    write_deck(file, DeckTable.from_rows(TERMS, [DeckRow("44", "old", CENT)]))
    old = Deck.open(file)
    write_deck(file, DeckTable.from_rows(TERMS, [DeckRow("44", "Größe 😀", CENT)]))
    new = Deck.open(file)
    found = [deck.find("442071234567", NOW) for deck in (old, new)]
    assert [match.destination for match in found if isinstance(match, RateMatch)] == ["old", "Größe 😀"]
    assert new.terms == TERMS
    assert list(tmp_path.iterdir()) == [file]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    whole = compile_deck(DeckTable.from_rows(TERMS, [DeckRow("44", "UK", CENT)]))
    for damaged in (
        b"",
        b"prefix,destination",
        whole[:-1],
        whole[:40],
        whole + b"x",
        whole.replace(b'format": 2', b'format": 9'),
    ):
        file = tmp_path / "damaged.deck"
        file.write_bytes(damaged)
        with pytest.raises(DeckError, match="compil"):
            Deck.open(file)


def test_an_empty_deck_has_no_rates() -> None:
    assert Deck.from_rows(TERMS, []).find("442071234567", NOW) == Refusal.NO_RATE


@pytest.mark.parametrize(
    ("text", "days"),
    [("", 127), ("Mon", 1), ("Mon-Fri", 31), ("sat,sun", 96), ("Fri-Mon", 0b1110001), ("1-5", 31), ("Monday; 3", 5)],
)
def test_days(text: str, days: int) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("", ()),
        ("08:00-18:00", ((480, 1080),)),
        ("8-18", ((480, 1080),)),
        ("18:00 - 08:00", ((0, 480), (1080, 1440))),
        ("00:00-24:00", ()),
        ("8:00-12:00 13:30-18:00", ((480, 720), (810, 1080))),
        ("8:00-12:00;12:00-18:00", ((480, 1080),)),
    ],
)
def test_hours(text: str, hours: tuple[tuple[int, int], ...]) -> None:
    assert parse_hours(text) == hours
