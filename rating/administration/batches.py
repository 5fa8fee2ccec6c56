"""Batches of cards: issuing them, their one export for print, activating and blocking by serial range."""

from pathlib import Path

from rating import cards as issuing
from rating.administration.base import (
    PAGE,
    InputError,
    Operators,
    Page,
    build,
    build_all,
    checked_limit,
    known,
    page_of,
)
from rating.administration.values import BatchDetail, BatchView, CardView
from rating.cards import IssuedCard
from rating.export import new_secret_file, write_cards_durably
from rating.store import cards, listing

NO_BATCH_BEFORE = 2**32


class Batches(Operators):
    """Verbs about batches and ranges of serials."""

    def issue_batch(
        self,
        product: int | str,
        count: int,
        face_value_micros: int,
        pin_length: int = 12,
        active: bool = True,
        *,
        reference: str | None = None,
        exported: bool = False,
    ) -> list[IssuedCard]:
        """Makes cards and returns their PINs, the only time they can be seen: nothing of them is stored but a hash.
        ``exported``: the caller hands them on for print. Raises PinDensityError, LookupError, and AlreadyIssuedError
        when there is a batch of that ``reference``."""
        return issuing.issue(
            self._slow,
            self._issue_pepper,
            product_id=self._product_id(product),
            count=count,
            face_value_micros=face_value_micros,
            pin_length=pin_length,
            active=active,
            clock_us=self._now_us,
            export=(lambda _: None) if exported else None,
            reference=reference,
        )

    def issue_batch_to_file(
        self,
        product: int | str,
        count: int,
        face_value_micros: int,
        path: str | Path,
        *,
        pin_length: int = 12,
        active: bool = False,
    ) -> int:
        """Makes cards and writes serials and PINs as CSV for print: the batch's one export; how many cards.

        There is no batch without its file, and ``path`` must not exist (FileExistsError). Also raises OSError,
        PinDensityError, LookupError. After LedgerUnavailableError look at ``list_batches``: where the file is there,
        its batch may be, too.
        """
        product_id = self._product_id(product)
        with new_secret_file(path) as file:
            issued = issuing.issue(
                self._slow,
                self._issue_pepper,
                product_id=product_id,
                count=count,
                face_value_micros=face_value_micros,
                pin_length=pin_length,
                active=active,
                clock_us=self._now_us,
                export=lambda cards_made: write_cards_durably(cards_made, file),
            )
        return len(issued)

    def list_batches(self, *, after: str | None = None, limit: int = PAGE) -> Page[BatchView]:
        """The newest first."""
        before = NO_BATCH_BEFORE if after is None else _batch_id(after)
        rows = listing.batches(self._slow, before, checked_limit(limit) + 1)
        return page_of(list(build_all(BatchView, rows)), limit, lambda batch: str(batch.batch_id))

    def show_batch(self, batch_id: int) -> BatchDetail:
        """Raises NotFoundError. Counts the batch's cards: a tenth of a second for a million."""
        batch = build(BatchView, known(listing.batch(self._slow, batch_id), f"batch {batch_id}"))
        rows = listing.states(self._slow, int(batch.first_serial), int(batch.last_serial))
        return BatchDetail(batch, {row["state"]: int(row["cards"]) for row in rows})

    def batch_of_serial(self, serial: str | int) -> BatchView | None:
        """The batch that the card of the serial was made in."""
        row = cards.by_serial(self._slow, int(serial))
        if row is None:
            return None
        card = build(CardView, known(listing.card(self._slow, row["card_id"]), f"card {serial}"))
        return build(BatchView, known(listing.batch(self._slow, card.batch_id), f"batch {card.batch_id}"))

    def activate(self, first_serial: str | int, last_serial: str | int) -> int:
        """Inactive cards of the range become active; how many."""
        return cards.set_state(self._slow, *_range(first_serial, last_serial), "inactive", "active")

    def block(self, first_serial: str | int, last_serial: str | int | None = None) -> int:
        """Active cards of the range are blocked; how many. Calls that run go on to their limit."""
        return cards.set_state(self._slow, *_range(first_serial, last_serial), "active", "blocked")

    def unblock(self, first_serial: str | int, last_serial: str | int | None = None) -> int:
        """Blocked cards of the range are active again; how many."""
        return cards.set_state(self._slow, *_range(first_serial, last_serial), "blocked", "active")


def _batch_id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise InputError(f"{text!r} is not where a listing of batches can go on")
    return int(text)


def _range(first: str | int, last: str | int | None) -> tuple[int, int]:
    """Raises InputError when it is not a range of serials."""
    begin, end = serial_number(first), serial_number(first if last is None else last)
    if end < begin:
        raise InputError(f"serials {first} to {last}: the first one is behind the last one")
    return begin, end


def serial_number(serial: str | int) -> int:
    """A serial as the number it is. Raises InputError."""
    text = str(serial).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= issuing.SERIAL_DIGITS):
        raise InputError(f"{text!r} is not a serial; it is up to {issuing.SERIAL_DIGITS} digits, as on the card")
    return int(text)
