"""How far a caller has come, for the metrics: where callers are, where they give up, and how their keys come in."""

from collections import Counter
from collections.abc import Iterable

from mediasrv.prompts.phrase import Phrase

WELCOME, CALL = "welcome", "call"
CALLER, PLATFORM = "caller", "platform"
OPTION = "option_"  # prompts of menus

# The prompts that begin a stage. What is said in between (refusals, amounts) belongs to the stage it is said in.
_BEGINS = {
    "language_choice": "language",
    "pin_ask": "pin",
    "language_fee_choice": "language_fee",
    "balance": "balance",
    "destination_ask": "destination",
    "destination_next": "destination",
    "connecting": "connecting",
    "voucher_ask": "voucher",
    "register_offer": "register",
    "speed_dial_ask": "speed_dial",
    "goodbye": "goodbye",
}
MENU = "menu"
STAGES = tuple(dict.fromkeys((WELCOME, *_BEGINS.values(), MENU, CALL)))


class Progress:
    """Of one caller. ``left_by`` is empty until somebody hangs up."""

    def __init__(self) -> None:
        self.stage = WELCOME
        self.left_by = ""
        self.keys: Counter[str] = Counter()

    def says(self, phrases: Iterable[Phrase]) -> None:
        """The stage moves on with what is said."""
        for phrase in phrases:
            self.stage = MENU if phrase.prompt.startswith(OPTION) else _BEGINS.get(phrase.prompt, self.stage)

    def connects(self) -> None:
        self.stage = CALL

    def leaves(self, *, caller_gone: bool) -> None:
        self.left_by = CALLER if caller_gone else PLATFORM
