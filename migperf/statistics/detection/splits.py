"""Every place at which a stretch of a history may have changed its level, and how much speaks for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from migperf.statistics.detection.noise import Spread, correlation, middle, pooled, range_of, variance_of_mean
from migperf.statistics.detection.thresholds import as_normal
from migperf.statistics.samples import Samples

LEAST_FREEDOM = 2.0
_NO_SPREAD = 1e-4
"""Of a point's square: keeps a stretch without any noise from being divided by zero."""
_DIGITS = 9
"""Of the evidence, so that rounding errors do not choose between places for which as much speaks."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring points of one level, as far as is known: their logarithms and their own relative standard errors."""

    logs: Samples
    errors: Samples

    def __len__(self) -> int:
        return len(self.logs)


@dataclass(frozen=True, slots=True)
class Splits:
    """What speaks for a change before each point of a stretch but the first; arrays of shape (points - 1,).

    ``evidence`` is a standard normal deviate under no change, with the sign of the change; ``misfit`` is minus twice
    the logarithm of the likelihood of two levels, up to a constant; ``noise_rel`` is of the noise about these levels.
    """

    evidence: Samples
    misfit: Samples
    noise_rel: Samples

    def at(self, index: int) -> float:
        """Return the evidence for a change before the point of this index."""
        return float(self.evidence[index - 1])

    def best(self, first: int, last: int) -> int:
        """Return the index between two (both included) before which a change is most likely."""
        return first + int(np.argmax(np.abs(self.evidence[first - 1 : last])))

    def best_fit(self, first: int, last: int) -> int:
        """Return the index between two (both included) before which a change fits best, given that there is one.

        Not quite where the most evidence is: that also weighs how well the noise is known.
        """
        return first + int(np.argmin(self.misfit[first - 1 : last]))


def splits_of(stretch: Stretch, older: Sequence[Stretch], floor: float) -> Splits:
    """Return what speaks for a change within a stretch of at least two points; ``older`` ones tell of the noise.

    In each place a t statistic for two levels: the difference of the means before and after, over its standard error
    from the deviations about both. As in E-divisive means (Matteson and James, A nonparametric approach for multiple
    change point analysis of multivariate data, JASA 109, 2014; Daly et al., The use of change point detection to
    identify software performance regressions in a continuous integration system, ICPE 2020) every place is tried and
    the best one kept; unlike there, outliers are drawn in, the noise is pooled over all stretches, and its correlation
    widens the error. Costs time in proportion to the points.
    """
    deviations = [part.logs - middle(part.logs) for part in (stretch, *older)]
    errors = [part.errors for part in (stretch, *older)]
    within = range_of(np.concatenate(deviations), np.concatenate(errors), floor)
    ours, *others = (within.clipped(*pair) for pair in zip(deviations, errors, strict=True))
    least_variance = max(floor, middle(np.concatenate(errors))) / within.scale
    return _judge(ours, pooled(others), least_variance**2, within.scale)


def _judge(points: Samples, others: Spread, least_variance: float, scale: float) -> Splits:
    before = np.arange(1.0, len(points))
    after = len(points) - before
    sums = np.cumsum(points)[:-1]
    rests = float(points.sum()) - sums
    first, second = sums / before, rests / after
    square = np.maximum(0.0, points @ points - sums * first - rests * second) + others.square
    lagged = _lagged(points, sums, rests) + others.lagged
    total, levels = len(points) + others.points, 2 + others.stretches
    freedom = max(1, total - levels)
    likely, cautious = correlation(lagged / (square + _NO_SPREAD * total), total, levels)
    variance = np.maximum(square / freedom, least_variance)
    error = np.sqrt(variance * (variance_of_mean(cautious, before) + variance_of_mean(cautious, after)))
    effective = np.maximum(freedom * (1 - likely) / (1 + likely), LEAST_FREEDOM)
    evidence = as_normal((second - first) / error, effective).round(_DIGITS)
    misfit = (total * np.log(square + _NO_SPREAD * total)).round(_DIGITS)
    return Splits(evidence, misfit, scale * np.sqrt(variance))


def _lagged(points: Samples, sums: Samples, rests: Samples) -> Samples:
    """Return the sums of products of neighbours about the means of both sides, for every place of a change."""
    before = np.arange(1.0, len(points))
    after = len(points) - before
    first, second = sums / before, rests / after
    products = np.cumsum(points[1:] * points[:-1])
    within_first = np.concatenate([[0.0], products[:-1]])
    within_second = products[-1] - products
    of_first = within_first - first * (2 * sums - points[0] - points[:-1]) + (before - 1) * first**2
    of_second = within_second - second * (2 * rests - points[1:] - points[-1]) + (after - 1) * second**2
    lagged: Samples = of_first + of_second
    return lagged
