"""Several metrics of the same runs, judged as one family: which of them moved, and together or not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from migperf.statistics.detection.history import History
from migperf.statistics.detection.judgement import Change, Judgement
from migperf.statistics.detection.metric_rule import MetricRule
from migperf.statistics.detection.points import Point
from migperf.statistics.detection.verdict import HistoryVerdict

FOLLOWING = 0.01
"""Chance that any metric which did not change is said to have followed one that did."""


@dataclass(frozen=True, slots=True)
class JointChange:
    """Changes of several metrics that may be one: before run ``first``, counted from 0.

    ``changes`` have each metric's own alarm; ``followers`` are metrics without one that moved at the same place, which
    takes less evidence since the place is known. Indices inside a change count the points of its metric.
    """

    first: int
    changes: Mapping[str, Change]
    followers: Mapping[str, Change]

    @property
    def regressed(self) -> tuple[str, ...]:
        """The metrics that became worse."""
        return tuple(name for name, change in self._moved() if change.worse)

    @property
    def improved(self) -> tuple[str, ...]:
        """The metrics that became better."""
        return tuple(name for name, change in self._moved() if not change.worse)

    def _moved(self) -> list[tuple[str, Change]]:
        return [*self.changes.items(), *self.followers.items()]


@dataclass(frozen=True, slots=True)
class JointJudgement:
    """What is said of all metrics together: of the last joint change, or that there was none."""

    verdict: HistoryVerdict
    changes: tuple[JointChange, ...]
    by_metric: Mapping[str, Judgement]


@dataclass(frozen=True, slots=True)
class Histories:
    """The histories of several metrics; ``append`` returns them with one run more.

    One in a hundred unchanged families of 200 runs raises an alarm, however many metrics there are. ``places`` are the
    runs that gave each metric's points: a run may lack some.
    """

    histories: Mapping[str, History]
    places: Mapping[str, tuple[int, ...]]
    runs: int = 0

    @classmethod
    def of(cls, rules: Mapping[str, MetricRule]) -> "Histories":
        """Return empty histories of these metrics."""
        histories = {name: History(rule=rule, metrics=len(rules)) for name, rule in rules.items()}
        return cls(histories, dict.fromkeys(rules, ()))

    def append(self, points: Mapping[str, Point]) -> "Histories":
        """Return the histories with the points of the next run; a metric that was not measured is left out.

        ValueError for a metric that is not among these.
        """
        if unknown := sorted(set(points) - set(self.histories)):
            raise ValueError(f"no history of {', '.join(unknown)}; there are {', '.join(sorted(self.histories))}")
        histories = {name: history.append(points[name]) for name, history in self.histories.items() if name in points}
        places = {name: (*self.places[name], self.runs) for name in histories}
        return Histories({**self.histories, **histories}, {**self.places, **places}, self.runs + 1)

    def judgement(self) -> JointJudgement:
        """Return what is said of the metrics as of the newest run."""
        changes = tuple(self._with_followers(group) for group in self._groups())
        by_metric = {name: history.judgement for name, history in self.histories.items()}
        return JointJudgement(_verdict(changes, by_metric), changes, by_metric)

    def _groups(self) -> list[JointChange]:
        """Return the changes of all metrics, those together whose likely places overlap."""
        found = [(name, change) for name in self.histories for change in self.histories[name].judgement.changes]
        groups: list[list[tuple[str, Change]]] = []
        reached = -1
        for name, change in sorted(found, key=lambda each: (self._earliest(*each), each[0])):
            apart = self._earliest(name, change) > reached
            if apart or any(name == other for other, _ in groups[-1]):
                groups.append([])
                reached = -1
            groups[-1].append((name, change))
            reached = max(reached, self._run(name, change.latest))
        return [self._group(group) for group in groups]

    def _group(self, members: list[tuple[str, Change]]) -> JointChange:
        name, surest = max(members, key=lambda member: member[1].evidence)
        return JointChange(self._run(name, surest.first), dict(members), {})

    def _with_followers(self, group: JointChange) -> JointChange:
        """Add the metrics that moved there too, by Holm's procedure (Scandinavian Journal of Statistics 6, 1979)."""
        from scipy.special import ndtr

        others = {name: self._at(name, group.first) for name in self.histories if name not in group.changes}
        ordered = sorted(
            ((2 * float(ndtr(-change.evidence)), name, change) for name, change in others.items() if change),
            key=lambda each: each[:2],
        )
        followers = {}
        for rank, (chance, name, change) in enumerate(ordered):
            if chance > FOLLOWING / (len(ordered) - rank):
                break
            if self.histories[name].matters(change):
                followers[name] = change
        return replace(group, followers=followers)

    def _at(self, name: str, run: int) -> Change | None:
        """Return what a change of a metric before this run would be, unless it has one of its own nearby."""
        history, first = self.histories[name], sum(place < run for place in self.places[name])
        beside = [change for change in history.judgement.changes if change.earliest <= first <= change.latest]
        return None if beside else history.change_at(first)

    def _earliest(self, name: str, change: Change) -> int:
        """Return the first run that a change may precede: runs that lack the metric may be the first to have it."""
        return self._run(name, change.earliest - 1) + 1

    def _run(self, name: str, index: int) -> int:
        return self.places[name][index]


def _verdict(changes: tuple[JointChange, ...], by_metric: Mapping[str, Judgement]) -> HistoryVerdict:
    """Return worse for the last change in which any metric became worse; unchanged only if all metrics are."""
    if changes:
        return HistoryVerdict.REGRESSED if changes[-1].regressed else HistoryVerdict.IMPROVED
    verdicts = {judgement.verdict for judgement in by_metric.values()}
    return verdicts.pop() if len(verdicts) == 1 else HistoryVerdict.UNDECIDED
