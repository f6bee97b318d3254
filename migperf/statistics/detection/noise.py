"""The noise of a history, from what its points differ from the level of their own stretch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from migperf.statistics.samples import Samples

CLIP = 5.0
"""Standard deviations beyond which a point counts no more: a run that took ten times as long is one odd run."""
QUIET = 0.1
"""Of the least change that matters: less noise than that need not be told apart from none."""
HIGHEST_CORRELATION = 0.9
ASSUMED_CORRELATION = 0.4
"""At least, of a short history."""
ASSUMED_FOR = 12.0
"""Points times correlation that is assumed of longer ones."""
_TAIL = 0.1
_TENTH = 1.2816
"""What a tenth of a standard normal distribution lies beyond."""


@dataclass(frozen=True, slots=True)
class Range:
    """Between which deviations points are taken as they are, and the scale of these: all of logarithms."""

    low: float
    high: float
    scale: float

    def clipped(self, deviations: Samples, errors: Samples) -> Samples:
        """Return deviations in units of the scale: drawn in to the range, and less of those that are badly known.

        ``errors`` are the points' own standard errors. One that is above the scale shrinks its point's deviation, so
        that a run which could tell little moves little.
        """
        trusted = deviations * np.minimum(1.0, self.scale / np.maximum(errors, 1e-300))
        clipped: Samples = np.clip(trusted, self.low, self.high) / self.scale
        return clipped


@dataclass(frozen=True, slots=True)
class Spread:
    """Sums over points that were centred on their own stretch, in units of the scale: they add up over stretches.

    ``square`` of deviations, ``lagged`` of products of neighbours.
    """

    square: float = 0.0
    lagged: float = 0.0
    points: int = 0
    stretches: int = 0


def middle(values: Samples) -> float:
    """Return the median (``numpy.median`` takes ten times as long for a few hundred values)."""
    ordered, count = np.sort(values), len(values)
    return float(ordered[(count - 1) // 2] + ordered[count // 2]) / 2


def range_of(deviations: Samples, errors: Samples, floor: float) -> Range:
    """Return the range of deviations from the medians of their stretches; ``floor`` is the least scale.

    The scale is from the first to the last decile, as of a normal distribution: outliers up to a tenth on each side do
    not count, and unlike a median deviation it covers both modes where there are two. It is never less than what the
    points' own errors say.
    """
    ordered = np.sort(deviations)
    low, high = _quantile(ordered, _TAIL), _quantile(ordered, 1 - _TAIL)
    scale = max((high - low) / (2 * _TENTH), floor, middle(errors))
    beyond = (CLIP - _TENTH) * scale
    return Range(min(low - beyond, -CLIP * scale), max(high + beyond, CLIP * scale), scale)


def pooled(stretches: Sequence[Samples]) -> Spread:
    """Return the sums over stretches of clipped deviations, each centred on its own mean."""
    square = lagged = 0.0
    for stretch in stretches:
        centred = stretch - stretch.mean()
        square += float(centred @ centred)
        lagged += float(centred[1:] @ centred[:-1])
    return Spread(square, lagged, sum(map(len, stretches)), len(stretches))


def correlation(raw: Samples, points: int, levels: int) -> tuple[Samples, Samples]:
    """Return the lag-one correlation of neighbouring points: as estimated, and as it may well be.

    ``raw`` is the estimate from points about ``levels`` estimated levels, which is too low by (1 + 3 r) / points for
    each (Kendall, Biometrika 41, 1954). The second adds one standard error: of many places for a change, the one that
    looks most like it is where chance made the correlation look least. And it is never less than what a history of so
    few points can hide.
    """
    likely = np.clip(raw + levels * (1 + 3 * raw) / points, 0.0, HIGHEST_CORRELATION)
    error = np.sqrt((1 - likely**2) / points)
    assumed = min(ASSUMED_CORRELATION, ASSUMED_FOR / points)
    return likely, np.clip(likely + error, assumed, HIGHEST_CORRELATION)


def variance_of_mean(correlated: Samples, count: Samples) -> Samples:
    """Return the variance of the mean of so many points, relative to that of one, in an AR(1) process.

    Exact for any number of points (Law, Simulation Modeling and Analysis, 4.4); 1 / count without correlation.
    """
    apart = 1 - correlated
    inflated: Samples = (
        (1 + correlated) / apart - 2 * correlated * (1 - correlated**count) / (count * apart**2)
    ) / count
    return inflated


def _quantile(ordered: Samples, share: float) -> float:
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (place - below) * (ordered[above] - ordered[below]))
