"""Rate decks: upload, what it would change, publish."""

import re
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from console.web.api.decks import deck_csv
from console.web.imports import Import
from console.web.pages.view import Core, OperatorForm, Rater, Reader, check_form, language_of, render, see
from console.web.problems import Problem
from console.web.services import Services
from console.web.sheets import attachment

router = APIRouter()

DECK = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}", re.ASCII)
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
PIECE = 1 << 20
ImportId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


@router.get("/decks")
def decks(request: Request, services: Core, visitor: Reader) -> Response:
    return render(request, "decks.html", visitor=visitor, decks=services.core.list_decks())


@router.post("/decks/import")
async def upload(request: Request, services: Core, visitor: Rater) -> Response:
    """The form is read here, not by a dependency: nobody without the right gets a file onto the disk."""
    async with request.form(max_files=1, max_fields=5) as form:
        check_form(request, visitor, str(form.get("form_token", "")))
        t = language_of(request)
        deck, currency, file = str(form.get("deck", "")), str(form.get("currency", "")), form.get("file")
        if not DECK.fullmatch(deck) or not CURRENCY.fullmatch(currency):
            return see("/decks", t("decks.bad_name"), wrong=True)
        if not isinstance(file, UploadFile) or not file.size:
            return see("/decks", t("decks.no_file"), wrong=True)
        path = services.imports.new_file()
        try:
            with path.open("wb") as target:
                while piece := await file.read(PIECE):
                    await run_in_threadpool(target.write, piece)
            name = file.filename or "deck.csv"
            job = services.imports.begin(deck, currency, path, file=name, made_by=visitor.actor.name)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    await run_in_threadpool(services.trail.note, visitor.actor, "deck.upload", deck, detail=name)
    return see(f"/decks/imports/{job.import_id}")


@router.get("/decks/imports/{import_id}")
def show_import(request: Request, services: Core, visitor: Rater, import_id: ImportId) -> Response:
    return render(request, "import.html", visitor=visitor, job=_job(services, import_id))


@router.get("/decks/imports/{import_id}/progress")
def progress(request: Request, services: Core, visitor: Rater, import_id: ImportId) -> Response:  # noqa: ARG001
    job = _job(services, import_id)
    t = language_of(request)
    text = t("import.rows", read=t.number(job.rows_read), rows=t.number(job.rows))
    return JSONResponse({"running": job.running, "percent": job.percent, "text": text})


@router.post("/decks/imports/{import_id}/publish", dependencies=[OperatorForm])
def publish(request: Request, services: Core, visitor: Rater, import_id: ImportId) -> Response:
    job = _job(services, import_id)
    done = services.imports.publish(import_id) is not None
    outcome = "ok" if done else str(job.stage)
    services.trail.note(visitor.actor, "deck.publish", job.deck, outcome=outcome, detail=str(job.changes))
    place = f"/decks/imports/{import_id}"
    return see(place) if done else see(place, language_of(request)("import.not_ready"), wrong=True)


@router.post("/decks/imports/{import_id}/drop", dependencies=[OperatorForm])
def drop(request: Request, services: Core, visitor: Rater, import_id: ImportId) -> Response:
    job = _job(services, import_id)
    services.imports.forget(import_id)
    services.trail.note(visitor.actor, "deck.drop", job.deck)
    return see("/decks", language_of(request)("import.dropped"))


@router.get("/decks/{name}/csv")
def export(services: Core, visitor: Reader, name: Annotated[str, Path(pattern=DECK.pattern)]) -> Response:
    text = deck_csv(services.core, name)
    services.trail.note(visitor.actor, "deck.export", name)
    return Response(text, media_type="text/csv", headers=attachment(f"{name}.csv"))


def _job(services: Services, import_id: str) -> Import:
    job = services.imports.find(import_id)
    if job is None:
        raise Problem(404, "There is no such import, or it is long over.")
    return job
