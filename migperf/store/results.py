"""What a run leaves behind at its end: the figures of its result, its log, and documents."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import zstandard
from pydantic import JsonValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from migperf.errors import NotFoundError
from migperf.measure.events import Document
from migperf.measure.figures import Interval, ResultFigure
from migperf.metrics.metric import Scope
from migperf.store.bulk import AnyRow, table_of
from migperf.store.models import Artifact, ResultRow, RunLog

_RUNS_AT_ONCE = 500
"""Databases take only so many values in one statement."""


def store_figures(session: Session, run_id: str, figures: Iterable[ResultFigure]) -> None:
    """Store the figures of a result in the order given."""
    session.add_all(_row(run_id, position, figure) for position, figure in enumerate(figures))


def read_figures(session: Session, run_id: str) -> list[ResultFigure]:
    """Return the figures of a run's result in their order; none if it has no result."""
    query = select(ResultRow).where(ResultRow.run_id == run_id).order_by(ResultRow.position)
    return [_figure(row) for row in session.scalars(query)]


def read_figures_of(
    session: Session, run_ids: Sequence[str], names: Collection[str] | None = None
) -> dict[str, list[ResultFigure]]:
    """Return the figures of many runs, by run and in their order; a run without a result has an empty list.

    With ``names`` only those that are called so.

    They are read as plain rows: making objects of the database of them took longer than all the rest.
    """
    found: dict[str, list[ResultFigure]] = {run_id: [] for run_id in run_ids}
    for start in range(0, len(run_ids), _RUNS_AT_ONCE):
        wanted = ResultRow.run_id.in_(run_ids[start : start + _RUNS_AT_ONCE])
        query = select(*table_of(ResultRow).columns).where(wanted)
        if names is not None:
            query = query.where(ResultRow.name.in_(names))
        query = query.order_by(ResultRow.run_id, ResultRow.position)
        for row in session.execute(query):
            found[row.run_id].append(_figure(row))
    return found


def store_tables(session: Session, run_id: str, tables: Mapping[str, JsonValue]) -> None:
    """Store the payload's tables as JSON documents."""
    store_documents(session, run_id, (Document.table(name, table) for name, table in tables.items()))


def store_documents(session: Session, run_id: str, documents: Iterable[Document]) -> None:
    """Store what the child left behind besides figures and tables."""
    for document in documents:
        session.add(
            Artifact(run_id=run_id, name=document.name, media_type=document.media_type, data=bytes(document.data))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedArtifact:
    """A document as lists show it: everything but the document itself."""

    run_id: str
    name: str
    media_type: str
    size_bytes: int


def list_artifacts(session: Session, run_id: str) -> list[ListedArtifact]:
    """Return the documents of a run by name, without reading them."""
    columns = (Artifact.name, Artifact.media_type, func.length(Artifact.data))
    rows = session.execute(select(*columns).where(Artifact.run_id == run_id).order_by(Artifact.name))
    return [
        ListedArtifact(run_id=run_id, name=name, media_type=media_type, size_bytes=size_bytes)
        for name, media_type, size_bytes in rows
    ]


def find_artifact(session: Session, run_id: str, name: str) -> Artifact | None:
    """Return one document, None if the run has none of that name."""
    return session.get(Artifact, (run_id, name))


def get_artifact(session: Session, run_id: str, name: str) -> Artifact:
    """Return one document. Raises NotFoundError."""
    artifact = find_artifact(session, run_id, name)
    if artifact is None:
        raise NotFoundError(
            f"artifact of run {run_id}", name, [known.name for known in list_artifacts(session, run_id)]
        )
    return artifact


def store_log(session: Session, run_id: str, attempt: int, kept: bytes, total_bytes: int) -> None:
    """Store what is kept of an attempt's log."""
    data = zstandard.compress(kept)
    session.merge(RunLog(run_id=run_id, attempt=attempt, total_bytes=total_bytes, data=data))


def read_logs(session: Session, run_id: str) -> list[tuple[int, bytes]]:
    """Return the attempts of a run and what is kept of their logs, oldest first."""
    query = select(RunLog).where(RunLog.run_id == run_id).order_by(RunLog.attempt)
    return [(row.attempt, zstandard.decompress(row.data)) for row in session.scalars(query)]


def _row(run_id: str, position: int, figure: ResultFigure) -> ResultRow:
    interval = figure.interval
    return ResultRow(
        run_id=run_id,
        name=figure.name,
        position=position,
        unit=figure.unit,
        scope=str(figure.scope),
        value=figure.value,
        interval_low=interval.low if interval else None,
        interval_high=interval.high if interval else None,
        interval_level=interval.level if interval else None,
        interval_method=interval.method if interval else None,
        samples=figure.samples,
        absent=figure.absent,
        method=figure.method,
        update_period_ms=figure.update_period_ms,
    )


def _figure(row: ResultRow | AnyRow) -> ResultFigure:
    interval = None
    if row.interval_low is not None:
        bounds = {"low": row.interval_low, "high": row.interval_high, "level": row.interval_level}
        interval = Interval.model_validate({**bounds, "method": row.interval_method})
    return ResultFigure(
        name=row.name,
        unit=row.unit,
        scope=Scope(row.scope),
        value=row.value,
        interval=interval,
        samples=row.samples,
        absent=row.absent,
        method=row.method,
        update_period_ms=row.update_period_ms,
    )
