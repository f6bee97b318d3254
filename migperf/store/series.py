"""Series of runs: chunks go in, chunks come out; one row a chunk, never one a sample."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from migperf.errors import NotFoundError
from migperf.metrics.metric import Metric
from migperf.metrics.series import Chunk
from migperf.store.chunks import CODEC, decode, encode
from migperf.store.models import SeriesChunk, SeriesRow

MAX_CHUNK = 1 << 16
_READ_AHEAD = 16


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """Some samples of a series, and the time of the first sample after them, None at the end."""

    chunk: Chunk
    next_ns: int | None


def append(session: Session, run_id: str, metric: Metric, chunk: Chunk, clock_zero_ns: int) -> None:
    """Add samples to a series of the run, which is created if it is new. Times are stored since ``clock_zero_ns``."""
    row = _ensure(session, run_id, metric)
    query = select(func.coalesce(func.max(SeriesChunk.sequence) + 1, 0)).where(SeriesChunk.series_id == row.id)
    sequence = session.scalars(query).one()
    for offset, part in enumerate(_split(chunk)):
        session.add(_chunk_row(row.id, sequence + offset, Chunk(part.time_ns - clock_zero_ns, part.value)))


def mark_absent(session: Session, run_id: str, metric: Metric, reason: str) -> None:
    """Say why a metric could not be read, from some time on or at all."""
    _ensure(session, run_id, metric).absent = reason


def list_series(session: Session, run_id: str) -> Sequence[tuple[SeriesRow, int]]:
    """Return the run's series by name, each with its number of samples."""
    count = func.coalesce(func.sum(SeriesChunk.count), 0)
    query = (
        select(SeriesRow, count)
        .outerjoin(SeriesChunk, SeriesChunk.series_id == SeriesRow.id)
        .where(SeriesRow.run_id == run_id)
        .group_by(SeriesRow.id)
        .order_by(SeriesRow.name)
    )
    return [(row, int(samples)) for row, samples in session.execute(query)]


def get(session: Session, run_id: str, name: str) -> SeriesRow:
    """Return the head of a series. Raises NotFoundError."""
    query = select(SeriesRow).where(SeriesRow.run_id == run_id, SeriesRow.name == name)
    row = session.scalars(query).one_or_none()
    if row is None:
        raise NotFoundError(f"series of run {run_id}", name)
    return row


def read(session: Session, series_id: int, start_ns: int | None = None, end_ns: int | None = None) -> Chunk:
    """Return the samples of a series in [start, end], ns since the run's clock zero."""
    return _join(list(_parts(session, series_id, start_ns, end_ns)))


def read_page(session: Session, series_id: int, start_ns: int | None, end_ns: int | None, limit: int) -> SeriesPage:
    """Return the first ``limit`` samples in [start, end]; chunks that they do not need are not read.

    Samples of one time stay together, even beyond the limit, so that going on at ``next_ns`` skips and repeats none.
    """
    parts: list[Chunk] = []
    count = 0
    for part in _parts(session, series_id, start_ns, end_ns):
        parts.append(part)
        count += len(part)
        if count <= limit:
            continue
        found = _join(parts)
        if found.time_ns[-1] > found.time_ns[limit - 1]:
            end = int(np.searchsorted(found.time_ns, found.time_ns[limit - 1], side="right"))
            return SeriesPage(Chunk(found.time_ns[:end], found.value[:end]), int(found.time_ns[end]))
    return SeriesPage(_join(parts), None)


def _parts(session: Session, series_id: int, start_ns: int | None, end_ns: int | None) -> Iterator[Chunk]:
    """Yield what each chunk holds of [start, end], reading a few chunks at a time."""
    query = select(SeriesChunk).where(SeriesChunk.series_id == series_id).order_by(SeriesChunk.sequence)
    if start_ns is not None:
        query = query.where(SeriesChunk.last_ns >= start_ns)
    if end_ns is not None:
        query = query.where(SeriesChunk.first_ns <= end_ns)
    for row in session.scalars(query.execution_options(yield_per=_READ_AHEAD)):
        chunk = decode(row.data, row.codec, row.count, row.first_ns)
        kept = np.ones(len(chunk), dtype=bool)
        if start_ns is not None:
            kept &= chunk.time_ns >= start_ns
        if end_ns is not None:
            kept &= chunk.time_ns <= end_ns
        yield Chunk(chunk.time_ns[kept], chunk.value[kept])


def _join(parts: Sequence[Chunk]) -> Chunk:
    if not parts:
        return Chunk(np.empty(0, np.int64), np.empty(0))
    return Chunk(np.concatenate([part.time_ns for part in parts]), np.concatenate([part.value for part in parts]))


def _ensure(session: Session, run_id: str, metric: Metric) -> SeriesRow:
    query = select(SeriesRow).where(SeriesRow.run_id == run_id, SeriesRow.name == metric.name)
    row = session.scalars(query).one_or_none()
    if row is None:
        row = SeriesRow(
            run_id=run_id, name=metric.name, unit=metric.unit, scope=str(metric.scope), source=metric.source
        )
        session.add(row)
        session.flush()
    return row


def _split(chunk: Chunk) -> Iterator[Chunk]:
    for start in range(0, len(chunk), MAX_CHUNK):
        end = start + MAX_CHUNK
        yield Chunk(chunk.time_ns[start:end], chunk.value[start:end])


def _chunk_row(series_id: int, sequence: int, chunk: Chunk) -> SeriesChunk:
    return SeriesChunk(
        series_id=series_id,
        sequence=sequence,
        count=len(chunk),
        first_ns=int(chunk.time_ns[0]),
        last_ns=int(chunk.time_ns[-1]),
        minimum=float(chunk.value.min()),
        maximum=float(chunk.value.max()),
        mean=float(chunk.value.mean()),
        codec=CODEC,
        data=encode(chunk),
    )
