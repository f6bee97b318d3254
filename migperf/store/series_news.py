"""What has come to the series of a run since somebody looked last: few statements, however many series."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from migperf.metrics.series import Chunk, Gap
from migperf.store.chunk_rows import in_order
from migperf.store.chunks import decode
from migperf.store.models import SeriesChunk, SeriesGap
from migperf.store.series_heads import SeriesHead, list_heads
from migperf.store.series_reading import gap_of
from migperf.store.series_spans import Span, encoded_by_series


def since(
    session: Session, run_id: str, after: Mapping[str, int], names: Collection[str] = ()
) -> list[tuple[SeriesHead, Chunk, tuple[Gap, ...]]]:
    """Return for each series its samples later than ``after[name]``, and its gaps that end later or have not ended.

    Of a series that ``after`` does not name everything is returned. No ``names``: all series of the run.
    """
    heads = [head for head in list_heads(session, run_id) if not names or head.metric.name in names]
    if not heads:
        return []
    ids = {head.id: after.get(head.metric.name) for head in heads}
    samples, holes = _later_samples(session, ids), _later_gaps(session, ids)
    return [(head, samples[head.id], holes[head.id]) for head in heads]


def _later_samples(session: Session, after: Mapping[int, int | None]) -> dict[int, Chunk]:
    later = _later(SeriesChunk.series_id, SeriesChunk.last_ns, after)
    found = encoded_by_series(session, later)
    return {i: Span(_next(bound), None).cut(in_order(decode(found.get(i, ())))) for i, bound in after.items()}


def _later_gaps(session: Session, after: Mapping[int, int | None]) -> dict[int, tuple[Gap, ...]]:
    open_ = and_(SeriesGap.series_id.in_(after), SeriesGap.end_ns.is_(None))
    query = select(SeriesGap).where(or_(open_, _later(SeriesGap.series_id, SeriesGap.end_ns, after)))
    found: dict[int, tuple[Gap, ...]] = dict.fromkeys(after, ())
    for row in session.scalars(query.order_by(SeriesGap.series_id, SeriesGap.start_ns)):
        found[row.series_id] += (gap_of(row),)
    return found


def _next(after_ns: int | None) -> int | None:
    return None if after_ns is None else after_ns + 1


def _later(
    series_id: InstrumentedAttribute[int], time_ns: InstrumentedAttribute[Any], after: Mapping[int, int | None]
) -> ColumnElement[bool]:
    """Say that a time is later than its series' bound. Series of one source have the same bound: few conditions."""
    ids: dict[int | None, list[int]] = {}
    for one, bound in after.items():
        ids.setdefault(bound, []).append(one)
    return or_(
        *(and_(series_id.in_(some), true() if bound is None else time_ns > bound) for bound, some in ids.items())
    )
