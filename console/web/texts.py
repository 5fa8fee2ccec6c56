"""The pages' words: one TOML file a language beside this one, numbers and times by the language's habits (CLDR).

A new language is a new file: ``languages/en.toml`` is the pattern, and a test says what is missing in another.
"""

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_datetime
from babel.numbers import format_currency, format_decimal

from rating.money import to_decimal

DIRECTORY = Path(__file__).with_name("languages")
DEFAULT = "en"


@dataclass(frozen=True, slots=True)
class Language:
    """One language. ``words`` by dotted key."""

    code: str
    name: str  # in itself
    locale: Locale
    words: dict[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, with values in the place of ``{name}``. Raises KeyError for a key that is not there."""
        text = self.words[key]
        return text.format(**values) if values else text

    def maybe(self, key: str, otherwise: str) -> str:
        return self.words.get(key, otherwise)

    def amount(self, micros: int, currency: str, *, whole: bool = False, places: int = 2) -> str:
        """Money as people write it, cut to ``places`` (2 to 6); ``whole``: with all six if they say anything."""
        exact = whole and micros % 10_000 != 0
        if not exact and micros >= 0:
            micros -= micros % 10 ** (6 - places)  # a balance is never shown higher than it is
        decimals = "0.00####" if exact else f"0.{'0' * places}"
        pattern = self.locale.currency_formats["standard"].pattern.replace("0.00", decimals)
        return str(
            format_currency(to_decimal(micros), currency, format=pattern, locale=self.locale, currency_digits=False)
        )

    def number(self, value: int) -> str:
        return str(format_decimal(value, locale=self.locale))

    def time(self, at_us: int | None) -> str:
        """Date and time, UTC."""
        if not at_us:
            return "–"
        moment = datetime.fromtimestamp(at_us // 1_000_000, UTC)
        return str(format_datetime(moment, "short", tzinfo=UTC, locale=self.locale)).replace("\u202f", " ")


class Texts:
    """All languages there are."""

    def __init__(self, languages: dict[str, Language]) -> None:
        self.languages = languages

    @classmethod
    def load(cls, directory: Path = DIRECTORY) -> "Texts":
        return cls({file.stem: _language(file) for file in sorted(directory.glob("*.toml"))})

    def choose(self, wanted: str, accepted: str) -> Language:
        """The language of the cookie, else the first of Accept-Language that there is, else English."""
        if wanted in self.languages:
            return self.languages[wanted]
        for part in accepted.split(","):
            code = part.split(";")[0].strip().lower().split("-")[0]
            if code in self.languages:
                return self.languages[code]
        return self.languages[DEFAULT]


def _language(file: Path) -> Language:
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return Language(file.stem, str(tables.pop("name")), Locale.parse(file.stem), dict(_flat(tables)))


def _flat(tables: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tables.items():
        found += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, str(value))]
    return found
