"""Small chunks into large ones: a run that is being watched adds some samples of each series every few seconds.

Merged chunks replace the small ones within the caller's transaction, so that readers see either.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Session

from migperf.metrics.metric import Kind
from migperf.metrics.series import Gap
from migperf.store import chunk_rows
from migperf.store.bulk import copy_rows, table_of
from migperf.store.chunk_rows import Piece
from migperf.store.chunks import Encoded, decode
from migperf.store.models import SeriesChunk, SeriesGap, SeriesRow
from migperf.store.series_heads import of_chunks
from migperf.store.series_reading import gap_of
from migperf.store.series_spans import encoded_by_series

MERGE_FROM = 32
"""Once a series has so many chunks that nothing was merged with, they are merged."""
_AT_ONCE = 1 << 21
"""Samples that are in memory at the same time."""
_GATHERED = select(SeriesRow.id).where(
    SeriesRow.run_id == bindparam("run"),
    of_chunks(func.max(SeriesChunk.sequence)) - SeriesRow.settled + 1 >= MERGE_FROM,
)


@dataclass(frozen=True, slots=True)
class _Ripe:
    """A series whose chunks from ``sequence`` on are to be merged, and how many samples those have."""

    series_id: int
    kind: Kind
    sequence: int
    samples: int


def compact(session: Session, run_id: str, *, whole: bool = False) -> None:
    """Merge the latest chunks of each series that has gathered many; ``whole``: all chunks that are not full yet.

    While a run goes on it is called after each ``append``: one query, and some series merged each time rather than all
    of them at once. At the end of the run it is called with ``whole``.
    """
    for batch in _batches(_unfilled(session, run_id, None if whole else _gathered(session, run_id))):
        _merge(session, batch)


def _gathered(session: Session, run_id: str) -> list[int]:
    """Return the series that have many chunks that are not settled: for each, one look at the end of an index."""
    return list(session.scalars(_GATHERED, {"run": run_id}))


def _unfilled(session: Session, run_id: str, among: Sequence[int] | None) -> list[_Ripe]:
    """Return the series, ``among`` these or all, with two chunks or more from the first on that is not full.

    Of ``among`` only chunks that are not settled count.
    """
    if among is not None and not among:
        return []
    query = (
        select(SeriesRow.id, SeriesRow.kind, func.min(SeriesChunk.sequence), func.sum(SeriesChunk.count))
        .join(SeriesChunk, SeriesChunk.series_id == SeriesRow.id)
        .where(SeriesRow.run_id == run_id, SeriesChunk.count < chunk_rows.MAX_CHUNK)
        .group_by(SeriesRow.id, SeriesRow.kind)
        .having(func.count() > 1)
        .order_by(SeriesRow.id)
    )
    if among is not None:
        query = query.where(SeriesRow.id.in_(among), SeriesChunk.sequence >= SeriesRow.settled)
    return [_Ripe(i, Kind(kind), sequence, int(samples)) for i, kind, sequence, samples in session.execute(query)]


def _batches(ripe: Iterable[_Ripe]) -> Iterator[list[_Ripe]]:
    """Yield series that fit into memory together; at least one."""
    batch: list[_Ripe] = []
    for one in ripe:
        if batch and sum(other.samples for other in batch) + one.samples > _AT_ONCE:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def _merge(session: Session, batch: Sequence[_Ripe]) -> None:
    these = _from_sequences(batch)
    parts, gaps = encoded_by_series(session, these), _gaps(session, batch)
    rows = chunk_rows.rows(_piece(one, parts[one.series_id], gaps.get(one.series_id, ())) for one in batch)
    session.execute(delete(table_of(SeriesChunk)).where(these))
    copy_rows(session, SeriesChunk, rows)
    _settle(session, rows)


def _piece(one: _Ripe, parts: Sequence[Encoded], gaps: Sequence[Gap]) -> Piece:
    return Piece(one.series_id, one.sequence, chunk_rows.in_order(decode(parts)), one.kind, gaps)


def _settle(session: Session, rows: Iterable[dict[str, Any]]) -> None:
    """Note up to where each series has been merged: its last chunk goes on growing while it is small."""
    last = {row["series_id"]: row["sequence"] + (row["count"] >= chunk_rows.SMALL_CHUNK) for row in rows}
    series = table_of(SeriesRow)
    statement = update(series).where(series.c.id == bindparam("of")).values(settled=bindparam("sequence"))
    session.execute(statement, [{"of": series_id, "sequence": sequence} for series_id, sequence in last.items()])


def _from_sequences(batch: Iterable[_Ripe]) -> ColumnElement[bool]:
    """Say which chunks: series of one source have grown alike, so there are few conditions."""
    ids: dict[int, list[int]] = {}
    for one in batch:
        ids.setdefault(one.sequence, []).append(one.series_id)
    return or_(*(and_(SeriesChunk.series_id.in_(some), SeriesChunk.sequence >= first) for first, some in ids.items()))


def _gaps(session: Session, batch: Iterable[_Ripe]) -> dict[int, list[Gap]]:
    found: dict[int, list[Gap]] = {}
    for row in session.scalars(select(SeriesGap).where(SeriesGap.series_id.in_([one.series_id for one in batch]))):
        found.setdefault(row.series_id, []).append(gap_of(row))
    return found
