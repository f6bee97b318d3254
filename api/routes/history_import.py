"""Importing results that other tools wrote, or migperf elsewhere."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import AppDatabase
from api.file_body import ResultsText, described
from api.needs import SUBMIT
from api.problems import BODY_TOO_LARGE, CONFLICT, NOT_FOUND, NOT_JSON, VALIDATION, documented
from api.schemas.history_import import ImportedHistoryView, ImportView
from api.schemas.history_import_examples import FILE, TABLE
from migperf.histories.importing.reading import FileFormat, read
from migperf.store import imports
from migperf.store.database import now

router = APIRouter(prefix="/v1/histories", tags=["histories"], dependencies=[SUBMIT])


@router.post(
    "/import",
    summary="Import results",
    responses=documented(VALIDATION, NOT_JSON, BODY_TOO_LARGE, NOT_FOUND, CONFLICT),
    openapi_extra=described(FILE, TABLE),
)
def import_histories(
    text: ResultsText,
    database: AppDatabase,
    file_format: Annotated[
        FileFormat | None, Query(alias="format", description="Whose results they are; else their content tells.")
    ] = None,
    watch: Annotated[
        bool, Query(description="Watch the histories from now on, unless they are watched already.")
    ] = False,
    into: Annotated[
        str | None, Query(max_length=64, description="Id of a history that gets the points of the one benchmark.")
    ] = None,
    benchmark: Annotated[
        str | None, Query(max_length=1000, description="Import this benchmark of the file alone, by its name.")
    ] = None,
) -> ImportView:
    """Keep the results of a file as points of histories, all of them or, when the request is refused, none.

    A point that was imported before is counted and stays as it is. Nobody is alarmed unless the history is watched.
    """
    found = imports.named(read(text, file_format), benchmark)
    with database.write() as session:
        if into is None:
            kept = imports.keep(session, found, now(session), watch=watch)
        else:
            kept = imports.keep_in(session, found, into, now(session), watch=watch)
        return ImportView(items=[ImportedHistoryView.of(each) for each in kept])
