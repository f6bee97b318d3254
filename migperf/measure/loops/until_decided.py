"""When a trial has shown whether a percentile keeps its limit."""

from collections.abc import Sequence

import numpy as np

from migperf.measure.loops.stopping import LOST_MS, AtLeast, Ended, Portions
from migperf.statistics.checkpoints import Checkpoints
from migperf.statistics.precision import cautious_level
from migperf.statistics.quantiles import estimate_quantile
from migperf.statistics.sample_quantiles import samples_needed
from migperf.statistics.samples import Samples

KEEPS, BREAKS, UNDECIDED = "keeps", "breaks", "undecided"


class UntilDecided:
    """Goes on until the whole interval of a quantile is on one side of the limit, ms, but not beyond max_s.

    Ended by ``keeps``, ``breaks`` or ``undecided``. Looks only when the series has grown by a quarter, and at a
    somewhat higher level than it claims, as all who look repeatedly must.
    """

    def __init__(self, quantile: float, limit_ms: float, level: float, least: AtLeast) -> None:
        self._quantile, self._limit_ms, self._level, self._least = quantile, limit_ms, cautious_level(level), least
        self._portions = Portions(self._add)
        self._samples: list[Samples] = []
        self._count = 0
        self._checkpoints = Checkpoints(samples_needed(quantile))

    def take(self, times_ms: Sequence[float]) -> None:
        """See StopRule."""
        self._portions.take(times_ms)

    def lose(self, requests: int) -> None:
        """See StopRule."""
        self._portions.take([LOST_MS] * requests)

    def ended(self, steps: int, elapsed_ns: int) -> Ended | None:
        """See StopRule."""
        out = self._least.out_of_time(elapsed_ns)
        if out:
            self._portions.hand_on()
        if (out or self._least.reached(steps, elapsed_ns)) and (out or self._checkpoints.reached(self._count)):
            shown, note = self._look()
            if out or shown != UNDECIDED:
                return Ended(shown, note, reached=shown != UNDECIDED)
        return None

    def fraction(self, steps: int, elapsed_ns: int) -> float:  # noqa: ARG002 - nobody knows how many it will take
        """See StopRule."""
        return min(1.0, self._least.of_time(elapsed_ns))

    def _add(self, samples: Samples) -> None:
        self._samples.append(samples)
        self._count += len(samples)

    def _look(self) -> tuple[str, str]:
        self._samples = [np.concatenate([np.empty(0), *self._samples])]
        estimate = estimate_quantile(self._samples[0], self._quantile, self._level)
        if estimate.interval is None:
            return UNDECIDED, estimate.absent or "no interval"
        low, high = estimate.interval.low, estimate.interval.high
        shown = KEEPS if high <= self._limit_ms else BREAKS if low > self._limit_ms else UNDECIDED
        return shown, f"between {low:.4g} and {high:.4g} ms after {estimate.samples} requests"
