"""Charts: calls at once, minutes, spend and margin, by time and by destination."""

from datetime import UTC, datetime
from typing import Annotated, Any

from babel.dates import format_datetime
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from console.web.drawing import Series, chart
from console.web.pages.view import Core, Reader, language_of, render
from console.web.texts import Language
from console.web.traffic import PERIODS, Picture, Sums

router = APIRouter()

DESTINATIONS_SHOWN = 12


@router.get("/charts")
def charts(
    request: Request,
    services: Core,
    visitor: Reader,
    period: Annotated[str, Query(pattern="^(day|week|month)$")] = "day",
) -> Response:
    t = language_of(request)
    drawn = services.traffic.picture(PERIODS[period])
    labels = [_label(bucket, period, t) for bucket in drawn.buckets]
    return render(
        request,
        "charts.html",
        visitor=visitor,
        period=period,
        periods=list(PERIODS),
        labels=labels,
        picture=drawn,
        at_once=chart(
            t("charts.at_once"), labels, [Series(t("charts.at_once"), "tone1", drawn.calls_at_once)], area=True
        ),
        minutes=chart(t("charts.minutes"), labels, [Series(t("charts.minutes"), "tone2", drawn.minutes)]),
        money={currency: _money(drawn, currency, labels, t) for currency in sorted(drawn.by_time)},
        destinations={currency: _destinations(drawn, currency) for currency in sorted(drawn.by_destination)},
        sums_at=lambda currency, bucket: drawn.by_time.get(currency, {}).get(bucket, Sums()),
    )


def _money(drawn: Picture, currency: str, labels: list[str], t: Language) -> Any:
    sums = [drawn.by_time[currency].get(bucket, Sums()) for bucket in drawn.buckets]
    spend = Series(t("charts.spend"), "tone1", tuple(each.charge_micros / 1e6 for each in sums))
    margin = Series(t("charts.margin"), "tone3", tuple(each.margin_micros / 1e6 for each in sums))
    return chart(f"{t('charts.spend')}, {t('charts.margin')} ({currency})", labels, [spend, margin])


def _destinations(drawn: Picture, currency: str) -> list[tuple[str, Sums, int]]:
    """The ones that brought most, each with its share of the first one's spend in per cent."""
    found = sorted(drawn.by_destination[currency].items(), key=lambda item: -item[1].charge_micros)
    top = max(1, found[0][1].charge_micros) if found else 1
    return [(name, sums, round(100 * sums.charge_micros / top)) for name, sums in found[:DESTINATIONS_SHOWN]]


def _label(bucket: int, period: str, t: Language) -> str:
    pattern = "HH:mm" if period == "day" else "d MMM"
    return str(format_datetime(datetime.fromtimestamp(bucket, UTC), pattern, tzinfo=UTC, locale=t.locale))
