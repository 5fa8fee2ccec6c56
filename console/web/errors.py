"""What exceptions become: problems under /api and /webhooks, a page for people elsewhere."""

import logging
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console.web.imports import ImportBusyError
from console.web.pages.view import LogInError, error_page
from console.web.problems import Problem, problem_response
from rating.administration.base import ConflictError, InputError, NotFoundError
from rating.deck import DeckError
from rating.edges import EdgeUnavailableError
from rating.outcome import LedgerUnavailableError
from rating.pins import PinDensityError

LOG = logging.getLogger("cardswitch.console")
MACHINE_PATHS = ("/api/", "/webhooks/")


STATUSES: dict[type[Exception], int] = {
    NotFoundError: 404,
    ConflictError: 409,
    InputError: 422,
    PinDensityError: 422,
    DeckError: 422,
}
AGAIN: dict[type[Exception], tuple[int, str, int]] = {  # status, sentence, seconds until trying again is worth it
    ImportBusyError: (429, "Other decks are being imported: try again in a minute.", 60),
    EdgeUnavailableError: (503, "The edge that has this call does not answer.", 5),
    LedgerUnavailableError: (503, "The ledger does not answer: nothing was done.", 5),
}


def problem_of(error: Exception) -> Problem:
    """What is wrong, said as a problem; what nobody foresaw is 500, and in the log only."""
    kind = next((kind for kind in type(error).__mro__ if kind in STATUSES or kind in AGAIN), None)
    match error:
        case Problem():
            return error
        case RequestValidationError():
            errors = [{"where": ".".join(map(str, each["loc"])), "what": each["msg"]} for each in error.errors()]
            return Problem(422, "; ".join(f"{each['where']}: {each['what']}" for each in errors)[:500], errors=errors)
        case HTTPException():
            return Problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))
    if kind in STATUSES:
        return Problem(STATUSES[kind], _sentence(error))
    if kind in AGAIN:
        status, sentence, again_s = AGAIN[kind]
        return Problem(status, sentence, headers={"Retry-After": str(again_s)})
    return Problem(500, "Something went wrong on our side; the log says what.")


def install_errors(app: FastAPI) -> None:
    """All of them, for every route and for what no route matches."""

    async def handle(request: Request, error: Exception) -> Response:
        if isinstance(error, LogInError):
            return RedirectResponse(error.location, HTTPStatus.SEE_OTHER)
        problem = problem_of(error)
        if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
        if request.url.path.startswith(MACHINE_PATHS):
            return problem_response(problem)
        return error_page(request, problem)

    for kind in (Problem, RequestValidationError, HTTPException, LogInError, *STATUSES, *AGAIN, Exception):
        app.add_exception_handler(kind, handle)


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:500] + ("" if text.endswith((".", "!", "?")) else ".")
