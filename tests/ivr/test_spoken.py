"""Money and minutes as they are spoken, in all languages."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasrv.prompts.catalogue import LANGUAGES, PROMPTS, load, mistakes
from mediasrv.prompts.phrase import Minutes, Money, Phrase, Seconds, Spelled, say
from mediasrv.prompts.render import example
from mediasrv.prompts.spoken import SPELLED_MAX, counted, numeral, segments, text_of
from rating.outcome import Refusal

MINUTES = """
en 0        | zero minutes
en 1        | one minute
en 2        | two minutes
en 5        | five minutes
en 11       | eleven minutes
en 21       | twenty-one minutes
en 100      | one hundred minutes
en 1000     | one thousand minutes
es 1        | un minuto
es 2        | dos minutos
es 5        | cinco minutos
es 11       | once minutos
es 21       | veintiún minutos
es 100      | cien minutos
es 101      | ciento un minutos
es 1000     | mil minutos
es 1000000  | un millón de minutos
fr 0        | zéro minute
fr 1        | une minute
fr 2        | deux minutes
fr 5        | cinq minutes
fr 11       | onze minutes
fr 21       | vingt-et-une minutes
fr 100      | cent minutes
fr 1000     | mille minutes
fr 1000000  | un million de minutes
de 1        | eine Minute
de 2        | zwei Minuten
de 5        | fünf Minuten
de 11       | elf Minuten
de 21       | einundzwanzig Minuten
de 100      | einhundert Minuten
de 1000     | eintausend Minuten
ru 0        | ноль минут
ru 1        | одна минута
ru 2        | две минуты
ru 5        | пять минут
ru 11       | одиннадцать минут
ru 21       | двадцать одна минута
ru 22       | двадцать две минуты
ru 100      | сто минут
ru 1000     | одна тысяча минут
pt 1        | um minuto
pt 2        | dois minutos
pt 5        | cinco minutos
pt 11       | onze minutos
pt 21       | vinte e um minutos
pt 100      | cem minutos
pt 1000     | mil minutos
ar 0        | صفر دقيقة
ar 1        | دقيقة واحدة
ar 2        | دقيقتان
ar 3        | ثلاث دقائق
ar 5        | خمس دقائق
ar 8        | ثماني دقائق
ar 10       | عشر دقائق
ar 11       | إحدى عشرة دقيقة
ar 12       | اثنتا عشرة دقيقة
ar 15       | خمس عشرة دقيقة
ar 21       | إحدى وعشرون دقيقة
ar 22       | اثنتان وعشرون دقيقة
ar 23       | ثلاث وعشرون دقيقة
ar 100      | مئة دقيقة
ar 101      | مئة دقيقة ودقيقة واحدة
ar 102      | مئة دقيقة ودقيقتان
ar 103      | مئة وثلاث دقائق
ar 200      | مئتا دقيقة
ar 1000     | ألف دقيقة
ar 2000     | ألفا دقيقة
ar 5000     | خمسة آلاف دقيقة
ar 11000    | أحد عشر ألف دقيقة
hi 1        | एक मिनट
hi 2        | दो मिनट
hi 5        | पाँच मिनट
hi 11       | ग्यारह मिनट
hi 21       | इक्कीस मिनट
hi 100      | एक सौ मिनट
hi 1000     | एक हज़ार मिनट
zh 1        | 一分钟
zh 2        | 两分钟
zh 5        | 五分钟
zh 11       | 十一分钟
zh 12       | 十二分钟
zh 21       | 二十一分钟
zh 100      | 一百分钟
zh 102      | 一百零二分钟
zh 1000     | 一千分钟
"""

MONEY = """
en 0.00 USD    | Your balance is zero dollars
en 0.01 USD    | Your balance is one cent
en 0.50 USD    | Your balance is fifty cents
en 1.00 USD    | Your balance is one dollar
en 1.01 USD    | Your balance is one dollar and one cent
en 4.50 USD    | Your balance is four dollars and fifty cents
en 21.11 GBP   | Your balance is twenty-one pounds and eleven pence
en 1.01 GBP    | Your balance is one pound and one penny
en 100.00 EUR  | Your balance is one hundred euros
en 1.00 MXN    | Your balance is one Mexican peso
en 4.50 CHF    | Your balance is four point five zero Swiss francs
en 5.00 JPY    | Your balance is five Japanese yen
en 1.234 KWD   | Your balance is one point two three four Kuwaiti dinars
es 1.01 USD    | Su saldo es de un dólar con un centavo
es 21.21 USD   | Su saldo es de veintiún dólares con veintiún centavos
es 21.01 GBP   | Su saldo es de veintiuna libras con un penique
es 200.00 GBP  | Su saldo es de doscientas libras
es 11.02 EUR   | Su saldo es de once euros con dos céntimos
es 1.00 CHF    | Su saldo es de un franco suizo
fr 1.01 EUR    | Votre crédit : un euro et un centime
fr 0.50 USD    | Votre crédit : cinquante centimes
fr 21.00 GBP   | Votre crédit : vingt-et-une livres
fr 1000.00 USD | Votre crédit : mille dollars
de 1.01 EUR    | Ihr Guthaben: ein Euro und ein Cent
de 21.50 USD   | Ihr Guthaben: einundzwanzig Dollar und fünfzig Cent
de 1.02 GBP    | Ihr Guthaben: ein Pfund und zwei Pence
ru 1.01 USD    | Ваш баланс: один доллар один цент
ru 2.22 USD    | Ваш баланс: два доллара двадцать два цента
ru 5.11 USD    | Ваш баланс: пять долларов одиннадцать центов
ru 21.21 RUB   | Ваш баланс: двадцать один рубль двадцать одна копейка
ru 22.05 EUR   | Ваш баланс: двадцать два евро пять центов
ru 21.00 MXN   | Ваш баланс: двадцать одно мексиканское песо
ru 4.50 CHF    | Ваш баланс: четыре запятая пять ноль швейцарского франка
pt 1.01 USD    | Seu saldo é de um dólar e um centavo
pt 22.02 GBP   | Seu saldo é de vinte e duas libras e dois pence
pt 21.21 BRL   | Seu saldo é de vinte e um reais e vinte e um centavos
ar 1.01 USD    | رصيدك هو دولار واحد وسنت واحد
ar 2.02 USD    | رصيدك هو دولاران وسنتان
ar 5.05 USD    | رصيدك هو خمسة دولارات وخمسة سنتات
ar 11.11 USD   | رصيدك هو أحد عشر دولارا وأحد عشر سنتا
ar 21.50 USD   | رصيدك هو واحد وعشرون دولارا وخمسون سنتا
ar 100.00 USD  | رصيدك هو مئة دولار
ar 3.00 GBP    | رصيدك هو ثلاثة جنيهات إسترلينية
hi 1.01 USD    | आपका बैलेंस: एक डॉलर और एक सेंट
hi 2.02 INR    | आपका बैलेंस: दो रुपये और दो पैसे
hi 1.01 INR    | आपका बैलेंस: एक रुपया और एक पैसा
zh 2.02 USD    | 您的余额是两美元两美分
zh 12.12 USD   | 您的余额是十二美元十二美分
zh 4.50 CHF    | 您的余额是四点五零瑞士法郎
"""


def rows(table: str) -> list[tuple[str, str, str]]:
    found = []
    for line in table.strip().splitlines():
        left, _, spoken = line.partition("|")
        language, _, value = left.strip().partition(" ")
        found.append((language, value.strip(), spoken.strip()))
    return found


@pytest.mark.parametrize(("language", "count", "spoken"), rows(MINUTES))
def test_minutes(language: str, count: str, spoken: str) -> None:
    pack = load(language)
    assert counted(pack, int(count), pack.minute) == spoken


@pytest.mark.parametrize(("language", "amount", "spoken"), rows(MONEY))
def test_money(language: str, amount: str, spoken: str) -> None:
    number, currency = amount.split()
    whole, _, part = number.partition(".")
    micros = int(whole) * 1_000_000 + int(part.ljust(6, "0"))
    assert text_of(say("balance", amount=Money(micros, currency)), language) == spoken


def test_money_is_rounded_down_to_the_cent_and_never_negative() -> None:
    assert text_of(say("balance", amount=Money(1_999_999, "USD")), "en").endswith("one dollar and ninety-nine cents")
    assert text_of(say("balance", amount=Money(-1, "USD")), "en").endswith("zero dollars")


def test_keys_are_said_one_by_one() -> None:
    assert text_of(say("option_back", key=Spelled("107*#")), "en") == "To go back, press one zero seven star pound"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_complete(language: str) -> None:
    pack = load(language)
    assert list(mistakes(pack)) == []
    assert {"USD", "EUR", "GBP", "MXN"} <= pack.currencies.keys()
    for prompt in PROMPTS:
        assert text_of(example(prompt), language)
        assert "{" not in text_of(example(prompt), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_words(language: str) -> None:
    for refusal in Refusal:
        assert text_of(Phrase(f"refusal_{refusal.value.lower()}"), language)


def test_an_incomplete_language_is_told_what_it_lacks() -> None:
    pack = load("en")
    texts = {**pack.texts, "balance": "Your balance is unknown.", "ballance": "?"}
    del texts["goodbye"]
    pack = type(pack)(**{**{name: getattr(pack, name) for name in pack.__slots__}, "texts": texts})
    assert sorted(mistakes(pack)) == [
        "the text 'balance' must have the blanks ('amount',), it has ()",
        "the text 'ballance' is not in the catalogue",
        "the text 'goodbye' is missing",
    ]


def test_a_phrase_falls_into_recordable_segments() -> None:
    spoken = segments(say("balance", amount=Money(4_500_000, "USD")), "en")
    assert [(piece.name, piece.text) for piece in spoken] == [
        ("balance", "Your balance is,"),
        ("usd-4", "four dollars,"),
        ("and-usd-part-50", "and fifty cents."),
    ]


@settings(deadline=None)
@given(language=st.sampled_from(LANGUAGES), count=st.integers(0, SPELLED_MAX))
def test_every_number_has_words_without_digits(language: str, count: int) -> None:
    pack = load(language)
    for gender in pack.rule_sets:
        words = numeral(pack, count, gender)
        assert words
        assert not any(character.isdecimal() for character in words)
        assert "\u00ad" not in words
    assert text_of(say("minutes", minutes=Minutes(count)), language)
    assert text_of(say("seconds", seconds=Seconds(count)), language)


@settings(deadline=None)
@given(language=st.sampled_from(["en", "es", "de", "ru", "zh"]), one=st.integers(0, 10**9), other=st.integers(0, 10**9))
def test_two_numbers_never_sound_the_same(language: str, one: int, other: int) -> None:
    pack = load(language)
    assert (numeral(pack, one) == numeral(pack, other)) == (one == other)
