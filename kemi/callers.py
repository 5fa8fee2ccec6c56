"""Who is calling: trunk, ANI, and how far it is believed."""

import re
from dataclasses import dataclass

from kemi import ksr
from rating.model import Trunk
from rating.numbers import normalise_ani

_USER = re.compile(r"<?\s*(?:sips?|tel):([^@;>\s]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Caller:
    """``ani`` is E.164 digits, None when withheld or not a number. ``trusted``: the trunk is entitled to assert it."""

    trunk: Trunk
    ani: str | None
    trusted: bool
    attestation: str = ""  # "A", "B", "C", "" when not signed
    privacy: bool = False


def identify(trunk: Trunk) -> Caller:
    """P-Asserted-Identity counts on a trunk that may assert it (RFC 3325), then From."""
    asserted = ksr.header("P-Asserted-Identity") if trunk.ani_trusted else None
    ani = number_in(asserted, trunk.country) or number_in(ksr.get("$fu"), trunk.country)
    return Caller(trunk, ani, trunk.ani_trusted and ani is not None, privacy=wants_privacy(ksr.header("Privacy")))


def number_in(identity: str | None, country: str) -> str | None:
    """The E.164 digits of a header's first SIP or tel URI."""
    found = _USER.search(identity or "")
    return normalise_ani(found[1], country) if found else None


def wants_privacy(privacy: str | None) -> bool:
    """Whether a Privacy header (RFC 3323, 3325) asks to withhold the identity from the far end."""
    wanted = {value.strip().lower() for value in (privacy or "").split(";")}
    return bool(wanted & {"id", "user", "header", "full"})
