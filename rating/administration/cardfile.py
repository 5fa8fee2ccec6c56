"""Single cards: searching them, their story, states, adjustments, refills by an operator."""

from collections.abc import Iterator
from typing import Any

from rating.administration.base import (
    PAGE,
    PAGE_MAX,
    ConflictError,
    InputError,
    Operators,
    Page,
    build,
    build_all,
    checked_limit,
    known,
    page_of,
)
from rating.administration.batches import serial_number
from rating.administration.explain import explained
from rating.administration.parts import Part, PartKind, parse_part
from rating.administration.values import BatchView, CardView, EntryView
from rating.cards import SERIAL_DIGITS
from rating.database import Connection, Row
from rating.money import AMOUNT_MAX_MICROS, format_amount
from rating.store import cards, listing, reports

STATES = ("inactive", "active", "blocked", "exhausted")
REFERENCE_MAX, NOTE_MAX = 64, 128
CANDIDATES = 1000  # serials that end so, looked up at once
ALL_SERIALS = (0, 10**SERIAL_DIGITS - 1)
FOUND_MAX = 20


class CardFile(Operators):
    """Verbs about single cards."""

    def search_cards(
        self,
        *,
        serial: str = "",
        ani: str = "",
        state: str = "",
        batch_id: int | None = None,
        after: str | None = None,
        limit: int = PAGE,
    ) -> Page[CardView]:
        """Cards by rising serial; those that fit all that is given.

        ``serial`` is whole (with or without its leading zeros), a beginning (``0001*``, of the 12 digits) or an ending
        (``*123``). ``ani``, a registered CallerID or a part of one, goes alone, in the order of the CallerIDs.
        """
        if state and state not in STATES:
            raise InputError(f"{state!r} is not a state of a card: {', '.join(STATES)}")
        if ani:
            if serial or state or batch_id is not None:
                raise InputError("search by ani, or by serial, state and batch")
            return self._cards_of_anis(parse_part(ani, "CallerID"), after, checked_limit(limit))
        low, high = ALL_SERIALS
        if batch_id is not None:
            batch = build(BatchView, known(listing.batch(self._slow, batch_id), f"batch {batch_id}"))
            low, high = int(batch.first_serial), int(batch.last_serial)
        if after is not None:
            low = max(low, serial_number(after) + 1)
        part = parse_part(serial, "serial") if serial else None
        if part is not None and part.kind is PartKind.ENDS:
            rows = self._ending(part.digits, (low, high), state, checked_limit(limit) + 1)
        else:
            low, high = _narrowed((low, high), part)
            rows = listing.cards_between(self._slow, (low, high), state, checked_limit(limit) + 1)
        return page_of(list(build_all(CardView, rows)), limit, lambda card: card.serial)

    def each_card(self, **filters: Any) -> Iterator[CardView]:
        """All cards that ``search_cards`` finds, read page by page."""
        page = self.search_cards(**filters, limit=PAGE_MAX)
        while True:
            yield from page.items
            if page.next is None:
                return
            page = self.search_cards(**filters, after=page.next, limit=PAGE_MAX)

    def find_cards(self, text: str) -> tuple[CardView, ...]:
        """What one search box finds, at most 20: the card of that serial, of that CallerID, then those whose CallerID
        ends or begins, or whose serial ends, with the digits."""
        digits = parse_part(text.replace("*", ""), "serial or CallerID").digits
        found: dict[str, CardView] = {}
        pages: list[Page[CardView]] = []
        if len(digits) <= SERIAL_DIGITS:
            pages.append(self.search_cards(serial=digits, limit=1))
        pages.append(self.search_cards(ani=digits, limit=FOUND_MAX))
        if len(digits) >= 3:
            pages.append(self.search_cards(ani=f"*{digits}", limit=FOUND_MAX))
            pages.append(self.search_cards(ani=f"{digits}*", limit=FOUND_MAX))
            if len(digits) <= SERIAL_DIGITS:
                pages.append(self.search_cards(serial=f"*{digits}", limit=FOUND_MAX))
        for page in pages:
            found |= {card.serial: card for card in page.items if card.serial not in found}
        return tuple(found.values())[:FOUND_MAX]

    def show_card(self, serial: str | int) -> CardView:
        """Raises NotFoundError, InputError."""
        card_id = known_card(cards.by_serial(self._slow, serial_number(serial)), serial)
        return build(CardView, known(listing.card(self._slow, card_id), f"card {serial}"))

    def show_card_of_ani(self, ani: str) -> CardView:
        """The card that the CallerID is registered on. Raises NotFoundError."""
        row = known(cards.by_ani(self._slow, parse_part(ani, "CallerID").digits), f"card of CallerID {ani}")
        return build(CardView, known(listing.card(self._slow, row["card_id"]), f"card of CallerID {ani}"))

    def explain_card(self, card_id: int) -> tuple[EntryView, ...]:
        """Every entry of the card in order, with the balance after it and the sentence why it is there."""
        currency = self._card_view(card_id).currency
        return tuple(explained(row, currency) for row in listing.entries(self._slow, card_id))

    def card_entries(self, card_id: int, *, before: str | None = None, limit: int = PAGE) -> Page[EntryView]:
        """The same, the newest first, a page of them."""
        oldest = 2**63 if before is None else _entry_id(before)
        rows = [row for row in reversed(self.explain_card(card_id)) if row.entry_id < oldest]
        return page_of(rows[: checked_limit(limit) + 1], limit, lambda entry: str(entry.entry_id))

    def entries(self, card_id: int) -> list[Row]:
        """Everything that ever happened to the card's balance, in order."""
        return reports.entries(self._slow, card_id)

    def card_id_of_serial(self, serial: str | int) -> int | None:
        row = cards.by_serial(self._slow, int(serial))
        return None if row is None else int(row["card_id"])

    def balances(self, *, limit: int = 10) -> list[Row]:
        """Of the cards used last, the newest first."""
        return reports.balances(self._slow, limit)

    # money

    def adjust(self, card_id: int, amount_micros: int, *, reference: str, note: str) -> bool:
        """Posts an adjustment of either sign, once per reference; False when it was there.

        Raises NotFoundError, InputError, ConflictError (more than is available; another amount under the reference).
        """
        return self._post(card_id, "adjustment", amount_micros, _checked(reference), note[:NOTE_MAX])

    def refill(self, card_id: int, amount_micros: int, *, reference: str, note: str = "") -> bool:
        """Posts a refill paid for elsewhere, once per reference; False when it was there.

        Raises NotFoundError, InputError, ConflictError (not refillable or active; another amount under the reference).
        """
        if amount_micros <= 0:
            raise InputError("a refill is more than nothing; to take money away, adjust")
        return self._post(card_id, "refill", amount_micros, _checked(reference), note[:NOTE_MAX])

    def _post(self, card_id: int, kind: str, amount_micros: int, reference: str, note: str) -> bool:
        if not 0 < abs(amount_micros) <= AMOUNT_MAX_MICROS:
            raise InputError("an amount is not 0, and at most 1000000000 either way")

        def work(connection: Connection) -> bool:
            card = known(listing.card_state(connection, card_id), f"card with the id {card_id}")
            before = listing.posting(connection, card_id, kind, reference)
            if before is not None:
                if before["amount_micros"] != amount_micros:
                    raise ConflictError(
                        f"reference {reference!r} was used for {format_amount(before['amount_micros'])} before"
                    )
                return False
            if kind == "refill":
                _demand_refillable(card)
            available = card["posted_micros"] - card["held_micros"]
            if available + amount_micros < 0:
                raise ConflictError(f"the card has {format_amount(available)} available, less than is to be taken")
            listing.post(connection, (card_id, kind, amount_micros, reference, note, self._now_us()))
            return True

        return self._slow.transaction(work)

    # searching

    def _card_view(self, card_id: int) -> CardView:
        return build(CardView, known(listing.card(self._slow, card_id), f"card with the id {card_id}"))

    def _cards_of_anis(self, part: Part, after: str | None, limit: int) -> Page[CardView]:
        backwards = part.kind is PartKind.ENDS
        start = (after or "")[::-1] if backwards else after or ""
        pattern = part.digits if part.is_whole else part.like
        rows = listing.cards_of_anis(self._slow, (backwards, pattern), start, limit + 1)
        page = page_of(rows, limit, lambda row: str(row["ani"]))
        found = {row["card_id"]: build(CardView, row) for row in page.items}  # one with two such CallerIDs comes once
        return Page(tuple(found.values()), page.next)

    def _ending(self, digits: str, serials: tuple[int, int], state: str, limit: int) -> list[Row]:
        """Serials are given out in order, so those that end so can be counted up: no index is needed."""
        found: list[Row] = []
        low, high = serials[0], min(serials[1], listing.last_serial(self._slow))
        for piece in _pieces(int(digits), 10 ** len(digits), low, high):
            found += listing.cards_of_serials(self._slow, piece, state)
            if len(found) >= limit:
                break
        return found[:limit]


