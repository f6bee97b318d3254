"""Experiments: planning, submitting, watching, cancelling, taking up again and deleting them; their reports."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import HTMLResponse

from api.dependencies import AppDatabase, AppLinks, AppPlacement, AppSettings
from api.needs import ADMIN, READ, SUBMIT
from api.paging import DEFAULT_LIMIT, PageCursor, PageLimit
from api.problems import (
    BODY_TOO_LARGE,
    CONFLICT,
    MALFORMED_JSON,
    MALFORMED_YAML,
    NOT_FOUND,
    NOT_JSON,
    VALIDATION,
    documented,
)
from api.schemas.compatibility import Compatibility
from api.schemas.experiment_values import ExperimentValues
from api.schemas.experiments import (
    ExperimentDetail,
    ExperimentList,
    ExperimentPlan,
    ExperimentView,
    Resumed,
)
from api.schemas.queries import ExperimentValuesQuery
from api.yaml_body import OPENAPI, FileRoute
from migperf.experiments.document import Experiment
from migperf.store import experiments
from migperf.store.database import now
from migperf.store.experiment_counts import counts, counts_of

router = APIRouter(prefix="/v1/experiments", tags=["experiments"], route_class=FileRoute, dependencies=[READ])
ExperimentId = Annotated[
    str, Path(description="Id of an experiment.", examples=["019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77"])
]


class ResultFormat(StrEnum):
    """In which form the figures of an experiment are given out."""

    CSV = "csv"
    PARQUET = "parquet"


_MEDIA_TYPES = {ResultFormat.CSV: "text/csv; charset=utf-8", ResultFormat.PARQUET: "application/vnd.apache.parquet"}
_REPORT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}
_RESULTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in _MEDIA_TYPES.values()}}
}
_REFUSED = documented(VALIDATION, CONFLICT, MALFORMED_JSON, MALFORMED_YAML, NOT_JSON, BODY_TOO_LARGE)


@router.post("/plan", summary="Plan an experiment", responses=_REFUSED, openapi_extra=OPENAPI)
def plan_experiment(body: Experiment, database: AppDatabase, settings: AppSettings) -> ExperimentPlan:
    """Return what submitting the experiment would do: cells, order, layouts, expected time. Stores nothing."""
    from migperf.store.submitting import plan_for

    with database.read() as session:
        plan = plan_for(session, body, now(session), settings.node_stale_s)
    return ExperimentPlan.model_validate(plan.as_data())


@router.post(
    "",
    status_code=202,
    summary="Submit an experiment",
    responses=_REFUSED,
    openapi_extra=OPENAPI,
    dependencies=[SUBMIT],
)
def submit_experiment(
    body: Experiment,
    response: Response,
    database: AppDatabase,
    settings: AppSettings,
    links: AppLinks,
    placement: AppPlacement,
) -> ExperimentView:
    """Store an experiment and queue all of its runs. Nothing is stored when the request is refused."""
    from migperf.store import submitting

    with database.write() as session:
        row = submitting.submit_experiment(session, body, now(session), settings.node_stale_s)
        view = ExperimentView.of(row, counts(session, row.id), links)
    response.headers["Location"] = view.url
    placement.afterwards()
    return view


@router.get("", summary="List experiments", responses=documented(VALIDATION))
def list_experiments(
    database: AppDatabase,
    links: AppLinks,
    limit: PageLimit = DEFAULT_LIMIT,
    cursor: PageCursor = None,
) -> ExperimentList:
    """Return one page of experiments, newest first."""
    with database.read() as session:
        page = experiments.latest(session, limit, cursor)
        counted = counts_of(session, [row.id for row in page.rows])
        items = [ExperimentView.of(row, counted[row.id], links) for row in page.rows]
        return ExperimentList(items=items, next_cursor=page.next_cursor)


@router.get("/{experiment_id}", summary="Show an experiment", responses=documented(NOT_FOUND))
def get_experiment(experiment_id: ExperimentId, database: AppDatabase, links: AppLinks) -> ExperimentDetail:
    """Return the experiment with its cells and what has become of each repeat."""
    with database.read() as session:
        row = experiments.get(session, experiment_id)
        groups, runs = experiments.groups_of(session, row.id), experiments.runs_of(session, row.id)
        return ExperimentDetail.with_cells(row, counts(session, row.id), groups, runs, links)


@router.get(
    "/{experiment_id}/report",
    summary="Report on an experiment",
    response_class=HTMLResponse,
    responses=documented(NOT_FOUND) | _REPORT,
)
def get_experiment_report(
    experiment_id: ExperimentId,
    database: AppDatabase,
    links: AppLinks,
    clean: Annotated[bool, Query(description="Leave tainted repeats out of all values.")] = False,
) -> HTMLResponse:
    """Return tables and charts of what there is by now: one page that needs nothing else."""
    from migperf.analysis.experiments.report import report_html

    with database.read() as session:
        return HTMLResponse(report_html(session, experiment_id, links.to(""), keep_tainted=not clean))


@router.get(
    "/{experiment_id}/results",
    summary="Give out an experiment's figures",
    response_class=Response,
    responses=documented(NOT_FOUND, VALIDATION) | _RESULTS,
)
def get_experiment_results(
    experiment_id: ExperimentId,
    database: AppDatabase,
    form: Annotated[ResultFormat, Query(alias="format", description="csv or parquet.")] = ResultFormat.CSV,
) -> Response:
    """Return a row for each figure of each run: coordinates, value, interval, unit, scope, state."""
    from migperf.analysis.experiments.results import experiment_results
    from migperf.analysis.experiments.tidy import tidy_table, to_csv, to_parquet

    with database.read() as session:
        table = tidy_table(experiment_results(session, experiment_id))
    content = to_csv(table) if form is ResultFormat.CSV else to_parquet(table)
    name = f"attachment; filename={experiment_id}.{form}"
    return Response(content, media_type=_MEDIA_TYPES[form], headers={"Content-Disposition": name})


@router.get(
    "/{experiment_id}/compatibility",
    summary="Tell which framework works where",
    responses=documented(NOT_FOUND),
)
def get_experiment_compatibility(experiment_id: ExperimentId, database: AppDatabase) -> Compatibility:
    """Return the matrix of the experiment's probes: framework and task by partition, of what there is by now."""
    from migperf.analysis.experiments.compatibility import compatibility
    from migperf.analysis.experiments.results import experiment_results

    with database.read() as session:
        return Compatibility.of(compatibility(experiment_results(session, experiment_id)))


