"""The web pages of workloads: all of them, and the card of one."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.dependencies import AppDatabase, AppLinks, AppPages
from api.measured_here import measured_here
from api.needs import READ
from api.schemas.workloads import WorkloadView
from migperf.cli.parameters import parameter_rows
from workloads.registry import UnknownWorkloadError, card, families, family_of

router = APIRouter(
    prefix="/workloads", include_in_schema=False, default_response_class=HTMLResponse, dependencies=[READ]
)


@router.get("")
def show_workloads(links: AppLinks, pages: AppPages) -> HTMLResponse:
    """Show every workload that is installed, family by family."""
    return pages.render("workloads.html", links, families=families())


@router.get("/{name}")
def show_workload(name: str, database: AppDatabase, links: AppLinks, pages: AppPages) -> HTMLResponse:
    """Show the card of one workload, with what was measured of it here."""
    try:
        found = card(name)
    except UnknownWorkloadError as error:
        return pages.render("missing.html", links, status=404, detail=str(error))
    with database.read() as session:
        results = measured_here(session, found)
    return pages.render(
        "workload.html",
        links,
        card=found,
        shown=WorkloadView.of(found, links),
        parameters=parameter_rows(found.parameters.model_json_schema()),
        family=family_of(name),
        results=results,
    )
