"""May these cards place these calls, for how long, and hold what that costs: one durable transaction for all of them.

The cards are locked, each call is decided in order (two calls of one card see each other), holds and cards are written
and committed together. What is decided here is guarded once more by the ledger's own constraints, which no card's held
money can pass: ``0 <= held <= posted``.

A product's terms are those of the directory, at most two seconds old; that the rate is of the deck's current version is
checked in the transaction. A repeated hold id gets the answer of the first time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rating.database import Connection, Database, Row, is_bug
from rating.deckfile import RateMatch
from rating.decks import DeckCache
from rating.directory import Directory, Snapshot
from rating.lcr import LcrOrder
from rating.model import Authorised, CallRequest, Product, Route
from rating.outcome import Refusal
from rating.quote import quote_of_match
from rating.rate import Rate
from rating.routing import Wanted, routes_for
from rating.store import authorising as store
from rating.store.authorising import CardRow, NewHold

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
# Deck replaced between our look and the transaction: read it again; more often than this is no longer a coincidence.
STALE_RETRIES_MAX = 5
UNLIMITED_CALL_S = 86_400  # of a product without a longest call
DESTINATION_MAX = 64  # characters of a hold's destination

# None: a CallerID that is on no card, or not believed by its card's product: the caller is asked for the PIN.
Answer = Authorised | Refusal | None


class _StaleError(Exception):
    """The directory is older than the ledger."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where a call goes and at what rate."""

    match: RateMatch
    routes: tuple[Route, ...]


class Authoriser:
    """Authorises calls, several at once. Threads may share it."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        decks: DeckCache,
        order: LcrOrder,
        clock_us: Callable[[], int],
    ) -> None:
        """``database`` is one for several statements in a packet."""
        self._database = database
        self._directory = directory
        self._decks = decks
        self._order = order
        self._clock_us = clock_us

    def authorise(self, requests: Sequence[CallRequest]) -> list[Answer | Exception]:
        """The answers, in order. One that fails by a bug, or by a hold id used before, does not harm the others: its
        exception is its answer. Raises LedgerUnavailableError for all of them."""
        if len({request.hold_id for request in requests}) == len(requests):
            try:
                return [*self._together(requests)]
            except Exception as error:
                if not is_bug(error):
                    raise
                if len(requests) == 1:
                    return [self._again(requests[0], error)]
        return [self.authorise([request])[0] for request in requests]

    def _together(self, requests: Sequence[CallRequest]) -> list[Answer]:
        now_us = self._clock_us()
        for _ in range(STALE_RETRIES_MAX):
            attempt = _Attempt(requests, self._directory.snapshot(), self._decks, self._order, now_us)
            try:
                return self._database.exchange(attempt.run)
            except _StaleError:
                self._directory.expire()
        raise AssertionError("decks are replaced faster than they can be read")

    def _again(self, request: CallRequest, error: Exception) -> Answer | Exception:
        """The answer to a hold id that is there already; ``error`` when that was not what went wrong."""
        attempt = _Attempt([request], self._directory.snapshot(), self._decks, self._order, self._clock_us())
        return self._database.exchange(attempt.run_again) or error


class _Attempt:
    """One transaction."""

    def __init__(
        self, requests: Sequence[CallRequest], snapshot: Snapshot, decks: DeckCache, order: LcrOrder, now_us: int
    ) -> None:
        self._requests = requests
        self._snapshot = snapshot
        self._decks = decks
        self._order = order
        self._now_us = now_us

    def run(self, connection: Connection) -> list[Answer]:
        cards = store.lock_cards(
            connection,
            {request.card_id for request in self._requests if request.card_id},
            {request.ani for request in self._requests if not request.card_id and request.ani},
        )
        holds: list[NewHold] = []
        touched: dict[int, CardRow] = {}
        answers: list[Answer] = []
        for request in self._requests:
            card = cards.get(request.card_id or request.ani or 0)
            answer = self._decide(request, card, holds)
            if card is not None and isinstance(answer, Authorised):
                touched[card.card_id] = card
            answers.append(answer)
        refused = [
            bytes.fromhex(request.hold_id)
            for request, answer in zip(self._requests, answers, strict=True)
            if isinstance(answer, Refusal)
        ]
        before = store.write(connection, holds, [*touched.values()], refused)
        if before:
            answers = [self._or_before(*pair, before) for pair in zip(self._requests, answers, strict=True)]
        return answers

    def run_again(self, connection: Connection) -> Answer:
        """Only looks for the hold."""
        request = self._requests[0]
        before = store.write(connection, [], [], [bytes.fromhex(request.hold_id)])
        return self._or_before(request, None, before)

    def _decide(self, request: CallRequest, card: CardRow | None, holds: list[NewHold]) -> Answer:
        if card is None:
            return Refusal.UNKNOWN_CARD if request.card_id else None
        product = self._snapshot.products.get(card.product_id)
        if product is None or card.deck_version != self._snapshot.deck_versions.get(product.deck_id):
            raise _StaleError
        refusal = refusal_of(card, product, self._now_us)
        if refusal is not None:
            return refusal
        if not request.card_id and not product.believes(request.attestation):
            return None
        way = self._way(request, product)
        if isinstance(way, Refusal):
            return way
        return self._hold(request, card, product, way, holds)

    def _way(self, request: CallRequest, product: Product) -> Way | Refusal:
        """Rate and routes. BLOCKED_DESTINATION, NO_RATE, NO_ROUTE."""
        snapshot = self._snapshot
        if snapshot.is_blocked(request.dnis, product.product_id):
            return Refusal.BLOCKED_DESTINATION
        version = snapshot.deck_versions.get(product.deck_id, 0)
        if version == 0:
            return Refusal.NO_RATE
        match = self._decks.deck(product.deck_id, version).find(request.dnis, self._now_us)
        if isinstance(match, Refusal):
            return match
        surcharge = snapshot.surcharge_of(request.access_number)
        if surcharge:
            rate = match.rate.with_surcharge(surcharge)
            match = RateMatch(match.prefix, match.destination, rate, rate.pack())
        routes = self._routes(request, match.rate, product)
        return Way(match, routes) if routes else Refusal.NO_ROUTE

    def _routes(self, request: CallRequest, rate: Rate, product: Product) -> tuple[Route, ...]:
        wanted = Wanted(request.dnis, rate, product.currency, self._now_us, request.hold_id)
        return routes_for(wanted, self._snapshot, self._decks, self._order)

    def _hold(
        self, request: CallRequest, card: CardRow, product: Product, way: Way, holds: list[NewHold]
    ) -> Authorised | Refusal:
        available = card.posted_micros - card.held_micros
        allowance = available
        if product.spend_per_day_micros:
            allowance = min(
                available, product.spend_per_day_micros - spent_today(card, self._now_us) - card.held_micros
            )
        longest_s = product.longest_call_s or UNLIMITED_CALL_S
        quote = quote_of_match(way.match, max(0, allowance), longest_s)
        if isinstance(quote, Refusal):
            return Refusal.VELOCITY if allowance < available else quote
        if quote.limit_s is None:
            raise AssertionError("a product's call has no end")
        language = request.language or card.language or (product.languages[0].code if product.languages else "")
        holds.append(
            NewHold(
                bytes.fromhex(request.hold_id),
                bytes.fromhex(request.call_id),
                card.card_id,
                quote.hold_micros,
                quote.limit_s,
                card.product_id,
                way.match.packed,
                way.match.prefix,
                way.match.destination[:DESTINATION_MAX],
                request.dnis,
                request.ani,
                request.trunk,
                request.access_number,
                request.attestation,
                language,
                product.warning_s,
                request.node,
                self._now_us,
            )
        )
        note_call(card, product, quote.hold_micros, request.dnis, self._now_us)
        return Authorised(
            request.hold_id,
            request.call_id,
            card.card_id,
            request.dnis,
            request.ani,
            quote.limit_s,
            quote.hold_micros,
            available - quote.hold_micros,
            product.currency,
            language,
            product.warning_s,
            way.match.destination[:DESTINATION_MAX],
            way.routes,
        )

    def _or_before(self, request: CallRequest, answer: Answer, before: dict[bytes, Row]) -> Answer:
        """The answer of the first time, HOLD_USED when the hold is settled or another card's; else ``answer``."""
        row = before.get(bytes.fromhex(request.hold_id))
        if row is None:
            return answer
        if row["state"] != "held" or request.card_id not in (0, row["card_id"]):
            return Refusal.HOLD_USED
        product = self._snapshot.products[row["product_id"]]
        return Authorised(
            request.hold_id,
            row["call_id"].hex(),
            row["card_id"],
            row["dnis"],
            row["ani"],
            row["limit_s"],
            row["held_micros"],
            row["available"],
            product.currency,
            row["language"],
            row["warning_s"],
            row["destination"],
            self._routes(replace(request, dnis=row["dnis"]), Rate.unpack(row["rate"]), product),
        )


