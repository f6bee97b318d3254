"""Runs as one table that is given out: read some at a time while it is sent, however many there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from fastapi.responses import StreamingResponse

from api import run_columns
from api.field_errors import invalid
from api.links import Links
from api.schemas.queries import RunTableQuery
from api.schemas.table_rows import RunRow
from api.tabular import TableFormat
from migperf.store import listing, results
from migperf.store.database import Database

RUNS_AT_ONCE = 500
"""Read by one transaction, which is over before they are sent: a slow reader keeps nobody waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTable:
    """The runs that a query leaves, in its order; others that come and go meanwhile make it skip and repeat none."""

    database: Database
    query: RunTableQuery
    links: Links
    _first: Sequence[RunRow]
    _cursor: str | None

    @classmethod
    def of(cls, database: Database, query: RunTableQuery, links: Links) -> Self:
        """Read the first rows.

        Raises NotFoundError for an experiment that does not exist, and RequestValidationError for a figure that is
        called like a column.
        """
        if taken := run_columns.column_taken(query.figures):
            figure, column = taken
            raise invalid(("query", "figure"), f"the table has a column {column} already", figure)
        rows, cursor = _read(database, query, links, None)
        return cls(database=database, query=query, links=links, _first=rows, _cursor=cursor)

    def answer(self, form: TableFormat) -> StreamingResponse:
        """Return the table as a file to keep."""
        name = f"runs-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{form.suffix}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept"}
        return StreamingResponse(self.pieces(form), media_type=form.media_type, headers=headers)

    def pieces(self, form: TableFormat) -> Iterator[bytes]:
        """Yield the table, piece by piece as it is read."""
        return run_columns.written(self._pages(), self.query.figures, form, RUNS_AT_ONCE)

    def _pages(self) -> Iterator[Sequence[RunRow]]:
        yield self._first
        cursor = self._cursor
        while cursor is not None:
            rows, cursor = _read(self.database, self.query, self.links, cursor)
            yield rows


def _read(
    database: Database, query: RunTableQuery, links: Links, cursor: str | None
) -> tuple[Sequence[RunRow], str | None]:
    """Return some runs with their figures, and where the next ones begin; None after the last."""
    with database.read() as session:
        page = listing.list_runs(session, query.wanted(), query.sort, RUNS_AT_ONCE, cursor)
        figures = results.read_figures_of(session, [run.id for run in page.runs], query.figures)
        return [RunRow.of(run, figures[run.id], links) for run in page.runs], page.next_cursor
