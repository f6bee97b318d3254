"""What the pages of schedules show, gathered from the store: the list, and one with its firings."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.orm import Session

from api.links import Links
from api.schedule_form import subject_text
from api.schemas.experiments import state_of
from api.schemas.schedules import FiringView, ScheduleDetail, ScheduleView
from migperf.schedules.errors import ScheduleError
from migperf.store import firings, schedules
from migperf.store.models import FiringRow, ScheduleRow
from migperf.store.newest import NewestPage
from migperf.store.schedule_standing import standings

SHOWN_FIRINGS = 20


@dataclass(frozen=True, slots=True)
class ShownFiring:
    """A firing, and how that stands which it has submitted."""

    firing: FiringView
    page: str | None
    """Path of the page of its run or experiment; None where it has submitted nothing, or that has been deleted."""
    state: str | None


@dataclass(frozen=True, slots=True)
class Subject:
    """What a schedule submits, by name."""

    name: str
    """A workload's, or an experiment's."""
    scenario: str | None
    """None of an experiment, which may have several."""
    workload: str | None
    """Path of the workload; None of an experiment."""

    @classmethod
    def of(cls, row: ScheduleRow, links: Links) -> Self:
        """Read it from a stored document, also one of another version."""
        benchmark = row.document.get("benchmark")
        if benchmark is None:
            return cls(str((row.document.get("experiment") or {}).get("name", "")), None, None)
        workload = str(benchmark.get("workload", ""))
        return cls(workload, str(benchmark.get("scenario", "")), links.workload(workload))


@dataclass(frozen=True, slots=True)
class ListedSchedule:
    """A schedule as the list shows it."""

    schedule: ScheduleView
    subject: Subject
    last: ShownFiring | None
    unreadable: str | None
    """Why this version cannot read it, so that it does not fire; None where it can."""


@dataclass(frozen=True, slots=True)
class ScheduleListing:
    """One page of schedules, newest first."""

    listed: Sequence[ListedSchedule]
    next_cursor: str | None

    @classmethod
    def of(cls, session: Session, page: NewestPage[ScheduleRow], links: Links, now: datetime) -> Self:
        """Gather it."""
        ids = [row.id for row in page.rows]
        last, standing = firings.last_of(session, ids), standings(session, ids)
        shown = dict(zip(last, _shown(session, list(last.values()), links), strict=True))
        listed = [
            ListedSchedule(
                ScheduleView.of(row, last.get(row.id), links, now, standing.get(row.id)),
                Subject.of(row, links),
                shown.get(row.id),
                _unreadable(row),
            )
            for row in page.rows
        ]
        return cls(listed, page.next_cursor)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePage:
    """Everything that is told about one schedule."""

    schedule: ScheduleDetail
    subject: Subject
    text: str
    """What it submits, as YAML."""
    unreadable: str | None
    firings: Sequence[ShownFiring]

    @classmethod
    def of(cls, session: Session, key: str, links: Links, now: datetime) -> Self:
        """Gather it. Raises NotFoundError."""
        row = schedules.get(session, key)
        found = firings.latest(session, row.id, SHOWN_FIRINGS)
        return cls(
            schedule=ScheduleDetail.with_firings(row, found, links, now, standings(session, [row.id]).get(row.id)),
            subject=Subject.of(row, links),
            text=subject_text(row.document),
            unreadable=_unreadable(row),
            firings=_shown(session, found, links),
        )


def _shown(session: Session, rows: Collection[FiringRow], links: Links) -> Sequence[ShownFiring]:
    runs, experiments = firings.runs_of(session, rows), firings.experiments_of(session, rows)
    of_run = {run_id: (links.page(run_id), str(state)) for run_id, state in runs.items()}
    of_experiment = {row.id: (links.experiment_page(row.id), str(state_of(row))) for row in experiments.values()}
    nothing = (None, None)
    return [
        ShownFiring(
            FiringView.of(row, links),
            *(of_run.get(row.run_id or "") or of_experiment.get(row.experiment_id or "") or nothing),
        )
        for row in rows
    ]


def _unreadable(row: ScheduleRow) -> str | None:
    try:
        schedules.read(row)
    except ScheduleError as error:
        return str(error)
    return None
