"""Webhooks of refill providers: a shop that took money tells us to refill a card.

    POST /webhooks/refills/acme
    Cardswitch-Signature: t=1795348800,v1=<hex HMAC-SHA256 of "1795348800.<body>" under the shared secret>
    {"id": "pay-4711", "serial": "000000100001", "amount": "5.00", "currency": "USD"}

Three things have to hold: the signature (compared in constant time), a timestamp within five minutes of our clock, and
an id that was not used for another amount. The refill is posted once per provider and id, by the ledger itself, so that
a repeated (or replayed) message changes nothing and is answered as the first was.
"""

import hashlib
import hmac
import json
import re
import time
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from console.web.api.entry import Core, audited, problems
from console.web.problems import Problem
from console.web.rights import Actor
from console.web.services import Services, address_of
from rating.money import AmountError, parse_amount

WINDOW_S = 300
BODY_MAX = 4096
SIGNATURE = re.compile(r"t=(?P<at>[0-9]{1,12}),v1=(?P<mac>[0-9a-f]{64})", re.ASCII)

router = APIRouter(prefix="/webhooks", tags=["webhooks"], responses=problems(400, 401, 404, 409, 413, 422, 429, 503))


class RefillMessage(BaseModel):
    """What a provider says."""

    model_config = ConfigDict(extra="ignore")  # providers add fields

    id: str = Field(pattern=r"^[A-Za-z0-9._:-]{1,36}$")
    serial: str = Field(pattern=r"^[0-9]{1,12}$")
    amount: str = Field(max_length=24)
    currency: str = Field(pattern=r"^[A-Z]{3}$")


class Refilled(BaseModel):
    """``repeated``: it was done before."""

    refilled: bool
    repeated: bool


@router.post("/refills/{provider}", response_model=Refilled, summary="A provider's refill")
async def refill(
    request: Request, services: Core, provider: Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,15}$")]
) -> Any:
    if services.provider_calls.wait_s(f"{provider} {address_of(request)}"):
        raise Problem(429, "Slow down.", headers={"Retry-After": "1"})
    body = await request.body()
    if len(body) > BODY_MAX:
        raise Problem(413, f"A message has up to {BODY_MAX} bytes.")
    secret = services.web.webhooks.get(provider)
    check_signature(secret, request.headers.get("cardswitch-signature", ""), body, int(time.time()))
    try:
        message = RefillMessage.model_validate(json.loads(body))
    except (ValueError, ValidationError, RecursionError):
        raise Problem(422, "The message has not the fields id, serial, amount, currency.") from None
    return await run_in_threadpool(_refill, services, Actor(f"provider {provider}", address_of(request)), message)


def _refill(services: Services, actor: Actor, message: RefillMessage) -> dict[str, bool]:
    try:
        amount = parse_amount(message.amount)
    except AmountError as error:
        raise Problem(422, f"{error}.", code="AMOUNT") from None
    with audited(services, actor, "card.refill", message.serial, f"{message.amount} {message.currency} {message.id}"):
        card = services.core.show_card(message.serial)
        if card.currency != message.currency:
            raise Problem(409, f"The card is in {card.currency}.", code="CURRENCY")
        reference = f"{message.id}@webhook.{actor.name.removeprefix('provider ')}"
        new = services.core.refill(card.card_id, amount, reference=reference, note=actor.name)
    return {"refilled": True, "repeated": not new}


def check_signature(secret: bytes | None, header: str, body: bytes, now_s: int) -> None:
    """Raises Problem 401: unknown provider, wrong signature and wrong time look alike from outside."""
    found = SIGNATURE.fullmatch(header)
    at = found["at"] if found else "0"
    wanted = hmac.digest(secret or b"no such provider", f"{at}.".encode() + body, hashlib.sha256).hex()
    right = hmac.compare_digest(wanted, found["mac"] if found else "")
    if secret is None or not right or abs(now_s - int(at)) > WINDOW_S:
        raise Problem(401, "The signature is missing, wrong, or too old.", code="SIGNATURE")


def sign(secret: bytes, body: bytes, at_s: int) -> str:
    """The header that a provider sends."""
    mac = hmac.digest(secret, f"{at_s}.".encode() + body, hashlib.sha256).hex()
    return f"t={at_s},v1={mac}"
