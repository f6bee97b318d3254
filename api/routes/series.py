"""What was watched over time: one series in any form, or all of them in one file."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response, StreamingResponse

from api.dependencies import AppDatabase, AppLinks, RunId
from api.field_errors import invalid
from api.negotiation import preferred
from api.problems import NOT_FOUND, VALIDATION, documented
from api.schemas.queries import SamplesQuery, SeriesFormat, SeriesQuery
from api.schemas.series import SeriesList, SeriesView
from api.series_export import Origin, RunExport
from api.series_reading import Reading
from api.series_table import schema_of, tables_of
from api.tabular import MEDIA_TYPES, TableFormat
from migperf.store import runs, series

router = APIRouter(tags=["series"])

SeriesName = Annotated[str, Path(description="Name of a series.", examples=["power_average"])]
Accept = Annotated[str, Header(description="The form of the answer, unless `format` gives it.", examples=["text/csv"])]

_CSV_OF_ONE = """\
time_s,value [W],measured,gap
2.41,213.9,false,
2.51,214.1,true,
2.51,,true,"nvmlDeviceGetPowerUsage: the GPU is lost"
"""
_CSV_OF_ALL = """\
series,unit,scope,source,time_s,value,measured,gap
"power_average","W","gpu","nvml",2.51,214.1,true,
"gract","%","instance","gpm",2.51,98.2,true,
"""
_JSON_LINE = (
    '{"series": "gract", "unit": "%", "scope": "instance", "source": "gpm", "time_s": 2.51, "value": 98.2, '
    '"measured": true, "gap": null}\n'
)
_MEANING = (
    "Tables have a row for each sample (`measured`: whether it lies in the measured window, null without one), and one "
    "for each gap at its start, without a value but with the reason in `gap`. Arrow and Parquet say in their metadata "
    "which run it was, and whether it was simulated."
)
_BINARY = {"schema": {"type": "string", "format": "binary"}}


def _files(csv: str, *forms: TableFormat) -> dict[str, Any]:
    """Return how an answer that is a file is documented."""
    content: dict[str, Any] = {MEDIA_TYPES[form]: _BINARY for form in forms}
    content[MEDIA_TYPES[TableFormat.CSV]] = {"schema": {"type": "string"}, "example": csv}
    if TableFormat.JSON_LINES in forms:
        content[MEDIA_TYPES[TableFormat.JSON_LINES]] = {"schema": {"type": "string"}, "example": _JSON_LINE}
    return {"description": _MEANING, "content": content}


_ONE: dict[int | str, dict[str, Any]] = {200: _files(_CSV_OF_ONE, TableFormat.ARROW, TableFormat.PARQUET)}
_ALL: dict[int | str, dict[str, Any]] = {
    200: _files(_CSV_OF_ALL, TableFormat.ARROW, TableFormat.PARQUET, TableFormat.JSON_LINES)
}
_FORMS_OF_ONE = {
    "application/json": SeriesFormat.JSON,
    **{MEDIA_TYPES[TableFormat(form)]: form for form in SeriesFormat if form is not SeriesFormat.JSON},
}
_FORMS_OF_ALL = {media_type: form for form, media_type in MEDIA_TYPES.items()}


@router.get("/series", summary="List the series of a run", responses=documented(NOT_FOUND))
def list_series(run_id: RunId, database: AppDatabase, links: AppLinks) -> SeriesList:
    """Return what was watched over time, and what it came to in the measured window, without the samples."""
    with database.read() as session:
        run = runs.get(session, run_id)
        heads, summaries = series.list_heads(session, run_id), series.read_summaries(session, run_id)
        return SeriesList.of(run, heads, summaries, links)


@router.get(
    "/series/{name}",
    summary="Show a series",
    response_model=SeriesView,
    responses=_ONE | documented(NOT_FOUND, VALIDATION),
)
def get_series(
    run_id: RunId,
    name: SeriesName,
    query: Annotated[SeriesQuery, Query()],
    database: AppDatabase,
    response: Response,
    accept: Accept = "",
) -> SeriesView | StreamingResponse:
    """Return samples of one series in order, page by page or downsampled, with its gaps; or all of it as a table."""
    form = query.format or preferred(accept, _FORMS_OF_ONE, SeriesFormat.JSON)
    if form is not SeriesFormat.JSON and query.limit is not None:
        raise invalid(("query", "limit"), "a table has no pages; leave it out, or give points", query.limit)
    with database.read() as session:
        run, head = runs.get(session, run_id), series.get(session, run_id, name)
        if form is SeriesFormat.JSON:
            response.headers["Vary"] = "Accept"
            return Reading.page(session, head, query).view(run)
        reading, origin = Reading.whole(session, head, query), Origin.of(run)
    schema = schema_of(head.metric, origin.metadata() | reading.metadata())
    tables = tables_of(reading.chunk, reading.gaps, origin.window, schema)
    return origin.answer(tables, schema, TableFormat(form), name)


@router.get(
    "/samples",
    summary="Export the series of a run",
    response_class=StreamingResponse,
    responses=_ALL | documented(NOT_FOUND, VALIDATION),
)
def export_samples(
    run_id: RunId, query: Annotated[SamplesQuery, Query()], database: AppDatabase, accept: Accept = ""
) -> StreamingResponse:
    """Return all samples and gaps of a run, or those of some series, as one table."""
    form = query.format or preferred(accept, _FORMS_OF_ALL, TableFormat.CSV)
    with database.read() as session:
        export = RunExport.of(database, session, run_id, query.name)
    return export.origin.answer(export.tables(), export.form.schema, form, "samples")
