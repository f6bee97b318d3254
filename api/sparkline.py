"""Small line drawings of series, as the coordinates of an SVG; drawn here, so that a page needs no script."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from migperf.metrics.series import Chunk

WIDTH = 240
HEIGHT = 36
NS_PER_S = 1_000_000_000
_MARGIN = 2
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """A line through a series. ``window`` is where what was measured begins, and how wide it is, in the drawing."""

    points: str
    low: float
    high: float
    duration_s: float
    window: tuple[float, float] | None


def draw(chunk: Chunk, window_ns: tuple[int, int] | None) -> Sparkline | None:
    """Return the drawing; None when there is nothing to draw a line through."""
    finite = np.isfinite(chunk.value)
    time_ns, value = chunk.time_ns[finite], chunk.value[finite]
    if len(value) == 0:
        return None
    start, span = int(time_ns[0]), max(1, int(time_ns[-1] - time_ns[0]))
    x: Floats = np.asarray((time_ns - start) * (WIDTH / span), np.float64)
    low, high = float(value.min()), float(value.max())
    kept = _outline(x, value)
    return Sparkline(
        points=" ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[kept], _heights(value[kept], low, high), strict=True)),
        low=low,
        high=high,
        duration_s=span / NS_PER_S,
        window=_window(window_ns, start, WIDTH / span) if window_ns else None,
    )


def _outline(x: Floats, value: Floats) -> npt.NDArray[np.intp]:
    """Return which samples to draw: in each column of the drawing the lowest and the highest, so no peak is lost."""
    column = np.minimum(x.astype(np.intp), WIDTH - 1)
    by_value = np.lexsort((value, column))
    firsts = np.flatnonzero(np.diff(column[by_value], prepend=-1))
    lasts = np.append(firsts[1:], len(value)) - 1
    return np.unique(by_value[np.concatenate([firsts, lasts])])


def _heights(value: Floats, low: float, high: float) -> Floats:
    if high == low:
        return np.full(len(value), HEIGHT / 2)
    share = (value - low) / (high - low)
    return np.asarray(HEIGHT - _MARGIN - share * (HEIGHT - 2 * _MARGIN))


def _window(window_ns: tuple[int, int], start: int, scale: float) -> tuple[float, float]:
    left, right = (min(WIDTH, max(0.0, (end - start) * scale)) for end in window_ns)
    return round(left, 1), round(right - left, 1)
