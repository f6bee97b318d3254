"""The web pages of experiments: the list, the form for a new one, and one with its cells."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api.dependencies import AppDatabase, AppLinks, AppPages, AppSettings
from api.experiment_form import EXAMPLE, file_of
from api.experiment_page import ExperimentPage, Progress
from api.needs import READ
from api.paging import DEFAULT_LIMIT, PageCursor
from api.schemas.experiments import ExperimentView
from migperf.errors import NotFoundError
from migperf.store import experiments
from migperf.store.database import now
from migperf.store.experiment_counts import counts_of

router = APIRouter(
    prefix="/experiments", include_in_schema=False, default_response_class=HTMLResponse, dependencies=[READ]
)

ON_A_PAGE = DEFAULT_LIMIT
LONGEST_TEXT = 16_384
"""Of a file in an address, which servers do not take at any length."""


@router.get("")
def show_experiments(
    database: AppDatabase,
    settings: AppSettings,
    links: AppLinks,
    pages: AppPages,
    cursor: PageCursor = None,
) -> HTMLResponse:
    """List experiments, newest first."""
    with database.read() as session:
        page = experiments.latest(session, ON_A_PAGE, cursor)
        counted = counts_of(session, [row.id for row in page.rows])
        listed = [
            (ExperimentView.of(row, counted[row.id], links), Progress(counted[row.id].repeats)) for row in page.rows
        ]
    return pages.render(
        "experiments.html", links, listed=listed, cursor=cursor, next_cursor=page.next_cursor, api_url=settings.api_url
    )


@router.get("/new")
def show_form(
    database: AppDatabase,
    settings: AppSettings,
    links: AppLinks,
    pages: AppPages,
    earlier: Annotated[str | None, Query(alias="from", max_length=36)] = None,
    given: Annotated[str, Query(alias="text", max_length=LONGEST_TEXT)] = EXAMPLE,
) -> HTMLResponse:
    """Show the form for a new experiment; ``from`` fills in the file of an earlier one, ``text`` a file."""
    try:
        with database.read() as session:
            text = given if earlier is None else file_of(experiments.get(session, earlier))
    except NotFoundError as error:
        return pages.render("missing.html", links, status=404, detail=str(error))
    except ValidationError:
        return pages.render("experiment_form.html", links, text="", stale=earlier, api_url=settings.api_url)
    return pages.render("experiment_form.html", links, text=text, stale=None, api_url=settings.api_url)


@router.get("/{experiment_id}")
def show_experiment(
    experiment_id: str,
    database: AppDatabase,
    settings: AppSettings,
    links: AppLinks,
    pages: AppPages,
    first: Annotated[int, Query(alias="cell", ge=0)] = 0,
) -> HTMLResponse:
    """Show one experiment, with the cells of the page that has cell number ``cell``."""
    try:
        with database.read() as session:
            shown = ExperimentPage.of(session, experiment_id, first, links)
            read_at = now(session)
    except NotFoundError as error:
        return pages.render("missing.html", links, status=404, detail=str(error))
    return pages.render(
        "experiment.html", links, shown=shown, experiment=shown.experiment, read_at=read_at, api_url=settings.api_url
    )
