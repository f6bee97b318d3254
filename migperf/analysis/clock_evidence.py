"""Whether the multiprocessors' clock explains a difference in time: slower, or only clocked down."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from migperf.analysis.cycles import StepCycles
from migperf.statistics.comparison import Comparison
from migperf.statistics.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The clock of each side over its steps, MHz (the mean over its runs), and the steps whose clock is not known."""

    baseline_mhz: float
    candidate_mhz: float
    baseline_left_out: int
    candidate_left_out: int

    @classmethod
    def of(cls, baseline: Sequence[StepCycles], candidate: Sequence[StepCycles]) -> "Clocks":
        """Return the clocks of two sides' runs."""
        first, second = (float(np.mean([run.mean_mhz for run in side])) for side in (baseline, candidate))
        out = [sum(run.left_out for run in side) for side in (baseline, candidate)]
        return cls(baseline_mhz=first, candidate_mhz=second, baseline_left_out=out[0], candidate_left_out=out[1])

    @property
    def change(self) -> str:
        """How the clock differs, as words."""
        change_pct = 100 * (self.candidate_mhz / self.baseline_mhz - 1)
        return f"SM clock {self.baseline_mhz:.0f} MHz and {self.candidate_mhz:.0f} MHz, {change_pct:+.1f} %"


def explain_clocks(time: Comparison, cycles: Comparison, clocks: Clocks) -> str:
    """Return what the comparison in cycles adds to the one in time, as a sentence."""
    return f"{_EXPLANATIONS[time.verdict][cycles.verdict]} ({clocks.change})"


_SAME, _FASTER, _SLOWER, _OPEN = Verdict.SAME, Verdict.FASTER, Verdict.SLOWER, Verdict.UNDECIDED
_EXPLANATIONS = {
    _SLOWER: {
        _SAME: "slower because it was clocked down: it takes as many cycles",
        _SLOWER: "slower in itself: it takes more cycles, too",
        _FASTER: "slower because it was clocked down: it takes fewer cycles",
        _OPEN: "slower in time; whether in cycles as well is undecided",
    },
    _FASTER: {
        _SAME: "faster because it was clocked up: it takes as many cycles",
        _FASTER: "faster in itself: it takes fewer cycles, too",
        _SLOWER: "faster because it was clocked up: it takes more cycles",
        _OPEN: "faster in time; whether in cycles as well is undecided",
    },
    _SAME: {
        _SAME: "the same in time and in cycles",
        _SLOWER: "the same in time, at a higher clock: it takes more cycles",
        _FASTER: "the same in time, at a lower clock: it takes fewer cycles",
        _OPEN: "the same in time; in cycles it is undecided",
    },
    _OPEN: {
        _SAME: "undecided in time, but it takes as many cycles",
        _SLOWER: "undecided in time, but it takes more cycles",
        _FASTER: "undecided in time, but it takes fewer cycles",
        _OPEN: "undecided in time and in cycles",
    },
}
