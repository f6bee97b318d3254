"""Series as files: which run they are of goes with them, and a whole run is never in memory at once."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import pyarrow as pa
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from api import tabular
from api.schemas.series import is_simulated
from api.series_cursor import attempt_of
from api.series_table import LongForm
from api.tabular import TableFormat
from migperf.errors import MigperfError
from migperf.metrics.metric import NS_PER_S
from migperf.metrics.summary import Window
from migperf.store import runs, series
from migperf.store.database import Database
from migperf.store.models import Run
from migperf.store.series import SeriesHead

_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9._-]")


class RunChangedError(MigperfError):
    """The run was deleted or queued again while its series were sent: what was sent is not all of one attempt."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id} was deleted or queued again while its series were sent; ask again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a file says of where its samples come from."""

    run_id: str
    attempt: int
    workload: str
    simulated: bool
    window: Window | None

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return what there is to say of a stored run."""
        return cls(
            run_id=run.id,
            attempt=attempt_of(run.attempt, run.state),
            workload=run.workload,
            simulated=is_simulated(run),
            window=window_of(run),
        )

    def metadata(self) -> dict[str, str]:
        """Return it as metadata of a table."""
        about = {"run": self.run_id, "attempt": str(self.attempt), "workload": self.workload}
        about["simulated"] = str(self.simulated).lower()
        if self.window is not None:
            about["window_start_s"] = repr(self.window.start_ns / NS_PER_S)
            about["window_end_s"] = repr(self.window.end_ns / NS_PER_S)
        return about

    def answer(self, tables: Iterator[pa.Table], schema: pa.Schema, form: TableFormat, what: str) -> StreamingResponse:
        """Return the tables as a file to keep, whose name tells the run and what of it."""
        simulated = "-simulated" if self.simulated else ""
        name = _NOT_IN_FILE_NAMES.sub("_", f"{self.run_id}{simulated}-{what}{form.suffix}")
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept"}
        return StreamingResponse(tabular.write(tables, schema, form), media_type=form.media_type, headers=headers)


@dataclass(frozen=True, slots=True)
class RunExport:
    """Many series of one run, read one after the other while they are sent."""

    database: Database
    origin: Origin
    heads: Sequence[SeriesHead]
    form: LongForm

    @classmethod
    def of(cls, database: Database, session: Session, run_id: str, names: Sequence[str]) -> Self:
        """Return what is to be sent; no names: all. Raises NotFoundError."""
        origin = Origin.of(runs.get(session, run_id))
        named = [series.get(session, run_id, name) for name in dict.fromkeys(names)]
        heads = named or series.list_heads(session, run_id)
        return cls(database, origin, heads, LongForm.of([head.metric for head in heads], origin.metadata()))

    def tables(self) -> Iterator[pa.Table]:
        """Yield all rows. Raises RunChangedError: a file that breaks off is better than one of two attempts."""
        for head in self.heads:
            with self.database.read() as session:
                chunk, gaps = series.read(session, head.id), series.gaps(session, head.id)
                self._require_same_attempt(session)
            yield from self.form.tables_of(head.metric, chunk, gaps, self.origin.window)

    def _require_same_attempt(self, session: Session) -> None:
        now = runs.standing(session, self.origin.run_id)
        if now is None or attempt_of(now.attempt, now.state) != self.origin.attempt:
            raise RunChangedError(self.origin.run_id)


def window_of(run: Run) -> Window | None:
    """Return the measured window of a stored run, None while there is none."""
    start_ns, end_ns = run.window_start_ns, run.window_end_ns
    return None if start_ns is None or end_ns is None else Window(start_ns, end_ns)
