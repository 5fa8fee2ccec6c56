"""PINs: made from the operating system's randomness, stored only as a keyed HMAC.

The pepper is on the nodes and not in the database: who copies the database alone cannot try PINs against it.
"""

import hashlib
import hmac
import secrets

PIN_LENGTH_MIN = 8
PIN_LENGTH_MAX = 20
# A guess hits a live card with at most this chance: one in ten million.
GUESS_ODDS = 10_000_000


class PinDensityError(ValueError):
    """So many cards with PINs so short could be guessed; the message says which length is enough."""


def pin_hash(pepper: bytes, pin: str) -> bytes:
    """HMAC-SHA256 of the PIN's digits (32 bytes)."""
    return hmac.digest(pepper, pin.encode(), hashlib.sha256)


def new_pin(length: int) -> str:
    """A random PIN of ``length`` digits."""
    return f"{secrets.randbelow(10**length):0{length}d}"


def is_pin(text: str) -> bool:
    """Whether the text could be a PIN at all: anything else is wrong without a look at the ledger."""
    return PIN_LENGTH_MIN <= len(text) <= PIN_LENGTH_MAX and text.isascii() and text.isdigit()


def check_density(live: int, more: int, length: int) -> None:
    """Raises PinDensityError when ``live`` PINs of that length and ``more`` new ones were too many for their space."""
    if not PIN_LENGTH_MIN <= length <= PIN_LENGTH_MAX:
        raise PinDensityError(f"a PIN has {PIN_LENGTH_MIN} to {PIN_LENGTH_MAX} digits, not {length}")
    if (live + more) * GUESS_ODDS > 10**length:
        enough = next(n for n in range(length, PIN_LENGTH_MAX + 1) if (live + more) * GUESS_ODDS <= 10**n)
        raise PinDensityError(
            f"{more} more PINs of {length} digits beside {live} could be guessed: use {enough} digits or more"
        )
