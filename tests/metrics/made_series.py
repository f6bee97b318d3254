"""Series made for tests: times in seconds, values by a known function, and strategies for any series at all."""

from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.metric import NS_PER_S, Kind, Metric, Scope
from migperf.metrics.series import Chunk, Gap, Series
from migperf.metrics.summary import Window

LOST = Absence(AbsenceState.LOST, "fell off the bus")
STALLED = Absence(AbsenceState.STALLED, "nothing was read")


def ns(time_s: float) -> int:
    return round(time_s * NS_PER_S)


def window(start_s: float, end_s: float) -> Window:
    return Window(ns(start_s), ns(end_s))


def metric(kind: Kind = Kind.GAUGE, *, name: str = "made", unit: str = "1", lookback_s: float = 0.0) -> Metric:
    return Metric(name=name, unit=unit, scope=Scope.GPU, source="test", kind=kind, lookback_ns=ns(lookback_s))


def gap(start_s: float, end_s: float | None, absence: Absence = STALLED) -> Gap:
    return Gap(ns(start_s), None if end_s is None else ns(end_s), absence)


def made(of: Metric, times_s: Sequence[float], values: Sequence[float], *gaps: Gap) -> Series:
    return Series(metric=of, chunk=Chunk.of([ns(time_s) for time_s in times_s], values), gaps=gaps)


def read(of: Metric, function: Callable[[float], float], times_s: Sequence[float], *gaps: Gap) -> Series:
    return made(of, times_s, [function(time_s) for time_s in times_s], *gaps)


def every(period_s: float, start_s: float, end_s: float) -> list[float]:
    return list(np.arange(start_s, end_s, period_s))


class Curve:
    """A piecewise linear function of time (s), its integral, and what bounds it."""

    def __init__(self, corners_s: Sequence[float], heights: Sequence[float]) -> None:
        self._corners_s, self._heights = np.asarray(corners_s), np.asarray(heights)
        self.highest = float(self._heights.max())
        self.steepest = float(np.abs(np.diff(self._heights) / np.diff(self._corners_s)).max())

    def __call__(self, time_s: float) -> float:
        return float(np.interp(time_s, self._corners_s, self._heights))

    def integral(self, start_s: float, end_s: float) -> float:
        inner_s = self._corners_s[(self._corners_s > start_s) & (self._corners_s < end_s)]
        points_s = np.concatenate([[start_s], inner_s, [end_s]])
        return float(np.trapezoid(np.interp(points_s, self._corners_s, self._heights), points_s))

    def mean(self, start_s: float, end_s: float) -> float:
        return self.integral(start_s, end_s) / (end_s - start_s)


@st.composite
def curves(draw: st.DrawFn, length_s: float = 10.0) -> Curve:
    heights = draw(st.lists(st.floats(50, 700), min_size=3, max_size=8))
    return Curve(np.linspace(0, length_s, len(heights)), heights)


@st.composite
def reading_times(draw: st.DrawFn, length_s: float = 10.0) -> list[float]:
    """Times at an uneven rate, at most 0.3 s apart, from 0 until past the end."""
    steps_ms = draw(st.lists(st.integers(20, 300), min_size=1, max_size=10))
    times_s = np.cumsum([0, *np.resize(steps_ms, round(length_s * 1000 / min(steps_ms)) + 1)]) / 1000
    return times_s[: int(np.searchsorted(times_s, length_s)) + 1].tolist()


@st.composite
def gaps_between(draw: st.DrawFn, time_ns: Sequence[int]) -> tuple[Gap, ...]:
    """Some of the times between two readings, and perhaps what is before the first or after the last."""
    bounds: list[int | None] = [-100, *time_ns, None]
    places = draw(st.sets(st.integers(0, len(bounds) - 2), max_size=3))
    return tuple(
        Gap(int(bounds[i] or 0), bounds[i + 1], draw(st.sampled_from([LOST, STALLED]))) for i in sorted(places)
    )


@st.composite
def any_series(draw: st.DrawFn, kinds: Sequence[Kind] = tuple(Kind)) -> Series:
    kind = draw(st.sampled_from(kinds))
    steps_ns = draw(st.lists(st.integers(1, 50), max_size=30))
    time_ns = np.cumsum(steps_ns, dtype=np.int64)
    value = draw(st.lists(st.integers(0, 9), min_size=len(time_ns), max_size=len(time_ns)))
    counted = np.cumsum(value) if kind is Kind.COUNTER else value
    lookback_ns = draw(st.sampled_from([0, 0, 60])) if kind is Kind.GAUGE else 0
    of = Metric(name="any", unit="W", scope=Scope.GPU, source="test", kind=kind, lookback_ns=lookback_ns)
    return Series(metric=of, chunk=Chunk.of(time_ns, counted), gaps=draw(gaps_between(time_ns.tolist())))


@st.composite
def any_window(draw: st.DrawFn) -> Window:
    start_ns = draw(st.integers(0, 600))
    return Window(start_ns, start_ns + draw(st.integers(1, 900)))


def times(from_s: int, to_s: int) -> st.SearchStrategy[float]:
    """Times that are whole milliseconds, as those of ``reading_times`` are."""
    return st.integers(1000 * from_s, 1000 * to_s).map(lambda time_ms: time_ms / 1000)
