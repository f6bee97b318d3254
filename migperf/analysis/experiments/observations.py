"""What one repeat of a cell says: each client's figures, and what its clients come to together. Pure."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from migperf.analysis.experiments.results import Repeat, RunRow
from migperf.experiments.group import Role
from migperf.measure.figures import Interval, ResultFigure
from migperf.metrics.metric import Scope

THROUGHPUT = "throughput"
TIMINGS = ("latency", "batch_time", "step_time")
SUM_OF_INTERVALS = "the clients' own intervals added up"


class Of(StrEnum):
    """Whose a figure is."""

    CLIENT = "client"
    TOTAL = "total of the clients"
    WORST = "worst client"
    MEAN = "mean of the clients"
    POOLED = "mean of all clients' steps"
    NEIGHBOUR = "neighbour"


@dataclass(frozen=True, slots=True)
class FigureKey:
    """A figure, and whose it is; ``member`` is a run's place in its group, None for all clients together."""

    name: str
    of: Of
    member: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A figure in one repeat: either ``value`` is there, or ``absent`` says why not."""

    repeat: int
    unit: str
    scope: Scope
    value: float | None
    interval: Interval | None
    absent: str | None
    tainted: bool


def observe(repeat: Repeat) -> dict[FigureKey, Observation]:
    """Return every figure of a repeat whose group has succeeded."""
    found = {key: observation for run in repeat.runs for key, observation in _own(repeat, run)}
    if len(repeat.clients) > 1:
        found |= dict(_together(repeat))
    return found


def headline_of(name: str, clients: int) -> Of:
    """Return which one of the values of a figure stands for a cell."""
    if clients <= 1:
        return Of.CLIENT
    if name == THROUGHPUT:
        return Of.TOTAL
    return Of.WORST if is_timing(name) else Of.MEAN


def is_timing(name: str) -> bool:
    """Tell whether a figure is of how long steps took, so that more is worse."""
    return name.startswith(tuple(f"{timing}_" for timing in TIMINGS))


def _own(repeat: Repeat, run: RunRow) -> Iterator[tuple[FigureKey, Observation]]:
    of = Of.CLIENT if run.role is Role.CLIENT else Of.NEIGHBOUR
    for figure in run.figures:
        yield FigureKey(figure.name, of, run.member), _observation(repeat, figure, figure.value, figure.interval)


def _together(repeat: Repeat) -> Iterator[tuple[FigureKey, Observation]]:
    by_client = [{figure.name: figure for figure in run.figures} for run in repeat.clients]
    for name, first in by_client[0].items():
        for of in _combinations(name):
            yield FigureKey(name, of), _combined(repeat, first, of, [figures.get(name) for figures in by_client])


def _combinations(name: str) -> tuple[Of, ...]:
    if name == THROUGHPUT:
        return (Of.TOTAL, Of.MEAN)
    if is_timing(name):
        return (Of.WORST, Of.POOLED) if name.endswith("_mean") else (Of.WORST,)
    return (Of.MEAN,)


def _combined(repeat: Repeat, first: ResultFigure, of: Of, figures: Sequence[ResultFigure | None]) -> Observation:
    lacking = (_why_absent(run, figure) for run, figure in zip(repeat.clients, figures, strict=True))
    if (reason := next(filter(None, lacking), None)) is not None:
        return _observation(repeat, first, None, None, reason)
    there = [figure for figure in figures if figure is not None]
    if len({(figure.unit, figure.scope) for figure in there}) > 1:
        return _observation(repeat, first, None, None, "its clients' figures are not of one unit and scope")
    value = _COMBINE[of](there)
    if value is None:
        return _observation(repeat, first, None, None, "a client does not tell how many steps its mean is of")
    return _observation(repeat, first, value, _combined_interval(of, there, value))


def _why_absent(run: RunRow, figure: ResultFigure | None) -> str | None:
    if figure is None:
        return f"client {run.member} has no such figure"
    return None if figure.value is not None else f"client {run.member}: {figure.absent}"


def _combined_interval(of: Of, figures: Sequence[ResultFigure], value: float) -> Interval | None:
    """Return an interval that covers what those of the clients cover, however they hang together; None without them.

    Clients that share a device are not independent of each other, so their doubts are added, not their squares.
    """
    intervals = [figure.interval for figure in figures if figure.interval is not None]
    if len(intervals) < len(figures) or of is Of.POOLED:
        return None
    if of is Of.WORST:
        return next(figure.interval for figure in figures if figure.value == value)
    share = 1.0 if of is Of.TOTAL else 1 / len(figures)
    low, high = (share * math.fsum(getattr(one, end) for one in intervals) for end in ("low", "high"))
    return Interval(low=low, high=high, level=min(one.level for one in intervals), method=SUM_OF_INTERVALS)


def _observation(
    repeat: Repeat, like: ResultFigure, value: float | None, interval: Interval | None, absent: str | None = None
) -> Observation:
    return Observation(
        repeat=repeat.repeat,
        unit=like.unit,
        scope=like.scope,
        value=value,
        interval=interval,
        absent=None if value is not None else absent or like.absent,
        tainted=bool(repeat.tainted_by),
    )


def _values(figures: Sequence[ResultFigure]) -> list[float]:
    return [figure.value for figure in figures if figure.value is not None]


def _pooled(figures: Sequence[ResultFigure]) -> float | None:
    counts = [figure.samples for figure in figures if figure.samples]
    if len(counts) < len(figures):
        return None
    products = (count * value for count, value in zip(counts, _values(figures), strict=True))
    return math.fsum(products) / sum(counts)


_COMBINE: Mapping[Of, Callable[[Sequence[ResultFigure]], float | None]] = {
    Of.TOTAL: lambda figures: math.fsum(_values(figures)),
    Of.WORST: lambda figures: max(_values(figures)),
    Of.MEAN: lambda figures: math.fsum(_values(figures)) / len(figures),
    Of.POOLED: _pooled,
}
