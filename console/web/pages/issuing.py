"""Batches of cards: issuing one (its PINs are downloaded once), activating and blocking ranges."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from console.web.pages.view import Cashier, Core, OperatorForm, Reader, Visitor, language_of, render, see
from console.web.services import Services
from console.web.sheets import attachment, csv_line
from rating.administration.base import ConflictError, InputError, NotFoundError
from rating.cards import AlreadyIssuedError
from rating.money import AmountError, parse_amount
from rating.pins import PinDensityError

router = APIRouter()

CARDS_MAX = 100_000  # of one page's request; the command line issues a million


@router.get("/batches")
def batches(
    request: Request, services: Core, visitor: Reader, after: Annotated[str | None, Query(max_length=10)] = None
) -> Response:
    return _page(request, services, visitor, after=after)


def _page(
    request: Request,
    services: Services,
    visitor: Visitor,
    *,
    wrong: str = "",
    after: str | None = None,
    status: int = 200,
) -> Response:
    return render(
        request,
        "batches.html",
        visitor=visitor,
        page=services.core.list_batches(after=after, limit=25),
        products=services.core.list_products(),
        request_id=secrets.token_hex(16),
        wrong=wrong,
        cards_max=CARDS_MAX,
        status=status,
    )


@router.post("/batches", dependencies=[OperatorForm])
def issue(
    request: Request,
    services: Core,
    visitor: Cashier,
    request_id: Annotated[str, Form(pattern=r"^[0-9a-f]{32}$")],
    product: Annotated[str, Form(max_length=64)],
    cards: Annotated[int, Form(ge=1, le=CARDS_MAX)],
    face_value: Annotated[str, Form(max_length=24)],
    pin_length: Annotated[int, Form(ge=8, le=20)] = 12,
    active: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Answers with the file for the printer. It is the only copy of the PINs; the form works once."""
    detail = f"{cards} cards of {product} at {face_value}"
    try:
        value = parse_amount(face_value)
        if value < 0:
            raise InputError("a face value is not negative")
        made = services.core.issue_batch(
            product,
            cards,
            value,
            pin_length,
            active == "yes",
            reference=f"{request_id}@{visitor.name}",
            exported=True,
        )
    except (AmountError, InputError, NotFoundError, ConflictError, PinDensityError, AlreadyIssuedError) as error:
        services.trail.note(visitor.actor, "batch.issue", product, outcome=type(error).__name__, detail=detail)
        text = language_of(request)("batches.twice") if isinstance(error, AlreadyIssuedError) else str(error)
        return _page(request, services, visitor, wrong=text, status=409)
    services.trail.note(visitor.actor, "batch.issue", product, detail=f"{detail}, from serial {made[0].serial}")
    text = "".join([csv_line(("serial", "pin")), *(csv_line((card.serial, card.pin)) for card in made)])
    return Response(text, media_type="text/csv", headers=attachment(f"cards-{made[0].serial}-{made[-1].serial}.csv"))


@router.get("/batches/{batch_id}")
def batch(
    request: Request, services: Core, visitor: Reader, batch_id: Annotated[int, Path(ge=1, lt=2**32)]
) -> Response:
    return render(request, "batch.html", visitor=visitor, detail=services.core.show_batch(batch_id))


@router.post("/batches/{batch_id}/{verb}", dependencies=[OperatorForm])
def change(
    request: Request,
    services: Core,
    visitor: Cashier,
    batch_id: Annotated[int, Path(ge=1, lt=2**32)],
    verb: Annotated[str, Path(pattern="^(activate|block|unblock)$")],
    first: Annotated[str, Form(pattern=r"^[0-9]{1,12}$")],
    last: Annotated[str, Form(pattern=r"^[0-9]{1,12}$")],
) -> Response:
    """A range of the batch's serials."""
    t = language_of(request)
    whole = services.core.show_batch(batch_id).batch
    if not int(whole.first_serial) <= int(first) <= int(last) <= int(whole.last_serial):
        return see(f"/batches/{batch_id}", t("batch.not_within"), wrong=True)
    change_states = getattr(services.core, verb)
    count: int = change_states(first, last)
    services.trail.note(visitor.actor, f"cards.{verb}", f"{first}-{last}", detail=f"{count} cards")
    return see(f"/batches/{batch_id}", t("batch.changed", count=t.number(count)))
