"""The points of a history, and the stretch of them since its last change: where the next change is looked for."""

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from migperf.statistics.detection.judgement import Change
from migperf.statistics.detection.metric_rule import MetricRule
from migperf.statistics.detection.noise import QUIET
from migperf.statistics.detection.points import Point
from migperf.statistics.detection.shift import Shift, shift_between
from migperf.statistics.detection.splits import Splits, Stretch, splits_of
from migperf.statistics.samples import Samples

WINDOW = 256
"""Points that are looked at; what is older stays as it was judged."""
LIKELY = 9.0
"""Squared evidence less than at the best place by which other places are still likely."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Points in the order of time: logarithms of their values, and their own relative standard errors."""

    logs: Samples = field(default_factory=lambda: np.empty(0))
    errors: Samples = field(default_factory=lambda: np.empty(0))

    def __len__(self) -> int:
        return len(self.logs)

    @classmethod
    def unread(cls, count: int) -> "Timeline":
        """Return so many points that are known to be there and need not be looked at, being older than the window."""
        return cls(np.full(count, np.nan), np.full(count, np.nan))

    def with_next(self, *points: Point) -> "Timeline":
        """Return the timeline with further points."""
        logs = [math.log(point.value) for point in points]
        return Timeline(np.append(self.logs, logs), np.append(self.errors, [point.error_rel for point in points]))

    def between(self, begin: int, end: int) -> Stretch:
        """Return the points from one index up to, but not including, another."""
        return Stretch(self.logs[begin:end], self.errors[begin:end])


class OpenStretch:
    """The points of the window since the last of some changes, to which the newest belong.

    The stretches before it only tell of the noise. Indices are those of the timeline.
    """

    def __init__(self, timeline: Timeline, rule: MetricRule, changes: tuple[Change, ...]) -> None:
        begin = max(0, len(timeline) - WINDOW)
        starts = (begin, *(change.first for change in changes if change.first > begin))
        self._timeline, self._rule, self._floor = timeline, rule, QUIET * rule.minimum_effect
        self._older = [timeline.between(*bounds) for bounds in pairwise(starts)]
        self.begin, self.end = starts[-1], len(timeline)
        self._splits: Splits = splits_of(timeline.between(self.begin, self.end), self._older, self._floor)

    def __len__(self) -> int:
        return self.end - self.begin

    def evidence(self, first: int) -> float:
        """Return what speaks for a change before this point, as a standard normal deviate without sign."""
        return abs(self._splits.at(first - self.begin))

    def best(self, earliest: int, latest: int) -> int:
        """Return the point between two (both included) before which a change is most likely."""
        return self.begin + self._splits.best(earliest - self.begin, latest - self.begin)

    def best_fit(self, earliest: int, latest: int) -> int:
        """Return the point between two (both included) before which a change fits best."""
        return self.begin + self._splits.best_fit(earliest - self.begin, latest - self.begin)

    def misfit(self, first: int) -> float:
        """Return minus twice the logarithm of the likelihood of a change before this point, up to a constant."""
        return float(self._splits.misfit[first - self.begin - 1])

    def logs(self, first: int) -> tuple[Samples, Samples]:
        """Return the logarithms of the points before and from this one on."""
        whole = self._timeline.between(self.begin, self.end).logs
        return whole[: first - self.begin], whole[first - self.begin :]

    def shift(self, first: int, end: int | None = None) -> Shift:
        """Return how the points from ``first`` on, up to ``end`` or the newest, differ from those before it."""
        before = self._timeline.between(self.begin, first)
        after = self._timeline.between(first, self.end if end is None else end)
        return shift_between(before, after, self._older, self._floor)

    def change(self, first: int) -> Change:
        """Return a change before this point, measured up to the newest; provisional as all are at first."""
        shift, evidence = self.shift(first), self.evidence(first)
        likely = self.begin + 1 + np.flatnonzero(self._splits.evidence**2 >= evidence**2 - LIKELY)
        return Change(
            first=first,
            earliest=min(first, int(likely[0])),
            latest=max(first, int(likely[-1])),
            ratio=shift.ratio,
            interval=shift.interval(),
            worse=self._rule.is_worse(shift.log),
            evidence=evidence,
            before=first - self.begin,
            after=self.end - first,
            provisional=True,
        )

    def noise_rel(self, first: int) -> float:
        """Return the relative standard deviation of points about their level, were there a change before this one."""
        return float(self._splits.noise_rel[first - self.begin - 1])
