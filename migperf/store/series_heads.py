"""The heads of series: which metrics a run has, how many samples of each, and why one is absent."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, select
from sqlalchemy.orm import Session

from migperf.errors import NotFoundError
from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.metric import Kind, Metric, Scope
from migperf.store.bulk import AnyRow, insert_rows
from migperf.store.models import SeriesChunk, SeriesRow

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesHead:
    """A stored series without its samples.

    ``absence`` is that of the gap that is open: why there is no value any more, or why there never was one.
    ``thinned_from`` is how many samples there were before the series was thinned, None if it was not.
    """

    metric: Metric
    samples: int
    absence: Absence | None
    thinned_from: int | None
    id: int


@dataclass(frozen=True, slots=True)
class Tail:
    """Where a series goes on: its id, the number of its next chunk, and what is stored of its absence."""

    id: int
    next_sequence: int
    absence: Absence | None


def of_chunks(figure: ColumnElement[int]) -> ColumnElement[int | None]:
    """Return a figure of a series' chunks: a look-up in an index for each series, whatever the chunks weigh."""
    return select(figure).where(SeriesChunk.series_id == SeriesRow.id).correlate(SeriesRow).scalar_subquery()


# Built once: with many series this query, which comes with every flush, costs less to run than to build.
_TAILS = select(
    SeriesRow.id, SeriesRow.name, SeriesRow.absent_state, SeriesRow.absent, of_chunks(func.max(SeriesChunk.sequence))
).where(SeriesRow.run_id == bindparam("run"))


def list_heads(session: Session, run_id: str) -> list[SeriesHead]:
    """Return the heads of the run's series by name."""
    return [_head(row) for row in session.execute(_heads(run_id).order_by(SeriesRow.name))]


def metrics_of(session: Session, run_ids: Collection[str]) -> list[Metric]:
    """Return of what at least one of the runs has samples, each name once and in order; their scopes may differ."""
    has_samples = select(SeriesChunk.sequence).where(SeriesChunk.series_id == SeriesRow.id).exists()
    query = select(SeriesRow).where(SeriesRow.run_id.in_(run_ids), has_samples).order_by(SeriesRow.name, SeriesRow.id)
    by_name: dict[str, Metric] = {}
    for row in session.scalars(query):
        by_name.setdefault(row.name, metric_of(row))
    return list(by_name.values())


def get(session: Session, run_id: str, name: str) -> SeriesHead:
    """Return the head of one series. Raises NotFoundError."""
    row = session.execute(_heads(run_id).where(SeriesRow.name == name)).one_or_none()
    if row is None:
        names = session.scalars(select(SeriesRow.name).where(SeriesRow.run_id == run_id).order_by(SeriesRow.name))
        raise NotFoundError(f"series of run {run_id}", name, names)
    return _head(row)


def heads_of(session: Session, run_ids: Collection[str], names: Collection[str]) -> dict[str, dict[str, SeriesHead]]:
    """Return the heads of these series of several runs, by run and name; in one statement."""
    query = select(*SeriesRow.__table__.columns, of_chunks(func.sum(SeriesChunk.count)).label("samples"))
    query = query.where(SeriesRow.run_id.in_(run_ids), SeriesRow.name.in_(names))
    found: dict[str, dict[str, SeriesHead]] = {}
    for row in session.execute(query):
        found.setdefault(row.run_id, {})[row.name] = _head(row)
    return found


def ensure(session: Session, run_id: str, metrics: Iterable[Metric]) -> dict[str, Tail]:
    """Return the tails of these metrics' series by name; series that are new are created."""
    wanted = {metric.name: metric for metric in metrics}
    found = _tails(session, run_id)
    missing = [metric for name, metric in wanted.items() if name not in found]
    if missing:
        insert_rows(session, SeriesRow, [_columns(run_id, metric) for metric in missing])
        found = _tails(session, run_id)
    return {name: found[name] for name in wanted}


def metric_of(row: SeriesRow | AnyRow) -> Metric:
    """Return the metric that a row of ``series`` describes."""
    return Metric(
        name=row.name,
        unit=row.unit,
        scope=Scope(row.scope),
        source=row.source,
        kind=Kind(row.kind),
        period_ns=None if row.period_ms is None else round(row.period_ms * NS_PER_MS),
        lookback_ns=round(row.lookback_ms * NS_PER_MS),
    )


def _heads(run_id: str) -> Select[Any]:
    return select(*SeriesRow.__table__.columns, of_chunks(func.sum(SeriesChunk.count)).label("samples")).where(
        SeriesRow.run_id == run_id
    )


def _head(row: AnyRow) -> SeriesHead:
    return SeriesHead(
        metric=metric_of(row),
        samples=int(row.samples or 0),
        absence=_absence(row.absent_state, row.absent),
        thinned_from=row.thinned_from,
        id=row.id,
    )


def _tails(session: Session, run_id: str) -> dict[str, Tail]:
    return {
        name: Tail(series_id, 0 if last is None else last + 1, _absence(state, reason))
        for series_id, name, state, reason, last in session.execute(_TAILS, {"run": run_id})
    }


def _absence(state: str | None, reason: str | None) -> Absence | None:
    if reason is None:
        return None
    # Series of before there were states have a reason alone.
    return Absence(AbsenceState(state or AbsenceState.FAILED), reason)


def _columns(run_id: str, metric: Metric) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "name": metric.name,
        "unit": metric.unit,
        "scope": str(metric.scope),
        "source": metric.source,
        "kind": str(metric.kind),
        "period_ms": None if metric.period_ns is None else metric.period_ns / NS_PER_MS,
        "lookback_ms": metric.lookback_ns / NS_PER_MS,
    }
