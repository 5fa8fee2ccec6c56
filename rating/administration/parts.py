"""Numbers as operators search for them: whole, or a part at the beginning or at the end.

``442071234567`` is the whole number, ``44207*`` the numbers that begin so, ``*4567`` those that end so. Spaces, dashes
and a leading "+" do no harm. A part in the middle cannot be looked for: no index finds it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from rating.administration.base import InputError

ENDING_MIN = 3  # shorter ones fit so many numbers that nobody would find theirs
_SEPARATORS = str.maketrans("", "", " -.()/\u00a0+")
_PART = re.compile(r"(?P<ends>\*?)(?P<digits>[0-9]{1,20})(?P<begins>\*?)", re.ASCII)


class PartKind(StrEnum):
    """Which part of a number the digits are."""

    WHOLE = "whole"
    BEGINS = "begins"
    ENDS = "ends"


@dataclass(frozen=True, slots=True)
class Part:
    """Digits, and where in the number they stand."""

    kind: PartKind
    digits: str

    @property
    def is_whole(self) -> bool:
        return self.kind is PartKind.WHOLE

    @property
    def like(self) -> str:
        """The pattern for LIKE on the column that is searched: numbers that end so are searched backwards."""
        return f"{self.digits[::-1] if self.kind is PartKind.ENDS else self.digits}%"


def parse_part(text: str, what: str = "number") -> Part:
    """The part that an operator wrote. Raises InputError; ``what`` is what the error calls it."""
    found = _PART.fullmatch(text.strip().translate(_SEPARATORS))
    if found is None or (found["ends"] and found["begins"]):
        raise InputError(f"{text!r} is not a {what}; write digits, 44207* for a beginning or *4567 for an ending")
    if found["ends"] and len(found["digits"]) < ENDING_MIN:
        raise InputError(f"{text!r} fits too many: an ending has {ENDING_MIN} digits or more")
    kind = PartKind.ENDS if found["ends"] else PartKind.BEGINS if found["begins"] else PartKind.WHOLE
    return Part(kind, found["digits"])
