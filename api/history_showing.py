"""Showing a history whole: what was said of it, with the points that it refers to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy.orm import Session

from api.links import Links
from api.schemas.histories import (
    ChangeView,
    HistoryDetail,
    HistoryView,
    JointChangeView,
    MetricView,
    brief_of,
)
from api.schemas.points import PointBrief
from api.schemas.regressions import RegressionView
from migperf.histories.judging import Judged
from migperf.histories.watch import Watch
from migperf.statistics.detection.histories import JointChange
from migperf.statistics.detection.judgement import Change, Judgement
from migperf.store import histories, judging, regressions, schedules, watching
from migperf.store.history_tables import HistoryRow, PointRow, RegressionRow


def shown(session: Session, rows: Sequence[HistoryRow], links: Links) -> list[HistoryView]:
    """Return histories in brief, by a few queries for all of them."""
    names = schedules.names_of(session, {row.watched_by for row in rows if row.watched_by is not None})
    standing = regressions.count_standing(session, [row.id for row in rows])
    return [HistoryView.of(row, names, standing.get(row.id, 0), links) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """What it takes to show a history whole; ``points`` are those that it refers to, by number."""

    row: HistoryRow
    judged: Judged
    watch: Watch
    names: Mapping[str, str]
    points: Mapping[int, PointRow]
    regressions: Sequence[RegressionRow]
    links: Links

    @classmethod
    def of(cls, session: Session, row: HistoryRow, links: Links) -> Self:
        """Read what it takes."""
        judged = judging.said_of(row)
        return cls(
            row=row,
            judged=judged,
            watch=watching.watch_of(row) or Watch(),
            names=schedules.names_of(session, {row.watched_by} if row.watched_by is not None else set()),
            points=histories.numbered(session, row.id, _places(judged)),
            regressions=regressions.standing_of(session, [row.id]),
            links=links,
        )

    def view(self) -> HistoryDetail:
        """Return the history as it is shown."""
        return HistoryDetail(
            **brief_of(self.row, self.names, len(self.regressions), self.links),
            benchmark=self.row.benchmark,
            watch=self.row.watch,
            metrics=[self._metric(name, one) for name, one in self.judged.metrics.items()],
            changes=[self._joint(change) for change in self.judged.changes],
            regressions=[RegressionView.of(row, self.links) for row in self.regressions],
        )

    def _metric(self, name: str, said: Judgement) -> MetricView:
        rule = self.watch.known_rule(name)
        return MetricView(
            name=name,
            unit=next((row.figures[name]["unit"] for row in self.points.values() if name in row.figures), None),
            better=rule and rule.better,
            minimum_effect=rule and rule.minimum_effect,
            verdict=said.verdict,
            why=said.why,
            points=said.points,
            noise_rel=said.noise_rel,
            changes=[self._change(name, change) for change in said.changes],
            suspected=None if said.suspected is None else self._change(name, said.suspected),
        )

    def _change(self, name: str, change: Change) -> ChangeView:
        first, earliest, latest = (
            self._point(self.judged.place(name, index)) for index in (change.first, change.earliest, change.latest)
        )
        return ChangeView(
            first=first,
            earliest=earliest,
            latest=latest,
            ratio=change.ratio,
            low=change.interval.low,
            high=change.interval.high,
            level=change.interval.level,
            worse=change.worse,
            evidence=change.evidence,
            points_before=change.before,
            points_after=change.after,
            provisional=change.provisional,
        )

    def _joint(self, change: JointChange) -> JointChangeView:
        return JointChangeView(
            first=self._point(change.first),
            regressed=list(change.regressed),
            improved=list(change.improved),
            followers=list(change.followers),
        )

    def _point(self, number: int) -> PointBrief | None:
        row = self.points.get(number)
        return None if row is None else PointBrief.of(row, self.links)


def _places(judged: Judged) -> frozenset[int]:
    """Return the numbers of the points that what was said refers to, and that of the newest."""
    return frozenset((*_referred_to(judged), *(change.first for change in judged.changes), max(0, judged.points - 1)))


def _referred_to(judged: Judged) -> Iterable[int]:
    for name, one in judged.metrics.items():
        for change in (*one.changes, *((one.suspected,) if one.suspected else ())):
            yield from (judged.place(name, index) for index in (change.first, change.earliest, change.latest))
