"""Calls: the live ones, hanging one up, call records."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from console.web.live import Snapshot
from console.web.pages.view import Carer, Core, OperatorForm, Reader, clock, language_of, render, see
from console.web.sheets import attachment, csv_line
from console.web.texts import Language
from rating.administration.base import InputError, NotFoundError
from rating.administration.callfile import ALL_TIMES_US
from rating.edges import end_call
from rating.export import CDR_FIELDS, cdr_record

router = APIRouter()

EXPORT_MAX = 100_000
NUMBER = r"^[0-9+ *().-]{0,24}$"


@router.get("/live")
def live(request: Request, services: Core, visitor: Reader) -> Response:
    snapshot = services.live.look()
    return render(
        request, "live.html", visitor=visitor, rows=rows_of(snapshot, language_of(request)), snapshot=snapshot
    )


@router.get("/live/stream")
async def stream(request: Request, services: Core, visitor: Reader) -> Response:  # noqa: ARG001 - for its right
    """Server-sent events: the calls, every second. Ends with the session, and when the console stops."""
    t = language_of(request)

    async def events() -> AsyncIterator[str]:
        yield "retry: 1500\n\n"
        async for snapshot in services.live.snapshots():
            yield f"event: calls\nid: {snapshot.number}\ndata: {json.dumps(_message(snapshot, t))}\n\n"
        yield "event: end\ndata: {}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


@router.post("/calls/{call}/hangup", dependencies=[OperatorForm])
def hang_up(
    request: Request, services: Core, visitor: Carer, call: str, back: Annotated[str, Query()] = ""
) -> Response:
    t = language_of(request)
    ended = len(call) == 32 and end_call(services.settings, call)
    services.trail.note(visitor.actor, "call.hangup", call, outcome="ok" if ended else "no such call")
    place = f"/cards/{back}" if back.isdigit() else "/live"
    return see(place, t("live.ended") if ended else t("live.gone"), wrong=not ended)


@router.get("/calls")
def search(
    request: Request,
    services: Core,
    visitor: Reader,
    serial: Annotated[str, Query(max_length=12)] = "",
    ani: Annotated[str, Query(max_length=24)] = "",
    number: Annotated[str, Query(max_length=24)] = "",
    outcome: Annotated[str, Query(max_length=12)] = "",
    since: Annotated[str, Query(max_length=20)] = "",
    until: Annotated[str, Query(max_length=20)] = "",
    after: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    wanted = {"serial": serial, "ani": ani, "number": number, "outcome": outcome, "since": since, "until": until}
    page, wrong = None, ""
    try:
        page = services.core.search_calls(**_filters(wanted), after=after)
    except (InputError, NotFoundError) as error:
        wrong = str(error)
    return render(request, "calls.html", visitor=visitor, page=page, wanted=wanted, wrong=wrong)


@router.get("/calls.csv")
def export(
    services: Core,
    visitor: Reader,
    serial: Annotated[str, Query(max_length=12)] = "",
    ani: Annotated[str, Query(max_length=24)] = "",
    number: Annotated[str, Query(max_length=24)] = "",
    outcome: Annotated[str, Query(max_length=12)] = "",
    since: Annotated[str, Query(max_length=20)] = "",
    until: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """At most EXPORT_MAX, the newest; the command line exports them all."""
    wanted = {"serial": serial, "ani": ani, "number": number, "outcome": outcome, "since": since, "until": until}
    records = services.core.export_calls(**_filters(wanted))
    services.trail.note(visitor.actor, "calls.export", detail=json.dumps({k: v for k, v in wanted.items() if v}))
    return StreamingResponse(_csv(records), media_type="text/csv", headers=attachment("calls.csv"))


def _csv(records: Iterator[Any]) -> Iterator[str]:
    yield csv_line(CDR_FIELDS)
    for _, row in zip(range(EXPORT_MAX), records, strict=False):
        record = cdr_record(row)
        yield csv_line([record[name] for name in CDR_FIELDS])


def rows_of(snapshot: Snapshot, t: Language) -> list[dict[str, str]]:
    """What the table of live calls shows, ready to be put in its place."""
    return [
        {
            "id": call.hold_id,
            "serial": call.serial,
            "ani": call.ani or "–",
            "dnis": call.dnis,
            "destination": call.destination,
            "carrier": call.carrier or "–",
            "state": t(f"live.{call.state}"),
            "time": clock(call.seconds),
            "left": clock(call.left_s),
            "spent": t.amount(call.spent_micros, call.currency, places=4),
            "connected": "yes" if call.state == "connected" else "",
        }
        for call in snapshot.calls
    ]


def _message(snapshot: Snapshot, t: Language) -> dict[str, Any]:
    return {
        "rows": rows_of(snapshot, t),
        "summary": summary(snapshot, t),
        "away": t("live.away") if snapshot.ledger_away else "",
    }


def summary(snapshot: Snapshot, t: Language) -> str:
    """How many calls, in words."""
    count = t.number(len(snapshot.calls)) + ("+" if snapshot.more else "")
    return t("live.summary", calls=count, connected=t.number(snapshot.connected))


def _filters(wanted: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {key: value.strip() for key, value in wanted.items() if key not in {"since", "until"}}
    found["since_us"] = _day(wanted["since"], ALL_TIMES_US[0], days=0)
    found["until_us"] = _day(wanted["until"], ALL_TIMES_US[1], days=1)
    return found


def _day(text: str, otherwise: int, *, days: int) -> int:
    """A date of a form; ``days`` 1: the end of that day. Raises InputError."""
    if not text:
        return otherwise
    try:
        moment = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=days)
        return max(0, int(moment.timestamp()) * 1_000_000)
    except (ValueError, OverflowError):
        raise InputError(f"{text!r} is not a date; write it as 2026-11-22") from None
