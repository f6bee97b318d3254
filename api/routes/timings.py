"""How the steps of a run were distributed, for charts."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import AppDatabase, RunId
from api.problems import NOT_FOUND, VALIDATION, documented
from api.schemas.queries import HistogramQuery
from api.schemas.timings import TimingHistogram
from migperf.analysis.timing_distribution import histogram, quantiles, window_timings
from migperf.store import runs

router = APIRouter(tags=["series"])


@router.get(
    "/timings/histogram",
    summary="Count the steps of a run by how long they took",
    responses=documented(NOT_FOUND, VALIDATION),
)
def get_timing_histogram(
    run_id: RunId, query: Annotated[HistogramQuery, Query()], database: AppDatabase
) -> TimingHistogram:
    """Return every step of the measured window, in bins of equal width on a logarithmic axis; and quantiles.

    Added up from the first bin on, the counts are the cumulative distribution, exact at each edge.
    """
    with database.read() as session:
        run = runs.get(session, run_id)
        metric, values_ms = window_timings(session, run)
        return TimingHistogram.of(run, metric, histogram(values_ms, query.bins), quantiles(values_ms))
