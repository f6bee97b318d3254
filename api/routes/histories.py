"""Histories: finding and showing them, their points, watching them, and leaving points out."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import StreamingResponse

from api import history_showing, tabular
from api.dependencies import AppDatabase, AppLinks, RunId
from api.field_errors import invalid
from api.history_showing import Showing
from api.json_body import JsonRoute
from api.needs import ADMIN, READ, SUBMIT
from api.negotiation import preferred
from api.paging import DEFAULT_LIMIT
from api.point_table import schema_of, tables_of
from api.problems import (
    BAD_CURSOR,
    BODY_TOO_LARGE,
    MALFORMED_JSON,
    NOT_FOUND,
    NOT_JSON,
    VALIDATION,
    documented,
)
from api.schemas.histories import HistoryDetail, HistoryList, PointPatch, RunHistory
from api.schemas.history_queries import HistoryQuery, PageQuery, PointsQuery
from api.schemas.points import HistoryEventList, HistoryEventView, PointList, PointView
from api.schemas.queries import SeriesFormat
from api.tabular import MEDIA_TYPES, TableFormat
from migperf.histories.watch import Watch
from migperf.store import histories, run_history, watching

router = APIRouter(prefix="/v1/histories", tags=["histories"], route_class=JsonRoute, dependencies=[READ])
of_runs = APIRouter(prefix="/v1/runs", tags=["histories"], dependencies=[READ])
_INSTANCE = "/v1/histories"
HistoryId = Annotated[
    str, Path(max_length=64, description="Id of a history.", examples=["019ad1c0-52f1-7e08-9a63-0f6e5d4c3b2a"])
]
PointId = Annotated[int, Path(ge=1, le=(1 << 63) - 1, description="Id of a point of the history.", examples=[23])]
Accept = Annotated[str, Header(description="The form of the answer, unless `format` gives it.", examples=["text/csv"])]
_BODY = documented(VALIDATION, MALFORMED_JSON, NOT_JSON, BODY_TOO_LARGE, NOT_FOUND, instance=_INSTANCE)
_FORMS = {
    "application/json": SeriesFormat.JSON,
    **{MEDIA_TYPES[TableFormat(form)]: form for form in SeriesFormat if form is not SeriesFormat.JSON},
}
_CSV = """\
point,number,at,origin,key,run,figure,value,unit,low,high,level,why_not
23,20,"2026-01-31T01:33:12.250000+00:00","run","019ad1bc-77d4…","019ad1bc-77d4…","batch_time_p50",31.6,"ms",31.4,31.9,0.95,
"""
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_TABLES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Points, newest first; as a table a row for each figure of each point.",
        "content": {
            MEDIA_TYPES[TableFormat.CSV]: {"schema": {"type": "string"}, "example": _CSV},
            MEDIA_TYPES[TableFormat.ARROW]: _BINARY,
            MEDIA_TYPES[TableFormat.PARQUET]: _BINARY,
        },
    }
}


@router.get("", summary="List histories", responses=documented(VALIDATION, instance=_INSTANCE))
def list_histories(query: Annotated[HistoryQuery, Query()], database: AppDatabase, links: AppLinks) -> HistoryList:
    """Return one page of histories, the one begun last first."""
    with database.read() as session:
        page = histories.latest(session, query.wanted(), query.limit, query.cursor)
        items = history_showing.shown(session, page.rows, links)
        return HistoryList(items=items, next_cursor=page.next_cursor)


@router.get("/{history_id}", summary="Show a history", responses=documented(NOT_FOUND, VALIDATION, instance=_INSTANCE))
def get_history(history_id: HistoryId, database: AppDatabase, links: AppLinks) -> HistoryDetail:
    """Return a history with its watch, what is said of each metric, its changes and its standing regressions."""
    with database.read() as session:
        return Showing.of(session, histories.get(session, history_id), links).view()


@router.delete(
    "/{history_id}",
    status_code=204,
    summary="Delete a history",
    dependencies=[ADMIN],
    responses=documented(NOT_FOUND, VALIDATION, instance=_INSTANCE),
)
def delete_history(history_id: HistoryId, database: AppDatabase) -> None:
    """Delete a history with its points and regressions. Its runs stay; the next one begins a new history."""
    with database.write() as session:
        histories.remove(session, history_id)


@router.put("/{history_id}/watch", summary="Watch a history", responses=_BODY, dependencies=[SUBMIT])
def watch_history(history_id: HistoryId, body: Watch, database: AppDatabase, links: AppLinks) -> HistoryDetail:
    """Watch a history so from now on, whatever a schedule says; all of it is judged anew by these rules."""
    with database.write() as session:
        row = histories.watch(session, history_id, body)
        return Showing.of(session, row, links).view()


@router.delete(
    "/{history_id}/watch",
    status_code=204,
    summary="Watch a history no more",
    dependencies=[SUBMIT],
    responses=documented(NOT_FOUND, VALIDATION, instance=_INSTANCE),
)
def unwatch_history(history_id: HistoryId, database: AppDatabase) -> None:
    """Have it judged and tell nobody. A schedule that watches its histories does so again with its next run."""
    with database.write() as session:
        histories.watch(session, history_id, None)


@router.get(
    "/{history_id}/points",
    summary="List the points of a history",
    response_model=PointList,
    responses=_TABLES | documented(NOT_FOUND, VALIDATION, BAD_CURSOR, instance=_INSTANCE),
)
def list_points(
    history_id: HistoryId,
    query: Annotated[PointsQuery, Query()],
    database: AppDatabase,
    links: AppLinks,
    response: Response,
    accept: Accept = "",
) -> PointList | StreamingResponse:
    """Return one page of points, newest first, judged or not; or all of them as a table."""
    form = query.format or preferred(accept, _FORMS, SeriesFormat.JSON)
    with database.read() as session:
        history = histories.get(session, history_id)
        watch = watching.watch_of(history) or Watch()
        if form is SeriesFormat.JSON:
            response.headers["Vary"] = "Accept"
            page = histories.page_of_points(session, history.id, query.limit or DEFAULT_LIMIT, query.cursor)
            items = [PointView.shown(row, watch, links, environment=query.environment) for row in page.rows]
            return PointList(items=items, next_cursor=page.next_cursor)
    for name in ("limit", "cursor"):
        if (given := getattr(query, name)) is not None:
            raise invalid(("query", name), "a table has no pages; leave it out", given)
    schema, table = schema_of(history), TableFormat(form)
    pieces = tabular.write(tables_of(database, history.id, watch, schema), schema, table)
    name = f"history-{history.id}{table.suffix}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept"}
    return StreamingResponse(pieces, media_type=table.media_type, headers=headers)


@router.patch(
    "/{history_id}/points/{point_id}",
    summary="Leave a point out, or take it in again",
    responses=_BODY,
    dependencies=[SUBMIT],
)
def patch_point(
    history_id: HistoryId, point_id: PointId, body: PointPatch, database: AppDatabase, links: AppLinks
) -> PointView:
    """Leave a point out of what is judged, for a reason, or take it in again; all is judged anew without it."""
    with database.write() as session:
        row = histories.leave_out(session, history_id, point_id, body.left_out)
        watch = watching.watch_of(histories.get(session, history_id)) or Watch()
        return PointView.shown(row, watch, links)


@router.get(
    "/{history_id}/events",
    summary="List what became of the changes of a history",
    responses=documented(NOT_FOUND, VALIDATION, BAD_CURSOR, instance=_INSTANCE),
)
def list_history_events(
    history_id: HistoryId, query: Annotated[PageQuery, Query()], database: AppDatabase, links: AppLinks
) -> HistoryEventList:
    """Return one page of what points did to the changes that were known, the latest first."""
    with database.read() as session:
        page = histories.page_of_events(session, histories.get(session, history_id).id, query.limit, query.cursor)
        wanted = {of for row in page.rows for of in (row.point_id, row.first_id, row.was_id) if of is not None}
        points = histories.points_with(session, sorted(wanted))
        items = [HistoryEventView.of(row, points, links) for row in page.rows]
        return HistoryEventList(items=items, next_cursor=page.next_cursor)


@of_runs.get("/{run_id}/history", summary="Show the history of a run", responses=documented(NOT_FOUND))
def get_run_history(run_id: RunId, database: AppDatabase, links: AppLinks) -> RunHistory:
    """Return the history that a run is a part of and its point; where there is none, the refusal says why."""
    with database.read() as session:
        history, point = run_history.history_of(session, run_id)
        (view,) = history_showing.shown(session, [history], links)
        return RunHistory(history=view, point=PointView.shown(point, watching.watch_of(history) or Watch(), links))
