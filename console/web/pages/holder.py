"""The pages of card holders: balance, minutes, calls, refill by voucher, CallerIDs, language.

A card holder is known by the session alone: no page takes a card's number from the request.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from console.web import metrics
from console.web.accounts import Kind
from console.web.pages.home import YEAR_S, limit_logins
from console.web.pages.view import (
    LANGUAGE_COOKIE,
    CardForm,
    Core,
    Holder,
    cookie_name,
    language_of,
    render,
    same_origin,
    see,
    session_of,
    with_session,
)
from console.web.rights import Actor
from console.web.services import Services, address_of
from rating.administration.base import NotFoundError
from rating.model import Card, Quote
from rating.numbers import normalise_dnis
from rating.outcome import Refusal

router = APIRouter(prefix="/card")

FAVOURITES_MAX = 5
RECENT_CALLS = 100
TRUNK = "web"  # what wrong PINs are counted under beside the serial, as those of a trunk are


@router.get("/login")
def login_page(request: Request) -> Response:
    return render(request, "holder_login.html", wrong="", serial="")


@router.post("/login")
def login(
    request: Request,
    services: Core,
    serial: Annotated[str, Form(max_length=20)] = "",
    pin: Annotated[str, Form(max_length=30)] = "",
) -> Response:
    """Wrong PINs are counted in the ledger with the IVR's, by serial, under the web's own trunk, and altogether. A
    serial that nobody has, a wrong PIN, and somebody else's PIN look alike and are the same work."""
    same_origin(request)
    limit_logins(request)
    digits, secret = _digits(serial), _digits(pin)
    found = services.core.log_in_card(digits, secret, trunk=TRUNK)
    who = Actor(f"card {digits[:12].zfill(12)}", address_of(request))
    metrics.LOGINS.labels("card", "refused" if isinstance(found, Refusal) else "ok").inc()
    if isinstance(found, Refusal):
        services.trail.note(who, "login", outcome=found)
        key = "holder.locked" if found is Refusal.LOCKED else "holder.wrong"
        return render(request, "holder_login.html", wrong=language_of(request)(key), serial=serial, status=403)
    services.trail.note(who, "login")
    before = session_of(request, Kind.CARD)
    if before is not None:
        services.accounts.end_session(before.cookie)
    session = services.accounts.begin_session(Kind.CARD, int(found))
    return with_session(see("/card"), session, services)


@router.post("/logout", dependencies=[CardForm])
def logout(request: Request, services: Core) -> Response:
    session = session_of(request, Kind.CARD)
    if session is not None:
        services.accounts.end_session(session.cookie)
    response = see("/card/login")
    response.delete_cookie(cookie_name(Kind.CARD, services.web.secure))
    return response


