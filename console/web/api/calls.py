"""/api/v1: calls that run, call records."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from console.web.api.cards import PartQuery
from console.web.api.entry import USUAL, AfterQuery, Carer, Core, LimitQuery, Reader, audited
from console.web.api.shape import model_of, page_of, shape
from console.web.problems import Problem
from rating.administration.base import NotFoundError
from rating.administration.callfile import ALL_TIMES_US
from rating.administration.values import CallRecord, LiveCall
from rating.edges import end_call

router = APIRouter(tags=["calls"], responses=USUAL)

CallId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="of the call, or of its hold")]


class Ended(BaseModel):
    """The call was told to end; its charge follows within seconds."""

    ended: bool


@router.get("/calls/live", response_model=page_of(LiveCall), summary="Calls that ring or are connected")
def live_calls(services: Core, _: Reader, after: AfterQuery = None, limit: LimitQuery = 50) -> Any:
    """The oldest first, each with what it has cost so far and how long it may go on."""
    return shape(services.core.live_calls(after=after, limit=limit))


@router.post("/calls/{call}/hangup", response_model=Ended, summary="Hang up a call")
def hang_up(services: Core, actor: Carer, call: CallId) -> Any:
    """BYE to both sides; it is charged for what it lasted."""
    with audited(services, actor, "call.hangup", call):
        if not end_call(services.settings, call):
            raise Problem(404, "No such call is connected.")
    return {"ended": True}


@router.get("/calls", response_model=page_of(CallRecord), summary="Search call records")
def search_calls(
    services: Core,
    _: Reader,
    serial: Annotated[str, Query(pattern=r"^[0-9]{0,12}$")] = "",
    ani: PartQuery = "",
    number: PartQuery = "",
    outcome: Literal["", "captured", "void", "expired"] = "",
    since: datetime | None = None,
    until: datetime | None = None,
    after: AfterQuery = None,
    limit: LimitQuery = 50,
) -> Any:
    """The newest first; `ani` and `number` whole, as a beginning (`44207*`) or an ending (`*4567`)."""
    page = services.core.search_calls(
        serial=serial,
        ani=ani,
        number=number,
        outcome=outcome,
        since_us=_us(since, ALL_TIMES_US[0]),
        until_us=_us(until, ALL_TIMES_US[1]),
        after=after,
        limit=limit,
    )
    return shape(page)


@router.get("/calls/{call}", response_model=list[model_of(CallRecord)], summary="The records of a call")  # type: ignore[misc]
def show_call(
    services: Core,
    _: Reader,
    call: CallId,
    serial: Annotated[str, Query(pattern=r"^[0-9]{1,12}$", description="the card's, so that it is found at once")],
) -> Any:
    card = services.core.show_card(serial)
    found = services.core.show_calls(call, card.card_id)
    if not found:
        raise NotFoundError(f"card {serial} has no record of call {call}")
    return shape(found)


def _us(moment: datetime | None, otherwise: int) -> int:
    if moment is None:
        return otherwise
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return max(0, int(aware.timestamp() * 1_000_000))
    except (OverflowError, ValueError):
        return otherwise
