"""Samples and gaps out of the database: of one series all, a page, or few that show the same picture; of many, so few.

Chunks may be merged while somebody reads. Each function takes samples from one statement, whose answer is of one
moment, so that it meets each sample once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.downsampling import Method
from migperf.metrics.downsampling import downsample as choose
from migperf.metrics.metric import Kind
from migperf.metrics.series import Chunk, Gap
from migperf.store.bulk import fetch_binary
from migperf.store.chunk_rows import OUTLINE_PART, in_order
from migperf.store.chunks import decode
from migperf.store.models import SeriesChunk, SeriesGap
from migperf.store.series_heads import SeriesHead
from migperf.store.series_spans import Span, chunks_in, encoded_by_series, joined, outline_where, outlines_in

_READ_AHEAD = 16
_FROM_OUTLINES = 2 * OUTLINE_PART
"""Outlines suffice from so many samples a point on: they hold twice as many samples as are asked for."""


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """Some samples of a series, and the time of the first sample after them, None at the end."""

    chunk: Chunk
    next_ns: int | None


def read(session: Session, series_id: int, start_ns: int | None = None, end_ns: int | None = None) -> Chunk:
    """Return the samples of a series in [start, end], ns since the run's clock zero."""
    span = Span(start_ns, end_ns)
    return joined(fetch_binary(session, chunks_in(series_id, span)), span)


def read_page(session: Session, series_id: int, start_ns: int | None, end_ns: int | None, limit: int) -> SeriesPage:
    """Return the first ``limit`` samples in [start, end]; chunks that they do not need are not read.

    Samples of one time stay together, even beyond the limit, so that going on at ``next_ns`` skips and repeats none.
    """
    parts: list[Chunk] = []
    count = 0
    for part in _parts(session, series_id, Span(start_ns, end_ns)):
        parts.append(part)
        count += len(part)
        if count <= limit:
            continue
        found = Chunk.joined(parts)
        if found.time_ns[-1] > found.time_ns[limit - 1]:
            end = int(np.searchsorted(found.time_ns, found.time_ns[limit - 1], side="right"))
            return SeriesPage(Chunk(found.time_ns[:end], found.value[:end]), int(found.time_ns[end]))
    return SeriesPage(Chunk.joined(parts), None)


def downsample(
    session: Session,
    head: SeriesHead,
    points: int,
    start_ns: int | None = None,
    end_ns: int | None = None,
    method: Method = Method.MIN_MAX,
) -> Chunk:
    """Return about ``points`` of the series' samples in [start, end], chosen as metrics.downsampling says.

    Of long spans the chunks' outlines are read instead of the chunks: the lowest and highest samples of short parts.
    """
    span = Span(start_ns, end_ns)
    coarse = _is_coarse(head, points, _count(session, head, span))
    query = outlines_in(head.id, span) if coarse else chunks_in(head.id, span)
    chunk = joined(fetch_binary(session, query), span)
    if len(chunk) <= points:
        return chunk
    return choose(chunk, points, method, kind=head.metric.kind, gaps=gaps(session, head.id, start_ns, end_ns))


def downsample_all(session: Session, heads: Sequence[SeriesHead], points: int) -> list[tuple[Chunk, tuple[Gap, ...]]]:
    """Return about ``points`` samples of each series, as ``downsample`` chooses them, and all its gaps.

    Two statements, however many series: what shows all series of a run would spend its time on asking otherwise.
    """
    of_these = SeriesChunk.series_id.in_([head.id for head in heads])
    coarse = SeriesChunk.series_id.in_([head.id for head in heads if _is_coarse(head, points, head.samples)])
    encoded = encoded_by_series(session, of_these, outline_where(coarse))
    holes = _gaps_by_series(session, heads)
    return [
        (choose(chunk, points, kind=head.metric.kind, gaps=holes[head.id]), holes[head.id])
        for head in heads
        for chunk in (in_order(decode(encoded.get(head.id, ()))),)
    ]


def gaps(session: Session, series_id: int, start_ns: int | None = None, end_ns: int | None = None) -> tuple[Gap, ...]:
    """Return the gaps of a series that touch [start, end] in order, ns since the run's clock zero."""
    query = select(SeriesGap).where(SeriesGap.series_id == series_id).order_by(SeriesGap.start_ns)
    if start_ns is not None:
        query = query.where(or_(SeriesGap.end_ns.is_(None), SeriesGap.end_ns >= start_ns))
    if end_ns is not None:
        query = query.where(SeriesGap.start_ns <= end_ns)
    return tuple(gap_of(row) for row in session.scalars(query))


def gap_of(row: SeriesGap) -> Gap:
    """Return the gap that a row describes."""
    return Gap(row.start_ns, row.end_ns, Absence(AbsenceState(row.state), row.reason))


def _gaps_by_series(session: Session, heads: Sequence[SeriesHead]) -> dict[int, tuple[Gap, ...]]:
    query = select(SeriesGap).where(SeriesGap.series_id.in_([head.id for head in heads]))
    found: dict[int, list[Gap]] = {head.id: [] for head in heads}
    for row in session.scalars(query.order_by(SeriesGap.series_id, SeriesGap.start_ns)):
        found[row.series_id].append(gap_of(row))
    return {series_id: tuple(those) for series_id, those in found.items()}


def _is_coarse(head: SeriesHead, points: int, samples: int) -> bool:
    """Whether outlines tell enough of so many samples. Events are never left out, so they have to be read."""
    return head.metric.kind is not Kind.EVENT and samples >= _FROM_OUTLINES * points


def _count(session: Session, head: SeriesHead, span: Span) -> int:
    """How many samples the chunks have that touch the span."""
    if span == Span(None, None):
        return head.samples
    query = select(func.sum(SeriesChunk.count)).where(SeriesChunk.series_id == head.id, span.touches())
    return int(session.scalar(query) or 0)


def _parts(session: Session, series_id: int, span: Span) -> Iterator[Chunk]:
    """Yield what each chunk holds of the span, reading a few chunks at a time."""
    for row in fetch_binary(session, chunks_in(series_id, span).execution_options(yield_per=_READ_AHEAD)):
        yield joined([row], span)
