"""Running a benchmark again to see whether it has become worse: what is made, and what it says."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from pydantic import BaseModel, ConfigDict

from migperf.histories.judging import Points
from migperf.histories.regression import ConfirmationState
from migperf.statistics.detection.metric_rule import MetricRule
from migperf.statistics.detection.noise import QUIET
from migperf.statistics.detection.points import Point
from migperf.statistics.detection.shift import shift_between
from migperf.statistics.detection.splits import Stretch
from migperf.statistics.samples import Interval

LEVEL = 0.99
"""Of the intervals by which a suspicion is decided: it was aroused by the data, so that it takes more than usual."""
FEWEST_PAIRS = 2
AGAINST_HISTORY, BY_TURNS = "with the history before the change", "by turns with the last good version"


class Side(StrEnum):
    """Which version a run is of."""

    BASELINE = "baseline"
    """The last good one."""
    CANDIDATE = "candidate"
    """The one that seems to be worse."""


class ConfirmingRun(BaseModel):
    """A run that is made for a confirmation; with a baseline two of them are a round."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    side: Side
    round: int


class Finding(BaseModel):
    """How a metric compares now: ratio of its levels, the worse over the good one, with the bounds of its interval."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    against: str
    ratio: float
    low: float
    high: float
    level: float = LEVEL
    state: ConfirmationState

    @classmethod
    def of(cls, against: str, ratio: float, interval: Interval, rule: MetricRule, suspected: float) -> "Finding":
        """Say whether a ratio with its interval bears out what was suspected, a ratio as well.

        It does where it is shown to be worse at all, and is by as much as matters; it does not where it is shown to be
        less than half of that.
        """
        sign = 1.0 if rule.is_worse(1.0) else -1.0
        low, high = sorted((sign * math.log(interval.low), sign * math.log(interval.high)))
        if low > 0 and sign * math.log(ratio) >= math.log1p(rule.minimum_effect):
            state = ConfirmationState.CONFIRMED
        elif high < sign * math.log(suspected) / 2:
            state = ConfirmationState.REFUTED
        else:
            state = ConfirmationState.UNDECIDED
        bounds = {"low": interval.low, "high": interval.high, "level": interval.level}
        return cls(against=against, ratio=ratio, state=state, **bounds)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the runs of a confirmation come to."""

    state: ConfirmationState
    why: str
    findings: Mapping[str, Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a suspicion is judged by: the ratio that is suspected of each metric, and points of each side.

    ``before`` are the points of the history before the change, ``candidate`` the runs that were made now, and
    ``baseline`` those of the last good version, each made by turns with the candidate at the same place; None where
    that version is not at hand.
    """

    rules: Mapping[str, MetricRule]
    suspected: Mapping[str, float]
    before: Sequence[Points]
    candidate: Sequence[Points]
    baseline: Sequence[Points] | None = None

    def decide(self) -> Decision:
        """Return what it comes to."""
        past = self._findings(self._against_history)
        if self.baseline is None:
            state = _together(past)
            return Decision(state, f"{_SAID[state]} when compared {AGAINST_HISTORY}", past)
        paired = self._findings(self._by_turns)
        state = _together(paired)
        if state is not ConfirmationState.CONFIRMED and _together(past) is ConfirmationState.CONFIRMED:
            return Decision(ConfirmationState.UNDECIDED, _NOT_THE_SOFTWARE, paired)
        return Decision(state, f"{_SAID[state]} when run {BY_TURNS}", paired)

    def _findings(self, compare: Callable[[str], Finding | None]) -> dict[str, Finding]:
        found = ((name, compare(name)) for name in self.suspected if name in self.rules)
        return {name: finding for name, finding in found if finding is not None}

    def _against_history(self, name: str) -> Finding | None:
        good, now = ([each[name] for each in side if name in each] for side in (self.before, self.candidate))
        if not good or not now:
            return None
        shift = shift_between(_stretch(good), _stretch(now), (), self._floor(name))
        return self._finding(name, AGAINST_HISTORY, shift.ratio, shift.interval(LEVEL))

    def _by_turns(self, name: str) -> Finding | None:
        """Compare runs that followed each other: what is common to a pair, as the state of the host, cancels out."""
        sides = zip(self.baseline or (), self.candidate, strict=True)
        pairs = [(good[name], now[name]) for good, now in sides if name in good and name in now]
        if len(pairs) < FEWEST_PAIRS:
            return None
        from scipy.special import stdtrit

        logs = np.array([math.log(now.value / good.value) for good, now in pairs])
        middle = float(logs.mean())
        half = float(stdtrit(len(logs) - 1, 0.5 + LEVEL / 2)) * float(logs.std(ddof=1)) / math.sqrt(len(logs))
        # Pairs that agree to the last digit do not show that there is no noise.
        half = max(half, self._floor(name))
        interval = Interval(low=math.exp(middle - half), high=math.exp(middle + half), level=LEVEL, method="pairs, t")
        return self._finding(name, BY_TURNS, math.exp(middle), interval)

    def _finding(self, name: str, against: str, ratio: float, interval: Interval) -> Finding:
        return Finding.of(against, ratio, interval, self.rules[name], self.suspected[name])

    def _floor(self, name: str) -> float:
        return QUIET * self.rules[name].minimum_effect


_SAID = {
    ConfirmationState.CONFIRMED: "it is worse",
    ConfirmationState.REFUTED: "it is not as bad as it seemed",
    ConfirmationState.UNDECIDED: "the runs cannot tell",
}
_NOT_THE_SOFTWARE = (
    "it is worse than it was, and so is the last good version now: the cause is not in the software, but in driver, "
    "device or host"
)


def _together(findings: Mapping[str, Finding]) -> ConfirmationState:
    states = {finding.state for finding in findings.values()}
    if ConfirmationState.CONFIRMED in states:
        return ConfirmationState.CONFIRMED
    return ConfirmationState.REFUTED if states == {ConfirmationState.REFUTED} else ConfirmationState.UNDECIDED


def _stretch(points: Sequence[Point]) -> Stretch:
    return Stretch(np.log([point.value for point in points]), np.array([point.error_rel for point in points]))
