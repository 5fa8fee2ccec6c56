"""STIR/SHAKEN: what the carrier that signed a call says of its CallerID (RFC 8224, RFC 8588).

The signature is verified by Kamailio's secsipid module against a certificate in a local directory: the file is named
after the URL in the header, percent-encoded. Nothing is fetched while a call waits; who puts certificates there (and
checks their chain) is the operator's job.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from pathlib import Path

from kemi import ksr
from kemi.settings import certificate_file

LEVELS = ("A", "B", "C")
FAILED = "F"  # there is an Identity, and it does not hold
IDENTITY_MAX = 4096
_IDENTITY = re.compile(r"\s*([\w-]+)\.([\w-]+)\.([\w-]+)\s*((?:;.*)?)", re.ASCII | re.DOTALL)
_INFO = re.compile(r";\s*info\s*=\s*<([^<>\s]{1,200})>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Passport:
    """What is signed, and where the signer's certificate is."""

    level: str
    origin: str
    destinations: tuple[str, ...]
    certificate_url: str


def parse(identity: str) -> Passport | None:
    """None: not a full-form SHAKEN PASSporT. Its age is secsipid's to judge (``expire``)."""
    found = _IDENTITY.fullmatch(identity[:IDENTITY_MAX])
    info = _INFO.search(found[4]) if found else None
    if found is None or info is None:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4)))
        passport = Passport(
            str(claims["attest"]), str(claims["orig"]["tn"]), tuple(map(str, claims["dest"]["tn"])), info[1]
        )
    except (ValueError, KeyError, TypeError, binascii.Error, RecursionError):
        return None
    return passport if passport.level in LEVELS else None


def verify(identity: str | None, ani: str | None, dnis: str, directory: Path | None) -> str:
    """ "A", "B", "C", FAILED, or "": the call is not signed, or this node verifies nothing."""
    if directory is None or identity is None:
        return ""
    passport = parse(identity)
    if passport is None or passport.origin != ani or dnis not in passport.destinations:
        return FAILED
    file = certificate_file(directory, passport.certificate_url)
    return passport.level if file.is_file() and ksr.identity_holds(str(file)) else FAILED
