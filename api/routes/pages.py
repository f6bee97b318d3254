"""The web pages: what there is at a glance, one run, and what the kinds of problems mean."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.dependencies import AppDatabase, AppLinks, AppPages, AppSettings
from api.needs import OPEN, READ
from api.overview_page import OverviewPage
from api.problems import KINDS
from api.run_page import RunPage
from api.schemas.runs import WaitView
from migperf.errors import NotFoundError
from migperf.jobs.wait_reader import why_run_waits
from migperf.store.database import now
from migperf.store.states import RunState

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, dependencies=[READ])
open_router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, dependencies=[OPEN])


@router.get("/")
def show_overview(database: AppDatabase, settings: AppSettings, links: AppLinks, pages: AppPages) -> HTMLResponse:
    """Show the nodes and what runs there, the queue, what is new and what is open, and how to submit a run."""
    with database.read() as session:
        shown = OverviewPage.of(session, settings.node_stale_s, links)
    return pages.render("overview.html", links, shown=shown, api_url=settings.api_url)


@router.get("/runs/{run_id}")
def show_run(
    run_id: str, database: AppDatabase, settings: AppSettings, links: AppLinks, pages: AppPages
) -> HTMLResponse:
    """Show one run; while it is queued, with the reason why it waits."""
    try:
        with database.read() as session:
            shown = RunPage.of(session, run_id, links)
            is_queued = shown.run.state is RunState.QUEUED
            wait = why_run_waits(session, run_id, now(session), settings.node_stale_s) if is_queued else None
    except NotFoundError as error:
        return pages.render("missing.html", links, status=404, detail=str(error))
    told = None if wait is None else WaitView.of(wait, links)
    return pages.render("run.html", links, shown=shown, run=shown.run, wait=told)


@open_router.get("/problems/{slug}")
def show_problem(slug: str, links: AppLinks, pages: AppPages) -> HTMLResponse:
    """Explain a kind of problem: where the ``type`` of a problem document leads."""
    for kind in KINDS:
        if kind.slug == slug:
            return pages.render("problem.html", links, kind=kind)
    return pages.render("missing.html", links, status=404, detail=f"no kind of problem is called {slug!r}")
