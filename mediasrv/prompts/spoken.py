"""From phrases to words: numerals that agree with their nouns, in every language.

ICU spells the numeral (in the noun's gender), Babel chooses the noun's plural form by CLDR rules, the language's pack
has the nouns. Why not num2words, and where ICU is wrong: docs/decisions/spoken-numbers.md.

A phrase becomes segments: the parts of its text between the blanks, and one for each counted thing. Each segment has
a name under which a recording may lie (``balance``, ``usd-4``, ``minutes-12``), and its words for the speech engine.
"""

import string
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.numbers import get_currency_name, get_currency_precision
from icu import Locale as IcuLocale
from icu import RuleBasedNumberFormat, URBNFRuleSetTag

from mediasrv.prompts.catalogue import load
from mediasrv.prompts.pack import CurrencyNouns, Noun, Pack
from mediasrv.prompts.phrase import Minutes, Money, Phrase, Seconds, Spelled, Value

SPELLED_MAX = 10**15 - 1  # ICU's rules for the larger numbers differ between languages; no amount is larger
_PAUSES = " .,;:!?。，：،؟।"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of speech: ``name`` of its recording, ``text`` for the speech engine."""

    name: str
    text: str


@lru_cache(maxsize=4096)
def segments(phrase: Phrase, language: str) -> tuple[Segment, ...]:
    """The phrase in ``language`` (its own language wins). Raises KeyError for an unknown prompt, blank or language."""
    return tuple(_with_pauses(_pieces(phrase, load(phrase.language or language))))


def text_of(phrase: Phrase, language: str) -> str:
    """The whole phrase as one line of text, for transcripts and ``prompts play``."""
    pack = load(phrase.language or language)
    return pack.space.join(piece.text for piece in _pieces(phrase, pack))


def _pieces(phrase: Phrase, pack: Pack) -> list[Segment]:
    values = dict(phrase.values)
    pieces: list[Segment] = []
    literals = 0
    for literal, blank, _, _ in string.Formatter().parse(pack.texts[phrase.prompt]):
        if literal.strip(_PAUSES):
            literals += 1
            pieces.append(Segment(_literal_name(phrase.prompt, literals), literal.strip()))
        if blank is not None:
            pieces.extend(_value_segments(pack, values[blank]))
    return pieces


def numeral(pack: Pack, count: int, gender: str = "") -> str:
    """``count`` in words, agreeing with a noun of ``gender``. Raises ValueError outside 0 … 10^15 − 1."""
    if not 0 <= count <= SPELLED_MAX:
        raise ValueError(f"cannot say {count}")
    spelled: str = _speller(pack.code, pack.rule_sets.get(gender, pack.rule_sets[""])).format(count)
    return spelled.replace("\u00ad", "")  # ICU marks where a word may be hyphenated; speech engines pause there


def counted(pack: Pack, count: int, thing: Noun) -> str:
    """A number of things: "one minute", "двадцать одна минута", "خمس دقائق"."""
    hundreds, rest = count - count % 100, count % 100
    if pack.whole_hundreds_apart and hundreds and rest in (1, 2):
        return f"{counted(pack, hundreds, thing)} و{counted(pack, rest, thing)}"
    category = Locale(pack.code).plural_form(count)
    return thing.form(category).format(n=numeral(pack, count, thing.gender))


def _value_segments(pack: Pack, value: Value) -> list[Segment]:
    match value:
        case Minutes(count):
            return [Segment(f"minutes-{count}", counted(pack, count, pack.minute))]
        case Seconds(count):
            return [Segment(f"seconds-{count}", counted(pack, count, pack.second))]
        case Spelled(keys):
            return [Segment(f"digit-{_KEY_NAMES.get(key, key)}", _key(pack, key)) for key in keys]
        case Money(micros, currency):
            return _money(pack, max(0, micros), currency)


def _money(pack: Pack, micros: int, currency: str) -> list[Segment]:
    nouns = pack.currencies.get(currency)
    if nouns is None or nouns.part is None:
        return _plain_money(pack, micros, currency, nouns)
    whole, part = divmod(micros // 10_000, 100)
    lower = currency.lower()
    if not part:
        return [Segment(f"{lower}-{whole}", counted(pack, whole, nouns.unit))]
    cents = counted(pack, part, nouns.part)
    if not whole:
        return [Segment(f"{lower}-part-{part}", cents)]
    joined = pack.part_joined.format(part=cents)
    return [
        Segment(f"{lower}-{whole}", counted(pack, whole, nouns.unit)),
        Segment(f"and-{lower}-part-{part}", joined),
    ]


def _plain_money(pack: Pack, micros: int, currency: str, nouns: CurrencyNouns | None) -> list[Segment]:
    """A currency whose hundredth has no word here: "four point five zero Swiss francs", with CLDR's names."""
    precision = min(get_currency_precision(currency), 6)
    whole, part = divmod(micros // 10 ** (6 - precision), 10**precision)
    if not part:
        # The gender of CLDR's name is not known; most names of currencies are masculine where it matters.
        name = get_currency_name(currency, whole, pack.code)
        words = counted(pack, whole, nouns.unit) if nouns else pack.space.join((numeral(pack, whole, "m"), name))
        return [Segment(f"{currency.lower()}-{whole}", words)]
    decimals = f"{part:0{precision}d}"
    # A number with decimals has a plural category of its own: "4,50 швейцарского франка".
    name = get_currency_name(currency, Decimal(f"{whole}.{decimals}"), pack.code)
    spoken = (numeral(pack, whole), pack.point, *(_key(pack, digit) for digit in decimals), name)
    return [Segment(f"{currency.lower()}-{whole}-{decimals}", pack.space.join(spoken))]


_KEY_NAMES = {"*": "star", "#": "pound"}


def _key(pack: Pack, key: str) -> str:
    if key in _KEY_NAMES:
        return pack.star if key == "*" else pack.pound
    return numeral(pack, int(key))


def _literal_name(prompt: str, number: int) -> str:
    # Not "minutes-2": that is the number of two minutes.
    return prompt if number == 1 else f"{prompt}_{number}"


def _with_pauses(pieces: list[Segment]) -> list[Segment]:
    """A comma keeps the voice up inside a sentence, a full stop lets it fall at the end."""
    ends = [","] * (len(pieces) - 1) + ["."]
    return [
        piece if piece.text[-1] in _PAUSES else Segment(piece.name, piece.text + end)
        for piece, end in zip(pieces, ends, strict=True)
    ]


@lru_cache(maxsize=256)
def _speller(language: str, rule_set: str) -> RuleBasedNumberFormat:
    rules = load(language).rules
    locale = IcuLocale(language)
    speller = RuleBasedNumberFormat(rules, locale) if rules else RuleBasedNumberFormat(URBNFRuleSetTag.SPELLOUT, locale)
    speller.setDefaultRuleSet(rule_set)
    return speller
