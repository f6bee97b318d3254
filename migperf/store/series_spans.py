"""Which chunks a look at a series needs, and their samples: pieces of the queries of series_reading and series_news."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, case, select, true
from sqlalchemy.orm import Session

from migperf.metrics.series import Chunk
from migperf.store.bulk import AnyRow, fetch_binary
from migperf.store.chunk_rows import in_order
from migperf.store.chunks import Encoded, decode
from migperf.store.models import SeriesChunk

COLUMNS = (SeriesChunk.codec, SeriesChunk.first_ns)
"""What is needed to decode ``held``, the samples."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time from start to end, both included, ns since the run's clock zero; None: without a limit."""

    start_ns: int | None
    end_ns: int | None

    def touches(self) -> ColumnElement[bool]:
        """Which chunks have samples in it."""
        wanted: list[ColumnElement[bool]] = [true()]
        if self.start_ns is not None:
            wanted.append(SeriesChunk.last_ns >= self.start_ns)
        if self.end_ns is not None:
            wanted.append(SeriesChunk.first_ns <= self.end_ns)
        return and_(*wanted)

    def covers(self) -> ColumnElement[bool]:
        """Which chunks lie in it as a whole."""
        wanted: list[ColumnElement[bool]] = [true()]
        if self.start_ns is not None:
            wanted.append(SeriesChunk.first_ns >= self.start_ns)
        if self.end_ns is not None:
            wanted.append(SeriesChunk.last_ns <= self.end_ns)
        return and_(*wanted)

    def cut(self, chunk: Chunk) -> Chunk:
        """Return the samples in it."""
        bounds = np.iinfo(np.int64)
        start_ns = bounds.min if self.start_ns is None else self.start_ns
        return chunk.between(start_ns, bounds.max if self.end_ns is None else self.end_ns)


def chunks_in(series_id: int, span: Span) -> Select[Any]:
    """Return the query for the chunks of a series that touch the span, in order."""
    return _held(series_id, span, SeriesChunk.data.expression)


def outlines_in(series_id: int, span: Span) -> Select[Any]:
    """As ``chunks_in``, but with the outline in place of the samples of chunks that have one and lie in the span."""
    return _held(series_id, span, outline_where(span.covers()))


def outline_where(suffices: ColumnElement[bool]) -> ColumnElement[bytes]:
    """Return the outline of chunks of which it suffices, where they have one; else the samples."""
    return case((and_(SeriesChunk.outline.is_not(None), suffices), SeriesChunk.outline), else_=SeriesChunk.data)


def joined(rows: Iterable[AnyRow], span: Span) -> Chunk:
    """Return what rows of one series hold of the span."""
    return span.cut(in_order(decode([Encoded(row.held, row.codec, row.first_ns) for row in rows])))


def encoded_by_series(
    session: Session, these: ColumnElement[bool], held: ColumnElement[bytes] | None = None
) -> dict[int, list[Encoded]]:
    """Return the chunks that are meant in order, by the ids of their series; ``held`` in place of all samples."""
    query = select(SeriesChunk.series_id, *COLUMNS, SeriesChunk.data if held is None else held).where(these)
    found: dict[int, list[Encoded]] = {}
    ordered = query.order_by(SeriesChunk.series_id, SeriesChunk.sequence)
    for series_id, codec, first_ns, data in fetch_binary(session, ordered):
        found.setdefault(series_id, []).append(Encoded(data, codec, first_ns))
    return found


def _held(series_id: int, span: Span, samples: ColumnElement[Any]) -> Select[Any]:
    query = select(*COLUMNS, samples.label("held")).where(SeriesChunk.series_id == series_id)
    return query.where(span.touches()).order_by(SeriesChunk.sequence)
