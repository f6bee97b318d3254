"""What of a judged history is a regression: each change for the worse, how large it is, and whether it is over."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from migperf.histories.judging import Judged
from migperf.statistics.detection.histories import JointChange
from migperf.statistics.detection.history import REACH
from migperf.statistics.detection.judgement import Change
from migperf.statistics.detection.metric_rule import MetricRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifted:
    """By how much a metric moved: level after over level before, with the bounds of its interval.

    ``followed`` says that it has no alarm of its own, and was seen to move where another metric did.
    """

    ratio: float
    low: float
    high: float
    level: float
    worse: bool
    followed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Worsening:
    """A change for the worse. ``place`` is the number of the first bad point; it lies between the other two.

    ``metrics`` are all that moved there, the surest first. ``over_at`` is the number of the point since which no metric
    is shown to be worse than before it; None while one is.
    """

    place: int
    earliest: int
    latest: int
    metrics: Mapping[str, Shifted]
    over_at: int | None

    @property
    def worse(self) -> Mapping[str, Shifted]:
        """The metrics that got worse."""
        return {name: shifted for name, shifted in self.metrics.items() if shifted.worse}


def worsenings(judged: Judged, rules: Mapping[str, MetricRule]) -> tuple[Worsening, ...]:
    """Return the changes for the worse, in the order of time."""
    merged: list[list[JointChange]] = []
    for change in judged.changes:
        if not change.regressed:
            continue
        if merged and _is_one(merged[-1], change):
            merged[-1].append(change)
        else:
            merged.append([change])
    return tuple(_worsening(judged, rules, parts) for parts in merged)


def _is_one(parts: Sequence[JointChange], change: JointChange) -> bool:
    """Tell whether metrics that changed side by side changed for one reason: no metric does so twice."""
    metrics = {name for part in parts for name in part.changes}
    return change.first - parts[0].first <= REACH and metrics.isdisjoint(change.changes)


def _worsening(judged: Judged, rules: Mapping[str, MetricRule], parts: Sequence[JointChange]) -> Worsening:
    changes = {name: change for part in parts for name, change in part.changes.items()}
    followers = {name: c for part in parts for name, c in part.followers.items() if name not in changes}
    surest = sorted(changes, key=lambda name: -changes[name].evidence)
    metrics = {name: _shifted(changes[name]) for name in surest}
    metrics |= {name: _shifted(change, followed=True) for name, change in followers.items()}
    leading = next(name for name in metrics if metrics[name].worse)
    lead = changes.get(leading) or followers[leading]
    own = [name for name in changes if changes[name].worse] or [leading]
    return Worsening(
        place=judged.place(leading, lead.first),
        earliest=judged.place(leading, lead.earliest),
        latest=judged.place(leading, lead.latest),
        metrics=metrics,
        over_at=_over_at(judged, rules, {name: changes.get(name) or followers[name] for name in own}),
    )


def _shifted(change: Change, *, followed: bool = False) -> Shifted:
    low, high, level = change.interval.low, change.interval.high, change.interval.level
    return Shifted(ratio=change.ratio, low=low, high=high, level=level, worse=change.worse, followed=followed)


def _over_at(judged: Judged, rules: Mapping[str, MetricRule], changes: Mapping[str, Change]) -> int | None:
    """Return the number of the first point at which all metrics are back; None if one is not."""
    back = [_back_at(judged, name, rules[name], change) for name, change in changes.items()]
    return max((at for at in back if at is not None), default=None) if None not in back else None


def _back_at(judged: Judged, name: str, rule: MetricRule, change: Change) -> int | None:
    """Return where a metric came back to the level before a change, all changes since taken together.

    It is back when it is not shown to be worse than that level by as much as matters, and a change for the better is
    what brought it there.
    """
    total, variance = math.log(change.ratio), _half(change) ** 2
    sign = 1.0 if rule.is_worse(1.0) else -1.0
    for later in judged.metrics[name].changes:
        if later.first <= change.first:
            continue
        total += math.log(later.ratio)
        variance += _half(later) ** 2
        least = sign * total - math.sqrt(variance)
        if not later.worse and least <= math.log1p(rule.minimum_effect):
            return judged.place(name, later.first)
    return None


def _half(change: Change) -> float:
    return (math.log(change.interval.high) - math.log(change.interval.low)) / 2


@dataclass(frozen=True, slots=True)
class Matched:
    """Which of the regressions that are known stand for which worsenings: by id, what is new, and what is gone."""

    known: Mapping[str, Worsening] = field(default_factory=dict)
    new: tuple[Worsening, ...] = ()
    gone: tuple[str, ...] = ()


def match(known: Mapping[str, int], found: Iterable[Worsening]) -> Matched:
    """Match regressions, by the number of their first bad point, with what is found now: the closest pairs first.

    A change moves by at most ``REACH`` points at a time, so what is farther apart is another one.
    """
    left = dict(enumerate(found))
    pairs = sorted(
        (abs(place - each.place), regression, index)
        for regression, place in known.items()
        for index, each in left.items()
        if abs(place - each.place) <= REACH
    )
    matched: dict[str, Worsening] = {}
    for _, regression, index in pairs:
        if regression not in matched and index in left:
            matched[regression] = left.pop(index)
    return Matched(matched, tuple(left.values()), tuple(name for name in known if name not in matched))
