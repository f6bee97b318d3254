"""The web pages of schedules: the list, the editor, and one with its firings."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from api.dependencies import AppDatabase, AppLinks, AppPages, AppSettings
from api.needs import READ
from api.paging import DEFAULT_LIMIT, PageCursor
from api.schedule_form import EXAMPLES, ScheduleForm
from api.schedule_page import ScheduleListing, SchedulePage
from migperf.errors import NotFoundError
from migperf.schedules.cron import zone_names
from migperf.schedules.document import MAX_GRACE_S, MAX_JITTER_S
from migperf.store import experiments, runs, schedules
from migperf.store.database import now

router = APIRouter(
    prefix="/schedules", include_in_schema=False, default_response_class=HTMLResponse, dependencies=[READ]
)

ON_A_PAGE = DEFAULT_LIMIT
Id = Annotated[str | None, Query(max_length=36)]


@router.get("")
def show_schedules(
    database: AppDatabase, settings: AppSettings, links: AppLinks, pages: AppPages, cursor: PageCursor = None
) -> HTMLResponse:
    """List schedules, newest first."""
    with database.read() as session:
        page = schedules.latest(session, ON_A_PAGE, cursor)
        listing = ScheduleListing.of(session, page, links, now(session))
    return pages.render("schedules.html", links, listing=listing, cursor=cursor, api_url=settings.api_url)


@router.get("/new")
def show_form(
    database: AppDatabase,
    settings: AppSettings,
    links: AppLinks,
    pages: AppPages,
    run: Id = None,
    experiment: Id = None,
) -> HTMLResponse:
    """Show the editor for a new schedule; ``run`` or ``experiment`` fills in what was measured there."""
    try:
        with database.read() as session:
            form = _begun(session, run, experiment)
    except NotFoundError as error:
        return pages.render("missing.html", links, status=404, detail=str(error))
    return _editor(pages, links, settings.api_url, form)


@router.get("/{schedule}")
def show_schedule(schedule: str, database: AppDatabase, links: AppLinks, pages: AppPages) -> HTMLResponse:
    """Show one schedule, by its id or its name."""
    try:
        with database.read() as session:
            shown = SchedulePage.of(session, schedule, links, now(session))
    except NotFoundError as error:
        return pages.render("missing.html", links, status=404, detail=str(error))
    return pages.render("schedule.html", links, shown=shown, schedule=shown.schedule)


@router.get("/{schedule}/edit")
def edit_schedule(
    schedule: str, database: AppDatabase, settings: AppSettings, links: AppLinks, pages: AppPages
) -> HTMLResponse:
    """Show the editor of a stored schedule."""
    try:
        with database.read() as session:
            row = schedules.get(session, schedule)
            form, schedule_id = ScheduleForm.of_schedule(row), row.id
    except NotFoundError as error:
        return pages.render("missing.html", links, status=404, detail=str(error))
    return _editor(pages, links, settings.api_url, form, schedule_id)


def _begun(session: Session, run: str | None, experiment: str | None) -> ScheduleForm:
    if run is not None:
        return ScheduleForm.of_run(runs.get(session, run))
    if experiment is not None:
        return ScheduleForm.of_experiment(experiments.get(session, experiment))
    return ScheduleForm.new()


def _editor(
    pages: AppPages, links: AppLinks, api_url: str, form: ScheduleForm, schedule_id: str | None = None
) -> HTMLResponse:
    return pages.render(
        "schedule_form.html",
        links,
        form=form,
        schedule_id=schedule_id,
        zones=sorted(zone_names()),
        examples=EXAMPLES,
        max_jitter_s=MAX_JITTER_S,
        max_grace_s=MAX_GRACE_S,
        api_url=api_url,
    )
