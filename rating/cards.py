"""Issuing cards: batches with unique PINs, their one export for print, activation by serial range."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from rating.database import Connection, Database
from rating.pins import check_density, new_pin, pin_hash
from rating.store import cards

ISSUE_MAX = 1_000_000  # cards of one batch
SERIAL_DIGITS = 12


@dataclass(frozen=True, slots=True)
class IssuedCard:
    """A new card. Its PIN is here, once, and nowhere else afterwards; repr shows none of it."""

    serial: str
    pin: str

    def __repr__(self) -> str:
        return f"IssuedCard(serial={self.serial!r}, pin=…)"


class AlreadyIssuedError(Exception):
    """A batch was issued under this reference before: nothing was issued now. ``batch_id`` is that batch."""

    def __init__(self, batch_id: int) -> None:
        super().__init__(f"batch {batch_id} was issued under this reference before, and PINs are shown only once")
        self.batch_id = batch_id


def serial_text(serial: int) -> str:
    """A serial as printed on the card."""
    return f"{serial:0{SERIAL_DIGITS}d}"


def now_us() -> int:
    """Epoch microseconds."""
    return time.time_ns() // 1000


def issue(
    database: Database,
    pepper: bytes,
    *,
    product_id: int,
    count: int,
    face_value_micros: int,
    pin_length: int,
    active: bool,
    clock_us: Callable[[], int] = now_us,
    export: Callable[[list[IssuedCard]], None] | None = None,
    reference: str | None = None,
) -> list[IssuedCard]:
    """Makes a batch in one transaction. Raises PinDensityError, ValueError, and AlreadyIssuedError when there is a
    batch of that ``reference`` (1 to 64 characters).

    ``export`` writes the PINs out, within the transaction: when it raises there is no batch. After a conflict it is
    called again, with other PINs.
    """
    if not 1 <= count <= ISSUE_MAX:
        raise ValueError(f"a batch has 1 to {ISSUE_MAX} cards, not {count}")
    if face_value_micros < 0:
        raise ValueError("a face value is not negative")

    def work(connection: Connection) -> list[IssuedCard]:
        first = cards.take_serials(connection, count)  # from here on no other batch is made
        if reference is not None and (before := cards.batch_of_reference(connection, reference)) is not None:
            raise AlreadyIssuedError(before)
        check_density(cards.live_pins(connection, pin_length), count, pin_length)
        batch_id = cards.add_batch(
            connection, (product_id, first, count, face_value_micros, pin_length, clock_us(), reference)
        )
        last = first + count - 1
        missing = set(range(first, last + 1))
        issued: dict[int, str] = {}
        while missing:  # a PIN that another card has, or that came twice, is drawn again
            drawn = {serial: new_pin(pin_length) for serial in sorted(missing)}
            state = "active" if active else "inactive"
            cards.add_cards(
                connection,
                [
                    (product_id, batch_id, state, face_value_micros, serial, pin_hash(pepper, pin))
                    for serial, pin in drawn.items()
                ],
            )
            placed = set(cards.serials_between(connection, first, last)) & missing
            issued |= {serial: drawn[serial] for serial in placed}
            missing -= placed
        cards.post_issue_entries(connection, first, last, clock_us())
        made = [IssuedCard(serial_text(serial), pin) for serial, pin in sorted(issued.items())]
        if export is not None:
            export(made)
            cards.mark_exported(connection, batch_id, clock_us())
        return made

    return database.transaction(work)
