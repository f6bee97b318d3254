"""Where warm-up ends: from which sample on a series is steady, or that it is not.

A series is steady from an index if all levels that it takes from there on are the same within a tolerance, if that
stretch is at least half of all that was seen, and if the data show that it does not drift by more than the tolerance.
So "steady" is what has to be shown: too few or too noisy samples are not steady yet.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.ndimage import median_filter
from scipy.special import stdtrit

from migperf.statistics.batching import batch_means, uncorrelated_batches
from migperf.statistics.change_points import change_points
from migperf.statistics.checkpoints import Checkpoints
from migperf.statistics.intervals import correlation_inflation
from migperf.statistics.samples import Samples

TOLERANCE = 0.02
LEAST_SAMPLES = 64
LEAST_TAIL = 0.5
GROUPS = 200
WINDOW = 11
OUTLIER = 4.0
"""Robust standard deviations from the median of the neighbours beyond which a sample is drawn back."""
CONFIDENCE = 0.95


class Steadiness(StrEnum):
    """What the series shows."""

    STEADY = "steady"
    TOO_FEW = "too_few"
    """There are too few samples to tell."""
    CHANGING = "changing"
    """The level has changed in the second half of what was seen."""
    DRIFTING = "drifting"
    """The level goes on rising or falling by more than the tolerance."""
    TOO_NOISY = "too_noisy"
    """There is no sign of change, but the noise could hide a drift beyond the tolerance: more samples would tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyVerdict:
    """Whether a series is steady, and from which index on (None if it is not).

    ``level`` is the mean of the steady stretch without outliers, in the unit of the samples; ``drift_rel`` is how much
    it rises over that stretch (or over the last stretch, if it is not steady), relative to the level.
    """

    state: Steadiness
    steady_from: int | None
    samples: int
    level: float | None = None
    drift_rel: float | None = None
    why: str


