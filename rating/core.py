"""The rating core as its users see it: ``RatingCore``. Blocking; one instance serves any number of threads.

Every method may raise LedgerUnavailableError: nothing was decided then. What a caller can run into is a Refusal.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rating.administration import Administration
from rating.authorising import UNLIMITED_CALL_S, Answer, Authoriser
from rating.cards import now_us
from rating.database import Database, Row
from rating.decks import DeckCache
from rating.desk.client import DeskAwayError, DeskClient
from rating.directory import Directory
from rating.lcr import LcrOrder
from rating.model import AccessNumber, Authorised, CallRequest, Card, HoldView, Product, Quote, Route, Trunk
from rating.outcome import HoldState, Refusal
from rating.pins import is_pin, pin_hash
from rating.quote import quote_call
from rating.rate import Rate, billable_seconds, call_cost
from rating.reading import card_of, quote_of, refusal_of_state
from rating.routing import Wanted, routes_for
from rating.settings import DatabaseSettings, Settings, SettingsError
from rating.store import calls, cards, network
from rating.store.calls import Capture, PinAttempt, PinLimits
from rating.store.cards import Posting

# Identifying goes on with what is known while the ledger is down, so asking for news must not hold a call up.
DIRECTORY_TIMEOUT_S = 0.5


class RatingCore(Administration):
    """Cards, quotes, holds and routes over one ledger. What operators do is inherited from ``Administration``."""

    def __init__(
        self,
        database: DatabaseSettings,
        *,
        pepper: bytes,
        deck_directory: Path,
        pin_limits: PinLimits | None = None,
        lcr_order: LcrOrder = LcrOrder.COST,
        clock_us: Callable[[], int] = now_us,
        desk: DeskClient | None = None,
    ) -> None:
        quick = replace(database, connect_timeout_s=min(DIRECTORY_TIMEOUT_S, database.connect_timeout_s))
        directory_database = Database(quick, read_timeout_s=min(DIRECTORY_TIMEOUT_S, database.read_timeout_s))
        self._database = Database(database)
        self._directory = Directory(lambda: network.snapshot(directory_database))
        self._pepper = pepper
        self._pin_limits = pin_limits or PinLimits()
        self._lcr_order = lcr_order
        self._clock_us = clock_us
        self._desk = desk
        # Fetching a deck takes longer than a call may wait for a statement: its own connection and time-out.
        self._decks = DeckCache(Database(database, read_timeout_s=max(10.0, database.read_timeout_s)), deck_directory)
        several = Database(database, several=True)
        self._authoriser = Authoriser(several, self._directory, self._decks, lcr_order, clock_us)
        super().__init__(Database(database, read_timeout_s=600.0), pepper, self._directory, self._decks, clock_us)

    @classmethod
    def from_settings(cls, settings: Settings, *, desk: bool = True) -> "RatingCore":
        """Connects when first used, not here. ``desk``: calls are authorised by the node's desk, where [desk] socket
        names one. Raises SettingsError when the pepper cannot be read."""
        path = settings.table("desk").get("socket")
        order = settings.table("lcr").get("order", LcrOrder.COST)
        if order not in list(LcrOrder):
            raise SettingsError(f"{settings.path}: [lcr] order is one of {', '.join(LcrOrder)}, not {order!r}")
        return cls(
            settings.database,
            pepper=settings.pepper(),
            deck_directory=settings.deck_cache_dir,
            lcr_order=LcrOrder(order),
            desk=DeskClient(path, _desk_timeout_s(settings.database)) if desk and path else None,
        )

    # who calls, and where

    def access_numbers(self) -> dict[str, AccessNumber]:
        """By number; at most two seconds old."""
        return self._directory.snapshot().access_numbers

    def trunks(self) -> tuple[Trunk, ...]:
        """The narrowest networks first; at most two seconds old."""
        return self._directory.snapshot().trunks

    def gateway_uris(self) -> tuple[str, ...]:
        """Of all carriers and gateways that are enabled; at most two seconds old. Several may be alike."""
        carriers = self._directory.snapshot().carriers
        return tuple(gateway.uri for carrier in carriers for gateway in carrier.gateways)

    def products(self) -> dict[int, Product]:
        """By id; at most two seconds old."""
        return self._directory.snapshot().products

    def card_by_ani(self, ani: str) -> Card | Refusal | None:
        """The card that this CallerID is registered on; None when it is on none."""
        row = cards.by_ani(self._database, ani)
        return None if row is None else self._card(row)

    def enter_pin(self, pin: str, *, ani: str | None, trunk: str) -> Card | Refusal:
        """The card of a PIN. WRONG_PIN is counted, and locks the CallerID, the trunk, or all for a while (LOCKED)."""
        row = calls.enter_pin(self._database, self._attempt(pin, ani, trunk), self._pin_limits, self._clock_us())
        return self.card(row["card_id"]) if row["outcome"] == "OK" else Refusal(row["outcome"])

    def log_in_card(self, serial: str, pin: str, *, trunk: str) -> int | Refusal:
        """The serial of the card that has this serial and this PIN, for a card holder who logs in. Whatever is wrong is
        WRONG_PIN after the same work, counted as ``enter_pin`` counts, under the serial in the place of a CallerID."""
        subject = f"s{serial[:12].zfill(12)}"
        number = int(serial) if serial.isascii() and serial.isdigit() and len(serial) <= 12 else 0
        attempt = self._attempt(pin, subject, trunk)
        outcome = calls.enter_serial_pin(self._database, number, attempt, self._pin_limits, self._clock_us())["outcome"]
        return number if outcome == "OK" else Refusal(outcome)

    def card(self, card_id: int) -> Card | Refusal:
        """The card as it is now. UNKNOWN_CARD, CARD_INACTIVE, CARD_BLOCKED, CARD_EXPIRED, CARD_EXHAUSTED."""
        row = cards.by_id(self._database, card_id)
        return Refusal.UNKNOWN_CARD if row is None else self._card(row)

    def register_ani(self, card_id: int, ani: str) -> Refusal | None:
        """From now on this CallerID needs no PIN; None when done (before, too). ANI_TAKEN, UNKNOWN_CARD, BAD_NUMBER."""
        if not (3 <= len(ani) <= 15 and ani.isascii() and ani.isdigit()):
            return Refusal.BAD_NUMBER
        outcome = calls.register_ani(self._database, card_id, ani, self._clock_us())["outcome"]
        return None if outcome == "OK" else Refusal(outcome)

    def set_language(self, card_id: int, language: str) -> None:
        """Remembers the card holder's choice."""
        cards.set_language(self._database, card_id, language)

    def speed_dial(self, card_id: int, slot: int) -> str | None:
        """The number that the card holder stored under a key (1 to 9); None when there is none."""
        return cards.speed_dial(self._database, card_id, slot)

    def set_speed_dial(self, card_id: int, slot: int, dnis: str) -> None:
        """Stores a number under a key (1 to 9), in place of what was there. Raises ValueError for another key."""
        if not 1 <= slot <= 9:
            raise ValueError(f"a speed-dial key is 1 to 9, not {slot}")
        cards.set_speed_dial(self._database, card_id, slot, dnis)

    # what a call may cost

    def quote(self, card_id: int, dnis: str, *, access_number: str | None = None) -> Quote | Refusal:
        """What a call would cost and how long it could last now; holds nothing."""
        card = self.card(card_id)
        if isinstance(card, Refusal):
            return card
        snapshot = self._directory.snapshot()
        if snapshot.is_blocked(dnis, card.product.product_id):
            return Refusal.BLOCKED_DESTINATION
        if card.available_micros < card.product.minimum_balance_micros:
            return Refusal.NO_CREDIT
        deck = self._decks.deck(card.product.deck_id, snapshot.deck_versions[card.product.deck_id])
        longest_s = card.product.longest_call_s or UNLIMITED_CALL_S
        surcharge = snapshot.surcharge_of(access_number)
        found = quote_call(deck, dnis, self._clock_us(), card.available_micros, longest_s, surcharge_micros=surcharge)
        return found if isinstance(found, Refusal) else quote_of(found, dnis, card)

    def authorise(self, request: CallRequest) -> Authorised | Refusal:
        """Holds what the longest affordable call costs: one durable transaction, repeatable by hold id."""
        answer = self._ask(request)
        return Refusal.UNKNOWN_CARD if answer is None else answer

    def authorise_caller(self, request: CallRequest) -> Authorised | Refusal | None:
        """``authorise`` for the card that ``request.ani``, which is trusted, is registered on, found in the same
        transaction. None: it is on no card, or not attested as well as the card's product demands. Ask for the PIN."""
        return self._ask(replace(request, card_id=0))

    def _ask(self, request: CallRequest) -> Answer:
        """The desk, or the ledger where there is none: the hold's id keeps a call from being held twice."""
        if self._desk is not None:
            with suppress(DeskAwayError):
                return self._desk.authorise(request)
        answer = self.authorise_all([request])[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def authorise_all(self, requests: Sequence[CallRequest]) -> list[Answer | Exception]:
        """Several calls in one transaction, without the desk. One that fails does not harm the others: its exception
        is its answer."""
        return self._authoriser.authorise(requests)

    def claim(self, hold_id: str, *, claimant: str) -> Authorised | Refusal:
        """The second leg takes its hold, once; its claimant gets the same answer again. HOLD_USED, UNKNOWN_HOLD."""
        row = calls.claim(self._database, hold_id, claimant)
        if row["outcome"] != "OK":
            return Refusal(row["outcome"])
        snapshot = self._directory.snapshot()
        wanted = Wanted(row["dnis"], Rate.unpack(row["rate"]), row["currency"], self._clock_us(), hold_id)
        routes = routes_for(wanted, snapshot, self._decks, self._lcr_order)
        return _claimed(row, hold_id, routes)

    def hold(self, hold_id: str) -> HoldView | Refusal:
        """The hold as it stands, or UNKNOWN_HOLD."""
        row = calls.hold(self._database, hold_id)
        return Refusal.UNKNOWN_HOLD if row is None else _hold_view(hold_id, row)

    def void(self, hold_id: str) -> HoldView | Refusal:
        """Releases a hold whose call was never connected. A settled hold, or one of an answered call, stays."""
        row = calls.settle(self._database, hold_id, None, self._clock_us())
        return Refusal.UNKNOWN_HOLD if row is None else _hold_view(hold_id, row)

    def extend_hold(self, hold_id: str) -> HoldView | Refusal:
        """After a refill during the call: raises its limit to what the balance pays for now, at the terms it was
        authorised with. Repeatable, never lower; a settled hold stays. The edge has to be told of the new limit."""
        row = calls.extend(self._database, hold_id, self._clock_us())
        return Refusal.UNKNOWN_HOLD if row is None else _hold_view(hold_id, row)

    def capture(self, hold_id: str, seconds: int) -> HoldView | Refusal:
        """Charges a call of ``seconds``, never more than was held; repeatable. The keeper does this in sets."""
        row = calls.hold(self._database, hold_id)
        if row is None:
            return Refusal.UNKNOWN_HOLD
        rate, counted = Rate.unpack(row["rate"]), min(seconds, row["limit_s"])
        capture = Capture(min(call_cost(rate, counted), row["held_micros"]), billable_seconds(rate, counted), counted)
        settled = calls.settle(self._database, hold_id, capture, self._clock_us())
        return Refusal.UNKNOWN_HOLD if settled is None else _hold_view(hold_id, settled)

    def carrier_cost(self, carrier_id: int, dnis: str, answered_us: int, seconds: int) -> tuple[int, str] | None:
        """What a carrier takes for a call of ``seconds``: micro-units and their currency; None when not known."""
        snapshot = self._directory.snapshot()
        deck_id = snapshot.carrier_decks.get(carrier_id)
        version = snapshot.deck_versions.get(deck_id or 0, 0)
        if deck_id is None or version == 0:
            return None
        match = self._decks.deck(deck_id, version).find(dnis, answered_us)
        if isinstance(match, Refusal):
            return None
        return call_cost(match.rate, seconds), snapshot.deck_currencies[deck_id]

    # other money

    def charge_fee(self, card_id: int, *, fee_id: str, amount_micros: int, note: str) -> Card | Refusal:
        """Takes a fee once per ``fee_id``. NO_CREDIT when less than that is available, UNKNOWN_CARD."""
        if amount_micros < 0:
            raise ValueError("a fee is not negative")
        row = calls.charge_fee(self._database, card_id, Posting(fee_id, amount_micros, note), self._clock_us())
        return self.card(card_id) if row["outcome"] == "OK" else Refusal(row["outcome"])

    def refill_by_voucher(self, card_id: int, pin: str, *, ani: str | None, trunk: str) -> Card | Refusal:
        """Moves the balance of a voucher, or of another card, to this one. Guarded as ``enter_pin``.

        WRONG_PIN, LOCKED, VOUCHER_USED (spent, inactive, expired, of another currency), NOT_REFILLABLE.
        """
        attempt = self._attempt(pin, ani, trunk)
        row = calls.refill_by_pin(self._database, card_id, attempt, self._pin_limits, self._clock_us())
        return self.card(card_id) if row["outcome"] == "OK" else Refusal(row["outcome"])

    def _attempt(self, pin: str, ani: str | None, trunk: str) -> PinAttempt:
        """What could not be a PIN becomes a hash that no card has, so that it is counted like any wrong one."""
        return PinAttempt(pin_hash(self._pepper, pin) if is_pin(pin) else bytes(32), ani, trunk)

    def _card(self, row: Row) -> Card | Refusal:
        product = self._directory.snapshot().products.get(row["product_id"])
        if product is None:
            self._directory.expire()
            product = self._directory.snapshot().products[row["product_id"]]
        return refusal_of_state(row, self._clock_us()) or card_of(row, product)


def _desk_timeout_s(database: DatabaseSettings) -> float:
    """Long enough to hear from the desk that the ledger did not answer in time."""
    return database.read_timeout_s + database.connect_timeout_s


def _claimed(row: Row, hold_id: str, routes: tuple[Route, ...]) -> Authorised:
    return Authorised(
        hold_id=hold_id,
        call_id=row["call_id"].hex(),
        card_id=row["card_id"],
        dnis=row["dnis"],
        ani=row["ani"],
        limit_s=row["limit_s"],
        held_micros=row["held_micros"],
        available_micros=row["available_micros"],
        currency=row["currency"],
        language=row["language"],
        warning_s=row["warning_s"],
        destination=row["destination"],
        routes=routes,
    )


def _hold_view(hold_id: str, row: Row) -> HoldView:
    return HoldView(
        hold_id, HoldState(row["state"]), row["held_micros"], row["limit_s"], row["charge_micros"], row["billable_s"]
    )
