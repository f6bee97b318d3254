"""Small line drawings of series, as the coordinates of an SVG; drawn here, so that a page needs no script.

What is drawn has been downsampled before: two samples a column, its lowest and its highest, are all that can be seen.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt

from migperf.metrics.metric import NS_PER_S, Kind
from migperf.metrics.series import Chunk, Gap
from migperf.metrics.summary import Window

WIDTH = 240
HEIGHT = 36
POINTS = 2 * WIDTH
_MARGIN = 2
_NARROWEST = 1.0
"""A gap is drawn at least so wide, however short it was."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Axis:
    """The time that all drawings of a run share, ns: what stands above one another happened at one time."""

    start_ns: int
    end_ns: int

    @classmethod
    def over(cls, drawn: Sequence[tuple[Chunk, Sequence[Gap]]]) -> Self:
        """Return the time from the run's start, or what was before it, to the last sample or end of a gap."""
        firsts = [int(chunk.time_ns[0]) for chunk, _ in drawn if len(chunk)]
        lasts = [int(chunk.time_ns[-1]) for chunk, _ in drawn if len(chunk)]
        bounds = [t for _, gaps in drawn for gap in gaps for t in (gap.start_ns, gap.end_ns) if t is not None]
        return cls(min([0, *firsts]), max([0, *lasts, *bounds]))

    @property
    def duration_s(self) -> float:
        """How long it is, seconds."""
        return (self.end_ns - self.start_ns) / NS_PER_S

    def x(self, time_ns: npt.ArrayLike) -> Floats:
        """Return where times lie in the drawing; what is outside lies on its edge."""
        span = max(1, self.end_ns - self.start_ns)
        return np.clip((np.asarray(time_ns, np.int64) - self.start_ns) * (WIDTH / span), 0, WIDTH)


@dataclass(frozen=True, slots=True)
class Shade:
    """A part of a drawing from ``left`` on, and what it means."""

    left: float
    width: float
    meaning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """The outline of a series, an SVG path that is interrupted by its gaps; the measured window, and the gaps."""

    path: str
    low: float
    high: float
    duration_s: float
    window: Shade | None
    gaps: tuple[Shade, ...]


def draw(chunk: Chunk, gaps: Sequence[Gap], axis: Axis, window: Window | None, kind: Kind) -> Sparkline | None:
    """Return the drawing; None when there is no sample to draw."""
    finite = np.isfinite(chunk.value)
    time_ns, value = chunk.time_ns[finite], chunk.value[finite]
    if len(value) == 0:
        return None
    low, high = float(value.min()), float(value.max())
    x = axis.x(time_ns)
    return Sparkline(
        path=_ticks(x) if kind is Kind.EVENT else _lines(x, _heights(value, low, high), _cuts(time_ns, gaps)),
        low=low,
        high=high,
        duration_s=axis.duration_s,
        window=None if window is None else _shade(axis, window.start_ns, window.end_ns),
        gaps=tuple(_merged([_gap_shade(axis, gap) for gap in gaps])),
    )


def _ticks(x: Floats) -> str:
    """Return a mark for each event, from the bottom to the top."""
    return "".join(f"M{at:.1f},{HEIGHT}V0" for at in x.tolist())


def _lines(x: Floats, y: Floats, cuts: Sequence[int]) -> str:
    """Return a line through the points that is interrupted before those at ``cuts``."""
    # Python's own numbers: those of numpy take several times as long to write.
    points = [f"{at:.1f},{height:.1f}" for at, height in zip(x.tolist(), y.tolist(), strict=True)]
    return "".join(_stroke(part) for part in _pieces(points, cuts))


def _cuts(time_ns: npt.NDArray[np.int64], gaps: Sequence[Gap]) -> list[int]:
    """Return before which samples the line is interrupted: behind each gap."""
    return [int(np.searchsorted(time_ns, gap.start_ns, side="right")) for gap in gaps]


def _pieces(points: Sequence[str], cuts: Sequence[int]) -> Iterator[Sequence[str]]:
    bounds = sorted({0, *cuts, len(points)})
    return (points[start:end] for start, end in pairwise(bounds))


def _stroke(points: Sequence[str]) -> str:
    """Return a line through the points; a lonely one becomes a dot, as lines have round ends."""
    return f"M{' L'.join(points)}" if len(points) > 1 else f"M{points[0]}h0"


def _heights(value: Floats, low: float, high: float) -> Floats:
    if high == low:
        return np.full(len(value), HEIGHT / 2)
    if not math.isfinite(high - low):
        value, low, high = value / 2, low / 2, high / 2
    share = (value - low) / (high - low)
    return np.asarray(HEIGHT - _MARGIN - share * (HEIGHT - 2 * _MARGIN))


def _shade(axis: Axis, start_ns: int, end_ns: int, meaning: str = "", narrowest: float = 0.0) -> Shade:
    left, right = (float(x) for x in axis.x([start_ns, end_ns]))
    width = max(right - left, narrowest)
    left = round(min(left, WIDTH - width), 1)
    return Shade(left, round(min(width, WIDTH - left), 1), meaning)


def _gap_shade(axis: Axis, gap: Gap) -> Shade:
    end_ns = axis.end_ns if gap.end_ns is None else gap.end_ns
    meaning = f"{str(gap.absence.state).replace('_', ' ')}: {gap.absence.reason}"
    return _shade(axis, gap.start_ns, end_ns, meaning, _NARROWEST)


def _merged(shades: Sequence[Shade]) -> Iterator[Shade]:
    """Yield the shades with those that touch and mean the same made one: a drawing has room for a few hundred."""
    last: Shade | None = None
    for shade in sorted(shades, key=lambda shade: shade.left):
        if last is not None and shade.meaning == last.meaning and shade.left <= last.left + last.width:
            right = max(last.left + last.width, shade.left + shade.width)
            last = Shade(last.left, round(right - last.left, 1), last.meaning)
            continue
        if last is not None:
            yield last
        last = shade
    if last is not None:
        yield last
