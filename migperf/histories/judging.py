"""Judging a history: all its watched metrics as one family, from what was said before and the points since."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from migperf.statistics.detection.histories import Histories, JointChange
from migperf.statistics.detection.history import History
from migperf.statistics.detection.judgement import Event, Judgement
from migperf.statistics.detection.metric_rule import MetricRule
from migperf.statistics.detection.points import Point
from migperf.statistics.detection.timeline import WINDOW
from migperf.statistics.detection.verdict import HistoryVerdict

Points = Mapping[str, Point]
"""What one point of a history says of each of its metrics; one that was not measured is left out."""
NOTHING_TO_WATCH = "no point has a figure that is watched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is said of a history as of its newest point. Numbers count the points that were judged, from 0.

    ``lacking`` are the numbers of the points without a figure of a metric, by metric.
    """

    points: int = 0
    verdict: HistoryVerdict = HistoryVerdict.INSUFFICIENT_DATA
    metrics: Mapping[str, Judgement] = field(default_factory=dict)
    lacking: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    changes: tuple[JointChange, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        data: dict[str, Any] = _JUDGED.dump_python(self, mode="json")
        return data

    @classmethod
    def read(cls, data: object) -> "Judged":
        """Return what ``as_data`` made. ValueError if this version cannot read it."""
        return _JUDGED.validate_python(data, strict=False)

    @property
    def why(self) -> str:
        """Why the verdict is what it is: what is said of the metrics that led to it, in their order."""
        if not self.metrics:
            return NOTHING_TO_WATCH
        alike = {name: one for name, one in self.metrics.items() if one.verdict is self.verdict} or self.metrics
        return "; ".join(f"{name} {one.why}" for name, one in alike.items())

    @property
    def suspected(self) -> Mapping[str, int]:
        """Metrics of which a change for the worse is suspected, and the number of the first point of it."""
        return {
            name: self._place(name, one.suspected.first)
            for name, one in self.metrics.items()
            if one.suspected is not None and one.suspected.worse
        }

    def unread(self) -> int:
        """Return how many points need not be looked at again, being older than what is judged."""
        return 0 if any(self.lacking.values()) else max(0, self.points - WINDOW)

    def place(self, name: str, first: int) -> int:
        """Return the number of the point that a metric's own index stands for."""
        return self._place(name, first)

    def _place(self, name: str, first: int) -> int:
        missing = self.lacking.get(name, ())
        for number in missing:
            if number <= first:
                first += 1
        return first


_JUDGED = TypeAdapter(Judged)


@dataclass(frozen=True, slots=True)
class Noted:
    """What a point did to the changes of a metric: ``number`` is the point's; places in the event are numbers, too."""

    number: int
    metric: str
    event: Event


def judge(
    rules: Mapping[str, MetricRule], former: Judged, recent: Sequence[Points], new: Iterable[Points]
) -> tuple[Judged, tuple[Noted, ...]]:
    """Return what is said of the history with the new points, and what each of them changed.

    ``recent`` are the judged points from ``former.unread()`` on. ValueError if ``former`` is of other metrics.
    """
    if former.points and set(former.metrics) != set(rules):
        raise ValueError("the metrics are not those that were judged: judge all points anew")
    histories, noted = _resumed(rules, former, recent), []
    lacking = {name: list(former.lacking.get(name, ())) for name in rules}
    for number, points in enumerate(new, start=former.points):
        kept = {name: point for name, point in points.items() if name in rules}
        for name in rules.keys() - kept.keys():
            lacking[name].append(number)
        histories = histories.append(kept)
        noted += [(number, name, event) for name in kept for event in histories.histories[name].judgement.events]
    found = histories.judgement()
    judged = Judged(
        points=histories.runs,
        verdict=found.verdict if rules else HistoryVerdict.INSUFFICIENT_DATA,
        metrics=found.by_metric,
        lacking={name: tuple(numbers) for name, numbers in lacking.items() if numbers},
        changes=tuple(_with_old_followers(change, former.changes) for change in found.changes),
    )
    return judged, tuple(Noted(number, name, _placed(judged, name, event)) for number, name, event in noted)


def _resumed(rules: Mapping[str, MetricRule], former: Judged, recent: Sequence[Points]) -> Histories:
    if not former.points:
        return Histories.of(rules)
    histories, places = {}, {}
    for name, rule in rules.items():
        points = [each[name] for each in recent if name in each]
        histories[name] = History.resume(rule, points, former.metrics[name], len(rules))
        missing = set(former.lacking.get(name, ()))
        places[name] = tuple(number for number in range(former.points) if number not in missing)
    return Histories(histories, places, former.points)


def _with_old_followers(change: JointChange, former: Sequence[JointChange]) -> JointChange:
    """Keep what was said of a change that is older than what is judged: nobody can look at its place again."""
    known = next((one for one in former if one.first == change.first), None)
    settled = all(not one.provisional for one in change.changes.values())
    return replace(change, followers=known.followers) if known is not None and settled else change


def _placed(judged: Judged, name: str, event: Event) -> Event:
    first, was = (None if index is None else judged.place(name, index) for index in (event.first, event.was))
    return Event(event.revision, first, was)
