"""What a schedule submits: checked when the schedule is stored, queued when it fires."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy.orm import Session

from migperf.experiments.checking import check
from migperf.experiments.errors import ExperimentError
from migperf.schedules.document import Schedule
from migperf.schedules.errors import ScheduleError
from migperf.store import runs, submitting
from migperf.store.requests import RunRequest

SCHEDULE_LABEL = "schedule"
MAX_LABELS = {"benchmark": 31, "experiment": 30}
"""A run has at most 32: those of an experiment have its name as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The run or the experiment that a firing led to."""

    run_id: str | None = None
    experiment_id: str | None = None


NOTHING = Submitted()


def checked(schedule: Schedule) -> Schedule:
    """Return the schedule, every default of its benchmark written out: a later version's would begin a new history.

    Raises ScheduleError for a benchmark that is no request of a run, or an experiment that no device could perform.
    """
    given = schedule.experiment.labels if schedule.experiment is not None else _request(schedule).labels
    _check_labels(schedule, given)
    if schedule.experiment is None:
        return schedule.model_copy(update={"benchmark": _request(schedule).model_dump(mode="json")})
    try:
        check(schedule.experiment)
    except ExperimentError as error:
        raise ScheduleError((f"experiment.{place}", problem) for place, problem in error.problems) from error
    return schedule


def submit(session: Session, schedule: Schedule, now: datetime, stale_s: float) -> Submitted:
    """Queue what the schedule submits, labelled with its name.

    Raises ScheduleError for what this version cannot run, and for an experiment NoSuchDeviceError and ExperimentError.
    """
    label = {SCHEDULE_LABEL: schedule.name}
    if schedule.experiment is not None:
        labels = schedule.experiment.labels | label
        experiment = schedule.experiment.model_copy(update={"labels": labels})
        return Submitted(experiment_id=submitting.submit_experiment(session, experiment, now, stale_s).id)
    request = _request(schedule)
    run = runs.submit(session, request.model_copy(update={"labels": request.labels | label}), now)
    return Submitted(run_id=run.id)


def _request(schedule: Schedule) -> RunRequest:
    try:
        return RunRequest.model_validate(schedule.benchmark)
    except ValidationError as error:
        raise ScheduleError.of(error, "benchmark") from error


def _check_labels(schedule: Schedule, labels: dict[str, str]) -> None:
    place, most = f"{schedule.subject}.labels", MAX_LABELS[schedule.subject]
    if SCHEDULE_LABEL in labels:
        raise ScheduleError([(f"{place}.{SCHEDULE_LABEL}", "is the name of the schedule by itself; leave it out")])
    if len(labels) > most:
        raise ScheduleError([(place, f"{len(labels)} are more than {most}; what a schedule submits gets one more")])
