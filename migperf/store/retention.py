"""Thinning the watched series of runs that ended long ago. Results, summaries, logs and timings stay as they are."""

from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from migperf.metrics.downsampling import downsample
from migperf.metrics.metric import Kind
from migperf.store import chunk_rows
from migperf.store.bulk import copy_rows, table_of
from migperf.store.chunk_rows import Piece
from migperf.store.database import now
from migperf.store.models import Run, SeriesChunk, SeriesRow
from migperf.store.series_heads import SeriesHead, list_heads
from migperf.store.series_reading import gaps, read

TIMER = "timer"
"""The source of timings: they are what was measured, not what was watched."""
_KEPT_KINDS = (Kind.EVENT, Kind.DURATION)


def thin(session: Session, ended_before: datetime, points: int, limit: int) -> int:
    """Thin the watched series of up to ``limit`` runs that ended before that time, the oldest first.

    Returns how many runs that were; 0 when there is none left. Each series keeps about ``points`` samples, its
    extremes, both sides of its gaps and the gaps among them. A run is gone through once, whatever ``points`` was then.
    """
    due = _due(session, ended_before, limit)
    for run_id in due:
        _thin_run(session, run_id, points)
    return len(due)


def _due(session: Session, ended_before: datetime, limit: int) -> list[str]:
    """Return runs that nobody else is thinning at this moment."""
    query = (
        select(Run.id)
        .where(Run.thinned_at.is_(None), Run.finished_at < ended_before)
        .order_by(Run.finished_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(session.scalars(query))


def _thin_run(session: Session, run_id: str, points: int) -> None:
    at = now(session)
    for head in list_heads(session, run_id):
        if head.metric.source != TIMER and head.metric.kind not in _KEPT_KINDS and head.samples > points:
            _thin_series(session, head, points, at)
    session.execute(update(table_of(Run)).where(table_of(Run).c.id == run_id).values(thinned_at=at))


def _thin_series(session: Session, head: SeriesHead, points: int, at: datetime) -> None:
    holes = gaps(session, head.id)
    kept = downsample(read(session, head.id), points, kind=head.metric.kind, gaps=holes)
    session.execute(delete(table_of(SeriesChunk)).where(table_of(SeriesChunk).c.series_id == head.id))
    copy_rows(session, SeriesChunk, chunk_rows.rows([Piece(head.id, 0, kept, head.metric.kind, holes)]))
    series = table_of(SeriesRow)
    values = {"thinned_from": func.coalesce(series.c.thinned_from, head.samples), "thinned_at": at}
    session.execute(update(series).where(series.c.id == head.id).values(values))
