"""A figure of a cell over its repeats, with an interval. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from migperf.analysis.experiments.observations import FigureKey, Observation
from migperf.analysis.experiments.reasons import alike, by_reason
from migperf.metrics.metric import Scope
from migperf.statistics.run_means import LEAST_RUNS, mean_over_runs
from migperf.statistics.samples import Interval

NO_VALUE = "no value"
_NORMAL_QUANTILE = 1.96
"""Of the level of runs' own intervals, 95 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFigure:
    """A figure of a cell: the mean over the repeats that have it, or why there is none.

    ``interval`` is one over repeats from two of them on; with one it is the run's own, which says nothing of what
    another repeat would give: ``method`` tells which. ``notes`` say what repeats lack it, and why.
    """

    key: FigureKey
    unit: str
    scope: Scope
    value: float | None
    interval: Interval | None
    method: str
    repeats: int
    absent: str | None
    tainted: bool
    notes: tuple[str, ...]
    observations: tuple[Observation, ...]


def over_repeats(key: FigureKey, observations: Sequence[Observation]) -> CellFigure:
    """Return the figure over repeats, at least one; their order does not matter."""
    ordered = tuple(sorted(observations, key=lambda one: one.repeat))
    there = [one for one in ordered if one.value is not None]
    values = [one.value for one in there if one.value is not None]
    lacking = by_reason([(one.repeat, one.absent or NO_VALUE) for one in ordered if one.value is None])
    one_unit = len({(one.unit, one.scope) for one in there}) <= 1
    value = float(np.mean(values)) if values and one_unit else None
    interval = _interval(there, values) if value is not None else None
    return CellFigure(
        key=key,
        unit=ordered[0].unit,
        scope=ordered[0].scope,
        value=value,
        interval=interval,
        method=_method(len(values), interval),
        repeats=len(values),
        absent=None if value is not None else _why_absent(ordered, one_unit=one_unit),
        tainted=any(one.tainted for one in there),
        notes=lacking if value is not None else (),
        observations=ordered,
    )


def standard_errors(observations: Sequence[Observation]) -> list[float]:
    """Return the standard errors within the repeats that know their own, in the unit of the figure."""
    own = (one.interval for one in observations if one.interval is not None)
    return [(interval.high - interval.low) / 2 / _NORMAL_QUANTILE for interval in own]


def _interval(there: Sequence[Observation], values: Sequence[float]) -> Interval | None:
    if len(values) >= LEAST_RUNS:
        found = mean_over_runs(values, standard_errors(there))
        return None if found is None else _possible(found, there[0].unit)
    own = there[0].interval
    return None if own is None else Interval(low=own.low, high=own.high, level=own.level, method=own.method)


def _possible(interval: Interval, unit: str) -> Interval:
    """Cut off what the figure cannot be: a share of the coverage that an interval claims is never there."""
    if interval.low >= 0 or not (unit.endswith("/s") or unit in {"ms", "J", "W", "%", "MiB"} or unit.startswith("J/")):
        return interval
    return Interval(low=0.0, high=max(0.0, interval.high), level=interval.level, method=interval.method)


def _method(repeats: int, interval: Interval | None) -> str:
    if repeats >= LEAST_RUNS:
        return f"mean of {repeats} repeats; {interval.method if interval else 'no interval'}"
    if repeats == 0:
        return "none"
    own = "without an interval" if interval is None else f"its own interval ({interval.method})"
    return f"one repeat, {own}: what another would give is not known"


def _why_absent(observations: Sequence[Observation], *, one_unit: bool) -> str:
    if not one_unit:
        return "its repeats are not of one unit and scope"
    return "; ".join(alike(one.absent or NO_VALUE for one in observations))