def _pieces(ending: int, step: int, low: int, high: int) -> Iterator[list[int]]:
    """All numbers from low to high that end so, many at a time."""
    first = low + (ending - low) % step
    for begin in range(first, high + 1, step * CANDIDATES):
        yield list(range(begin, min(begin + step * CANDIDATES, high + 1), step))


def _narrowed(serials: tuple[int, int], part: Part | None) -> tuple[int, int]:
    if part is None:
        return serials
    if len(part.digits) > SERIAL_DIGITS:
        raise InputError(f"a serial has {SERIAL_DIGITS} digits, not {len(part.digits)}")
    span = 1 if part.is_whole else 10 ** (SERIAL_DIGITS - len(part.digits))
    low = int(part.digits) * span
    return max(serials[0], low), min(serials[1], low + span - 1)


def _demand_refillable(card: Row) -> None:
    if not card["refillable"] or card["voucher"]:
        raise ConflictError("cards of this product are not refillable")
    if card["state"] != "active":
        raise ConflictError(f"the card is {card['state']}: only an active one is refilled")


def _checked(reference: str) -> str:
    plain = reference.strip()
    if not 1 <= len(plain) <= REFERENCE_MAX or not plain.isprintable():
        raise InputError(f"a reference has 1 to {REFERENCE_MAX} characters; it makes the posting happen once")
    return plain


def _entry_id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):
        raise InputError(f"{text!r} is not where a listing of entries can go on")
    return int(text)


def known_card(row: Row | None, serial: str | int) -> int:
    """The card's id. Raises NotFoundError."""
    return int(known(row, f"card {serial}")["card_id"])
