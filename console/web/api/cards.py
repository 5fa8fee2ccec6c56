"""/api/v1: cards, their money, their CallerIDs."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from console.web.api.entry import (
    USUAL,
    AfterQuery,
    Carer,
    Cashier,
    Core,
    Key,
    LimitQuery,
    Reader,
    audited,
    reference_of,
)
from console.web.api.shape import Amount, model_of, page_of, shape
from console.web.problems import Problem
from console.web.services import Services
from rating.administration.values import CallerIdView, CardView, EntryView
from rating.model import Quote
from rating.money import AMOUNT_MAX_MICROS, AmountError, parse_amount
from rating.outcome import Refusal

router = APIRouter(tags=["cards"], responses=USUAL)

Serial = Annotated[str, Path(pattern=r"^[0-9]{1,12}$", description="as printed on the card")]
Ani = Annotated[str, Path(pattern=r"^[0-9]{3,15}$", description="E.164 digits without +")]
State = Literal["inactive", "active", "blocked", "exhausted"]
PartQuery = Annotated[str, Query(max_length=20, pattern=r"^(\*?[0-9]*|[0-9]*\*)$")]


class Strict(BaseModel):
    """A body with a field that nobody knows is refused: a misspelt one would be ignored otherwise."""

    model_config = ConfigDict(extra="forbid")


class Posting(Strict):
    """Money for a card."""

    amount: str = Field(max_length=24, description="decimal text in the card's currency", examples=["5.00"])
    note: str = Field("", max_length=128, description="why; it is shown in the card's account")


class Posted(BaseModel):
    """``repeated``: it was posted before, under the same idempotency key; nothing changed now."""

    repeated: bool
    reference: str
    card: model_of(CardView)  # type: ignore[valid-type]


class Range(Strict):
    """Serials from the first to the last, both included."""

    first_serial: str = Field(pattern=r"^[0-9]{1,12}$")
    last_serial: str = Field(pattern=r"^[0-9]{1,12}$")


class Changed(BaseModel):
    """How many cards changed their state."""

    cards: int


class Move(Strict):
    """Where CallerIDs go. Without ``anis`` all of the card's."""

    to_serial: str = Field(pattern=r"^[0-9]{1,12}$")
    anis: list[Annotated[str, Field(pattern=r"^[0-9]{3,15}$")]] = Field(default_factory=list, max_length=100)


class Moved(BaseModel):
    """The CallerIDs that were moved."""

    anis: list[str]


@router.get("/cards", response_model=page_of(CardView), summary="Search cards")
def search_cards(
    services: Core,
    _: Reader,
    serial: PartQuery = "",
    ani: PartQuery = "",
    state: Literal["", "inactive", "active", "blocked", "exhausted"] = "",
    batch: Annotated[int | None, Query(ge=1, lt=2**32)] = None,
    after: AfterQuery = None,
    limit: LimitQuery = 50,
) -> Any:
    """By serial or CallerID, whole, as a beginning (`0001*`) or an ending (`*123`); by state; by batch."""
    page = services.core.search_cards(serial=serial, ani=ani, state=state, batch_id=batch, after=after, limit=limit)
    return shape(page)


@router.get("/cards/{serial}", response_model=model_of(CardView), summary="Show a card")
def show_card(services: Core, _: Reader, serial: Serial) -> Any:
    return shape(services.core.show_card(serial))


@router.get("/cards/{serial}/entries", response_model=page_of(EntryView), summary="A card's account")
def card_entries(services: Core, _: Reader, serial: Serial, after: AfterQuery = None, limit: LimitQuery = 50) -> Any:
    """The newest entries first, each with the balance after it and the sentence why it is there."""
    return shape(services.core.card_entries(_card_id(services, serial), before=after, limit=limit))


@router.post("/cards/{serial}/adjustments", response_model=Posted, summary="Adjust a balance")
def adjust(services: Core, actor: Cashier, serial: Serial, body: Posting, key: Key) -> Any:
    """Posts an adjustment of either sign, once per idempotency key. The note is demanded: somebody will ask."""
    if not body.note.strip():
        raise Problem(422, "An adjustment needs a note that says why.", code="NOTE")
    amount = micros(body.amount)
    reference = reference_of(key, actor)
    with audited(services, actor, "card.adjust", serial, f"{body.amount}: {body.note}"):
        card_id = _card_id(services, serial)
        new = services.core.adjust(card_id, amount, reference=reference, note=body.note)
    return {"repeated": not new, "reference": reference, "card": shape(services.core.show_card(serial))}


@router.post("/cards/{serial}/refills", response_model=Posted, summary="Refill a card")
def refill(services: Core, actor: Cashier, serial: Serial, body: Posting, key: Key) -> Any:
    """Posts a refill that was paid for elsewhere, once per idempotency key."""
    amount = micros(body.amount)
    reference = reference_of(key, actor)
    with audited(services, actor, "card.refill", serial, f"{body.amount}: {body.note}"):
        card_id = _card_id(services, serial)
        new = services.core.refill(card_id, amount, reference=reference, note=body.note)
    return {"repeated": not new, "reference": reference, "card": shape(services.core.show_card(serial))}


