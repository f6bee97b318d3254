"""Builders of stored series: metrics, updates, and runs that have some."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.metric import Kind, Metric, Scope
from migperf.metrics.series import Chunk, Gap, SeriesUpdate
from migperf.store import series
from migperf.store.models import SeriesChunk
from tests.builders import submit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STALLED = Absence(AbsenceState.STALLED, "reading took too long")
FORBIDDEN = Absence(AbsenceState.NO_PERMISSION, "the worker may not read it")
RSS = Metric(name="rss", unit="MiB", scope=Scope.PROCESS_TREE, source="psutil")
POWER = Metric(name="power", unit="W", scope=Scope.GPU, source="nvml", period_ns=20_000_000, lookback_ns=1_000_000_000)
THROTTLED = Metric(name="throttled", unit="1", scope=Scope.GPU, source="nvml", kind=Kind.FLAG)
XID = Metric(name="xid", unit="1", scope=Scope.GPU, source="nvml_events", kind=Kind.EVENT)
LATENCY = Metric(name="latency", unit="ms", scope=Scope.PROCESS, source="timer", kind=Kind.DURATION)


def a_run(session: Session) -> str:
    return submit(session, NOW).id


def counted(start: int, end: int) -> Chunk:
    """Samples at the whole numbers from start to end, whose values are their times."""
    return Chunk.of(np.arange(start, end), np.arange(start, end, dtype=float))


def wave(count: int) -> Chunk:
    """Samples every ms of something that goes up and down, with one spike each way."""
    value = 300 + 40 * np.sin(np.arange(count) / 5_000) + np.random.default_rng(3).normal(0, 1, count)
    value[count // 3], value[count // 2] = 900.0, -5.0
    return Chunk.of(np.arange(count) * 1_000_000, value)


def put(session: Session, run_id: str, metric: Metric, chunk: Chunk, gaps: Sequence[Gap] = ()) -> None:
    """Store one update of one series; times are those of the run."""
    series.append(session, run_id, [SeriesUpdate(metric, chunk, tuple(gaps))], clock_zero_ns=0)


def put_live(session: Session, run_id: str, metric: Metric, chunk: Chunk, size: int) -> None:
    """Store samples as a run that goes on does: a few at a time, with compactions in between."""
    for start in range(0, len(chunk), size):
        part = Chunk(chunk.time_ns[start : start + size], chunk.value[start : start + size])
        put(session, run_id, metric, part)
        series.compact(session, run_id)


def chunk_rows(session: Session, head: series.SeriesHead) -> Sequence[SeriesChunk]:
    query = select(SeriesChunk).where(SeriesChunk.series_id == head.id).order_by(SeriesChunk.sequence)
    return session.scalars(query.execution_options(populate_existing=True)).all()
