"""How much evidence an alarm takes, so that a history which never changes hardly ever raises one.

A history is looked at after each point, at every place where its level may have changed: thousands of looks that
depend on each other, for which no formula is exact. The thresholds are calibrated by simulation instead, on noise of
many kinds (docs/explanation/detection.md), for one alarm in a hundred unchanged histories of 200 points.
"""

import math

import numpy as np

from migperf.statistics.samples import Samples

ALARM = 4.5
"""Of a single metric with a long history, in standard deviations of a normal distribution."""
EARLY = 90.0
"""Squared evidence times points that it takes more in a short history, whose noise and correlation are hardly known."""
SUSPICION = 3.0
"""Worth running once more, not worth an alarm."""
KEPT = 3.0
"""Evidence below which a change is withdrawn; less than it took, so that a change does not come and go."""
CHANCE_OF_FEW = 2e-5
CHANCE_OF_MANY = 1e-4
"""Of the order of more points than ``EXACT_UP_TO`` on each side: one odd mode or two decide less among them."""
ORDERS = 2
EXACT_UP_TO = 8
"""Points on the shorter side; from there on the normal approximation of the rank sum serves."""


def alarm_threshold(points: int, metrics: int = 1) -> float:
    """Return the evidence that an alarm takes from so many points, of each of so many metrics judged as one family.

    Bonferroni's inequality, with the tail of the normal distribution: p falls as exp(-z² / 2), so a p-value that is
    ``metrics`` times less needs z² to be 2 log ``metrics`` more.
    """
    return math.sqrt(ALARM**2 + EARLY / points + 2 * math.log(metrics))


def order_is_surprising(before: Samples, after: Samples, metrics: int = 1) -> bool:
    """Tell whether points lie so much above (or below) those before that independent noise hardly orders them so.

    The rank-sum test: exact for independent points of any distribution, so it holds where noise is skewed, has several
    modes or outliers, and the tails of the other statistic cannot be trusted. The chance has to be below 1 in 50,000
    (1 in 10,000 from nine points on), or among the two least likely orders where so few points have no rarer one.
    """
    from scipy.stats import mannwhitneyu

    exact = min(len(before), len(after)) <= EXACT_UP_TO
    chance = float(mannwhitneyu(before, after, method="exact" if exact else "asymptotic").pvalue)
    orders = math.comb(len(before) + len(after), len(after))
    allowed = CHANCE_OF_FEW if exact else CHANCE_OF_MANY
    return chance <= max(allowed / metrics, 2 * max(1, ORDERS / metrics) / orders * (1 + 1e-9))


def as_normal(statistic: Samples, freedom: Samples) -> Samples:
    """Return Student's t as the standard normal deviate of the same p-value.

    Wallace (Bounds on normal approximations to Student's and the chi-square distributions, Annals of Mathematical
    Statistics 30, 1959): within 0.1 for the values that matter here, and without the tail's underflow.
    """
    size = (8 * freedom + 1) / (8 * freedom + 3) * np.sqrt(freedom * np.log1p(statistic**2 / freedom))
    deviate: Samples = np.copysign(size, statistic)
    return deviate
