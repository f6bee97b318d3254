"""What a quantity adds up to over a time span: integrals of gauges and averages, growth of counters. Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from migperf.metrics.metric import NS_PER_S
from migperf.metrics.readings import linked, stretches, within
from migperf.metrics.series import Chunk, Series

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Sum:
    """What was added up (unit times seconds, or the counter's unit), and over how much of the span, ns."""

    total: float
    covered_ns: int


@dataclass(frozen=True, slots=True)
class Spans:
    """Averages with the spans that they are of: values float64 and lengths int64 (ns), both of shape (spans,)."""

    value: npt.NDArray[np.float64]
    length_ns: npt.NDArray[np.int64]

    @property
    def sum(self) -> Sum:
        """The integral over the spans, unit times seconds."""
        return Sum(float(self.value @ self.length_ns) / NS_PER_S, int(self.length_ns.sum()))


class RestartedError(Exception):
    """A counter went back, so that its differences mean nothing."""


class TooFewReadingsError(Exception):
    """Fewer than two readings of a counter fell into the span: they would tell mostly of what is around it."""


def gauge_integral(series: Series, start_ns: int, end_ns: int) -> Sum:
    """Return the integral of a gauge by the trapezoidal rule, over what lies between readings without a gap.

    A reading that looks back on a time stands for the middle of it. Only readings that tell of the span alone count;
    up to the first of them, and after the last, its value is taken to hold, as far as the series was being read.
    """
    inside = within(series, start_ns, end_ns)
    parts = [_piece(series, stretch, inside, start_ns, end_ns) for stretch in stretches(series)]
    return Sum(sum(part.total for part in parts), sum(part.covered_ns for part in parts))


def average_spans(series: Series, start_ns: int, end_ns: int) -> Spans:
    """Return the averages whose whole span, from the reading before to their own, lies within the given one.

    After a gap, and at the beginning of the series, nobody knows since when the average is one.
    """
    time_ns, value = series.chunk.time_ns, series.chunk.value
    whole = linked(series) & (time_ns[:-1] >= start_ns) & (time_ns[1:] <= end_ns)
    return Spans(value[1:][whole], np.diff(time_ns)[whole])


def counter_growth(series: Series, start_ns: int, end_ns: int) -> Sum:
    """Return by how much a counter grew. It goes on counting while it is not read, so gaps inside do no harm.

    At either edge its value is interpolated between the readings around it, and so is right within one period of
    reading or updating. Where a gap lies there, or no reading beyond it, the nearest one inside is the edge.
    Raises RestartedError and TooFewReadingsError.
    """
    known = _with_edges(series, start_ns, end_ns)
    if (np.diff(known.value) < 0).any():
        raise RestartedError
    return Sum(float(known.value[-1] - known.value[0]), int(known.time_ns[-1] - known.time_ns[0]))


def _piece(series: Series, stretch: slice, inside: slice, start_ns: int, end_ns: int) -> Sum:
    """The integral over the part of the span that one stretch of readings covers."""
    own = slice(max(stretch.start, inside.start), min(stretch.stop, inside.stop))
    if own.start >= own.stop:
        return Sum(0.0, 0)
    time_ns, value = series.chunk.time_ns, series.chunk.value
    low_ns = max(start_ns, int(time_ns[stretch.start]))
    high_ns = min(end_ns, int(time_ns[stretch.stop - 1]))
    middle_ns = time_ns[own] - series.metric.lookback_ns // 2 - start_ns
    bounds_ns = np.array([low_ns, high_ns]) - start_ns
    corners_ns = np.unique(np.concatenate([bounds_ns, np.clip(middle_ns, *bounds_ns)]))
    heights = np.interp(corners_ns, middle_ns, value[own])
    return Sum(float(np.trapezoid(heights, corners_ns)) / NS_PER_S, high_ns - low_ns)


def _with_edges(series: Series, start_ns: int, end_ns: int) -> Chunk:
    """The readings within the span, between those interpolated at its edges where that can be done."""
    chunk, together = series.chunk, linked(series)
    inside = slice(*np.searchsorted(chunk.time_ns, [start_ns, end_ns + 1]).tolist())
    parts = [Chunk(chunk.time_ns[inside], chunk.value[inside])]
    if len(parts[0]) < _FEWEST:
        raise TooFewReadingsError
    if inside.start > 0 and together[inside.start - 1]:
        parts.insert(0, _interpolated(chunk, inside.start - 1, start_ns))
    if inside.stop < len(chunk) and together[inside.stop - 1]:
        parts.append(_interpolated(chunk, inside.stop - 1, end_ns))
    return Chunk.joined(parts)


def _interpolated(chunk: Chunk, before: int, at_ns: int) -> Chunk:
    """The counter at a time between the reading ``before`` and the next one; one that went back there stays so."""
    (from_ns, to_ns), (low, high) = chunk.time_ns[before : before + 2], chunk.value[before : before + 2]
    share = int(at_ns - from_ns) / int(to_ns - from_ns)
    return Chunk.of([at_ns], [low + share * (high - low)])
