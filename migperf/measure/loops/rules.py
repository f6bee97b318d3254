"""From how a benchmark is to be measured to the rules by which its phases end."""

from migperf.measure.benchmark import Method, Statistic
from migperf.measure.loops.stopping import AtLeast, StopRule, UntilPrecise, UntilSteady
from migperf.statistics.precision import MeanPrecision, PrecisionMonitor, QuantilePrecision
from migperf.statistics.steady_state import SteadyState


def warmup_rule(method: Method) -> StopRule:
    """Return the rule that ends warm-up."""
    least = AtLeast(steps=method.warmup_steps, s=method.warmup_s, max_s=method.warmup_max_s)
    if method.steady_within is None:
        return least
    return UntilSteady(least, SteadyState(method.steady_within))


def measuring_rule(method: Method) -> StopRule:
    """Return the rule that ends measuring."""
    least = AtLeast(steps=method.min_steps, s=method.min_s, max_s=method.max_s)
    if method.precision is None:
        return least
    return UntilPrecise(least, precision_monitor(method.precision_of, method.precision, method.level))


def precision_monitor(statistic: Statistic, precision: float, level: float) -> PrecisionMonitor:
    """Return what tells when the statistic is known to ``precision``, relative, at that confidence level."""
    quantile = statistic.quantile
    return MeanPrecision(precision, level) if quantile is None else QuantilePrecision(quantile, precision, level)
