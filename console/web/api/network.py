"""/api/v1: products, carriers, gateways, trunks, access numbers, abuse. Putting what is there already changes it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from console.web.api.cards import Strict
from console.web.api.entry import USUAL, AfterQuery, Carer, Core, LimitQuery, Rater, Reader, audited
from console.web.api.shape import model_of, page_of, shape
from console.web.problems import Problem
from rating.administration.values import BlockedPrefix, CarrierView, GatewayView, LockOut, ProductView
from rating.model import AccessNumber, Trunk
from rating.money import AmountError, parse_amount

router = APIRouter(tags=["network"], responses=USUAL)

NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$"
Name = Annotated[str, Path(pattern=NAME)]
Digits = Annotated[str, Path(pattern=r"^[0-9]{1,15}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166", examples=["US"])]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217", examples=["USD"])]
Code = Annotated[str, Field(pattern=r"^[a-z]{2}$")]
Money = Annotated[str, Field(max_length=24, pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$", examples=["0.50"])]
Small = Annotated[int, Field(ge=0, le=65_535)]


class ProductTerms(Strict):
    """What all cards of a product share; 0 means no limit where a limit is a number."""

    currency: Currency
    deck: str = Field(pattern=NAME)
    languages: dict[Code, Money] = Field(min_length=1, max_length=9, description="in the order offered: code → fee")
    longest_call_s: int = Field(14_400, ge=0, le=86_400)
    calls_at_once: Small = 1
    warning_s: Annotated[int, Field(ge=0, le=3600)] = 60
    minimum_balance: Money = "0"
    valid_days: Small = 0
    maintenance_fee: Money = "0"
    maintenance_days: Small = 0
    refillable: bool = True
    voucher: bool = False
    caller_ids_max: Annotated[int, Field(ge=0, le=1000)] = 3
    attestation: Literal["", "A", "B", "C"] = ""
    calls_per_hour: Small = 0
    spend_per_day: Money = "0"
    media_silence_s: Annotated[int, Field(ge=5, le=3600)] = 30


NAMED_OTHERWISE = {"currency", "deck", "languages", "minimum_balance", "maintenance_fee", "spend_per_day"}


class CarrierTerms(Strict):
    """Whom we buy from; ``deck``: what calls cost us."""

    deck: str = Field(pattern=NAME)
    currency: Currency = "USD"
    priority: Small = 100
    weight: Small = 100
    loss_allowed: bool = False
    enabled: bool = True


class GatewayTerms(Strict):
    """Where a carrier's calls are sent."""

    uri: str = Field(max_length=255, examples=["sip:192.0.2.7:5060"])
    tech_prefix: str = Field("", pattern=r"^[0-9*#]{0,16}$")
    priority: Small = 100
    weight: Small = 100
    enabled: bool = True


class TrunkTerms(Strict):
    """Where calls come from."""

    cidr: str = Field(max_length=43, examples=["192.0.2.0/28"])
    ani_trusted: bool
    country: Country


class AccessNumberTerms(Strict):
    """A number that leads to the IVR."""

    name: str = Field(pattern=NAME)
    country: Country
    languages: list[Code] = Field(min_length=1, max_length=9)
    surcharge: Money = "0"


class Reason(Strict):
    """Why a prefix is blocked."""

    reason: str = Field("", max_length=128)


AccessNumbers: Any = list[model_of(AccessNumber)]  # type: ignore[misc]
BlockedPrefixes: Any = list[model_of(BlockedPrefix)]  # type: ignore[misc]


class Identified(BaseModel):
    """The id of what was made or changed."""

    id: int


@router.get("/products", response_model=list[model_of(ProductView)], summary="List products")  # type: ignore[misc]
def list_products(services: Core, _: Reader) -> Any:
    return shape(services.core.list_products())


@router.get("/products/{name}", response_model=model_of(ProductView), summary="Show a product")
def show_product(services: Core, _: Reader, name: Name) -> Any:
    return shape(services.core.show_product(name))


@router.put(
    "/products/{name}", response_model=model_of(ProductView), summary="Make or change a product", tags=["products"]
)
def put_product(services: Core, actor: Rater, name: Name, body: ProductTerms) -> Any:
    """Calls that run keep the terms they began with."""
    values = body.model_dump(exclude=NAMED_OTHERWISE)
    if body.maintenance_days == 0 and amount(body.maintenance_fee):
        raise Problem(422, "A maintenance fee needs maintenance_days, too.")
    with audited(services, actor, "product.put", name):
        services.core.create_product(
            name,
            currency=body.currency,
            deck=body.deck,
            languages={code: amount(fee) for code, fee in body.languages.items()},
            minimum_balance_micros=amount(body.minimum_balance),
            maintenance_fee_micros=amount(body.maintenance_fee),
            spend_per_day_micros=amount(body.spend_per_day),
            **values,
        )
    return shape(services.core.show_product(name))


@router.get("/carriers", response_model=list[model_of(CarrierView)], summary="List carriers")  # type: ignore[misc]
def list_carriers(services: Core, _: Reader) -> Any:
    return shape(services.core.list_carriers())


@router.put(
    "/carriers/{name}", response_model=model_of(CarrierView), summary="Make or change a carrier", tags=["network"]
)
def put_carrier(services: Core, actor: Rater, name: Name, body: CarrierTerms) -> Any:
    with audited(services, actor, "carrier.put", name):
        services.core.add_carrier(name, **body.model_dump())
    return shape(services.core.show_carrier(name))


