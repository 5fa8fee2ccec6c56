"""The values that pass between the rating core and its users.

Numbers (ANI, DNIS, access numbers) are E.164 digits without "+". Amounts are integer micro-units of the card's
currency. Times are epoch microseconds (``_us``). Ids of calls and holds are 32 lower-case hexadecimal digits.
"""

from dataclasses import dataclass, field

from rating.outcome import HoldState


@dataclass(frozen=True, slots=True)
class LanguageOffer:
    """A language of a product; ``fee_micros`` is charged once a call when it is chosen (0: free)."""

    code: str  # "en", "es", …
    fee_micros: int = 0


@dataclass(frozen=True, slots=True)
class Product:
    """What all cards of a kind share. Zero means "no limit" where a limit is a number."""

    product_id: int
    name: str
    currency: str  # ISO 4217
    deck_id: int
    languages: tuple[LanguageOffer, ...]
    longest_call_s: int
    calls_at_once: int
    warning_s: int  # the warning is played so long before the limit; 0: none
    minimum_balance_micros: int
    refillable: bool
    caller_ids_max: int
    media_silence_s: int  # a caller whose media stays silent so long is dropped by the IVR
    attestation: str = ""  # the least STIR/SHAKEN level ("A" is the highest) at which a CallerID needs no PIN; "": none
    voucher: bool = False  # its cards only refill others; they place no calls
    valid_until_us: int = 0
    valid_days: int = 0  # after the first use
    calls_per_hour: int = 0
    spend_per_day_micros: int = 0

    def believes(self, attestation: str) -> bool:
        """Whether a CallerID of that STIR/SHAKEN level ("": unsigned) needs no PIN."""
        return not self.attestation or (attestation in ("A", "B", "C") and attestation <= self.attestation)


@dataclass(frozen=True, slots=True)
class Card:
    """A card as read at one moment; the balance may have moved since."""

    card_id: int
    serial: str
    product: Product
    posted_micros: int
    held_micros: int
    language: str | None  # the last choice, None before the first
    last_dnis: str | None

    @property
    def available_micros(self) -> int:
        return self.posted_micros - self.held_micros


@dataclass(frozen=True, slots=True)
class AccessNumber:
    """A number that people dial to reach the IVR."""

    number: str
    name: str
    country: str  # ISO 3166 alpha-2: national numbers dialled here are of this country
    languages: tuple[str, ...]  # offered before a card is known; one: no menu
    surcharge_micros: int = 0  # per call that is placed through it


@dataclass(frozen=True, slots=True)
class Trunk:
    """A carrier's trunk into the switch, known by source address."""

    trunk_id: int
    name: str
    cidr: str  # "192.0.2.0/28"; a single address is /32 or /128
    ani_trusted: bool  # entitled to assert CallerIDs (P-Asserted-Identity, From)
    country: str  # ISO 3166 alpha-2: national numbers on this trunk are of this country


@dataclass(frozen=True, slots=True)
class Route:
    """One candidate gateway, best first in a list of them. What it costs us is rated at settlement."""

    carrier_id: int
    carrier: str
    gateway_id: int
    uri: str  # "sip:192.0.2.7:5060" or with ";transport=tcp"; the dialled number is put in front of the "@"
    prefix: str = ""  # tech prefix put before the digits


@dataclass(frozen=True, slots=True)
class CallRequest:
    """What is asked of ``authorise``. ``call_id`` is the platform's id of the caller's call (one for all its legs)."""

    hold_id: str
    call_id: str
    card_id: int  # 0: the card that ``ani``, which is trusted then, is registered on
    dnis: str
    ani: str | None = None
    trunk: str = ""
    access_number: str | None = None
    attestation: str = ""  # STIR/SHAKEN "A", "B", "C", or "" when there was none
    language: str = ""  # of the warning; "" takes the card's own
    node: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """What a call would cost and how long the balance lasts; nothing is held. ``hold_micros`` pays for ``limit_s``."""

    dnis: str
    prefix: str
    destination: str
    limit_s: int
    hold_micros: int
    rate_per_minute_micros: int  # of the first tier
    connect_fee_micros: int  # with the access number's surcharge
    available_micros: int
    currency: str


@dataclass(frozen=True, slots=True)
class Authorised:
    """A call that may be placed: ``held_micros`` pays for ``limit_s`` seconds from the answer on, no second more."""

    hold_id: str
    call_id: str
    card_id: int
    dnis: str
    ani: str | None
    limit_s: int
    held_micros: int
    available_micros: int  # after the hold
    currency: str
    language: str
    warning_s: int
    destination: str
    routes: tuple[Route, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class HoldView:
    """A hold as it stands. ``charge_micros`` and ``billable_s`` are None until it was captured."""

    hold_id: str
    state: HoldState
    held_micros: int
    limit_s: int
    charge_micros: int | None
    billable_s: int | None