def find_steady_state(
    samples: Samples, tolerance: float = TOLERANCE, least_samples: int = LEAST_SAMPLES
) -> SteadyVerdict:
    """Return from which index on a series is steady, within ``tolerance`` relative to its level.

    After Barrett et al. (Virtual machine warmup blows hot and cold, OOPSLA 2017): segmentation by change points, then
    the last segments are joined as long as they are equivalent. Unlike there, the series is averaged in up to 399
    groups first, outliers are drawn back, and that the joined stretch does not drift is shown by an equivalence test on
    its linear trend (two one-sided tests, Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987, at
    5 %) that allows for correlated noise.
    """
    count = len(samples)
    if count < least_samples:
        why = f"needs at least {least_samples} samples, there are {count}"
        return SteadyVerdict(state=Steadiness.TOO_FEW, steady_from=None, samples=count, why=why)
    calm, outlying = _without_outliers(samples)
    size = max(1, count // GROUPS)
    groups = batch_means(calm, size)
    offset = count - len(groups) * size
    verdicts = []
    for first in _candidates(groups, tolerance):
        begin = _past_first_outliers(outlying, offset + first * size if first else 0)
        verdicts.append(_judge(groups[first:], begin, count, tolerance))
    return next((verdict for verdict in verdicts if verdict.state is Steadiness.STEADY), verdicts[0])


class SteadyState:
    """Tells when a growing series has become steady; fed in any portions.

    Looks whenever the series has grown by a quarter, so that all looks together cost some five times one look at the
    whole. What it says is about what it has seen: a change that comes later takes the answer back at the next look. A
    transient much longer than all that was seen looks steady; ask again at the end of the measurement.
    """

    def __init__(self, tolerance: float = TOLERANCE, least_samples: int = LEAST_SAMPLES) -> None:
        self._tolerance, self._least = tolerance, least_samples
        self._samples: list[Samples] = []
        self._count = 0
        self._checkpoints = Checkpoints(least_samples)
        self._verdict = find_steady_state(np.empty(0), tolerance, least_samples)

    def add(self, samples: Samples) -> None:
        """Take in the next samples, in the order of time."""
        self._samples.append(samples)
        self._count += len(samples)

    @property
    def steady_from(self) -> int | None:
        """The index from which on the series is steady, as of the last look; None if it is not."""
        return self.verdict().steady_from

    def verdict(self, *, now: bool = False) -> SteadyVerdict:
        """Return the verdict of the last look; ``now`` looks at all that was added, as at the end of a series."""
        if now or self._checkpoints.reached(self._count):
            self._samples = [np.concatenate([np.empty(0), *self._samples])]
            self._verdict = find_steady_state(self._samples[0], self._tolerance, self._least)
        return self._verdict


def _without_outliers(samples: Samples) -> tuple[Samples, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return the series with its outliers drawn back, and which they are.

    A Hampel filter (Pearson et al., Generalized Hampel filters, EURASIP Journal on Advances in Signal Processing,
    2016): samples further than four robust standard deviations from the median of their neighbours are put there. A
    step keeps its place, since the running median does.
    """
    middle = median_filter(samples, size=WINDOW, mode="reflect")
    away = samples - middle
    limit = OUTLIER * 1.4826 * float(np.median(np.abs(away)))
    return middle + np.clip(away, -limit, limit), np.abs(away) > limit


def _candidates(groups: Samples, tolerance: float) -> list[int]:
    """Return the groups from which on the series may be steady, ascending, at least one.

    The first is where the last stretch of equivalent levels begins. Since that may still hold the end of a decay that
    is within the tolerance, the changes of level after it follow, and at last the middle of the series.
    """
    cuts = (0, *change_points(groups))
    first = _first_equivalent(groups, cuts, tolerance)
    middle = len(groups) // 2
    return sorted({first, *(cut for cut in (*cuts, middle) if first < cut <= middle)})


def _first_equivalent(groups: Samples, cuts: tuple[int, ...], tolerance: float) -> int:
    first = cuts[-1]
    for begin in reversed(cuts[:-1]):
        level = float(groups[first:].mean())
        if abs(float(groups[begin:first].mean()) - level) > tolerance * abs(level):
            break
        first = begin
    return first


def _past_first_outliers(outlying: np.ndarray[tuple[int], np.dtype[np.bool_]], begin: int) -> int:
    """Move the beginning past what a filter takes for outliers but is the first, slow steps of a cold start."""
    if begin >= WINDOW:
        return begin
    early = np.flatnonzero(outlying[:WINDOW])
    return max(begin, int(early[-1]) + 1) if len(early) else begin


def _judge(tail: Samples, begin: int, count: int, tolerance: float) -> SteadyVerdict:
    level = float(tail.mean())
    drift, error = _drift(tail, level)
    if count - begin < LEAST_TAIL * count:
        state, why = Steadiness.CHANGING, f"the level last changed at sample {begin} of {count}"
    elif abs(drift) + error <= tolerance:
        state, why = Steadiness.STEADY, f"steady within {tolerance:.1%} from sample {begin} of {count} on"
    elif abs(drift) > max(tolerance, error):
        state, why = Steadiness.DRIFTING, f"changes by {drift:+.1%} from sample {begin} to {count}"
    else:
        state, why = Steadiness.TOO_NOISY, f"drifts by {drift:+.1%} give or take {error:.1%} from sample {begin} on"
    return SteadyVerdict(
        state=state,
        steady_from=begin if state is Steadiness.STEADY else None,
        samples=count,
        level=level,
        drift_rel=drift,
        why=why,
    )


def _drift(tail: Samples, level: float) -> tuple[float, float]:
    """Return the rise of the tail's linear trend over its length and the half-width of its 90 % interval, relative.

    Least squares on batch means whose deviations from the trend look independent.
    """
    if len(tail) < 4 or level == 0:  # noqa: PLR2004 - a line with two degrees of freedom left
        return 0.0, math.inf
    deviations = tail - np.polyval(np.polyfit(np.arange(len(tail)), tail, 1), np.arange(len(tail)))
    batches = batch_means(tail, len(tail) // len(uncorrelated_batches(deviations, fewest=10)))
    count = len(batches)
    positions = np.arange(count)
    slope, intercept = np.polyfit(positions, batches, 1)
    residuals = batches - slope * positions - intercept
    variance = float(residuals @ residuals) / (count - 2) * correlation_inflation(residuals)
    error = count * math.sqrt(variance * 12 / (count * (count**2 - 1)))
    return float(slope) * count / level, float(stdtrit(count - 2, CONFIDENCE)) * error / abs(level)