def refusal_of(card: CardRow, product: Product, now_us: int) -> Refusal | None:
    """Why this card may place no call now, whatever its destination; None when it may."""
    refusal = refusal_of_state(card, product, now_us)
    if refusal is not None:
        return refusal
    if 0 < product.calls_at_once <= card.open_holds:
        return Refusal.CALL_LIMIT
    if 0 < product.calls_per_hour <= calls_this_hour(card, now_us):
        return Refusal.VELOCITY
    if card.posted_micros - card.held_micros < product.minimum_balance_micros:
        return Refusal.NO_CREDIT
    return None


def refusal_of_state(card: CardRow, product: Product, now_us: int) -> Refusal | None:
    """Why this card may not be used at all, None when it may."""
    if card.state == "inactive" or product.voucher:
        return Refusal.CARD_INACTIVE
    if card.state == "blocked":
        return Refusal.CARD_BLOCKED
    if 0 < card.expires_us <= now_us or 0 < product.valid_until_us <= now_us:
        return Refusal.CARD_EXPIRED
    return Refusal.CARD_EXHAUSTED if card.state == "exhausted" else None


def calls_this_hour(card: CardRow, now_us: int) -> int:
    return card.calls_in_hour if card.hour == now_us // HOUR_US else 0


def spent_today(card: CardRow, now_us: int) -> int:
    return card.spent_in_day if card.day == now_us // DAY_US else 0


def note_call(card: CardRow, product: Product, hold_micros: int, dnis: str, now_us: int) -> None:
    """The card as it is once the call is held."""
    card.held_micros += hold_micros
    card.open_holds += 1
    card.last_dnis = int(dnis)
    if product.calls_per_hour:
        card.counted = True
        card.calls_in_hour = calls_this_hour(card, now_us) + 1
        card.hour = now_us // HOUR_US
    if card.first_used_us == 0:
        card.first_use = True
        card.first_used_us = now_us
        if product.valid_days:
            card.expires_us = now_us + product.valid_days * DAY_US
