"""The console's own metrics, served to Prometheus at /metrics on its address to loopback only."""

import ipaddress
import time
from collections.abc import MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from console.web.guard import App, Message, Receive, Send

REGISTRY = CollectorRegistry()
REQUESTS = Counter("cardswitch_console_requests_total", "Requests answered.", ["area", "status"], registry=REGISTRY)
SECONDS = Histogram(
    "cardswitch_console_request_seconds",
    "From a request's head to the head of its response.",
    ["area"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
    registry=REGISTRY,
)
LOGINS = Counter("cardswitch_console_logins_total", "Attempts to log in.", ["kind", "outcome"], registry=REGISTRY)
for _kind in ("operator", "card"):
    for _outcome in ("ok", "refused"):
        LOGINS.labels(_kind, _outcome)
AREAS = ("api", "webhooks", "static", "card")


class Measured:
    """Counts and times every request, by area and status: never by path, which would be one series a card."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        first = scope["path"].split("/", 2)[1]
        area, began = first if first in AREAS else "operator", time.perf_counter()

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                REQUESTS.labels(area, str(message["status"])).inc()
                SECONDS.labels(area).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, measured)


def exposed(request: Request) -> Response:
    """The text format, for a scraper on this machine; nobody else is told that there is such a page."""
    address = request.client.host if request.client else ""
    try:
        near = ipaddress.ip_address(address).is_loopback
    except ValueError:
        near = False
    if not near:
        return Response("not found\n", 404, media_type="text/plain")
    return Response(generate_latest(REGISTRY), media_type="text/plain; version=0.0.4; charset=utf-8")
