"""The web page that lists runs: everything that it shows is in its address, so that a view can be shared."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api.dependencies import AppDatabase, AppLinks, AppPages, AppSettings
from api.needs import READ
from api.runs_page import RunsPage
from api.runs_query import Column, RunsPageQuery, problems_of
from migperf.errors import NotFoundError
from migperf.gpus.partition import PartitionKind
from migperf.measure.benchmark import Scenario
from migperf.store.listing import BadCursorError
from migperf.store.states import RunState

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, dependencies=[READ])


@router.get("/runs")
def show_runs(
    request: Request, database: AppDatabase, settings: AppSettings, links: AppLinks, pages: AppPages
) -> HTMLResponse:
    """List runs; an address that cannot be read is answered by what is wrong with it."""
    query, shown, problems = RunsPageQuery(), None, []
    try:
        query = RunsPageQuery.read(request.query_params.multi_items())
        with database.read() as session:
            shown = RunsPage.of(session, query, links)
    except ValidationError as error:
        problems = problems_of(error)
    except BadCursorError as error:
        problems = [("cursor", str(error))]
    except NotFoundError as error:
        problems = [("experiment", str(error))]
    return pages.render(
        "runs.html",
        links,
        status=422 if problems else 200,
        query=query,
        shown=shown,
        problems=problems,
        columns=list(Column),
        states=list(RunState),
        scenarios=list(Scenario),
        kinds=list(PartitionKind),
        api_url=settings.api_url,
    )
