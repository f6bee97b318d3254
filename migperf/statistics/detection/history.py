"""The history of one metric: judged after each point, from the judgement before it and the last 256 points."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from migperf.statistics.detection.judgement import Change, Event, Judgement
from migperf.statistics.detection.metric_rule import MetricRule
from migperf.statistics.detection.points import Point
from migperf.statistics.detection.thresholds import KEPT, SUSPICION, alarm_threshold, order_is_surprising
from migperf.statistics.detection.timeline import WINDOW, OpenStretch, Timeline
from migperf.statistics.detection.verdict import HistoryVerdict, Revision

LEAST_POINTS = 10
LEAST_SIDE = 3
"""Points before and after a change: two outliers side by side are none."""
SETTLED = 30
"""Points after a change from which on it is neither moved nor withdrawn, and its size stays."""
REACH = 10
"""Points by which a change may move at a time."""
GAIN = 2.0
"""Of twice the logarithm of the likelihood, for a change to move: so that it does not go back and forth."""
RECENT = 20
"""The newest points whose level is compared with the others', where nothing changed."""
_NOTHING = Judgement(verdict=HistoryVerdict.INSUFFICIENT_DATA, points=0, why="there are no points")

Changes = tuple[Change, ...]
Events = tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The points of one metric, and what is said of them; ``append`` returns the history with one point more.

    ``metrics`` is the number of metrics that are judged as one family. Nothing but points and former changes decides:
    appended one by one or in any portions, read from a database in between or not, the judgement is the same.
    """

    rule: MetricRule
    metrics: int = 1
    timeline: Timeline = field(default_factory=Timeline)
    judgement: Judgement = _NOTHING

    def __len__(self) -> int:
        return len(self.timeline)

    def append(self, point: Point) -> "History":
        """Return the history with the next point, judged; costs time in proportion to the window."""
        longer = replace(self, timeline=self.timeline.with_next(point))
        return replace(longer, judgement=longer._judge(self.judgement.changes))

    def extend(self, points: Iterable[Point]) -> "History":
        """Return the history with further points, judged after each."""
        history = self
        for point in points:
            history = history.append(point)
        return history

    @classmethod
    def resume(cls, rule: MetricRule, points: Sequence[Point], judgement: Judgement, metrics: int = 1) -> "History":
        """Return a history whose points and last judgement were kept elsewhere.

        ``points`` are those that were judged, or at least the last ``WINDOW`` of them. ValueError if they are fewer, or
        more than the judgement is of.
        """
        if not min(judgement.points, WINDOW) <= len(points) <= judgement.points:
            raise ValueError(
                f"the judgement is of {judgement.points} points, and there are {len(points)}: "
                f"give the points that were judged, or the last {WINDOW}, and append what came later"
            )
        timeline = Timeline.unread(judgement.points - len(points)).with_next(*points)
        return cls(rule=rule, metrics=metrics, timeline=timeline, judgement=judgement)

    def change_at(self, first: int) -> Change | None:
        """Return what a change before this point would be, the place being known; None if a side is too short.

        For a metric of which another one says where to look: nothing has to be found, so less evidence will do.
        """
        stretch = self._since(tuple(change for change in self.judgement.changes if change.first < first))
        if first - stretch.begin < LEAST_SIDE or stretch.end - first < LEAST_SIDE:
            return None
        return stretch.change(first)

    def matters(self, change: Change) -> bool:
        """Tell whether a change is at least as large as the least effect, in either direction."""
        return abs(math.log(change.ratio)) >= math.log1p(self.rule.minimum_effect)

    def _since(self, changes: Changes) -> OpenStretch:
        return OpenStretch(self.timeline, self.rule, changes)

    def _judge(self, former: Changes) -> Judgement:
        if len(self) < LEAST_POINTS:
            why = f"needs at least {LEAST_POINTS} points, there are {len(self)}"
            return Judgement(verdict=HistoryVerdict.INSUFFICIENT_DATA, points=len(self), why=why)
        stretch = self._since(former)
        added, suspected = self._added(stretch), self._suspected(stretch)
        changes, events = self._revised(former, suspected) if added is None else _with(former, added)
        if events:
            changes = self._closed(changes)
            stretch, suspected = self._since(changes), None
        verdict, why = self._verdict(changes, suspected, stretch)
        return Judgement(
            verdict=verdict,
            points=len(self),
            changes=changes,
            events=events,
            suspected=suspected,
            noise_rel=stretch.noise_rel(stretch.best(stretch.begin + 1, stretch.end - 1)),
            why=why,
        )

    def _added(self, stretch: OpenStretch) -> Change | None:
        """Return the change that the newest stretch shows by now."""
        if len(stretch) < 2 * LEAST_SIDE:
            return None
        first = stretch.best(stretch.begin + LEAST_SIDE, stretch.end - LEAST_SIDE)
        if stretch.evidence(first) <= alarm_threshold(min(len(self), WINDOW), self.metrics):
            return None
        if not order_is_surprising(*stretch.logs(first), self.metrics):
            return None
        change = stretch.change(first)
        return change if self.matters(change) else None

    def _revised(self, former: Changes, suspected: Change | None) -> tuple[Changes, Events]:
        """Return the changes with the last one moved, withdrawn, or settled, if it was still provisional.

        It waits while the newest points may be about to show a further change, and then say nothing of this one. Where
        it is withdrawn, the one before it is the last, and is revised with all the points since.
        """
        waits = suspected is not None and suspected.after <= LEAST_SIDE
        if not former or not former[-1].provisional or waits:
            return former, ()
        *earlier, last = former
        stretch = self._since(tuple(earlier))
        first = _moved(stretch, last.first)
        if stretch.evidence(first) < KEPT:
            changes, events = self._revised(tuple(earlier), None)
            return changes, (Event(Revision.WITHDRAWN, None, last.first), *events)
        events = () if first == last.first else (Event(Revision.MOVED, first, last.first),)
        if stretch.end - first < SETTLED:
            return (*earlier, stretch.change(first)), events
        settled = (replace(change, provisional=False) for change in (*earlier, stretch.change(first)))
        return tuple(settled), events

    def _closed(self, changes: Changes) -> Changes:
        """Return the changes, the size of the last but one measured up to the last: what came later is not its."""
        if len(changes) < 2:  # noqa: PLR2004 - the last and the one before
            return changes
        *earlier, closed, last = changes
        if not closed.provisional and closed.first + closed.after <= last.first:
            return changes
        shift = self._since(tuple(earlier)).shift(closed.first, last.first)
        after = last.first - closed.first
        return (*earlier, replace(closed, ratio=shift.ratio, interval=shift.interval(), after=after), last)

    def _suspected(self, stretch: OpenStretch) -> Change | None:
        """Return the likeliest change of the newest stretch, of which even one point may tell."""
        if len(stretch) <= LEAST_SIDE:
            return None
        first = stretch.best(stretch.begin + LEAST_SIDE, stretch.end - 1)
        if stretch.evidence(first) < SUSPICION:
            return None
        change = stretch.change(first)
        return change if self.matters(change) else None

    def _verdict(self, changes: Changes, suspected: Change | None, stretch: OpenStretch) -> tuple[HistoryVerdict, str]:
        if changes:
            verdict = HistoryVerdict.REGRESSED if changes[-1].worse else HistoryVerdict.IMPROVED
            size, first = changes[-1].ratio - 1, changes[-1].first
            return verdict, f"changed by {size:+.2%} before point {first}, {len(self) - first} points ago"
        if suspected is not None:
            size, first = suspected.ratio - 1, suspected.first
            return HistoryVerdict.UNDECIDED, f"a change of {size:+.2%} before point {first} is suspected, and not shown"
        recent, least = min(RECENT, len(self) // 3), self.rule.minimum_effect
        found = stretch.shift(len(self) - recent).interval()
        between = f"the newest {recent} points lie between {found.low - 1:+.2%} and {found.high - 1:+.2%} of the others"
        if found.within(1 / (1 + least), 1 + least):
            return HistoryVerdict.UNCHANGED, f"{between}, within {least:.1%}"
        return HistoryVerdict.UNDECIDED, f"{between}: a change of {least:.1%} could hide there"


def _with(former: Changes, added: Change) -> tuple[Changes, Events]:
    return (*former, added), (Event(Revision.ADDED, added.first, None),)


def _moved(stretch: OpenStretch, first: int) -> int:
    """Return the best place of a change near the one that it has, or that one unless another gains enough."""
    earliest = max(stretch.begin + LEAST_SIDE, first - REACH)
    latest = min(stretch.end - LEAST_SIDE, first + REACH)
    best = stretch.best_fit(earliest, latest)
    return best if stretch.misfit(best) + GAIN < stretch.misfit(first) else first
