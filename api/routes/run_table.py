"""The runs that filters leave as one table: a file to keep."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from api.dependencies import AppDatabase, AppLinks
from api.needs import READ
from api.negotiation import preferred
from api.problems import NOT_FOUND, VALIDATION, documented
from api.run_table import RunTable
from api.schemas.queries import RunTableQuery
from api.schemas.table_example import CSV
from api.schemas.table_rows import EXAMPLE
from api.tabular import MEDIA_TYPES, TableFormat

router = APIRouter(prefix="/v1/runs", tags=["runs"], dependencies=[READ])

Accept = Annotated[str, Header(description="The form of the answer, unless `format` gives it.", examples=["text/csv"])]
_FORMS = {media_type: form for form, media_type in MEDIA_TYPES.items()}
_JSON_LINE = f"{json.dumps(EXAMPLE, ensure_ascii=False)}\n"
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_TABLE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "CSV, Arrow and Parquet have six columns for each figure: its value, and as `_unit`, `_scope`, "
        "`_low`, `_high` and `_level` what it is about and its interval. What is absent is null, and in CSV empty; "
        "JSON lines have the reason.",
        "content": {
            TableFormat.CSV.media_type: {"schema": {"type": "string"}, "example": CSV},
            TableFormat.JSON_LINES.media_type: {"schema": {"type": "string"}, "example": _JSON_LINE},
            TableFormat.ARROW.media_type: _BINARY,
            TableFormat.PARQUET.media_type: _BINARY,
        },
    }
}


@router.get(
    "/table",
    summary="Export runs as a table",
    response_class=StreamingResponse,
    responses=_TABLE | documented(NOT_FOUND, VALIDATION),
)
def export_runs(
    query: Annotated[RunTableQuery, Query()], database: AppDatabase, links: AppLinks, accept: Accept = ""
) -> StreamingResponse:
    """Return all runs that the filters leave, a row each: what was asked for, where it ran, and figures of its result.

    There are no pages. In CSV an apostrophe leads in text that programs for tables would take for a formula.
    """
    form = query.format or preferred(accept, _FORMS, TableFormat.CSV)
    return RunTable.of(database, query, links).answer(form)
