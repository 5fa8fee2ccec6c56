"""Every prompt by its name: what its blanks hold. The texts are in ``mediasrv/prompts/languages``.

A language that lacks a prompt, or whose text has other blanks than stand here, fails when it is loaded (``load``).
"""

import string
from collections.abc import Iterable
from functools import cache
from importlib import import_module

from mediasrv.prompts.pack import Pack

LANGUAGES = ("en", "es", "fr", "de", "ru", "pt", "ar", "hi", "zh")

PROMPTS: dict[str, tuple[str, ...]] = {
    # The way in
    "welcome": (),
    "language_choice": ("key",),
    "pin_ask": (),
    "language_not_offered": (),
    "language_fee": ("amount",),
    "language_fee_choice": (),
    # Balance and destination
    "balance": ("amount",),
    "balance_low": (),
    "surcharge": ("amount",),
    "destination_ask": (),
    "destination_next": (),
    "destination_redial": (),
    "destination_services": (),
    "minutes": ("minutes",),
    "seconds": ("seconds",),
    "connecting": (),
    # What went wrong with an answer
    "nothing_heard": (),
    "key_wrong": (),
    "too_many_tries": (),
    # Why not: one for every rating.outcome.Refusal
    "refusal_no_rate": (),
    "refusal_no_credit": (),
    "refusal_no_route": (),
    "refusal_bad_number": (),
    "refusal_blocked_destination": (),
    "refusal_emergency": (),
    "refusal_unknown_card": (),
    "refusal_card_inactive": (),
    "refusal_card_blocked": (),
    "refusal_card_expired": (),
    "refusal_card_exhausted": (),
    "refusal_call_limit": (),
    "refusal_velocity": (),
    "refusal_wrong_pin": (),
    "refusal_locked": (),
    "refusal_not_refillable": (),
    "refusal_voucher_used": (),
    "refusal_ani_taken": (),
    "refusal_unknown_hold": (),
    "refusal_hold_used": (),
    # How the call ended: one for every BridgeOutcome that needs words
    "call_completed": (),
    "call_busy": (),
    "call_no_answer": (),
    "call_rejected": (),
    "call_wrong_number": (),
    "call_unreachable": (),
    "call_credit_used_up": (),
    "call_longest": (),
    # Out of credit, vouchers, registration, services
    "option_refill": ("key",),
    "option_other_card": ("key",),
    "option_other_number": ("key",),
    "option_balance": ("key",),
    "option_language": ("key",),
    "option_speed_dial": ("key",),
    "option_register": ("key",),
    "option_back": ("key",),
    "voucher_ask": (),
    "voucher_done": (),
    "voucher_is_no_card": (),
    "register_offer": (),
    "register_done": (),
    "speed_dial_ask": (),
    "speed_dial_done": ("key",),
    "speed_dial_empty": (),
    # The end
    "apology": (),
    "goodbye": (),
    # Not the conversation's: played into running calls by the keeper; said by the demo's gateway
    "warning": (),
    "demo_gateway": (),
}


def blanks(text: str) -> tuple[str, ...]:
    """The names of the blanks of a text, in order: ``blanks("It costs {amount}.") == ("amount",)``."""
    return tuple(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


@cache
def load(language: str) -> Pack:
    """The pack of a language. Raises KeyError for an unknown one, ValueError for an incomplete one."""
    if language not in LANGUAGES:
        raise KeyError(f"no such language: {language!r} (there are {', '.join(LANGUAGES)})")
    pack: Pack = import_module(f"mediasrv.prompts.languages.{language}").PACK
    if wrong := list(mistakes(pack)):
        raise ValueError(f"mediasrv/prompts/languages/{language}.py: " + "; ".join(wrong))
    return pack


def mistakes(pack: Pack) -> Iterable[str]:
    """What is wrong with a language's texts, one sentence each; nothing when all is well."""
    for name in PROMPTS.keys() - pack.texts.keys():
        yield f"the text {name!r} is missing"
    for name in pack.texts.keys() - PROMPTS.keys():
        yield f"the text {name!r} is not in the catalogue"
    for name, wanted in PROMPTS.items():
        if name in pack.texts and sorted(blanks(pack.texts[name])) != sorted(wanted):
            yield f"the text {name!r} must have the blanks {wanted}, it has {blanks(pack.texts[name])}"
