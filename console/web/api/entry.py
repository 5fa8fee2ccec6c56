"""How a request comes into the API: its token, the right it needs, its idempotency key, its errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Depends, Header, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from starlette.requests import Request

from console.web.problems import Problem
from console.web.rights import Actor, Right
from console.web.services import Services, address_of, services_of

bearer = HTTPBearer(auto_error=False, description="A token of `cardswitch tokens add`; its scopes say what it may do.")

LimitQuery = Annotated[int, Query(ge=1, le=1000, description="so many rows at most")]
AfterQuery = Annotated[str | None, Query(max_length=64, description="`next` of the page before")]
SerialPath = Annotated[str, Field(pattern=r"^[0-9]{1,12}$", description="as printed on the card")]
KEY = r"^[A-Za-z0-9._:-]{1,36}$"

Core = Annotated[Services, Depends(services_of)]


class ProblemModel(BaseModel):
    """RFC 9457. ``code`` is for programs."""

    type: str
    title: str
    status: int
    detail: str
    code: str | None = None


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What an operation may answer beside success, for the OpenAPI document."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemModel"}}}
    return {status: {"description": "problem", "content": content} for status in statuses}


USUAL = problems(400, 401, 403, 404, 409, 411, 413, 415, 422, 429, 500, 503)


def actor_with(right: Right) -> Callable[..., Actor]:
    """The dependency that demands a token with that right, and room in its rate limit."""

    def actor(
        request: Request,
        services: Core,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    ) -> Actor:
        token = services.accounts.token(credentials.credentials) if credentials is not None else None
        if token is None:
            raise Problem(
                401,
                "Send `Authorization: Bearer` and a token that is valid.",
                headers={"WWW-Authenticate": 'Bearer realm="cardswitch"'},
            )
        wait_s = services.token_calls.wait_s(token.name)
        if wait_s:
            raise Problem(429, "Slow down.", headers={"Retry-After": str(int(wait_s) + 1)})
        if right not in token.scopes:
            raise Problem(403, f"The token has not the scope `{right}`.", code="SCOPE")
        return Actor(f"token {token.name}", address_of(request), token.scopes)

    return actor


def idempotency_key(
    idempotency_key: Annotated[
        str,
        Header(
            pattern=KEY,
            description="Your own id of this request, for ever: repeating it changes nothing more. "
            "1 to 36 letters, digits, dots, dashes, colons; a UUID fits.",
        ),
    ],
) -> str:
    return idempotency_key


Reader = Annotated[Actor, Depends(actor_with(Right.READ))]
Carer = Annotated[Actor, Depends(actor_with(Right.CARE))]
Cashier = Annotated[Actor, Depends(actor_with(Right.MONEY))]
Rater = Annotated[Actor, Depends(actor_with(Right.RATES))]
Admin = Annotated[Actor, Depends(actor_with(Right.ADMIN))]
Key = Annotated[str, Depends(idempotency_key)]


def reference_of(key: str, actor: Actor) -> str:
    """The reference of the ledger's entry: the ledger itself sees to it that it is posted once."""
    return f"{key}@{actor.name.removeprefix('token ')}"


@contextmanager
def audited(services: Services, actor: Actor, action: str, subject: str = "", detail: str = "") -> Iterator[None]:
    """Notes what was tried and what came of it."""
    try:
        yield
    except Exception as error:
        outcome = error.code or str(error.status) if isinstance(error, Problem) else type(error).__name__
        services.trail.note(actor, action, subject, outcome=outcome, detail=detail)
        raise
    services.trail.note(actor, action, subject, detail=detail)
