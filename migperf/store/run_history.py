"""Of which history a run is a part; and why it is of none."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from migperf.errors import NotFoundError
from migperf.experiments.group import Role
from migperf.store import runs
from migperf.store.history_tables import HistoryRow, PointRow
from migperf.store.models import ExperimentRow, GroupRow, PartitionRow, Run
from migperf.store.states import RunState


class NoHistoryError(NotFoundError):
    """A run is a part of no history, or not yet; the message says why."""

    def __init__(self, run_id: str, why: str) -> None:
        super().__init__("history of run", run_id)
        self.args = (f"run {run_id} is in no history: {why}",)


def history_of(session: Session, run_id: str) -> tuple[HistoryRow, PointRow]:
    """Return the history that a run is a part of, and the point that it is, or is one of the repeats of.

    Raises NotFoundError for a run that does not exist, and NoHistoryError.
    """
    run = runs.get(session, run_id)
    found = _point(session, PointRow.run_id == run.id) or _of_repeats(session, run)
    if found is None:
        raise NoHistoryError(run.id, _why_not(session, run))
    return found


def _point(session: Session, condition: ColumnElement[bool]) -> tuple[HistoryRow, PointRow] | None:
    query = select(HistoryRow, PointRow).join(PointRow, PointRow.history_id == HistoryRow.id).where(condition)
    row = session.execute(query.limit(1)).first()
    return None if row is None else (row[0], row[1])


def _of_repeats(session: Session, run: Run) -> tuple[HistoryRow, PointRow] | None:
    """Return the point of the cell that a run of an experiment is a repeat of, if the run counts in it."""
    if run.group_row is None or run.partition_row is None or not _may_count(run):
        return None
    query = select(Run.id).join(GroupRow, GroupRow.id == Run.group_id)
    query = query.join(PartitionRow, PartitionRow.uuid == Run.partition).where(
        Run.experiment_id == run.experiment_id,
        Run.fingerprint == run.fingerprint,
        GroupRow.cell == run.group_row.cell,
        PartitionRow.profile == run.partition_row.profile,
    )
    found = _point(session, PointRow.run_id.in_(query))
    return None if found is None or (run.taints and not found[1].taints) else found


def _may_count(run: Run) -> bool:
    return run.state is RunState.SUCCEEDED and run.role != Role.NEIGHBOUR and not run.history_due


def _why_not(session: Session, run: Run) -> str:
    if not run.state.is_final:
        return f"it has not ended yet ({run.state})"
    if run.state is not RunState.SUCCEEDED:
        return f"it ended as {run.state}"
    if run.history_due:
        return _why_not_yet(session, run)
    return _why_never(run)


def _why_never(run: Run) -> str:
    if run.partition_row is not None and run.partition_row.simulated:
        return "it was on a simulated partition"
    if run.role == Role.NEIGHBOUR:
        return "it is a neighbour, which is not measured"
    if run.group_row is not None and run.taints:
        return "it is tainted, and other repeats of its cell are not"
    return "it was submitted with in_history: false, or its history was deleted"


def _why_not_yet(session: Session, run: Run) -> str:
    experiment = None if run.experiment_id is None else session.get(ExperimentRow, run.experiment_id)
    if experiment is not None and experiment.finished_at is None:
        return "its experiment has not finished yet"
    return "the scheduler's next pass adds it"
