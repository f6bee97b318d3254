"""How the steps of a run's measured window were distributed: counts in bins, and quantiles. Exact, from every step.

Reading them and counting them are apart, so that who overlays several runs can use either.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from migperf.errors import NotFoundError
from migperf.measure.benchmark import Scenario
from migperf.measure.timing_log import timing_metric
from migperf.metrics.metric import Metric
from migperf.statistics.sample_quantiles import samples_needed
from migperf.statistics.samples import Samples
from migperf.store import series
from migperf.store.models import Run

PROBABILITIES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999)
RESOLUTION_MS = 1e-6
"""Steps are timed in whole nanoseconds, so that a bin need not be narrower; one that took none counts as one."""
_WIDER = 1.005
"""How far the only bin of steps that all took the same reaches to either side of it, as a factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How many steps (``counts``) took from one edge to the next, ms; the last bin has its upper edge as well."""

    edges_ms: Samples
    counts: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Quantile:
    """What a share of the steps (``probability``, 0 to 1) did not exceed, ms; None where they are too few to tell."""

    probability: float
    value_ms: float | None


def window_timings(session: Session, run: Run) -> tuple[Metric, Samples]:
    """Return what a run timed, and the durations of the steps that began in its measured window, ms, in their order.

    Raises NotFoundError if there are none.
    """
    metric = timing_metric(Scenario(run.scenario))
    if run.window_start_ns is None or run.window_end_ns is None:
        raise NotFoundError("measured steps of the run", run.id)
    head = series.get(session, run.id, metric.name)
    values_ms = series.read(session, head.id, run.window_start_ns, run.window_end_ns).value
    if not len(values_ms):
        raise NotFoundError("measured steps of the run", run.id)
    return metric, values_ms


def histogram(values_ms: Samples, bins: int) -> Histogram:
    """Count at least one duration in at most so many bins of equal width on a logarithmic axis."""
    ordered = np.maximum(np.sort(values_ms), RESOLUTION_MS)
    low, high = float(ordered[0]), float(ordered[-1])
    if low == high:
        return Histogram(edges_ms=np.array([low / _WIDER, high * _WIDER]), counts=np.array([len(values_ms)]))
    edges_ms = np.geomspace(low, high, min(bins, max(1, round((high - low) / RESOLUTION_MS))) + 1)
    edges_ms[0], edges_ms[-1] = low, high  # rounding must not leave an end out
    below = np.searchsorted(ordered, edges_ms[1:-1], side="left")
    return Histogram(edges_ms=edges_ms, counts=np.diff(below, prepend=0, append=len(ordered)))


def quantiles(values_ms: Samples) -> tuple[Quantile, ...]:
    """Return the quantiles at ``PROBABILITIES``."""
    found = np.quantile(values_ms, PROBABILITIES)  # all at once, as each by itself would order the steps anew
    count = len(values_ms)
    return tuple(
        Quantile(probability, float(value) if count >= samples_needed(probability) else None)
        for probability, value in zip(PROBABILITIES, found, strict=True)
    )
