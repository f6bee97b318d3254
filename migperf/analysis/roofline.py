"""The roofline model: how near a run comes to what its partition attains in arithmetic and in moving memory.

Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore architectures",
Communications of the ACM 52 (4), 2009. Pure functions; times are seconds, work is FLOPs and bytes of one step.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from migperf.measure.figures import Interval

NEAR = 0.1
"""A run below this part of what is attainable is held back by neither limit of the roofline."""
METHOD = "ratio of two estimates by their intervals, on a logarithmic scale"


class Bound(StrEnum):
    """What holds a run back."""

    COMPUTE = "compute"
    MEMORY = "memory"
    OVERHEAD = "overhead"
    """Neither: launches, the host, waiting for work, kernels too small to fill the partition."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value, and its interval where there is one."""

    value: float
    interval: Interval | None = None

    def times(self, factor: float) -> "Estimate":
        """Return the estimate of something that is so many times as large, for a factor that is known exactly."""
        if self.interval is None:
            return Estimate(self.value * factor)
        low, high = self.interval.low * factor, self.interval.high * factor
        return Estimate(self.value * factor, self.interval.model_copy(update={"low": low, "high": high}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """What a partition attains: floating-point operations a second, in one precision, and bytes a second."""

    flops_per_s: Estimate
    bytes_per_s: Estimate

    @property
    def ridge(self) -> float:
        """The intensity, FLOP/B, from which on arithmetic limits and no longer memory."""
        return self.flops_per_s.value / self.bytes_per_s.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Where a run stands under a roof.

    ``intensity`` is in FLOP/B, None where no byte is moved. ``fraction`` is what the run attains of what is attainable
    at its intensity: in steps a second, and just so in FLOPs a second, where there are any.
    """

    intensity: float | None
    attainable_flops_per_s: float
    attainable_steps_per_s: float
    fraction: Estimate
    bound: Bound


def place(steps_per_s: Estimate, flops: float, bytes_moved: float, roof: Roof) -> Placing:
    """Place a run whose step computes and moves so much. Raises ValueError for a step that does neither.

    The least time of a step is the longer of two: its FLOPs at the roof's rate, and its bytes at the roof's rate.
    """
    if not flops and not bytes_moved:
        raise ValueError("a step without FLOPs and bytes has no place under a roof")
    compute_s, memory_s = flops / roof.flops_per_s.value, bytes_moved / roof.bytes_per_s.value
    by_compute = compute_s >= memory_s
    attainable = roof.flops_per_s.times(1 / flops) if by_compute else roof.bytes_per_s.times(1 / bytes_moved)
    fraction = ratio(steps_per_s, attainable)
    nearest = Bound.COMPUTE if by_compute else Bound.MEMORY
    return Placing(
        intensity=flops / bytes_moved if bytes_moved else None,
        attainable_flops_per_s=flops * attainable.value,
        attainable_steps_per_s=attainable.value,
        fraction=fraction,
        bound=nearest if fraction.value >= NEAR else Bound.OVERHEAD,
    )


def ratio(above: Estimate, below: Estimate) -> Estimate:
    """Return the ratio of two positive estimates that are independent of each other.

    Its interval recovers variances from the two intervals, on the scale of logarithms (Zou and Donner, "Construction of
    confidence limits about effect measures: a general approach", Statistics in Medicine 27, 2008). None where one of
    them is missing, reaches zero, or is of another level.
    """
    value = above.value / below.value
    one, other = above.interval, below.interval
    if one is None or other is None or min(one.low, other.low) <= 0 or one.level != other.level:
        return Estimate(value)
    down = math.hypot(_log(above.value, one.low), _log(other.high, below.value))
    up = math.hypot(_log(one.high, above.value), _log(below.value, other.low))
    low, high = value * math.exp(-down), value * math.exp(up)
    return Estimate(value, Interval(low=low, high=high, level=one.level, method=METHOD))


def _log(larger: float, smaller: float) -> float:
    """Return the distance of two numbers as logarithms; 0 if they come in the other order, as skewed intervals may."""
    return max(0.0, math.log(larger / smaller))
