"""Cards: search, a card's story on one page, and what an operator does to it."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from console.web.pages.view import Carer, Cashier, Core, OperatorForm, Reader, Visitor, language_of, render, see
from console.web.problems import REFUSALS
from console.web.services import Services
from rating.administration.base import ConflictError, InputError, NotFoundError
from rating.administration.values import CardView
from rating.money import AmountError, parse_amount

router = APIRouter()

Serial = Annotated[str, Path(pattern=r"^[0-9]{1,12}$")]
Ani = Annotated[str, Path(pattern=r"^[0-9]{3,15}$")]
Amount = Annotated[str, Form(max_length=24)]
Note = Annotated[str, Form(max_length=128)]
# Made with the page: a form that is sent twice is posted once.
RequestId = Annotated[str, Form(pattern=r"^[0-9a-f]{32}$")]


@router.get("/cards")
def search(request: Request, services: Core, visitor: Reader, q: Annotated[str, Query(max_length=40)] = "") -> Response:
    """By serial, CallerID, or part of either; a sole hit is shown at once."""
    found: tuple[CardView, ...] = ()
    wrong = ""
    if q.strip():
        try:
            found = services.core.find_cards(q.strip())
        except InputError as error:
            wrong = str(error)
        if len(found) == 1:
            return see(f"/cards/{found[0].serial}")
    return render(request, "cards.html", visitor=visitor, q=q, found=found, wrong=wrong)


@router.get("/cards/{serial}")
def story(
    request: Request,
    services: Core,
    visitor: Reader,
    serial: Serial,
    entries: Annotated[str | None, Query(max_length=20)] = None,
    calls: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """``entries`` and ``calls``: where older ones begin."""
    core = services.core
    card = core.show_card(serial)
    return render(
        request,
        "card.html",
        visitor=visitor,
        card=card,
        caller_ids=core.card_caller_ids(card.card_id),
        holds=core.card_live_calls(card.card_id),
        entries=core.card_entries(card.card_id, before=entries, limit=20),
        calls=core.search_calls(card_id=card.card_id, after=calls, limit=20),
        deeds=services.trail.newest(subject=card.serial, limit=10),
        request_id=secrets.token_hex(16),
    )


@router.post("/cards/{serial}/block", dependencies=[OperatorForm])
def block(request: Request, services: Core, visitor: Carer, serial: Serial) -> Response:
    return _set_state(request, services, visitor, serial, "block")


@router.post("/cards/{serial}/unblock", dependencies=[OperatorForm])
def unblock(request: Request, services: Core, visitor: Carer, serial: Serial) -> Response:
    return _set_state(request, services, visitor, serial, "unblock")


@router.post("/cards/{serial}/activate", dependencies=[OperatorForm])
def activate(request: Request, services: Core, visitor: Cashier, serial: Serial) -> Response:
    """Needs the right to money: what the card is worth can be spent from now on."""
    t = language_of(request)
    card = services.core.show_card(serial)
    done = bool(services.core.activate(card.serial, card.serial))
    services.trail.note(visitor.actor, "card.activate", card.serial, outcome="ok" if done else card.state)
    return see(f"/cards/{card.serial}", t("card.done") if done else t("card.not_done"), wrong=not done)


def _set_state(request: Request, services: Services, visitor: Visitor, serial: str, verb: str) -> Response:
    t = language_of(request)
    card = services.core.show_card(serial)
    done = bool(services.core.block(card.serial) if verb == "block" else services.core.unblock(card.serial))
    services.trail.note(visitor.actor, f"card.{verb}", card.serial, outcome="ok" if done else card.state)
    return see(f"/cards/{card.serial}", t("card.done") if done else t("card.not_done"), wrong=not done)


@router.post("/cards/{serial}/adjust", dependencies=[OperatorForm])
def adjust(
    request: Request,
    services: Core,
    visitor: Cashier,
    serial: Serial,
    request_id: RequestId,
    amount: Amount = "",
    note: Note = "",
) -> Response:
    if not note.strip():
        return see(f"/cards/{serial}", language_of(request)("card.note_missing"), wrong=True)
    return _post(request, services, visitor, (serial, "adjust", request_id, amount, note.strip()))


@router.post("/cards/{serial}/refill", dependencies=[OperatorForm])
def refill(
    request: Request,
    services: Core,
    visitor: Cashier,
    serial: Serial,
    request_id: RequestId,
    amount: Amount = "",
    note: Note = "",
) -> Response:
    return _post(request, services, visitor, (serial, "refill", request_id, amount, note.strip()))


def _post(request: Request, services: Services, visitor: Visitor, wish: tuple[str, str, str, str, str]) -> Response:
    """Posts money once per form."""
    serial, verb, request_id, amount, note = wish
    t = language_of(request)
    card = services.core.show_card(serial)
    reference = f"{request_id}@{visitor.name}"
    said = f"{visitor.name}: {note}" if note else visitor.name
    outcome, text = "ok", t("card.posted")
    try:
        micros = parse_amount(amount)
        post = services.core.adjust if verb == "adjust" else services.core.refill
        if not post(card.card_id, micros, reference=reference, note=said):
            outcome = "repeated"
    except (AmountError, InputError, ConflictError) as error:
        outcome, text = type(error).__name__, str(error)
    services.trail.note(visitor.actor, f"card.{verb}", card.serial, outcome=outcome, detail=f"{amount}: {note}")
    return see(f"/cards/{card.serial}", text, wrong=outcome not in {"ok", "repeated"})


@router.post("/cards/{serial}/caller-ids", dependencies=[OperatorForm])
def register(
    request: Request, services: Core, visitor: Carer, serial: Serial, ani: Annotated[str, Form(max_length=24)] = ""
) -> Response:
    t = language_of(request)
    card = services.core.show_card(serial)
    digits = "".join(letter for letter in ani if letter.isascii() and letter.isdigit())
    refusal = services.core.register_ani(card.card_id, digits)
    services.trail.note(visitor.actor, "callerid.register", card.serial, outcome=refusal or "ok", detail=digits)
    text = t("card.registered") if refusal is None else t.maybe(f"refusal.{refusal}", REFUSALS.get(refusal, refusal))
    return see(f"/cards/{card.serial}", text, wrong=refusal is not None)


@router.post("/cards/{serial}/caller-ids/{ani}/remove", dependencies=[OperatorForm])
def remove(
    request: Request,
    services: Core,
    visitor: Carer,
    serial: Serial,
    ani: Annotated[str, Path(pattern=r"^[0-9]{3,15}$")],
) -> Response:
    card = services.core.show_card(serial)
    if ani not in services.core.caller_ids(card.card_id):
        raise NotFoundError(f"CallerID {ani} is not on card {card.serial}")
    services.core.forget_ani(card.card_id, ani)
    services.trail.note(visitor.actor, "callerid.remove", card.serial, detail=ani)
    return see(f"/cards/{card.serial}", language_of(request)("card.removed"))