@router.get(
    "/{experiment_id}/values",
    summary="Show one figure of every cell",
    responses=documented(NOT_FOUND, VALIDATION),
)
def get_experiment_values(
    experiment_id: ExperimentId,
    query: Annotated[ExperimentValuesQuery, Query()],
    database: AppDatabase,
    links: AppLinks,
) -> ExperimentValues:
    """Return a figure of each cell over the axes, with its interval or why it is missing, of what there is by now."""
    from migperf.analysis.experiments.results import experiment_results

    with database.read() as session:
        results = experiment_results(session, experiment_id, (query.figure,))
        return ExperimentValues.of(results, query.figure, experiments.figure_names(session, experiment_id), links)


@router.post(
    "/{experiment_id}/cancel",
    status_code=202,
    summary="Cancel an experiment",
    responses=documented(NOT_FOUND, CONFLICT),
    dependencies=[SUBMIT],
)
def cancel_experiment(
    experiment_id: ExperimentId, database: AppDatabase, links: AppLinks, placement: AppPlacement
) -> ExperimentView:
    """Cancel every run of it that has not ended. What was measured stays. Asking twice changes nothing."""
    with database.write() as session:
        row = experiments.cancel(session, experiment_id, now(session))
        view = ExperimentView.of(row, counts(session, row.id), links)
    placement.afterwards()
    return view


@router.post(
    "/{experiment_id}/resume",
    status_code=202,
    summary="Take an experiment up again",
    responses=documented(NOT_FOUND, CONFLICT),
    dependencies=[SUBMIT],
)
def resume_experiment(experiment_id: ExperimentId, database: AppDatabase, placement: AppPlacement) -> Resumed:
    """Queue again every repeat that failed or was cancelled."""
    with database.write() as session:
        queued = experiments.resume(session, experiment_id, now(session))
    placement.afterwards()
    return Resumed(queued=queued)


@router.delete(
    "/{experiment_id}",
    status_code=204,
    summary="Delete an experiment",
    responses=documented(NOT_FOUND, CONFLICT),
    dependencies=[ADMIN],
)
def delete_experiment(experiment_id: ExperimentId, database: AppDatabase) -> None:
    """Delete an experiment that has ended, with all of its runs."""
    with database.write() as session:
        experiments.delete(session, experiment_id)
