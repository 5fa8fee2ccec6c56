"""The console's application: the API, the pages, what runs beside them; and its server."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio.to_thread
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from console.web import metrics, webhooks
from console.web.api import admin, batches, calls, cards, decks, network
from console.web.api.entry import ProblemModel
from console.web.errors import install_errors
from console.web.guard import Guard
from console.web.pages import account, calling, cardfile, charts, holder, home, issuing, management, rates
from console.web.services import Services
from console.web.settings import WebSettings, web_settings
from rating.settings import Settings

LOG = logging.getLogger("cardswitch.console")
STATIC = Path(__file__).with_name("static")
PAGES = (home, account, calling, cardfile, issuing, rates, charts, management, holder)
THREADS = 16  # each may have two connections to the ledger
ABOUT = (
    "What the command line does, for programs. Amounts are decimal text, times ISO 8601. Everything that moves money"
    " takes an `Idempotency-Key`: repeating a request changes nothing more. Errors are problem+json (RFC 9457)."
)


def create_app(settings: Settings, web: WebSettings, hasher: PasswordHasher | None = None) -> FastAPI:
    """The application; connects to the ledger when first asked. Wrap it in ``Guard`` to serve it."""
    services = Services.of(settings, web, hasher)
    app = FastAPI(title="Cardswitch", lifespan=_lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    app.add_middleware(metrics.Measured)
    install_errors(app)
    for module in (cards, calls, batches, decks, network, admin):
        app.include_router(module.router, prefix="/api/v1")
    app.include_router(webhooks.router)
    for page in PAGES:
        app.include_router(page.router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_api_route("/api/v1/openapi.json", lambda: document(app), include_in_schema=False)
    app.add_api_route("/healthz", _healthy, include_in_schema=False)
    app.add_api_route("/metrics", metrics.exposed, include_in_schema=False)
    return app


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the API and the webhooks."""
    if not app.openapi_schema:
        made = get_openapi(title="Cardswitch", version="1", description=ABOUT, routes=app.routes)
        made["components"]["schemas"]["ProblemModel"] = ProblemModel.model_json_schema()
        for operations in made["paths"].values():
            for operation in operations.values():
                for status, answer in operation["responses"].items():
                    if status == "422":  # FastAPI's own shape of it, which we do not send
                        answer["content"] = {
                            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemModel"}}
                        }
        for unused in ("HTTPValidationError", "ValidationError"):
            made["components"]["schemas"].pop(unused, None)
        app.openapi_schema = made
    return app.openapi_schema


def _healthy() -> Response:
    return PlainTextResponse("ok\n")


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    services.web.work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    beside = [asyncio.create_task(services.live.run()), asyncio.create_task(services.traffic.run())]
    try:
        yield
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        services.imports.close()


class Server(uvicorn.Server):
    """Ends the event streams first, so that a shutdown waits for no browser."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services

    async def shutdown(self, sockets: Any = None) -> None:
        await self._services.live.close()
        await super().shutdown(sockets)


def make_server(settings: Settings, web: WebSettings | None = None, hasher: PasswordHasher | None = None) -> Server:
    """A server that is not yet started: ``run`` serves until a signal."""
    web = web or web_settings(settings)
    app = create_app(settings, web, hasher)
    config = uvicorn.Config(
        Guard(app, web),
        host=web.host,
        port=web.port,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(web.trusted_proxies),
        forwarded_allow_ips=",".join(web.trusted_proxies),
        timeout_graceful_shutdown=5,
        limit_concurrency=500,
        h11_max_incomplete_event_size=64 * 1024,
    )
    return Server(config, app.state.services)
