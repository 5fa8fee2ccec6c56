"""Numbers as people dial them and carriers send them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.numbers import ShortNumbers, country_of, normalise_ani, normalise_dnis
from rating.outcome import Refusal

DIALLED = """
    | dialled               | country | number         | why |
    | 442071234567          |         | 442071234567   | E.164 without a country |
    | +442071234567         |         | 442071234567   | |
    | +44 (0)20 7123 4567   | US      | 442071234567   | as printed on letters |
    | 00442071234567        |         | 442071234567   | |
    | 011442071234567       |         | 442071234567   | |
    | 00442071234567        | DE      | 442071234567   | |
    | 00442071234567        | US      | 442071234567   | 00 by habit |
    | 011442071234567       | US      | 442071234567   | |
    | 011442071234567#      | US      | 442071234567   | the terminator of the IVR |
    | 0011442071234567      | AU      | 442071234567   | Australia's own prefix |
    | 810442071234567       | RU      | 442071234567   | Russia's own prefix |
    | 011442071234567       | DE      | 442071234567   | 011 by habit |
    | 442071234567          | US      | 442071234567   | a carrier's E.164 |
    | 442071234567          | DE      | 442071234567   | no trunk prefix: E.164 comes first |
    | 020 7123 4567         | GB      | 442071234567   | |
    | 0113 496 0123         | GB      | 441134960123   | Leeds, not an international prefix |
    | 011 562 1234          | IT      | 390115621234   | Turin keeps its zero |
    | 212-555-0123          | US      | 12125550123    | |
    | 1 212 555 0123        | US      | 12125550123    | |
    | (030) 901820          | DE      | 4930901820     | |
    | 912345678             | ES      | 34912345678    | no trunk prefix in Spain |
    | 8 495 123-45-67       | RU      | 74951234567    | |
    | 15551230001           | US      | 15551230001    | a test number: its length is enough |
    | 0170 1234567          | DE      | 491701234567   | |
    | +8001234567890        |         | BAD_NUMBER     | too long for a freephone number |
    | +80012345678          |         | 80012345678    | international freephone |
    | 911                   | US      | EMERGENCY      | |
    | 112                   | DE      | EMERGENCY      | |
    | 112                   |         | EMERGENCY      | everywhere |
    | +112                  | US      | EMERGENCY      | |
    | 110                   | DE      | EMERGENCY      | |
    | 411                   | US      | EMERGENCY      | a short number: not carried |
    | 12                    | US      | BAD_NUMBER     | |
    | 5550123               | US      | BAD_NUMBER     | no area code |
    | 00                    | DE      | BAD_NUMBER     | |
    |                       | US      | BAD_NUMBER     | |
    | +                     | US      | BAD_NUMBER     | |
    | 4420ABC4567           | GB      | BAD_NUMBER     | |
    | +999123456789         | GB      | BAD_NUMBER     | no such country |
    | 4420712345678901234   |         | BAD_NUMBER     | |
    | 442071234567;x=y      |         | BAD_NUMBER     | |
    | ٤٤٢٠٧١٢٣٤٥٦٧          |         | BAD_NUMBER     | |
"""


def rows(text: str) -> list[list[str]]:
    lines = [line.strip() for line in text.strip().split("\n")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines][1:]


@pytest.mark.parametrize(("dialled", "country", "number", "why"), rows(DIALLED))
def test_a_dialled_number(dialled: str, country: str, number: str, why: str) -> None:
    assert normalise_dnis(dialled, country) == number, why


ANI = """
    | raw                            | country | ani          |
    | +12125550123                   | US      | 12125550123  |
    | 12125550123                    |         | 12125550123  |
    | 2125550123                     | US      | 12125550123  |
    | +12125550123;phone-context=x   |         | 12125550123  |
    | 0012125550123                  | DE      | 12125550123  |
    | anonymous                      | US      | -            |
    | Restricted                     | US      | -            |
    | unavailable                    |         | -            |
    |                                | US      | -            |
    | 1001                           |         | -            |
    | +0123                          | US      | -            |
"""


@pytest.mark.parametrize(("raw", "country", "ani"), rows(ANI))
def test_a_caller_id(raw: str, country: str, ani: str) -> None:
    assert normalise_ani(raw, country) == (None if ani == "-" else ani)


def test_an_operators_own_short_code_is_carried() -> None:
    policy = ShortNumbers(carried=(("US", "611", "18005550100"),))
    assert normalise_dnis("611", "US", policy) == "18005550100"
    assert normalise_dnis("611", "US") == Refusal.EMERGENCY


def test_the_country_of_a_number() -> None:
    assert country_of("442071234567") == "GB"
    assert country_of("80012345678") == ""


@given(st.text(max_size=80), st.sampled_from(["", "US", "DE", "IT", "ZZ", "gb"]))
def test_anything_dialled_is_a_number_or_a_refusal(dialled: str, country: str) -> None:
    found = normalise_dnis(dialled, country)
    assert isinstance(found, Refusal) or (found.isascii() and found.isdigit() and 6 <= len(found) <= 15)
    ani = normalise_ani(dialled, country)
    assert ani is None or (ani.isascii() and ani.isdigit())


@given(st.from_regex(r"[+]?[0-9]{1,20}", fullmatch=True), st.sampled_from(["", "US", "DE", "IT", "RU", "BR"]))
def test_a_normalised_number_stays_as_it_is(dialled: str, country: str) -> None:
    found = normalise_dnis(dialled, country)
    if not isinstance(found, Refusal):
        assert normalise_dnis("+" + found, country) in (found, Refusal.EMERGENCY)
