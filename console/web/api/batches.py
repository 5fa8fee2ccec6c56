"""/api/v1: batches of cards."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from console.web.api.cards import Strict
from console.web.api.entry import USUAL, AfterQuery, Cashier, Core, Key, LimitQuery, Reader, audited, reference_of
from console.web.api.shape import model_of, page_of, shape
from console.web.problems import Problem
from rating.administration.values import BatchDetail, BatchView
from rating.cards import AlreadyIssuedError
from rating.money import AmountError, parse_amount
from rating.pins import PIN_LENGTH_MAX, PIN_LENGTH_MIN

router = APIRouter(tags=["batches"], responses=USUAL)

CARDS_MAX = 10_000  # of one request; the command line issues a million


class NewBatch(Strict):
    """What is to be issued."""

    product: str = Field(max_length=64)
    cards: int = Field(ge=1, le=CARDS_MAX)
    face_value: str = Field(max_length=24, examples=["5.00"])
    pin_length: int = Field(12, ge=PIN_LENGTH_MIN, le=PIN_LENGTH_MAX)
    active: bool = Field(False, description="false: inactive until activated by serial range")


class NewCard(BaseModel):
    """A card, and its PIN this once."""

    serial: str
    pin: str


class Issued(BaseModel):
    """The only copy of the PINs: store it before anything else."""

    batch: model_of(BatchView)  # type: ignore[valid-type]
    cards: list[NewCard]


@router.get("/batches", response_model=page_of(BatchView), summary="List batches")
def list_batches(services: Core, _: Reader, after: AfterQuery = None, limit: LimitQuery = 50) -> Any:
    """The newest first."""
    return shape(services.core.list_batches(after=after, limit=limit))


@router.get("/batches/{batch_id}", response_model=model_of(BatchDetail), summary="Show a batch")
def show_batch(services: Core, _: Reader, batch_id: Annotated[int, Path(ge=1, lt=2**32)]) -> Any:
    """With how many of its cards are in which state."""
    return shape(services.core.show_batch(batch_id))


@router.post("/batches", response_model=Issued, status_code=201, summary="Issue a batch")
def issue(services: Core, actor: Cashier, body: NewBatch, key: Key) -> Any:
    """Makes cards and answers with their PINs, once: they are stored nowhere. Repeating the request with the same
    idempotency key issues nothing and is answered with 409 `ALREADY_ISSUED` and the batch's id; if the PINs were lost
    on the way, block the batch's serials and issue another."""
    try:
        value = parse_amount(body.face_value)
    except AmountError as error:
        raise Problem(422, f"{error}.", code="AMOUNT") from None
    if value < 0:
        raise Problem(422, "A face value is not negative.", code="AMOUNT")
    detail = f"{body.cards} cards of {body.product} at {body.face_value}"
    with audited(services, actor, "batch.issue", body.product, detail):
        try:
            made = services.core.issue_batch(
                body.product,
                body.cards,
                value,
                body.pin_length,
                body.active,
                reference=reference_of(key, actor),
                exported=True,
            )
        except AlreadyIssuedError as error:
            raise Problem(409, f"{error}.", code="ALREADY_ISSUED", batch_id=error.batch_id) from None
    batch = services.core.batch_of_serial(made[0].serial)
    return {"batch": shape(batch), "cards": [{"serial": card.serial, "pin": card.pin} for card in made]}
