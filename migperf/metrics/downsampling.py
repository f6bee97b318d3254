"""Fewer samples that show the same picture: which of a series' samples to keep. Pure functions.

The samples kept are samples of the series, times and values untouched. tsdownsample chooses among those that lie
between two gaps; what must not get lost is added here: both sides of each gap, the extremes, the changes of flags.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from tsdownsample import LTTBDownsampler, MinMaxDownsampler, MinMaxLTTBDownsampler

from migperf.metrics.metric import Kind
from migperf.metrics.series import Chunk, Gap

Indices = npt.NDArray[np.int64]
_EXTREMES = 2
_ENDS = 2
"""LTTB chooses the first and the last sample, which stay anyway."""


class Method(StrEnum):
    """How samples are chosen."""

    MIN_MAX = "min_max"
    """The lowest and the highest of as many samples each."""
    LTTB = "lttb"
    """Largest triangle three buckets (Steinarsson 2013): what looks most alike; may lose extremes."""
    MIN_MAX_LTTB = "min_max_lttb"
    """LTTB among the lowest and highest (arXiv 2305.00332), and the extremes of the whole."""


_DOWNSAMPLERS: dict[Method, Callable[[], Any]] = {
    Method.MIN_MAX: MinMaxDownsampler,
    Method.LTTB: LTTBDownsampler,
    Method.MIN_MAX_LTTB: MinMaxLTTBDownsampler,
}


def downsample(
    chunk: Chunk,
    points: int,
    method: Method = Method.MIN_MAX,
    *,
    kind: Kind = Kind.GAUGE,
    gaps: Sequence[Gap] = (),
) -> Chunk:
    """Return about ``points`` samples of the chunk, whose times are in order; all of them if there are no more.

    The first and the last sample on each side of a gap stay, and so do the lowest and the highest of all (except with
    LTTB): with more gaps than ``points`` has room for, more samples come back. Events are never left out. Changes of a
    flag stay while they take up to half of ``points``; beyond that each bucket that has a 1 keeps one.
    """
    if len(chunk) <= points or kind is Kind.EVENT:
        return chunk
    bounds = _bounds(chunk.time_ns, gaps)
    fixed = _union(bounds[:-1], bounds[1:] - 1, _fixed(chunk.value, points, method, kind))
    chosen = _chosen(chunk, bounds, points - len(fixed), method)
    kept = _marked(len(chunk), [fixed, *chosen])
    return Chunk(chunk.time_ns[kept], chunk.value[kept])


def _bounds(time_ns: npt.NDArray[np.int64], gaps: Iterable[Gap]) -> Indices:
    """Return where the segments between gaps begin, and the number of samples: strictly growing, from 0."""
    after = [gap.start_ns for gap in gaps]
    until = [gap.end_ns for gap in gaps if gap.end_ns is not None]
    cuts = [*np.searchsorted(time_ns, after, side="right"), *np.searchsorted(time_ns, until, side="left")]
    return _union([0, len(time_ns)], cuts)


def _fixed(value: npt.NDArray[np.float64], points: int, method: Method, kind: Kind) -> Indices:
    """Return what stays whatever the method chooses, apart from the sides of gaps."""
    extremes = np.array([] if method is Method.LTTB else [value.argmin(), value.argmax()], dtype=np.int64)
    if kind is not Kind.FLAG:
        return extremes
    after = np.flatnonzero(value[1:] != value[:-1]) + 1
    changes = _marked(len(value), [after - 1, after])
    return _union(extremes, changes) if len(changes) <= points // 2 else extremes


def _chosen(chunk: Chunk, bounds: Indices, budget: int, method: Method) -> list[Indices]:
    """Share ``budget`` samples out to the segments by their lengths."""
    if budget < _EXTREMES:
        return []
    shares = np.diff(bounds) * budget // len(chunk)
    return [
        start + _choose(Chunk(chunk.time_ns[start:end], chunk.value[start:end]), int(share), method)
        for (start, end), share in zip(pairwise(bounds.tolist()), shares, strict=True)
        if share >= _EXTREMES
    ]


def _choose(segment: Chunk, share: int, method: Method) -> Indices:
    if share + _ENDS >= len(segment):
        return np.arange(len(segment))
    downsampler = _DOWNSAMPLERS[method]()
    if method is Method.MIN_MAX:
        found = downsampler.downsample(segment.value, n_out=share - share % _EXTREMES)
    else:
        found = downsampler.downsample(segment.time_ns, segment.value, n_out=share + _ENDS)
    return np.asarray(found, dtype=np.int64)


def _union(*indices: Iterable[int]) -> Indices:
    """Return a few indices in order, each once."""
    return np.array(sorted(set().union(*indices)), dtype=np.int64)


def _marked(count: int, indices: Iterable[Indices]) -> Indices:
    """Return many indices below ``count`` in order, each once."""
    marks = np.zeros(count, dtype=bool)
    for some in indices:
        marks[some] = True
    return np.flatnonzero(marks)
