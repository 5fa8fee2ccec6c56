"""An operator's own account: password, second factor."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from console.web.accounts import Kind, new_totp_secret, totp_uri
from console.web.pages.view import Anyone, Core, OperatorForm, Visitor, language_of, render, see, with_session
from console.web.services import Services
from rating.administration import InputError

router = APIRouter()


@router.get("/account")
def page(request: Request, services: Core, visitor: Anyone) -> Response:
    return _page(request, services, visitor)


def _page(request: Request, services: Services, visitor: Visitor, wrong: str = "", status: int = 200) -> Response:
    row = services.accounts.operator(visitor.session.subject_id) or {}
    secret = "" if row.get("totp_secret") else new_totp_secret()
    return render(
        request,
        "account.html",
        visitor=visitor,
        must_change=bool(row.get("must_change")),
        has_totp=bool(row.get("totp_secret")),
        secret=secret,
        uri=totp_uri(visitor.name, secret) if secret else "",
        wrong=wrong,
        status=status,
    )


@router.post("/account/password", dependencies=[OperatorForm])
def change_password(
    request: Request,
    services: Core,
    visitor: Anyone,
    new: Annotated[str, Form(max_length=200)] = "",
    again: Annotated[str, Form(max_length=200)] = "",
    current: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """All sessions of the operator end, but this one goes on under a new secret."""
    t = language_of(request)
    row = services.accounts.operator(visitor.session.subject_id)
    must_change = bool(row and row["must_change"])
    wrong = ""
    if new != again:
        wrong = t("account.not_alike")
    elif not must_change and not services.accounts.password_is(visitor.session.subject_id, current):
        wrong = t("account.wrong_current")
    else:
        try:
            services.accounts.change_password(visitor.session.subject_id, new)
        except InputError:
            wrong = t("account.too_easy")
    if wrong:
        return _page(request, services, visitor, wrong, 422)
    services.trail.note(visitor.actor, "password.change")
    session = services.accounts.begin_session(Kind.OPERATOR, visitor.session.subject_id)
    return with_session(see("/live", t("account.changed")), session, services)


@router.post("/account/totp", dependencies=[OperatorForm])
def turn_on_totp(
    request: Request,
    services: Core,
    visitor: Anyone,
    secret: Annotated[str, Form(pattern=r"^[A-Z2-7]{32}$")],
    code: Annotated[str, Form(max_length=16)] = "",
) -> Response:
    """The code proves that the app has the secret."""
    t = language_of(request)
    row = services.accounts.operator(visitor.session.subject_id)
    if row is None or row["totp_secret"] or not services.accounts.set_totp(row["operator_id"], secret, code):
        return _page(request, services, visitor, t("account.wrong_code"), 422)
    services.trail.note(visitor.actor, "totp.on")
    return see("/account", t("account.totp_on"))


@router.post("/account/totp/off", dependencies=[OperatorForm])
def turn_off_totp(
    request: Request, services: Core, visitor: Anyone, current: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    t = language_of(request)
    if not services.accounts.password_is(visitor.session.subject_id, current):
        return _page(request, services, visitor, t("account.wrong_current"), 422)
    services.accounts.remove_totp(visitor.name)
    services.trail.note(visitor.actor, "totp.off")
    return see("/account", t("account.totp_off"))
