"""Arabic, modern standard, written without vowel signs.

ICU 72 does not know the polarity of Arabic numerals (three to ten take the opposite gender of the thing counted) and
mixes the genders of eleven to nineteen; the rules below are ours, in ICU's rule language. "One" and "two" are said by
the noun itself, in the singular and the dual. Sentences keep the counted thing in the nominative.
"""

from mediasrv.prompts.pack import CurrencyNouns, Pack, noun

# Thousands and millions are masculine things themselves: they are counted by %masculine in both rule sets.
_HUNDREDS_AND_UP = """
100: مئة[ و>>];
200: مئتا;
201: مئتان و>>;
300: ثلاثمئة[ و>>];
400: أربعمئة[ و>>];
500: خمسمئة[ و>>];
600: ستمئة[ و>>];
700: سبعمئة[ و>>];
800: ثمانمئة[ و>>];
900: تسعمئة[ و>>];
1000: ألف[ و>>];
2000: ألفا;
2001: ألفان و>>;
3000: <%masculine< آلاف[ و>>];
11000/1000: <%masculine< ألف[ و>>];
1000000: مليون[ و>>];
2000000: مليونا;
2000001: مليونان و>>;
3000000: <%masculine< ملايين[ و>>];
11000000/1000000: <%masculine< مليون[ و>>];
1000000000: مليار[ و>>];
2000000000: مليارا;
2000000001: ملياران و>>;
3000000000: <%masculine< مليارات[ و>>];
11000000000/1000000000: <%masculine< مليار[ و>>];
"""

_TENS = """
20: [>> و]عشرون;
30: [>> و]ثلاثون;
40: [>> و]أربعون;
50: [>> و]خمسون;
60: [>> و]ستون;
70: [>> و]سبعون;
80: [>> و]ثمانون;
90: [>> و]تسعون;
"""

_RULES = f"""
%masculine:
صفر; واحد; اثنان; ثلاثة; أربعة; خمسة; ستة; سبعة; ثمانية; تسعة; عشرة;
أحد عشر; اثنا عشر; ثلاثة عشر; أربعة عشر; خمسة عشر; ستة عشر; سبعة عشر; ثمانية عشر; تسعة عشر;
{_TENS}{_HUNDREDS_AND_UP}
%feminine:
صفر; واحدة; اثنتان; ثلاث; أربع; خمس; ست; سبع; ثماني; تسع; عشر;
إحدى عشرة; اثنتا عشرة; ثلاث عشرة; أربع عشرة; خمس عشرة; ست عشرة; سبع عشرة; ثماني عشرة; تسع عشرة;
20: عشرون;
21: إحدى وعشرون;
22: >> وعشرون;
30: ثلاثون;
31: إحدى وثلاثون;
32: >> وثلاثون;
40: أربعون;
41: إحدى وأربعون;
42: >> وأربعون;
50: خمسون;
51: إحدى وخمسون;
52: >> وخمسون;
60: ستون;
61: إحدى وستون;
62: >> وستون;
70: سبعون;
71: إحدى وسبعون;
72: >> وسبعون;
80: ثمانون;
81: إحدى وثمانون;
82: >> وثمانون;
90: تسعون;
91: إحدى وتسعون;
92: >> وتسعون;
{_HUNDREDS_AND_UP}
"""

