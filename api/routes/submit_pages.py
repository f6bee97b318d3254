"""The web page of a submission: a form made from the workload's parameters."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from api.dependencies import AppDatabase, AppLinks, AppPages, AppSettings
from api.needs import READ
from api.submit_form import FIRST, Fleet, SubmitForm
from migperf.errors import NotFoundError
from migperf.store import runs
from workloads.registry import UnknownWorkloadError, families

router = APIRouter(prefix="/submit", include_in_schema=False, default_response_class=HTMLResponse, dependencies=[READ])


class Filling(BaseModel):
    """What the form begins with."""

    run: str | None = Field(default=None, max_length=36)
    workload: str | None = Field(default=None, max_length=128)
    scenario: str | None = Field(default=None, max_length=32)


@router.get("")
def show_form(
    database: AppDatabase,
    settings: AppSettings,
    links: AppLinks,
    pages: AppPages,
    filling: Annotated[Filling, Query()],
) -> HTMLResponse:
    """Show the form, empty for a workload, or filled in with what a run was submitted with."""
    try:
        with database.read() as session:
            form = _begun(session, filling)
            places = Fleet.of(session, settings.node_stale_s)
    except (NotFoundError, UnknownWorkloadError) as error:
        return pages.render("missing.html", links, status=404, detail=str(error))
    return pages.render(
        "submit.html", links, form=form, places=places, families=families(), run=filling.run, api_url=settings.api_url
    )


def _begun(session: Session, filling: Filling) -> SubmitForm:
    if filling.run is not None:
        return SubmitForm.of_run(runs.get(session, filling.run))
    return SubmitForm.of_workload(filling.workload or FIRST, filling.scenario)