@router.delete("/carriers/{name}", status_code=204, summary="Remove a carrier")
def remove_carrier(services: Core, actor: Rater, name: Name) -> None:
    """With its gateways. One that has carried calls can only be disabled."""
    with audited(services, actor, "carrier.remove", name):
        services.core.remove_carrier(name)


@router.get("/gateways", response_model=list[model_of(GatewayView)], summary="List gateways")  # type: ignore[misc]
def list_gateways(services: Core, _: Reader, carrier: Annotated[str, Query(max_length=64)] = "") -> Any:
    return shape(services.core.list_gateways(carrier))


@router.put(
    "/carriers/{name}/gateways", response_model=Identified, summary="Make or change a gateway", tags=["network"]
)
def put_gateway(services: Core, actor: Rater, name: Name, body: GatewayTerms) -> Any:
    """The one with this URI."""
    with audited(services, actor, "gateway.put", name, body.uri):
        carrier = services.core.show_carrier(name)
        values = body.model_dump(exclude={"uri"})
        return {"id": services.core.add_gateway(carrier.carrier_id, body.uri, **values)}


@router.delete("/gateways/{gateway_id}", status_code=204, summary="Remove a gateway")
def remove_gateway(services: Core, actor: Rater, gateway_id: Annotated[int, Path(ge=1, lt=2**32)]) -> None:
    """Calls that run through it go on."""
    with audited(services, actor, "gateway.remove", str(gateway_id)):
        services.core.remove_gateway(gateway_id)


@router.get("/trunks", response_model=list[model_of(Trunk)], summary="List trunks")  # type: ignore[misc]
def list_trunks(services: Core, _: Reader) -> Any:
    return shape(services.core.list_trunks())


@router.put("/trunks/{name}", response_model=model_of(Trunk), summary="Make or change a trunk")
def put_trunk(services: Core, actor: Rater, name: Name, body: TrunkTerms) -> Any:
    with audited(services, actor, "trunk.put", name, body.cidr):
        services.core.add_trunk(name, body.cidr, ani_trusted=body.ani_trusted, country=body.country)
    return shape(services.core.show_trunk(name))


@router.delete("/trunks/{name}", status_code=204, summary="Remove a trunk")
def remove_trunk(services: Core, actor: Rater, name: Name) -> None:
    """Calls from there are unknown from now on."""
    with audited(services, actor, "trunk.remove", name):
        services.core.remove_trunk(name)


@router.get("/access-numbers", response_model=AccessNumbers, summary="List access numbers", tags=["network"])
def list_access_numbers(services: Core, _: Reader) -> Any:
    return shape(services.core.list_access_numbers())


@router.put(
    "/access-numbers/{number}",
    response_model=model_of(AccessNumber),
    summary="Make or change an access number",
)
def put_access_number(
    services: Core, actor: Rater, number: Annotated[str, Path(pattern=r"^[0-9]{3,15}$")], body: AccessNumberTerms
) -> Any:
    with audited(services, actor, "accessnumber.put", number):
        services.core.add_access_number(
            number, body.name, country=body.country, languages=body.languages, surcharge_micros=amount(body.surcharge)
        )
    return shape(services.core.show_access_number(number))


@router.delete("/access-numbers/{number}", status_code=204, summary="Remove an access number")
def remove_access_number(services: Core, actor: Rater, number: Annotated[str, Path(pattern=r"^[0-9]{3,15}$")]) -> None:
    with audited(services, actor, "accessnumber.remove", number):
        services.core.remove_access_number(number)


# abuse


@router.get("/lock-outs", response_model=page_of(LockOut), summary="Who is locked out")
def lock_outs(
    services: Core, _: Reader, locked_only: bool = True, after: AfterQuery = None, limit: LimitQuery = 50
) -> Any:
    return shape(services.core.list_lock_outs(locked_only=locked_only, after=after, limit=limit))


@router.delete("/lock-outs/{scope}/{subject}", status_code=204, summary="Unlock")
def unlock(
    services: Core, actor: Carer, scope: Literal["ani", "trunk"], subject: Annotated[str, Path(max_length=64)]
) -> None:
    """Forgets the wrong PINs of a CallerID or a trunk."""
    with audited(services, actor, "lockout.forget", f"{scope} {subject}"):
        services.core.unlock(scope, subject)


@router.get("/blocked-prefixes", response_model=BlockedPrefixes, summary="List blocked prefixes", tags=["abuse"])
def blocked_prefixes(services: Core, _: Reader) -> Any:
    return shape(services.core.list_blocked_prefixes())


@router.put("/blocked-prefixes/{prefix}", status_code=204, summary="Block a prefix")
def block_prefix(services: Core, actor: Rater, prefix: Digits, body: Reason) -> None:
    """For all products: calls to numbers that begin so are refused, whatever the deck says."""
    with audited(services, actor, "prefix.block", prefix, body.reason):
        services.core.block_prefix(prefix, reason=body.reason)


@router.delete("/blocked-prefixes/{prefix}", status_code=204, summary="Unblock a prefix")
def unblock_prefix(services: Core, actor: Rater, prefix: Digits) -> None:
    with audited(services, actor, "prefix.unblock", prefix):
        services.core.unblock_prefix(prefix)


def amount(text: str) -> int:
    """Micro-units of an amount of 0 or more. Raises Problem."""
    try:
        return parse_amount(text)
    except AmountError as error:
        raise Problem(422, f"{error}.", code="AMOUNT") from None
