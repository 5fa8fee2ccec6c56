"""What a language has to bring: its voice, its nouns with their plural forms, and its texts."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Noun:
    """A counted thing. ``forms`` maps CLDR plural categories to texts with the numeral at ``{n}``.

    A form may do without ``{n}``: the Arabic singular and dual say the number themselves. ``other`` must be there and
    stands in for categories that are not. ``gender`` is a key of ``Pack.rule_sets``.
    """

    gender: str
    forms: Mapping[str, str]

    def form(self, category: str) -> str:
        return self.forms.get(category, self.forms["other"])


def noun(gender: str, *, other: str, **forms: str) -> Noun:
    """``noun("m", one="{n} dólar", other="{n} dólares")``"""
    return Noun(gender, {"other": other, **forms})


@dataclass(frozen=True, slots=True)
class CurrencyNouns:
    """The unit and its hundredth; ``part`` None: fractions of this currency are spoken as decimals."""

    unit: Noun
    part: Noun | None = None


@dataclass(frozen=True, slots=True)
class Pack:
    """One language. ``rule_sets`` maps genders to ICU spell-out rule sets; the key "" is for plain counting."""

    code: str  # as in products and access numbers: "en", "zh"
    voice: str  # of espeak-ng
    words_per_minute: int
    rule_sets: Mapping[str, str]
    minute: Noun
    second: Noun
    currencies: Mapping[str, CurrencyNouns]
    part_joined: str  # how cents follow dollars: "and {part}"
    point: str  # the decimal point as a word
    star: str  # the keys "*" and "#" as words
    pound: str
    texts: Mapping[str, str]
    space: str = " "  # between words
    rules: str = field(default="", repr=False)  # own RBNF rules where those of ICU are wrong
    whole_hundreds_apart: bool = False  # Arabic: 101 dollars are "a hundred dollars and a dollar"
