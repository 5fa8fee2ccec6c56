"""Operators, tokens, the audit trail; lock-outs and blocked prefixes."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from console.web.accounts import REFUSED
from console.web.pages.view import Admin, Carer, Core, OperatorForm, Rater, Reader, Visitor, language_of, render, see
from console.web.rights import ROLES, Right
from console.web.services import Services
from console.web.trail import LATEST
from rating.administration.base import InputError, NotFoundError

router = APIRouter()

Name = Annotated[str, Form(max_length=24)]
Role = Annotated[str, Form(max_length=12)]


@router.get("/operators")
def operators(request: Request, services: Core, visitor: Admin) -> Response:
    return _page(request, services, visitor)


def _page(
    request: Request, services: Services, visitor: Visitor, *, secret: tuple[str, str] | None = None, wrong: str = ""
) -> Response:
    """``secret``: what it is for and the password or token, shown this once."""
    return render(
        request,
        "operators.html",
        visitor=visitor,
        operators=services.accounts.operators(),
        tokens=services.accounts.tokens(),
        roles=list(ROLES),
        scopes=list(Right),
        secret=secret,
        wrong=wrong,
    )


@router.post("/operators", dependencies=[OperatorForm])
def add(
    request: Request, services: Core, visitor: Admin, name: Name, role: Annotated[str, Form(max_length=12)]
) -> Response:
    try:
        password = services.accounts.add_operator(name, role)
    except REFUSED as error:
        return _page(request, services, visitor, wrong=str(error))
    services.trail.note(visitor.actor, "operator.add", name, detail=role)
    return _page(request, services, visitor, secret=(name, password))


@router.post("/operators/change", dependencies=[OperatorForm])
def change(
    request: Request,
    services: Core,
    visitor: Admin,
    name: Name,
    verb: Annotated[str, Form(pattern="^(role|disable|enable|reset|totp)$")],
    role: Role = "",
) -> Response:
    accounts = services.accounts
    try:
        match verb:
            case "role":
                accounts.set_role(name, role)
            case "disable" | "enable":
                accounts.set_disabled(name, verb == "disable")
            case "totp":
                accounts.remove_totp(name)
            case "reset":
                password = accounts.reset_password(name)
                services.trail.note(visitor.actor, "operator.reset", name)
                return _page(request, services, visitor, secret=(name, password))
    except REFUSED as error:
        return _page(request, services, visitor, wrong=str(error))
    services.trail.note(visitor.actor, f"operator.{verb}", name, detail=role)
    return see("/operators", language_of(request)("operators.changed"))


@router.post("/tokens", dependencies=[OperatorForm])
def add_token(
    request: Request,
    services: Core,
    visitor: Admin,
    name: Name,
    scopes: Annotated[list[str], Form(max_length=5)],
    days: Annotated[int, Form(ge=0, le=3650)] = 0,
) -> Response:
    try:
        token = services.accounts.add_token(name, scopes, visitor.actor.name, days)
    except REFUSED as error:
        return _page(request, services, visitor, wrong=str(error))
    services.trail.note(visitor.actor, "token.add", name, detail=" ".join(scopes))
    return _page(request, services, visitor, secret=(name, token))


@router.post("/tokens/revoke", dependencies=[OperatorForm])
def revoke(request: Request, services: Core, visitor: Admin, name: Name) -> Response:
    try:
        services.accounts.revoke_token(name)
    except REFUSED as error:
        return _page(request, services, visitor, wrong=str(error))
    services.trail.note(visitor.actor, "token.revoke", name)
    return see("/operators", language_of(request)("operators.changed"))


@router.get("/audit")
def audit(
    request: Request,
    services: Core,
    visitor: Admin,
    after: Annotated[int, Query(ge=1, le=LATEST)] = LATEST,
    subject: Annotated[str, Query(max_length=64)] = "",
    actor: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    rows = services.trail.newest(before=after, subject=subject or None, actor=actor or None, limit=51)
    older = rows[49]["audit_id"] if len(rows) > 50 else None
    return render(request, "audit.html", visitor=visitor, rows=rows[:50], older=older, subject=subject, actor=actor)


# abuse


@router.get("/abuse")
def abuse(request: Request, services: Core, visitor: Reader) -> Response:
    return render(
        request,
        "abuse.html",
        visitor=visitor,
        lock_outs=services.core.list_lock_outs(locked_only=False, limit=200).items,
        prefixes=services.core.list_blocked_prefixes(),
    )


@router.post("/abuse/unlock", dependencies=[OperatorForm])
def unlock(
    request: Request,
    services: Core,
    visitor: Carer,
    scope: Annotated[str, Form(max_length=8)],
    subject: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    text, wrong = language_of(request)("abuse.unlocked"), False
    try:
        services.core.unlock(scope, subject)
    except (NotFoundError, InputError) as error:
        text, wrong = str(error), True
    services.trail.note(visitor.actor, "lockout.forget", f"{scope} {subject}", outcome="no" if wrong else "ok")
    return see("/abuse", text, wrong=wrong)


@router.post("/abuse/prefixes", dependencies=[OperatorForm])
def change_prefix(
    request: Request,
    services: Core,
    visitor: Rater,
    prefix: Annotated[str, Form(max_length=15)],
    verb: Annotated[str, Form(pattern="^(block|unblock)$")],
    reason: Annotated[str, Form(max_length=128)] = "",
) -> Response:
    text, wrong = language_of(request)("abuse.changed"), False
    try:
        if verb == "block":
            services.core.block_prefix(prefix, reason=reason)
        else:
            services.core.unblock_prefix(prefix)
    except (NotFoundError, InputError) as error:
        text, wrong = str(error), True
    services.trail.note(visitor.actor, f"prefix.{verb}", prefix, outcome="no" if wrong else "ok", detail=reason)
    return see("/abuse", text, wrong=wrong)
