"""The web pages: what there is at a glance, one run, and what the kinds of problems mean."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api import fleet, gpu_fleet
from api.dependencies import AppDatabase, AppLinks, AppPages, AppSettings
from api.gpu_drawing import DrawnGpu
from api.needs import OPEN, READ
from api.problems import KINDS
from api.run_page import RunPage
from api.schemas.runs import RunList, WaitView
from migperf.errors import NotFoundError
from migperf.jobs.wait_reader import why_run_waits
from migperf.store import listing, regressions
from migperf.store.database import now
from migperf.store.states import RunState

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, dependencies=[READ])
open_router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, dependencies=[OPEN])

LATEST = 25


@router.get("/")
def show_overview(database: AppDatabase, settings: AppSettings, links: AppLinks, pages: AppPages) -> HTMLResponse:
    """Show the GPUs as their slices, the latest runs, the partitions, and how to submit a run."""
    with database.read() as session:
        page = listing.list_runs(session, listing.RunFilter(), listing.SortOrder.NEWEST, LATEST, cursor=None)
        latest = RunList.of(page, links).items
        partitions = fleet.partition_list(session, settings.node_stale_s).items
        drawn = [DrawnGpu.of(gpu) for gpu in gpu_fleet.gpu_list(session, settings.node_stale_s, links).items]
        environments = fleet.environments(session, settings.node_stale_s)
        standing = regressions.count_all_standing(session)
    return pages.render(
        "overview.html",
        links,
        runs=latest,
        partitions=partitions,
        gpus=drawn,
        environments=environments,
        standing=standing,
        api_url=settings.api_url,
    )


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
