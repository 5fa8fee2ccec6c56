"""/api/v1: operators, tokens, the audit trail, the ledger's check."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from console.web.api.cards import Strict
from console.web.api.entry import USUAL, Admin, Core, LimitQuery, Reader, audited
from console.web.api.shape import model_of, shape
from console.web.rights import Right
from console.web.trail import LATEST
from rating.administration.values import LedgerCheck
from rating.export import iso

router = APIRouter(tags=["administration"], responses=USUAL)

NAME = r"^[a-z][a-z0-9._-]{1,23}$"
Name = Annotated[str, Path(pattern=NAME)]
Role = Literal["support", "cashier", "manager", "admin"]


class Operator(BaseModel):
    """``must_change``: the password was given by somebody else. ``totp``: has a second factor."""

    name: str
    role: Role
    must_change: bool
    disabled: bool
    totp: bool
    last_login: str | None


class NewOperator(Strict):
    """Who may log in to the pages."""

    name: str = Field(pattern=NAME)
    role: Role


class OneTimePassword(BaseModel):
    """Good for one log-in; shown once."""

    name: str
    password: str


class OperatorChange(Strict):
    """What is given is changed."""

    role: Role | None = None
    disabled: bool | None = None


class NewToken(Strict):
    """What a program may do."""

    name: str = Field(pattern=NAME)
    scopes: list[Right] = Field(min_length=1, max_length=5)
    days: int = Field(0, ge=0, le=3650, description="0: without end")


class TokenOnce(BaseModel):
    """Shown once."""

    name: str
    token: str


class TokenView(BaseModel):
    """A token, without what is secret of it."""

    name: str
    scopes: list[str]
    made_by: str
    created: str | None
    ends: str | None
    last_used: str | None
    revoked: str | None


class AuditEntry(BaseModel):
    """Who did what, and what came of it."""

    audit_id: int
    at: str | None
    actor: str
    address: str
    action: str
    subject: str
    outcome: str
    detail: str


class AuditPage(BaseModel):
    """The newest first."""

    items: list[AuditEntry]
    next: int | None


@router.get("/operators", response_model=list[Operator], summary="List operators")
def operators(services: Core, _: Admin) -> Any:
    return [_operator(row) for row in services.accounts.operators()]


@router.post("/operators", response_model=OneTimePassword, status_code=201, summary="Add an operator")
def add_operator(services: Core, actor: Admin, body: NewOperator) -> Any:
    with audited(services, actor, "operator.add", body.name, body.role):
        return {"name": body.name, "password": services.accounts.add_operator(body.name, body.role)}


@router.patch("/operators/{name}", response_model=Operator, summary="Change an operator")
def change_operator(services: Core, actor: Admin, name: Name, body: OperatorChange) -> Any:
    with audited(services, actor, "operator.change", name, body.model_dump_json(exclude_none=True)):
        if body.role is not None:
            services.accounts.set_role(name, body.role)
        if body.disabled is not None:
            services.accounts.set_disabled(name, body.disabled)
    services.accounts.operator_named(name)
    return next(_operator(row) for row in services.accounts.operators() if row["name"] == name)


@router.post("/operators/{name}/password", response_model=OneTimePassword, summary="Reset a password")
def reset_password(services: Core, actor: Admin, name: Name) -> Any:
    """All of the operator's sessions end."""
    with audited(services, actor, "operator.reset", name):
        return {"name": name, "password": services.accounts.reset_password(name)}


@router.get("/tokens", response_model=list[TokenView], summary="List tokens")
def tokens(services: Core, _: Admin) -> Any:
    return [
        {
            "name": row["name"],
            "scopes": row["scopes"].split(),
            "made_by": row["made_by"],
            "created": iso(row["created_us"]),
            "ends": iso(row["ends_us"] or None),
            "last_used": iso(row["last_used_us"]),
            "revoked": iso(row["revoked_us"]),
        }
        for row in services.accounts.tokens()
    ]


@router.post("/tokens", response_model=TokenOnce, status_code=201, summary="Make a token")
def add_token(services: Core, actor: Admin, body: NewToken) -> Any:
    with audited(services, actor, "token.add", body.name, " ".join(body.scopes)):
        token = services.accounts.add_token(body.name, list(body.scopes), actor.name, body.days)
    return {"name": body.name, "token": token}


@router.delete("/tokens/{name}", status_code=204, summary="Revoke a token")
def revoke_token(services: Core, actor: Admin, name: Name) -> None:
    with audited(services, actor, "token.revoke", name):
        services.accounts.revoke_token(name)


@router.get("/audit", response_model=AuditPage, summary="Who did what")
def audit(
    services: Core,
    _: Admin,
    after: Annotated[int, Query(ge=1, le=LATEST)] = LATEST,
    subject: Annotated[str | None, Query(max_length=64)] = None,
    actor: Annotated[str | None, Query(max_length=64)] = None,
    limit: LimitQuery = 50,
) -> Any:
    rows = services.trail.newest(before=after, subject=subject, actor=actor, limit=limit + 1)
    items = [{key: row[key] for key in row if key != "at_us"} | {"at": iso(row["at_us"])} for row in rows[:limit]]
    return {"items": items, "next": rows[limit - 1]["audit_id"] if len(rows) > limit else None}


@router.get("/ledger/check", response_model=model_of(LedgerCheck), summary="Recompute all balances", tags=["ledger"])
def check(services: Core, _: Reader) -> Any:
    """issued + refilled − charged − fees = posted, in micro-units. Takes seconds on millions of cards."""
    return shape(services.core.check())


def _operator(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "role": row["role"],
        "must_change": bool(row["must_change"]),
        "disabled": bool(row["disabled"]),
        "totp": row["totp"],
        "last_login": iso(row["last_login_us"]),
    }