@router.post("/cards/{serial}/block", response_model=model_of(CardView), summary="Block a card")
def block(services: Core, actor: Carer, serial: Serial) -> Any:
    """Calls that run go on to their limit. Blocking a blocked card changes nothing."""
    with audited(services, actor, "card.block", serial):
        _card_id(services, serial)
        services.core.block(serial)
    return shape(services.core.show_card(serial))


@router.post("/cards/{serial}/unblock", response_model=model_of(CardView), summary="Unblock a card")
def unblock(services: Core, actor: Carer, serial: Serial) -> Any:
    with audited(services, actor, "card.unblock", serial):
        _card_id(services, serial)
        services.core.unblock(serial)
    return shape(services.core.show_card(serial))


@router.post("/serials/activate", response_model=Changed, summary="Activate a range of cards")
def activate_range(services: Core, actor: Cashier, body: Range) -> Any:
    """Inactive cards of the range become active: what they are worth can be spent from now on."""
    with audited(services, actor, "cards.activate", f"{body.first_serial}-{body.last_serial}"):
        return {"cards": services.core.activate(body.first_serial, body.last_serial)}


@router.post("/serials/block", response_model=Changed, summary="Block a range of cards")
def block_range(services: Core, actor: Cashier, body: Range) -> Any:
    with audited(services, actor, "cards.block", f"{body.first_serial}-{body.last_serial}"):
        return {"cards": services.core.block(body.first_serial, body.last_serial)}


@router.post("/serials/unblock", response_model=Changed, summary="Unblock a range of cards")
def unblock_range(services: Core, actor: Cashier, body: Range) -> Any:
    with audited(services, actor, "cards.unblock", f"{body.first_serial}-{body.last_serial}"):
        return {"cards": services.core.unblock(body.first_serial, body.last_serial)}


@router.get("/cards/{serial}/quote", response_model=model_of(Quote), summary="What a call would cost")
def quote(
    services: Core,
    _: Reader,
    serial: Serial,
    dnis: Annotated[str, Query(pattern=r"^[0-9]{3,15}$", description="E.164 digits without +")],
) -> Any:
    """And how long the balance would last. Nothing is held."""
    found = services.core.quote(_card_id(services, serial), dnis)
    if isinstance(found, Refusal):
        raise Problem.of_refusal(found)
    return shape(found)


# CallerIDs


@router.get("/caller-ids", response_model=page_of(CallerIdView), summary="List CallerIDs", tags=["CallerIDs"])
def caller_ids(
    services: Core, _: Reader, part: PartQuery = "", after: AfterQuery = None, limit: LimitQuery = 50
) -> Any:
    return shape(services.core.list_caller_ids(part, after=after, limit=limit))


@router.get(
    "/cards/{serial}/caller-ids", response_model=list[model_of(CallerIdView)], summary="A card's CallerIDs",  # type: ignore[misc]
    tags=["CallerIDs"],
)  # fmt: skip
def caller_ids_of(services: Core, _: Reader, serial: Serial) -> Any:
    return shape(services.core.card_caller_ids(_card_id(services, serial)))


@router.put("/cards/{serial}/caller-ids/{ani}", status_code=204, summary="Register a CallerID", tags=["CallerIDs"])
def register(services: Core, actor: Carer, serial: Serial, ani: Ani) -> None:
    """From now on its owner is not asked for a PIN. Registering it again changes nothing."""
    with audited(services, actor, "callerid.register", serial, ani):
        refusal = services.core.register_ani(_card_id(services, serial), ani)
        if refusal is not None:
            raise Problem.of_refusal(refusal)


@router.delete("/cards/{serial}/caller-ids/{ani}", status_code=204, summary="Remove a CallerID", tags=["CallerIDs"])
def unregister(services: Core, actor: Carer, serial: Serial, ani: Ani) -> None:
    with audited(services, actor, "callerid.remove", serial, ani):
        card_id = _card_id(services, serial)
        if ani not in services.core.caller_ids(card_id):
            raise Problem(404, f"CallerID {ani} is not on card {serial}.")
        services.core.forget_ani(card_id, ani)


@router.post("/cards/{serial}/caller-ids/move", response_model=Moved, summary="Move CallerIDs", tags=["CallerIDs"])
def move(services: Core, actor: Carer, serial: Serial, body: Move) -> Any:
    """To another card: all of them, or none when one cannot be moved."""
    with audited(services, actor, "callerid.move", serial, f"to {body.to_serial}: {', '.join(body.anis) or 'all'}"):
        return {"anis": list(services.core.move_caller_ids(serial, body.to_serial, body.anis))}


def micros(text: str) -> int:
    """The amount of a request. Raises Problem."""
    try:
        amount = parse_amount(text)
    except AmountError as error:
        raise Problem(422, f"{error}.", code="AMOUNT") from None
    if not 0 < abs(amount) <= AMOUNT_MAX_MICROS:
        raise Problem(422, "An amount is not 0.", code="AMOUNT")
    return amount


def _card_id(services: Services, serial: str) -> int:
    card_id: int = services.core.show_card(serial).card_id
    return card_id


__all__ = ["Amount", "Strict", "micros", "router"]
