"""What the series of a run come to within the measured window: stored at its end, not computed for each reader."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from migperf.metrics.summary import SeriesSummary
from migperf.store.bulk import upsert_rows
from migperf.store.models import SeriesRow, SeriesSummaryRow
from migperf.store.series_heads import ensure, metric_of

_FIGURES = tuple(field.name for field in fields(SeriesSummary) if field.name != "metric")


def store_summaries(session: Session, run_id: str, summaries: Sequence[SeriesSummary]) -> None:
    """Store the summaries of a run's series; those that are there already are replaced."""
    tails = ensure(session, run_id, [summary.metric for summary in summaries])
    rows = [_row(tails[summary.metric.name].id, summary) for summary in summaries]
    upsert_rows(session, SeriesSummaryRow, rows)


def read_summaries(session: Session, run_id: str) -> dict[str, SeriesSummary]:
    """Return the summaries of a run's series by the metric's name; none before its end."""
    query = (
        select(SeriesRow, SeriesSummaryRow)
        .join(SeriesSummaryRow, SeriesSummaryRow.series_id == SeriesRow.id)
        .where(SeriesRow.run_id == run_id)
        .order_by(SeriesRow.name)
    )
    return {head.name: _summary(head, row) for head, row in session.execute(query)}


def _row(series_id: int, summary: SeriesSummary) -> dict[str, Any]:
    return {"series_id": series_id} | {name: getattr(summary, name) for name in _FIGURES}


def _summary(head: SeriesRow, row: SeriesSummaryRow) -> SeriesSummary:
    figures = {name: getattr(row, name) for name in _FIGURES}
    return SeriesSummary(metric=metric_of(head), **figures)
