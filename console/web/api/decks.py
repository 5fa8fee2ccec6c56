"""/api/v1: rate decks; what is imported is shown first, then published."""

import csv
import io
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from console.web.api.entry import USUAL, Core, Rater, Reader, audited
from console.web.api.shape import model_of, shape
from console.web.imports import Import
from console.web.problems import Problem
from console.web.sheets import csv_line
from rating.administration.values import DeckView
from rating.core import RatingCore

router = APIRouter(tags=["decks"], responses=USUAL)

DeckName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]
ImportId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


class ImportView(BaseModel):
    """An import of a deck. ``stage`` ready: look at ``changes``, then publish."""

    import_id: str
    deck: str
    currency: str
    stage: Literal["waiting", "reading", "ready", "publishing", "done", "failed"]
    rows: int
    rows_read: int
    problem_count: int
    problems: list[str] = Field(description="sentences with the lines they are about, the first hundred")
    changes: dict[str, int] = Field(description="prefixes that are new, dearer, cheaper, changed, gone, unchanged")
    examples: list[str]
    version: int = Field(description="of the deck, once published; 0 before")


@router.get("/decks", response_model=list[model_of(DeckView)], summary="List decks")  # type: ignore[misc]
def list_decks(services: Core, _: Reader) -> Any:
    return shape(services.core.list_decks())


@router.post("/decks/imports", response_model=ImportView, status_code=202, summary="Import a deck: upload",
    openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}},
)  # fmt: skip
async def begin_import(
    request: Request,
    services: Core,
    actor: Rater,
    deck: Annotated[str, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")],
    currency: Annotated[str, Query(pattern=r"^[A-Z]{3}$")],
) -> Any:
    """The CSV is the body (`text/csv`, 64 MiB at most). It is read in the background; nothing changes yet."""
    if request.headers.get("content-type", "").split(";")[0].strip() != "text/csv":
        raise Problem(415, "Send the deck as text/csv.")
    path = services.imports.new_file()
    try:
        with path.open("wb") as file:
            async for piece in request.stream():
                await run_in_threadpool(file.write, piece)
        job = services.imports.begin(deck, currency, path, file="api.csv", made_by=actor.name)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    await run_in_threadpool(services.trail.note, actor, "deck.upload", deck)
    return view(job)


@router.get("/decks/imports/{import_id}", response_model=ImportView, summary="Import a deck: how far it is")
def show_import(services: Core, _: Rater, import_id: ImportId) -> Any:
    job = services.imports.find(import_id)
    if job is None:
        raise Problem(404, "There is no such import, or it is long over.")
    return view(job)


@router.post(
    "/decks/imports/{import_id}/publish", response_model=ImportView, status_code=202, summary="Import a deck: publish"
)
def publish(services: Core, actor: Rater, import_id: ImportId) -> Any:
    """Replaces the deck by what was read, while calls go on. Each import is published once."""
    job = services.imports.find(import_id)
    if job is None:
        raise Problem(404, "There is no such import, or it is long over.")
    with audited(services, actor, "deck.publish", job.deck, str(job.changes)):
        if services.imports.publish(import_id) is None:
            raise Problem(409, f"The import is {job.stage}, not ready.", code="STAGE")
    return view(job)


@router.get("/decks/{name}", response_model=model_of(DeckView), summary="Show a deck")
def show_deck(services: Core, _: Reader, name: DeckName) -> Any:
    return shape(services.core.show_deck(name))


@router.get("/decks/{name}/csv", summary="Export a deck", response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)  # fmt: skip
def export_deck(services: Core, _: Reader, name: DeckName) -> Response:
    """As the CSV that imports to the same deck."""
    return Response(deck_csv(services.core, name), media_type="text/csv")


def deck_csv(core: RatingCore, name: str) -> str:
    """The deck's CSV text. Names of destinations come from whoever sold us the deck: none becomes a formula."""
    text = io.StringIO()
    core.export_deck(name, text)
    text.seek(0)
    return "".join(csv_line(row) for row in csv.reader(text))


def view(job: Import) -> dict[str, Any]:
    return {
        "import_id": job.import_id,
        "deck": job.deck,
        "currency": job.currency,
        "stage": str(job.stage),
        "rows": job.rows,
        "rows_read": job.rows_read,
        "problem_count": job.problem_count,
        "problems": list(job.problems),
        "changes": job.changes,
        "examples": list(job.examples),
        "version": job.version,
    }
