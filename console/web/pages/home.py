"""Operators log in and out; everybody chooses a language."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console.web import metrics
from console.web.accounts import Kind
from console.web.pages.view import (
    LANGUAGE_COOKIE,
    Core,
    OperatorForm,
    cookie_name,
    language_of,
    local_path,
    render,
    same_origin,
    see,
    session_of,
    with_session,
)
from console.web.problems import Problem
from console.web.rights import Actor
from console.web.services import address_of

router = APIRouter()

YEAR_S = 365 * 86_400


@router.get("/")
def home(request: Request) -> Response:
    """Where whoever comes belongs."""
    if session_of(request, Kind.OPERATOR):
        return see("/live")
    return see("/card" if session_of(request, Kind.CARD) else "/login")


@router.get("/login")
def login_page(request: Request, next: str = "") -> Response:
    return render(request, "login.html", next=local_path(next, ""), wrong="", name="")


@router.post("/login")
def login(
    request: Request,
    services: Core,
    name: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
    code: Annotated[str, Form(max_length=16)] = "",
    next: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Whatever is wrong looks the same. The session is a new one, whatever cookie came with the request."""
    same_origin(request)
    limit_logins(request)
    who = Actor(f"operator {name}", address_of(request))
    row = services.accounts.log_in(name, password, code)
    metrics.LOGINS.labels("operator", "refused" if row is None else "ok").inc()
    if row is None:
        services.trail.note(who, "login", outcome="refused")
        wrong = language_of(request)("login.wrong")
        return render(request, "login.html", next=local_path(next, ""), wrong=wrong, name=name, status=403)
    services.trail.note(who, "login")
    before = session_of(request, Kind.OPERATOR)
    if before is not None:
        services.accounts.end_session(before.cookie)
    session = services.accounts.begin_session(Kind.OPERATOR, row["operator_id"])
    return with_session(see("/account" if row["must_change"] else local_path(next, "/live")), session, services)


@router.post("/logout", dependencies=[OperatorForm])
def logout(request: Request, services: Core) -> Response:
    session = session_of(request, Kind.OPERATOR)
    if session is not None:
        services.accounts.end_session(session.cookie)
    response = see("/login")
    response.delete_cookie(cookie_name(Kind.OPERATOR, services.web.secure))
    return response


@router.get("/language/{code}")
def choose_language(services: Core, code: str, back: str = "/") -> Response:
    """Kept in a cookie; changes nothing else."""
    response = RedirectResponse(local_path(back, "/"), 303)
    if code in services.texts.languages:
        secure = services.web.secure
        response.set_cookie(LANGUAGE_COOKIE, code, max_age=YEAR_S, secure=secure, httponly=True, samesite="lax")
    return response


def limit_logins(request: Request) -> None:
    """By address, right ones included. Raises Problem."""
    services = request.app.state.services
    wait_s = services.logins.wait_s(address_of(request))
    if wait_s:
        text = language_of(request)("login.slow")
        raise Problem(429, text, headers={"Retry-After": str(int(wait_s) + 1)})
