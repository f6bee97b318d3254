"""Steps counted in cycles of the multiprocessors' clock instead of in time: what a lower clock does not make longer.

Pure functions. Work that is bound by the multiprocessors takes as many cycles at any clock; work that waits for memory,
the host or another device takes fewer at a lower one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from migperf.metrics.metric import NS_PER_S
from migperf.metrics.readings import linked
from migperf.metrics.series import Chunk, Series
from migperf.statistics.samples import Samples

REACH_NS = NS_PER_S
"""Between readings that are farther apart, nothing is known of the clock."""
NS_PER_MS = 1_000_000
_MHZ_NS_PER_MCYCLE = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCycles:
    """The steps of a run whose clock is known: cycles (millions) of shape (kept,), in the order of time.

    ``mean_mhz`` is the clock over the time of these steps, NaN without any; ``left_out`` counts the other steps.
    """

    mcycles: Samples
    mean_mhz: float
    left_out: int

    @property
    def kept_share(self) -> float:
        """The share of the steps whose clock is known, 0 to 1."""
        kept = len(self.mcycles)
        return kept / (kept + self.left_out) if kept else 0.0


def step_cycles(timings: Chunk, clock: Series) -> StepCycles:
    """Return the cycles of steps (beginnings ns, durations ms) from readings of the clock (MHz) in the same time.

    The clock is interpolated linearly between readings and integrated over each step by the trapezoidal rule. A step
    is left out unless all of it lies between readings without a gap, of which no two neighbours are more than
    ``REACH_NS`` apart.
    """
    begin_ns = timings.time_ns.astype(np.float64) - _origin_ns(timings)
    end_ns = begin_ns + timings.value * NS_PER_MS
    if len(clock) < 2:  # noqa: PLR2004 - there is nothing between fewer readings
        return StepCycles(mcycles=np.empty(0), mean_mhz=float("nan"), left_out=len(timings))
    curve = _ClockCurve.of(clock, _origin_ns(timings))
    known = curve.knows(begin_ns, end_ns)
    begin_ns, end_ns = begin_ns[known], end_ns[known]
    mcycles = (curve.integral(end_ns) - curve.integral(begin_ns)) / _MHZ_NS_PER_MCYCLE
    length_ns = float((end_ns - begin_ns).sum())
    mean_mhz = float(mcycles.sum()) * _MHZ_NS_PER_MCYCLE / length_ns if length_ns else float("nan")
    return StepCycles(mcycles=mcycles, mean_mhz=mean_mhz, left_out=int(np.count_nonzero(~known)))


@dataclass(frozen=True, slots=True)
class _ClockCurve:
    """A clock over time, MHz: straight between readings, whose times are ns since the first step, float64."""

    time_ns: Samples
    mhz: Samples
    area: Samples
    """The integral from the first reading to each, MHz times ns."""
    breaks: npt.NDArray[np.int64]
    """How many spans between neighbouring readings, up to each reading, the clock is unknown in."""

    @classmethod
    def of(cls, clock: Series, origin_ns: int) -> "_ClockCurve":
        time_ns, mhz = (clock.chunk.time_ns - origin_ns).astype(np.float64), clock.chunk.value
        length_ns = np.diff(time_ns)
        area = np.concatenate([[0.0], np.cumsum((mhz[1:] + mhz[:-1]) / 2 * length_ns)])
        unknown = ~linked(clock) | (length_ns > REACH_NS)
        return cls(time_ns, mhz, area, np.concatenate([[0], np.cumsum(unknown)]))

    def knows(self, begin_ns: Samples, end_ns: Samples) -> npt.NDArray[np.bool_]:
        """Tell of each span whether the clock is known over all of it."""
        inside = (begin_ns >= self.time_ns[0]) & (end_ns <= self.time_ns[-1])
        last = len(self.time_ns) - 1
        first = np.clip(np.searchsorted(self.time_ns, begin_ns, side="right") - 1, 0, last)
        behind = np.clip(np.searchsorted(self.time_ns, end_ns, side="left"), 0, last)
        return np.asarray(inside & (self.breaks[np.maximum(first, behind)] == self.breaks[first]))

    def integral(self, at_ns: Samples) -> Samples:
        """Return the integral from the first reading to each time, which must lie between readings."""
        before = np.clip(np.searchsorted(self.time_ns, at_ns, side="right") - 1, 0, len(self.time_ns) - 2)
        since_ns = at_ns - self.time_ns[before]
        slope = np.diff(self.mhz)[before] / np.maximum(np.diff(self.time_ns)[before], 1)
        return np.asarray(self.area[before] + self.mhz[before] * since_ns + slope * since_ns**2 / 2)


def _origin_ns(timings: Chunk) -> int:
    return int(timings.time_ns[0]) if len(timings) else 0
