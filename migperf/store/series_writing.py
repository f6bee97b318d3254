"""Samples and gaps of many series into the database with a handful of statements, however many series there are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from migperf.metrics.absence import Absence
from migperf.metrics.series import Chunk, Gap, SeriesUpdate
from migperf.store import chunk_rows
from migperf.store.bulk import copy_rows, table_of, upsert_rows
from migperf.store.chunk_rows import Piece
from migperf.store.models import SeriesChunk, SeriesGap, SeriesRow
from migperf.store.series_heads import Tail, ensure


def append(session: Session, run_id: str, updates: Sequence[SeriesUpdate], clock_zero_ns: int) -> None:
    """Add what has come to series of the run; a series of a new metric is created. Times are CLOCK_MONOTONIC, ns.

    A gap replaces the one with the same start. Samples that are no finite number are none, and are left out.
    """
    news = _by_metric(updates, clock_zero_ns)
    tails = ensure(session, run_id, [update.metric for update in news])
    _insert_chunks(session, news, tails)
    _upsert_gaps(session, news, tails)
    _note_absences(session, news, tails)


def _by_metric(updates: Iterable[SeriesUpdate], clock_zero_ns: int) -> list[SeriesUpdate]:
    """Return one update for each metric, times counted from the run's clock zero and in order."""
    found: dict[str, list[SeriesUpdate]] = {}
    for one in updates:
        found.setdefault(one.metric.name, []).append(one)
    return [_joined(parts, clock_zero_ns) for parts in found.values()]


def _joined(parts: Sequence[SeriesUpdate], clock_zero_ns: int) -> SeriesUpdate:
    chunk = parts[0].chunk if len(parts) == 1 else Chunk.joined(part.chunk for part in parts)
    finite = np.isfinite(chunk.value)
    if not finite.all():
        chunk = Chunk(chunk.time_ns[finite], chunk.value[finite])
    gaps = {gap.start_ns: _since(gap, clock_zero_ns) for part in parts for gap in part.gaps}
    return SeriesUpdate(
        parts[-1].metric, chunk_rows.in_order(Chunk(chunk.time_ns - clock_zero_ns, chunk.value)), tuple(gaps.values())
    )


def _since(gap: Gap, clock_zero_ns: int) -> Gap:
    end_ns = None if gap.end_ns is None else gap.end_ns - clock_zero_ns
    return replace(gap, start_ns=gap.start_ns - clock_zero_ns, end_ns=end_ns)


def _insert_chunks(session: Session, news: Iterable[SeriesUpdate], tails: Mapping[str, Tail]) -> None:
    ends = ((one, tails[one.metric.name]) for one in news)
    pieces = (Piece(tail.id, tail.next_sequence, one.chunk, one.metric.kind, one.gaps) for one, tail in ends)
    copy_rows(session, SeriesChunk, chunk_rows.rows(pieces))


def _upsert_gaps(session: Session, news: Iterable[SeriesUpdate], tails: Mapping[str, Tail]) -> None:
    rows = [
        {
            "series_id": tails[one.metric.name].id,
            "start_ns": gap.start_ns,
            "end_ns": gap.end_ns,
            "state": str(gap.absence.state),
            "reason": gap.absence.reason,
        }
        for one in news
        for gap in one.gaps
    ]
    upsert_rows(session, SeriesGap, rows)


def _note_absences(session: Session, news: Iterable[SeriesUpdate], tails: Mapping[str, Tail]) -> None:
    """Keep in each head what its last gap says, so that a list of series need not look at the gaps."""
    changed = []
    for one in news:
        tail, absence = tails[one.metric.name], _at_the_end(one.gaps)
        if one.gaps and absence != tail.absence:
            state, reason = (str(absence.state), absence.reason) if absence else (None, None)
            changed.append({"of": tail.id, "state": state, "reason": reason})
    if changed:
        series = table_of(SeriesRow)
        values: dict[str, Any] = {"absent_state": bindparam("state"), "absent": bindparam("reason")}
        session.execute(update(series).where(series.c.id == bindparam("of")).values(values), changed)


def _at_the_end(gaps: Sequence[Gap]) -> Absence | None:
    last = max(gaps, key=lambda gap: gap.start_ns, default=None)
    return last.absence if last is not None and last.end_ns is None else None
