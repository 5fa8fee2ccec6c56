"""The statements of authorise: however many calls are asked for at once, two round trips and one commit.

The first locks the cards (by rising id, as everywhere). What each call may cost is then decided in Python, by the rule
that quotes use. The second writes the holds and the cards, and commits.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from rating.database import Connection, Row, execute_all, fetch_column

# One text a row: the client takes it apart several times faster than fourteen columns. What could hold a comma is last.
_CARD = (
    "CONCAT_WS(',', card.card_id, card.product_id, posted_micros, held_micros, open_holds, hour, calls_in_hour, day,"
    " spent_in_day, first_used_us, expires_us,"
    # A subquery reads without a lock: a deck that is being imported holds no call up.
    " (SELECT deck_version FROM product WHERE product.product_id = card.product_id), state, {ani}, language)"
)
_BY_ID = f"SELECT {_CARD.format(ani='0')} FROM card FORCE INDEX (PRIMARY) WHERE card_id IN ({{}}) FOR UPDATE"  # noqa: S608
_BY_ANI = (
    f"SELECT {_CARD.format(ani='COALESCE(called.ani, 0)')} FROM ({{}} ORDER BY card_id LIMIT 10000) AS called"  # noqa: S608
    " STRAIGHT_JOIN card USING (card_id) FOR UPDATE"
)


@dataclass(slots=True)
class CardRow:
    """A locked card; what a call changes is changed here, then written."""

    state: str
    language: str
    counted: bool  # the calls in its hour are, as its product limits them
    first_use: bool  # this is its first call
    card_id: int
    product_id: int
    posted_micros: int
    held_micros: int
    open_holds: int
    hour: int
    calls_in_hour: int
    day: int
    spent_in_day: int
    first_used_us: int
    expires_us: int
    deck_version: int
    last_dnis: int = 0


class NewHold(NamedTuple):
    """A row of the table hold, in the order of its columns here."""

    hold_id: bytes
    call_id: bytes
    card_id: int
    held_micros: int
    limit_s: int
    product_id: int
    rate: str
    prefix: str
    destination: str
    dnis: str
    ani: str | None
    trunk: str
    access_number: str | None
    attestation: str
    language: str
    warning_s: int
    node: str
    placed_us: int


_BEFORE = (
    "SELECT hold_id, call_id, hold.card_id, hold.product_id, hold.state, limit_s, hold.held_micros, rate, destination,"
    " dnis, ani, hold.warning_s, hold.language, posted_micros - card.held_micros AS available"
    " FROM hold JOIN card USING (card_id) WHERE hold_id IN ({})"
)
# What a call changes of its card; the others change only when their product asks for it, or at the first call.
_ALWAYS = ("held_micros", "open_holds", "last_dnis")
_HOURLY = ("hour", "calls_in_hour")
_FIRST = ("first_used_us", "expires_us")


def lock_cards(connection: Connection, card_ids: Collection[int], anis: Collection[str]) -> dict[int | str, CardRow]:
    """The cards of these ids and CallerIDs that there are, by id or CallerID, locked; one row for each card."""
    cards: dict[int, CardRow] = {}
    found: dict[int | str, CardRow] = {}
    for text in _cards(connection, sorted(card_ids), anis):
        *numbers, state, ani, language = text.split(",", 14)
        card_id = int(numbers[0])
        card = cards.get(card_id)
        if card is None:
            card = cards[card_id] = CardRow(state, language, False, False, *map(int, numbers))
        found[ani if ani != "0" else card_id] = card
    return found


def _cards(connection: Connection, card_ids: Sequence[int], anis: Collection[str]) -> Iterator[str]:
    if not anis and not card_ids:
        return iter(())
    if not anis:
        return fetch_column(connection, _BY_ID.format(_marks(len(card_ids))), card_ids)
    called = f"SELECT ani, card_id FROM caller_id WHERE ani IN ({_marks(len(anis))})"  # noqa: S608
    called += " UNION ALL SELECT NULL, %s" * len(card_ids)
    return fetch_column(connection, _BY_ANI.format(called), (*anis, *card_ids))


def write(
    connection: Connection, holds: Sequence[NewHold], cards: Sequence[CardRow], refused: Sequence[bytes]
) -> dict[bytes, Row]:
    """Writes all and commits. Of the ``refused`` hold ids, those that were held before, by id.

    Raises IntegrityError 1062 when one of ``holds`` is there already; nothing is written then.
    """
    statements: list[str] = []
    arguments: list[Any] = []
    if holds:
        statements.append(_insert(len(holds)))
        for hold in holds:
            arguments += hold
        for columns, changed in (
            (_ALWAYS, cards),
            (_HOURLY, [card for card in cards if card.counted]),
            (_FIRST, [card for card in cards if card.first_use]),
        ):
            if changed:
                statements.append(_update(columns, len(changed)))
                arguments += _updated(columns, changed)
    if refused:
        statements.append(_BEFORE.format(_marks(len(refused))))
        arguments += refused
    results = execute_all(connection, ";".join([*statements, "COMMIT"]), arguments)
    return {row["hold_id"]: row for row in results[-2]} if refused else {}


@lru_cache(maxsize=256)
def _marks(count: int) -> str:
    return ", ".join(["%s"] * count)


@lru_cache(maxsize=256)
def _insert(count: int) -> str:
    row = f"({_marks(len(NewHold._fields))})"
    return f"INSERT INTO hold ({', '.join(NewHold._fields)}) VALUES {', '.join([row] * count)}"  # noqa: S608


@lru_cache(maxsize=256)
def _update(columns: tuple[str, ...], count: int) -> str:
    """One statement for all cards. Amounts stay whole: CASE of integers is one, unlike ELT."""
    value = "%s" if count == 1 else f"CASE card_id{' WHEN %s THEN %s' * count} END"
    sets = ", ".join(f"{column} = {value}" for column in columns)
    return f"UPDATE card FORCE INDEX (PRIMARY) SET {sets} WHERE card_id IN ({_marks(count)})"  # noqa: S608


def _updated(columns: tuple[str, ...], cards: Sequence[CardRow]) -> list[int]:
    """The arguments of ``_update``."""
    ids = [card.card_id for card in cards]
    if len(cards) == 1:
        return [*(getattr(cards[0], column) for column in columns), *ids]
    found: list[int] = []
    for column in columns:
        for card in cards:
            found += (card.card_id, getattr(card, column))
    return found + ids