PACK = Pack(
    code="ar",
    voice="ar",
    words_per_minute=140,
    rule_sets={"": "%masculine", "m": "%masculine", "f": "%feminine"},
    rules=_RULES,
    whole_hundreds_apart=True,
    minute=noun("f", one="دقيقة واحدة", two="دقيقتان", few="{n} دقائق", other="{n} دقيقة"),
    second=noun("f", one="ثانية واحدة", two="ثانيتان", few="{n} ثوان", other="{n} ثانية"),
    currencies={
        "USD": CurrencyNouns(
            noun("m", one="دولار واحد", two="دولاران", few="{n} دولارات", many="{n} دولارا", other="{n} دولار"),
            noun("m", one="سنت واحد", two="سنتان", few="{n} سنتات", many="{n} سنتا", other="{n} سنت"),
        ),
        "EUR": CurrencyNouns(
            noun("m", one="يورو واحد", two="يورو اثنان", other="{n} يورو"),
            noun("m", one="سنت واحد", two="سنتان", few="{n} سنتات", many="{n} سنتا", other="{n} سنت"),
        ),
        "GBP": CurrencyNouns(
            noun(
                "m",
                one="جنيه إسترليني واحد",
                two="جنيهان إسترلينيان",
                few="{n} جنيهات إسترلينية",
                many="{n} جنيها إسترلينيا",
                other="{n} جنيه إسترليني",
            ),
            noun("m", one="بنس واحد", two="بنسان", few="{n} بنسات", many="{n} بنسا", other="{n} بنس"),
        ),
        "MXN": CurrencyNouns(
            noun("m", one="بيزو مكسيكي واحد", two="بيزو مكسيكي اثنان", other="{n} بيزو مكسيكي"),
            noun("m", one="سنتافو واحد", two="سنتافو اثنان", other="{n} سنتافو"),
        ),
    },
    part_joined="و{part}",
    point="فاصلة",
    star="نجمة",
    pound="مربع",
    texts={
        "welcome": "أهلا وسهلا.",
        "language_choice": "للغة العربية، اضغط {key}.",
        "pin_ask": "من فضلك، أدخل الرقم السري، ثم اضغط مفتاح المربع.",
        "language_not_offered": "اللغة التي اخترتها غير متوفرة في بطاقتك.",
        "language_fee": "التكلفة الإضافية لكل اتصال بنا بهذه اللغة هي {amount}.",
        "language_fee_choice": "للموافقة، اضغط 1. للمتابعة بلغة أخرى دون تكلفة إضافية، اضغط 2.",
        "balance": "رصيدك هو {amount}.",
        "balance_low": "رصيدك منخفض.",
        "surcharge": "التكلفة الإضافية لكل مكالمة عبر رقم الدخول هذا هي {amount}.",
        "destination_ask": "من فضلك، اطلب الرقم الذي تريد الاتصال به، ثم اضغط مفتاح المربع. "
        "للاستماع مرة أخرى، اضغط مفتاح النجمة.",
        "destination_next": "لمكالمة أخرى، اطلب الرقم، ثم اضغط مفتاح المربع.",
        "destination_redial": "لإعادة الاتصال بالرقم الأخير، اضغط مفتاح المربع فقط.",
        "destination_services": "للخدمات الأخرى، اضغط صفر، ثم مفتاح المربع.",
        "minutes": "لديك {minutes} لهذه المكالمة.",
        "seconds": "لديك {seconds} لهذه المكالمة.",
        "connecting": "من فضلك انتظر، يجري توصيل مكالمتك.",
        "nothing_heard": "لم نستلم أي رقم.",
        "key_wrong": "هذا الاختيار غير موجود.",
        "too_many_tries": "لم نتمكن من فهم ما أدخلته.",
        "refusal_no_rate": "لا يمكن الاتصال بهذه الوجهة بهذه البطاقة.",
        "refusal_no_credit": "رصيدك لا يكفي لهذه المكالمة.",
        "refusal_no_route": "لا يمكن الوصول إلى هذه الوجهة حاليا.",
        "refusal_bad_number": "رقم الهاتف هذا غير صحيح. من فضلك، اطلبه مع رمز البلد.",
        "refusal_blocked_destination": "المكالمات إلى هذه الوجهة غير مسموحة.",
        "refusal_emergency": "لا يمكن الاتصال بأرقام الطوارئ والأرقام القصيرة عبر هذه الخدمة. "
        "من فضلك، أغلق الخط واطلب الرقم مباشرة من هاتفك.",
        "refusal_unknown_card": "هذه البطاقة غير معروفة.",
        "refusal_card_inactive": "هذه البطاقة غير مفعلة.",
        "refusal_card_blocked": "هذه البطاقة موقوفة. من فضلك، راجع المتجر الذي اشتريتها منه.",
        "refusal_card_expired": "انتهت صلاحية هذه البطاقة.",
        "refusal_card_exhausted": "نفد رصيد هذه البطاقة.",
        "refusal_call_limit": "تجري الآن مكالمة أخرى بهذه البطاقة.",
        "refusal_velocity": "أجريت مكالمات كثيرة جدا بهذه البطاقة. من فضلك، حاول لاحقا.",
        "refusal_wrong_pin": "الرقم السري غير صحيح.",
        "refusal_locked": "أدخل الرقم السري خطأ مرات كثيرة. من فضلك، حاول لاحقا.",
        "refusal_not_refillable": "لا يمكن إعادة شحن هذه البطاقة.",
        "refusal_voucher_used": "هذه القسيمة غير صالحة.",
        "refusal_ani_taken": "لا يمكن تسجيل هذا الهاتف في هذه البطاقة.",
        "refusal_unknown_hold": "لم نتمكن من إجراء مكالمتك.",
        "refusal_hold_used": "لم نتمكن من إجراء مكالمتك.",
        "call_completed": "انتهت مكالمتك.",
        "call_busy": "الرقم مشغول.",
        "call_no_answer": "لا أحد يجيب.",
        "call_rejected": "رفضت مكالمتك.",
        "call_wrong_number": "هذا الرقم غير مستخدم.",
        "call_unreachable": "لا يمكن الوصول إلى هذا الرقم حاليا.",
        "call_credit_used_up": "انتهت مكالمتك لأن رصيدك نفد.",
        "call_longest": "انتهت مكالمتك لأنها بلغت أطول مدة مسموحة.",
        "option_refill": "لإعادة شحن بطاقتك بقسيمة، اضغط {key}.",
        "option_other_card": "لاستخدام بطاقة أخرى، اضغط {key}.",
        "option_other_number": "للاتصال برقم آخر، اضغط {key}.",
        "option_balance": "لمعرفة رصيدك، اضغط {key}.",
        "option_language": "لتغيير اللغة، اضغط {key}.",
        "option_speed_dial": "لحفظ الرقم الأخير للاتصال السريع، اضغط {key}.",
        "option_register": "لاستخدام هذا الهاتف دون رقم سري من الآن، اضغط {key}.",
        "option_back": "للرجوع، اضغط {key}.",
        "voucher_ask": "من فضلك، أدخل رقم القسيمة، ثم اضغط مفتاح المربع.",
        "voucher_done": "شكرا. تم شحن بطاقتك.",
        "voucher_is_no_card": "هذا رقم قسيمة لإعادة شحن البطاقة. من فضلك، استخدم الرقم السري لبطاقتك.",
        "register_offer": "لاستخدام هذا الهاتف دون رقم سري من الآن، اضغط 1، ولن نسألك عنه مرة أخرى. للمتابعة، اضغط 2.",
        "register_done": "تم تسجيل هذا الهاتف. لن نسألك عن الرقم السري مرة أخرى.",
        "speed_dial_ask": "اضغط المفتاح الذي تريد حفظ الرقم عليه، من 1 إلى 9. سيتم استبدال أي رقم محفوظ عليه من قبل.",
        "speed_dial_done": "تم حفظ الرقم. للاتصال به، اضغط {key}، ثم مفتاح المربع.",
        "speed_dial_empty": "لا يوجد رقم محفوظ على هذا المفتاح.",
        "apology": "نعتذر. الخدمة غير متوفرة حاليا. من فضلك، اتصل لاحقا.",
        "goodbye": "مع السلامة.",
        "warning": "رصيدك على وشك النفاد. ستنتهي هذه المكالمة قريبا.",
        "demo_gateway": "هذه بوابة العرض. أنت متصل الآن، وهذا الصوت هو الطرف الآخر من مكالمتك. أغلق الخط متى شئت.",
    },
)