@router.get("")
def card_page(
    request: Request,
    services: Core,
    visitor: Holder,
    to: Annotated[str, Query(max_length=24)] = "",
    calls: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """``to``: a number whose price is asked for."""
    core = services.core
    shown = core.show_card(visitor.name)
    page = core.search_calls(card_id=shown.card_id, after=calls, limit=20)
    return render(
        request,
        "holder.html",
        visitor=visitor,
        card=shown,
        product=core.show_product(shown.product),
        caller_ids=core.card_caller_ids(shown.card_id),
        calls=page,
        favourites=_favourites(services, shown.card_id),
        to=to,
        answer=_answer(request, services, shown.card_id, to) if to.strip() else None,
    )


def _favourites(services: Services, card_id: int) -> list[dict[str, Any]]:
    """Where the last calls went, and how long the balance lasts there now: one number a destination."""
    found: dict[str, dict[str, Any]] = {}
    for call in services.core.search_calls(card_id=card_id, limit=RECENT_CALLS).items:
        seen = found.setdefault(call.destination, {"destination": call.destination, "dnis": call.dnis, "calls": 0})
        seen["calls"] += 1
    best = sorted(found.values(), key=lambda each: -each["calls"])[:FAVOURITES_MAX]
    for each in best:
        quote = services.core.quote(card_id, each["dnis"])
        each["quote"] = quote if isinstance(quote, Quote) else None
    return best


def _answer(request: Request, services: Services, card_id: int, to: str) -> dict[str, Any]:
    """What a call to a number would cost, or why there can be none."""
    number = normalise_dnis(to.strip(), "")
    quote = number if isinstance(number, Refusal) else services.core.quote(card_id, number)
    if isinstance(quote, Refusal):
        t = language_of(request)
        return {"quote": None, "why": t.maybe(f"refusal.{quote}", t("refusal.other"))}
    return {"quote": quote, "why": ""}


@router.post("/refill", dependencies=[CardForm])
def refill(
    request: Request, services: Core, visitor: Holder, voucher: Annotated[str, Form(max_length=30)] = ""
) -> Response:
    """By a voucher's PIN, guarded as every PIN."""
    limit_logins(request)
    t = language_of(request)
    shown = services.core.show_card(visitor.name)
    found = services.core.refill_by_voucher(shown.card_id, _digits(voucher), ani=f"s{visitor.name}", trunk=TRUNK)
    outcome = "ok" if isinstance(found, Card) else str(found)
    services.trail.note(visitor.actor, "card.refill", shown.serial, outcome=outcome)
    if not isinstance(found, Card):
        return see("/card", t.maybe(f"refusal.{found}", t("refusal.other")), wrong=True)
    amount = t.amount(found.available_micros, found.product.currency)
    return see("/card", t("holder.refilled", amount=amount))


@router.post("/caller-ids", dependencies=[CardForm])
def register(
    request: Request, services: Core, visitor: Holder, ani: Annotated[str, Form(max_length=24)] = ""
) -> Response:
    """A number that nobody else has registered."""
    t = language_of(request)
    shown = services.core.show_card(visitor.name)
    refusal = services.core.register_ani(shown.card_id, _digits(ani))
    services.trail.note(visitor.actor, "callerid.register", shown.serial, outcome=refusal or "ok", detail=_digits(ani))
    if refusal is not None:
        return see("/card", t.maybe(f"refusal.{refusal}", t("refusal.other")), wrong=True)
    return see("/card", t("card.registered"))


@router.post("/caller-ids/{ani}/remove", dependencies=[CardForm])
def remove(
    request: Request, services: Core, visitor: Holder, ani: Annotated[str, Path(pattern=r"^[0-9]{3,15}$")]
) -> Response:
    """One of the holder's own; somebody else's is as unknown as one that nobody has."""
    shown = services.core.show_card(visitor.name)
    if ani not in services.core.caller_ids(shown.card_id):
        raise NotFoundError(f"CallerID {ani} is not on your card")
    services.core.forget_ani(shown.card_id, ani)
    services.trail.note(visitor.actor, "callerid.remove", shown.serial, detail=ani)
    return see("/card", language_of(request)("card.removed"))


@router.post("/language", dependencies=[CardForm])
def choose_language(
    request: Request, services: Core, visitor: Holder, language: Annotated[str, Form(max_length=8)]
) -> Response:
    """What the IVR speaks to this card; the pages follow where they can."""
    shown = services.core.show_card(visitor.name)
    offered = {offer.code for offer in services.core.show_product(shown.product).languages}
    if language not in offered:
        return see("/card", language_of(request)("refusal.other"), wrong=True)
    services.core.set_language(shown.card_id, language)
    services.trail.note(visitor.actor, "card.language", shown.serial, detail=language)
    t = services.texts.languages.get(language, language_of(request))
    response = see("/card", t("holder.language_kept"))
    if language in services.texts.languages:
        secure = services.web.secure
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR_S, secure=secure, httponly=True, samesite="lax")
    return response


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isascii() and letter.isdigit())
