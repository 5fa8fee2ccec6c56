"""What all pages share: who looks, the language, templates, forms that cannot be forged, notes after a redirect."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlsplit

from fastapi import Depends, Form
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from console.web.accounts import LIFETIMES, Kind, Session
from console.web.problems import Problem
from console.web.rights import ROLES, Actor, Right
from console.web.services import Services, address_of, services_of
from console.web.texts import Language

TEMPLATES = Path(__file__).parents[1] / "templates"
LANGUAGE_COOKIE = "language"
NOTE_COOKIE = "note"
NOTE_MAX = 400

Core = Annotated[Services, Depends(services_of)]


class LogInError(Exception):
    """Whoever looks has to log in (or choose a password) first; ``location`` is where."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page. ``actor`` has the rights."""

    session: Session
    actor: Actor
    name: str
    role: str = ""

    def may(self, right: str) -> bool:
        return self.actor.may(Right(right))


def environment() -> Environment:
    """Everything is escaped; a name that is not there is an error, not nothing."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["clock"] = clock
    return made


def language_of(request: Request) -> Language:
    accepted = request.headers.get("accept-language", "")
    return services_of(request).texts.choose(request.cookies.get(LANGUAGE_COOKIE, ""), accepted)


def render(
    request: Request, template: str, *, visitor: Visitor | None = None, status: int = HTTPStatus.OK, **values: Any
) -> HTMLResponse:
    """A page."""
    services = services_of(request)
    note = _note(request)
    content = _environment.get_template(template).render(
        t=language_of(request),
        languages=services.texts.languages.values(),
        visitor=visitor,
        form_token=visitor.session.form_token if visitor else "",
        path=request.url.path,
        here=str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""),
        note=note,
        **values,
    )
    response = HTMLResponse(content, status)
    if note:
        response.delete_cookie(NOTE_COOKIE)
    return response


def error_page(request: Request, problem: Problem) -> Response:
    """What went wrong, for people."""
    return render(request, "error.html", problem=problem, status=problem.status)


def see(location: str, note: str = "", *, wrong: bool = False) -> RedirectResponse:
    """Go there after a form, and show the note once."""
    response = RedirectResponse(location, HTTPStatus.SEE_OTHER)
    if note:
        value = quote(json.dumps({"text": note[:NOTE_MAX], "wrong": wrong}))
        response.set_cookie(NOTE_COOKIE, value, max_age=60, httponly=True, samesite="strict")
    return response


def _note(request: Request) -> dict[str, Any] | None:
    try:
        found = json.loads(unquote(request.cookies.get(NOTE_COOKIE, "")))
        return {"text": str(found["text"])[:NOTE_MAX], "wrong": bool(found["wrong"])}
    except (ValueError, KeyError, TypeError):
        return None


# sessions


def cookie_name(kind: Kind, secure: bool) -> str:
    """The __Host- prefix makes browsers insist on TLS, this host, and the whole of it."""
    return f"{'__Host-' if secure else ''}{kind.value}_session"


def with_session(response: Response, session: Session, services: Services) -> Response:
    """Lax: a link from elsewhere finds one logged in, a form from elsewhere does not."""
    response.set_cookie(
        cookie_name(session.kind, services.web.secure),
        session.cookie,
        max_age=LIFETIMES[session.kind].most_s,
        secure=services.web.secure,
        httponly=True,
        samesite="lax",
    )
    return response


def session_of(request: Request, kind: Kind) -> Session | None:
    services = services_of(request)
    return services.accounts.session(request.cookies.get(cookie_name(kind, services.web.secure), ""), kind)


def operator_session(request: Request) -> Visitor:
    """The operator, even one who has to choose a password first. Raises LogInError."""
    session = session_of(request, Kind.OPERATOR)
    row = services_of(request).accounts.operator(session.subject_id) if session else None
    if session is None or row is None:
        back = request.url.path if request.method == "GET" and request.url.path != "/" else ""
        raise LogInError(f"/login?next={quote(back)}" if back else "/login")
    rights = frozenset[Right]() if row["must_change"] else ROLES[row["role"]]
    actor = Actor(f"operator {row['name']}", address_of(request), rights)
    return Visitor(session, actor, row["name"], row["role"])


def operator_with(right: Right) -> Callable[..., Visitor]:
    """The dependency of a page that needs a right."""

    def visitor(request: Request) -> Visitor:
        found = operator_session(request)
        if not found.actor.rights:
            raise LogInError("/account")
        if not found.actor.may(right):
            services_of(request).trail.note(found.actor, "denied", request.url.path, outcome=f"needs {right}")
            raise Problem(403, language_of(request)("error.right", right=right))
        return found

    return visitor


def card_session(request: Request) -> Visitor:
    """The card holder. Raises LogInError."""
    session = session_of(request, Kind.CARD)
    if session is None:
        raise LogInError("/card/login")
    try:
        card = services_of(request).core.show_card(session.subject_id)
    except LookupError:
        raise LogInError("/card/login") from None
    return Visitor(session, Actor(f"card {card.serial}", address_of(request)), card.serial)


Anyone = Annotated[Visitor, Depends(operator_session)]
Reader = Annotated[Visitor, Depends(operator_with(Right.READ))]
Carer = Annotated[Visitor, Depends(operator_with(Right.CARE))]
Cashier = Annotated[Visitor, Depends(operator_with(Right.MONEY))]
Rater = Annotated[Visitor, Depends(operator_with(Right.RATES))]
Admin = Annotated[Visitor, Depends(operator_with(Right.ADMIN))]
Holder = Annotated[Visitor, Depends(card_session)]


# forms


def same_origin(request: Request) -> None:
    """A form that a browser sends says where it comes from. Raises Problem."""
    if request.headers.get("origin", "").lower() != services_of(request).web.origin:
        raise Problem(403, language_of(request)("error.origin"))


def check_form(request: Request, visitor: Visitor, form_token: str) -> None:
    """CSRF: the origin, and the token that only pages of this session carry. Raises Problem."""
    same_origin(request)
    if not visitor.session.owns(form_token):
        raise Problem(403, language_of(request)("error.form"))


def owned_form(kind: Kind) -> Callable[..., None]:
    """The dependency of whatever changes something."""

    def check(request: Request, form_token: Annotated[str, Form(max_length=100)] = "") -> None:
        session = session_of(request, kind)
        if session is None:
            raise LogInError("/login" if kind is Kind.OPERATOR else "/card/login")
        same_origin(request)
        if not session.owns(form_token):
            raise Problem(403, language_of(request)("error.form"))

    return check


OperatorForm = Depends(owned_form(Kind.OPERATOR))
CardForm = Depends(owned_form(Kind.CARD))


def local_path(text: str, otherwise: str) -> str:
    """A path of this site, else ``otherwise``: nobody is sent elsewhere by a link to us."""
    parts = urlsplit(text)
    harmless = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return text if harmless and text.isprintable() and "\\" not in text else otherwise


def clock(seconds: int) -> str:
    """3725 → 1:02:05."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


_environment = environment()
