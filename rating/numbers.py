"""Dialled numbers and CallerIDs, as people and carriers write them, to E.164 digits without "+".

In order: separators are dropped; short and emergency numbers are decided by the table ``ShortNumbers``; "+" and the
international prefix (the country's own, and "00") make an international number; what is left is national or E.164
without "+". Which of the two is tried first depends on the country: where national numbers are dialled with a prefix
("0" in Germany), digits without it are taken for E.164 first; where they have none (United States, Spain, Italy), for
national numbers first. With no country ("") there are no national numbers: all digits are E.164.

Numbers must have a length their country knows. Whether a range is in service is not asked: the rate deck decides
what can be called, and new ranges would be refused by yesterday's tables.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber, PhoneNumberFormat, ValidationResult

from rating.outcome import Refusal

RAW_MAX = 64  # characters; longer user parts are not numbers
SHORT_MAX = 6  # digits; national numbers can be as short, so the country's table of short numbers is asked

_SEPARATORS = str.maketrans("", "", " -.()/\u00a0")
_DIALLED = re.compile(r"\+?[0-9]{1,24}", re.ASCII)
_PLAIN_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ShortNumbers:
    """The policy for numbers that are not telephone numbers.

    Emergency and short service numbers are never carried: a card call has no known location and may end when the
    balance does. ``emergency`` holds in every country, beside the country's own; ``carried`` maps (country, dialled)
    to the E.164 number called instead, for an operator's own short codes.
    """

    emergency: frozenset[str] = frozenset({"112", "911", "999", "000"})
    carried: tuple[tuple[str, str, str], ...] = ()

    def decide(self, digits: str, country: str) -> str | Refusal | None:
        """The number called instead, EMERGENCY (a number that is not carried), or None: not a short number."""
        for where, dialled, number in self.carried:
            if (where, dialled) == (country, digits):
                return number
        if digits in self.emergency or (country and phonenumbers.is_emergency_number(digits, country)):
            return Refusal.EMERGENCY
        if country and len(digits) <= SHORT_MAX and _is_short_number(digits, country):
            return Refusal.EMERGENCY
        return None


NO_SHORT_NUMBERS_CARRIED = ShortNumbers()


@lru_cache(maxsize=8192)
def normalise_dnis(dialled: str, country: str, policy: ShortNumbers = NO_SHORT_NUMBERS_CARRIED) -> str | Refusal:
    """E.164 digits of a number as dialled in ``country`` (ISO 3166 alpha-2, or "" for none).

    "011442071234567" in "US", "0044 20 7123 4567", "+442071234567" and "020 7123 4567" in "GB" all give
    "442071234567". A trailing "#" is dropped. Returns BAD_NUMBER or EMERGENCY when it cannot be called.
    """
    plain = _plain(dialled.rstrip("#"))
    if plain is None:
        return Refusal.BAD_NUMBER
    short = policy.decide(plain.removeprefix("+"), country.upper())
    if short is not None:
        return short
    return _to_e164(plain, country.upper()) or Refusal.BAD_NUMBER


@lru_cache(maxsize=8192)
def normalise_ani(raw: str, country: str) -> str | None:
    """E.164 digits of a CallerID as a trunk of ``country`` sends it (the user part); parameters after ";" are dropped.

    None when it is withheld ("anonymous", "restricted", …) or not a number of a possible length.
    """
    plain = _plain(raw.split(";", 1)[0])
    return None if plain is None else _to_e164(plain, country.upper())


def country_of(number: str) -> str:
    """ISO 3166 alpha-2 of the main country of E.164 digits, "" when there is none (satellites, freephone)."""
    parsed = _parse("+" + number, None)
    region = phonenumbers.region_code_for_number(parsed) if parsed else None
    return region if region and region != "001" else ""


def _plain(text: str) -> str | None:
    """Digits with or without "+" in front; None when the text has anything else."""
    if len(text) > RAW_MAX:
        return None
    plain = text.translate(_SEPARATORS)
    return plain if _DIALLED.fullmatch(plain) else None


def _to_e164(plain: str, country: str) -> str | None:
    if _PLAIN_E164.fullmatch(plain):
        return _e164(_possible(_parse(plain, None)))
    metadata = PhoneMetadata.metadata_for_region(country) if country else None
    international = _without_international_prefix(plain, metadata)
    if international is not None:
        return _e164(_possible(_parse("+" + international, None)))
    candidates = [number for number in _readings(plain, country, metadata) if number is not None]
    for number in candidates:
        if phonenumbers.is_valid_number(number):
            return _e164(number)
    # None is known to be in service: take the first of a possible length (test numbers, ranges newer than the tables).
    return next((_e164(number) for number in candidates if _possible(number)), None)


def _without_international_prefix(plain: str, metadata: PhoneMetadata | None) -> str | None:
    """What follows "+" or the international prefix; None when there is none."""
    if plain.startswith("+"):
        return plain[1:]
    own = re.match(metadata.international_prefix, plain) if metadata and metadata.international_prefix else None
    if own:
        return plain[own.end() :]
    if plain.startswith("00"):
        return plain[2:]
    return plain[3:] if metadata is None and plain.startswith("011") else None


def _readings(plain: str, country: str, metadata: PhoneMetadata | None) -> Iterator[PhoneNumber | None]:
    """What digits without an international prefix may mean, the likeliest first."""
    if metadata is None:
        yield _parse("+" + plain, None)
        return
    prefix = metadata.national_prefix
    national_first = prefix is None or prefix == str(metadata.country_code) or plain.startswith(prefix)
    if not national_first:
        yield _parse("+" + plain, None)
    yield _parse(plain, country)
    if national_first:
        yield _parse("+" + plain, None)
    if plain.startswith("011"):  # dialled from habit where it is no prefix; Turin and Leeds came first
        yield _parse("+" + plain[3:], None)


def _parse(text: str, country: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, country)
    except NumberParseException:
        return None


def _possible(number: PhoneNumber | None) -> PhoneNumber | None:
    if number is None:
        return None
    return number if phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE else None


def _e164(number: PhoneNumber | None) -> str | None:
    if number is None:
        return None
    digits = phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:]
    return digits if len(digits) <= 15 else None


def _is_short_number(digits: str, country: str) -> bool:
    number = PhoneNumber(country_code=phonenumbers.country_code_for_region(country), national_number=int(digits))
    return bool(phonenumbers.is_valid_short_number_for_region(number, country))
