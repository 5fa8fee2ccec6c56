"""Languages: every one says everything, with the same values in it."""

import re
from pathlib import Path

import pytest

from console.web.drawing import Series, chart, nice_top
from console.web.texts import DEFAULT, Texts

TEXTS = Texts.load()
WEB = Path(__file__).parents[2] / "console" / "web"


@pytest.mark.parametrize("code", sorted(set(TEXTS.languages) - {DEFAULT}))
def test_a_language_says_what_english_says(code: str) -> None:
    english, other = TEXTS.languages[DEFAULT].words, TEXTS.languages[code].words
    assert set(other) == set(english)
    for key, words in english.items():
        assert sorted(re.findall(r"\{\w+\}", words)) == sorted(re.findall(r"\{\w+\}", other[key])), key
        assert other[key].strip(), key


def test_every_word_that_is_used_is_there() -> None:
    """Keys are written out in templates and routes, but for those put together from a state, kind, …"""
    known = TEXTS.languages[DEFAULT].words
    text = "".join(file.read_text() for file in [*WEB.glob("templates/*.html"), *WEB.glob("pages/*.py")])
    used = set(re.findall(r"""\bt\(\s*["']([a-z_]+\.[A-Za-z_]+)["'][,)]""", text))
    assert used <= set(known), used - set(known)
    assert len(used) > 100


@pytest.mark.parametrize(
    ("code", "micros", "whole", "shown"),
    [
        ("en", 5_000_000, False, "$5.00"),
        ("en", 4_999_999, False, "$4.99"),
        ("en", 44_300, True, "$0.0443"),
        ("en", -1_250_000, False, "-$1.25"),
        ("es", 1_234_500_000, False, "1.234,50\u00a0US$"),
    ],
)
def test_money_is_written_as_the_language_does_and_never_rounded_up(
    code: str, micros: int, whole: bool, shown: str
) -> None:
    assert TEXTS.languages[code].amount(micros, "USD", whole=whole) == shown


def test_the_language_is_the_cookies_then_the_browsers_then_english() -> None:
    assert TEXTS.choose("es", "en").code == "es"
    assert TEXTS.choose("", "fr-FR, es-MX;q=0.9, en").code == "es"
    assert TEXTS.choose("xx", "ja").code == "en"


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (0.03, 0.04), (1, 1), (7, 10), (11, 20), (37, 40), (480, 500), (1001, 2000)]
)
def test_charts_end_at_a_round_figure(value: float, top: float) -> None:
    assert nice_top(value) == pytest.approx(top)


def test_charts_carry_no_style_and_escape_what_they_are_given() -> None:
    drawn = str(chart("<title>", ["<a>", "b"], [Series("x", "tone1", (1, -2)), Series("y", "tone2", (0, 3))]))
    assert "style" not in drawn
    assert "<a>" not in drawn
    assert "<title>" not in drawn
    assert drawn.count("<rect") == 3
