"""What a run has measured and left behind: figures, series, log and documents."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse, Response

from api.dependencies import AppDatabase, AppLinks, RunId
from api.needs import READ
from api.problems import NOT_FOUND, VALIDATION, documented
from api.routes import series, series_events, timings
from api.schemas.queries import LogQuery
from api.schemas.results import ArtifactList, ResultView
from api.schemas.roofline import RooflineView
from migperf.analysis.run_roofline import roofline_of
from migperf.errors import NotFoundError
from migperf.store import results, runs

router = APIRouter(prefix="/v1/runs/{run_id}", tags=["results"], responses=documented(NOT_FOUND), dependencies=[READ])
# The stream comes first: to the other router its path looks like that of a series.
router.include_router(series_events.router)
router.include_router(series.router)
router.include_router(timings.router)

SANDBOX = {"Content-Security-Policy": "default-src 'none'; sandbox"}
"""A document is somebody else's: it must never act as a page of this service."""


@router.get("/result", summary="Show the figures of a run")
def get_result(run_id: RunId, database: AppDatabase) -> ResultView:
    """Return every figure with unit, scope and interval, or with the reason why it is absent."""
    with database.read() as session:
        return ResultView.of(runs.get(session, run_id), results.read_figures(session, run_id))


@router.get("/roofline", summary="Hold a run against what its partition attains")
def get_roofline(run_id: RunId, database: AppDatabase) -> RooflineView:
    """Return arithmetic intensity, what is attainable there, what of it was attained and which limit is near.

    The limits are those of the latest calibration of the run's partition, one roof for each precision of it.
    """
    with database.read() as session:
        return RooflineView.of(runs.get(session, run_id), roofline_of(session, run_id))


@router.get(
    "/log",
    summary="Show the log of a run",
    response_class=PlainTextResponse,
    responses=documented(NOT_FOUND, VALIDATION),
)
def get_log(run_id: RunId, query: Annotated[LogQuery, Query()], database: AppDatabase) -> Response:
    """Return what an attempt's process has written: its beginning and its end."""
    with database.read() as session:
        logs = dict(results.read_logs(session, runs.get(session, run_id).id))
    attempt = query.attempt or max(logs, default=0)
    if attempt not in logs:
        raise NotFoundError(f"log of attempt {query.attempt}" if query.attempt else "log yet of the run", run_id)
    return PlainTextResponse(logs[attempt])


@router.get("/artifacts", summary="List the documents of a run")
def list_artifacts(run_id: RunId, database: AppDatabase, links: AppLinks) -> ArtifactList:
    """Return what the payload has left behind besides figures."""
    with database.read() as session:
        return ArtifactList.of(results.list_artifacts(session, runs.get(session, run_id).id), links)


@router.get("/artifacts/{name:path}", summary="Show a document of a run", response_class=Response)
def get_artifact(run_id: RunId, name: str, database: AppDatabase) -> Response:
    """Return the document itself."""
    with database.read() as session:
        artifact = results.get_artifact(session, runs.get(session, run_id).id, name)
    return Response(artifact.data, media_type=artifact.media_type, headers=SANDBOX)
