"""What operators are shown. Amounts are micro-units of ``currency``, times epoch microseconds, serials 12 digits.

Numbers are E.164 digits without "+", ids of calls and holds 32 hexadecimal digits.
"""

from dataclasses import dataclass
from typing import Any

from rating.administration.base import Page
from rating.model import LanguageOffer


@dataclass(frozen=True, slots=True)
class ProductView:
    """A product with all its terms; as ``rating.model.Product``, and what only the ledger needs. 0: no limit."""

    product_id: int
    name: str
    currency: str
    deck: str
    languages: tuple[LanguageOffer, ...]
    longest_call_s: int
    calls_at_once: int
    warning_s: int
    minimum_balance_micros: int
    valid_until_us: int
    valid_days: int
    maintenance_fee_micros: int
    maintenance_days: int
    refillable: bool
    voucher: bool
    caller_ids_max: int
    attestation: str
    calls_per_hour: int
    spend_per_day_micros: int
    media_silence_s: int


@dataclass(frozen=True, slots=True)
class BatchView:
    """``exported_us`` None: its PINs were shown, but not written out for print."""

    batch_id: int
    product: str
    currency: str
    cards: int
    face_value_micros: int
    pin_length: int
    issued_us: int
    exported_us: int | None
    first_serial: str
    last_serial: str


@dataclass(frozen=True, slots=True)
class BatchDetail:
    """A batch and how many of its cards are in which state."""

    batch: BatchView
    states: dict[str, int]


@dataclass(frozen=True, slots=True)
class CardView:
    """``state``: inactive, active, blocked, exhausted. Times 0 and ``last_dnis`` "0": never, none."""

    card_id: int
    serial: str
    product: str
    currency: str
    state: str
    posted_micros: int
    held_micros: int
    available_micros: int
    open_holds: int
    batch_id: int
    first_used_us: int
    expires_us: int
    language: str
    last_dnis: str


@dataclass(frozen=True, slots=True)
class CallerIdView:
    """A number whose owner is not asked for a PIN."""

    ani: str
    card_id: int
    serial: str
    registered_us: int


@dataclass(frozen=True, slots=True)
class EntryView:
    """A posting: ``balance_micros`` is what the card had after it, ``sentence`` says why it is there."""

    entry_id: int
    at_us: int
    kind: str
    amount_micros: int
    balance_micros: int
    reference: str
    note: str
    sentence: str


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call that is placed or connected now. ``spent_micros`` is what it would cost if it ended now."""

    call_id: str
    hold_id: str
    card_id: int
    serial: str
    product: str
    currency: str
    ani: str | None
    dnis: str
    destination: str
    trunk: str
    access_number: str | None
    carrier: str
    node: str
    state: str  # ringing, connected
    placed_us: int
    answered_us: int | None
    seconds: int
    limit_s: int
    left_s: int
    held_micros: int
    spent_micros: int


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A settled call (CDR). ``margin_micros`` None: bought and sold in different currencies, or the cost is unknown."""

    call_id: str
    hold_id: str
    card_id: int
    serial: str
    product: str
    currency: str
    outcome: str
    ani: str | None
    dnis: str
    prefix: str
    destination: str
    trunk: str
    access_number: str | None
    attestation: str
    node: str
    rate: str
    carrier: str
    gateway_id: int | None
    pdd_ms: int | None
    placed_us: int
    answered_us: int | None
    ended_us: int
    seconds: int
    billable_s: int
    charge_micros: int
    cost_micros: int | None
    cost_currency: str | None
    margin_micros: int | None
    cause: int
    sip_status: int
    ended_by: str


@dataclass(frozen=True, slots=True)
class CardStory:
    """A card on one page: its newest entries and calls (``next`` of each leads to older ones), its open holds."""

    card: CardView
    caller_ids: tuple[CallerIdView, ...]
    entries: Page[EntryView]
    calls: Page[CallRecord]
    holds: tuple[LiveCall, ...]


@dataclass(frozen=True, slots=True)
class DeckView:
    """A rate deck. ``version`` 0: nothing was imported yet; the rest is None then."""

    deck_id: int
    name: str
    currency: str
    version: int
    source: str | None
    prefixes: int | None
    bytes: int | None
    imported_us: int | None


@dataclass(frozen=True, slots=True)
class CarrierView:
    """Whom we buy from; ``deck`` is what calls cost us, ``gateways`` how many there are."""

    carrier_id: int
    name: str
    deck: str
    currency: str
    priority: int
    weight: int
    loss_allowed: bool
    enabled: bool
    gateways: int


@dataclass(frozen=True, slots=True)
class GatewayView:
    """Where a carrier's calls are sent."""

    gateway_id: int
    carrier: str
    uri: str
    tech_prefix: str
    priority: int
    weight: int
    enabled: bool


@dataclass(frozen=True, slots=True)
class BlockedPrefix:
    """Where nobody may call to; ``product`` None: with no product."""

    prefix: str
    product: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class LockOut:
    """Wrong PINs of a CallerID or trunk, or of all together (``subject`` ""). ``locked`` until ``locked_until_us``."""

    scope: str  # ani, trunk, all
    subject: str
    failures: int
    lockouts: int
    last_failure_us: int
    locked_until_us: int
    locked: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """Settled calls of a group. Cost and margin are of calls that were bought in the currency they were sold in."""

    group: str  # a day as 2026-11-22, or a destination
    currency: str
    calls: int
    answered: int
    seconds: int
    billable_s: int
    charge_micros: int
    cost_micros: int
    margin_micros: int


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """issued + refilled − charged − fees = posted, summed over currencies; ``currencies`` has the sums of each.

    ``refilled`` holds transfers (which sum to zero with their refills) and adjustments too. ``problems`` are
    sentences, empty when every card's entries and holds add up.
    """

    issued: int
    refilled: int
    charged: int
    fees: int
    posted: int
    held: int
    ok: bool
    problems: tuple[str, ...]
    currencies: dict[str, dict[str, int]]


ProductChanges = dict[str, Any]
