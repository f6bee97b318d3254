"""Experiments: storing them with the runs that they stand for, following them, ending them and taking them up again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select, true
from sqlalchemy import delete as sql_delete
from sqlalchemy.orm import InstrumentedAttribute, Session, defer, lazyload
from uuid_utils.compat import uuid7

from migperf.errors import ConflictError, NotFoundError
from migperf.experiments.group import GroupSpec
from migperf.store import groups, runs
from migperf.store.models import CellRow, ExperimentRow, GroupRow, ResultRow, Run
from migperf.store.newest import NewestPage, newest_page
from migperf.store.requests import RunRequest
from migperf.store.runs import Membership
from migperf.store.states import GroupState

EXPERIMENT_LABEL = "experiment"
_RUN_LIMITS = ("priority", "timeout_s", "labels")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCell:
    """A cell to be stored: the group that it stands for, or why there is none."""

    coordinates: Mapping[str, Any]
    spec: GroupSpec | None
    skipped: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExperiment:
    """An experiment to be stored, worked out for a device."""

    name: str
    document: Mapping[str, Any]
    plan: Mapping[str, Any]
    cells: Sequence[NewCell]
    order: Sequence[tuple[int, int]]
    """Cell and repeat, both from 0, in the order in which they are to be performed."""
    retry_failed: int = 1
    priority: int = 0
    timeout_s: float = 3600.0
    labels: Mapping[str, str] = field(default_factory=dict)


def submit(session: Session, new: NewExperiment, now: datetime) -> ExperimentRow:
    """Store the experiment with its cells, and a group of queued runs for each repeat of each cell, in their order."""
    row = ExperimentRow(
        id=str(uuid7()),
        name=new.name,
        created_at=now,
        document=dict(new.document)
        | {"priority": new.priority, "timeout_s": new.timeout_s, "labels": dict(new.labels)},
        plan=dict(new.plan),
        retry_failed=new.retry_failed,
        cells=[_cell(number, cell) for number, cell in enumerate(new.cells)],
    )
    session.add(row)
    session.flush()
    wanted = ((cell, repeat, 1) for cell, repeat in new.order if new.cells[cell].spec is not None)
    _add_groups(session, row, wanted, now)
    if not _has_open_groups(session, row.id):
        row.finished_at = now
    return row


def get(session: Session, experiment_id: str) -> ExperimentRow:
    """Return the experiment. Raises NotFoundError."""
    row = session.get(ExperimentRow, experiment_id)
    if row is None:
        raise NotFoundError("experiment", experiment_id)
    return row


def require(session: Session, experiment_id: str) -> None:
    """Raise NotFoundError unless there is such an experiment; its documents are not read."""
    if session.scalar(select(ExperimentRow.id).where(ExperimentRow.id == experiment_id)) is None:
        raise NotFoundError("experiment", experiment_id)


def latest(session: Session, limit: int, before: str | None = None) -> NewestPage[ExperimentRow]:
    """Return at most ``limit`` experiments, newest first; with ``before`` of those older than the one of that id.

    Their plans, which have a line for each repeat, are not read.
    """
    rows = select(ExperimentRow).options(defer(ExperimentRow.plan, raiseload=True))
    return newest_page(session, rows, ExperimentRow.id, limit, before)


def going_on(session: Session, limit: int) -> Sequence[ExperimentRow]:
    """Return at most ``limit`` experiments that have not finished, newest first; their plans are not read."""
    rows = select(ExperimentRow).options(defer(ExperimentRow.plan, raiseload=True))
    query = rows.where(ExperimentRow.finished_at.is_(None)).order_by(ExperimentRow.id.desc()).limit(limit)
    return session.scalars(query).all()


def cells_of(session: Session, experiment_id: str, numbers: range) -> Sequence[CellRow]:
    """Return the cells with these numbers, in the order of the axes."""
    query = select(CellRow).where(CellRow.experiment_id == experiment_id, _is_within(CellRow.number, numbers))
    return session.scalars(query.order_by(CellRow.number)).all()


def groups_of(session: Session, experiment_id: str, cells: range | None = None) -> Sequence[GroupRow]:
    """Return every attempt at every repeat of every cell, or of these, in the order in which they were queued."""
    query = select(GroupRow).where(GroupRow.experiment_id == experiment_id, _is_within(GroupRow.cell, cells))
    return session.scalars(query.order_by(GroupRow.id)).all()


def runs_of(session: Session, experiment_id: str, cells: range | None = None) -> Sequence[Run]:
    """Return every run of the experiment, or of these cells of it, in the order in which they were queued.

    What they share with their cell, the benchmark, and their labels are read when somebody asks for them.
    """
    query = select(Run).where(Run.experiment_id == experiment_id)
    if cells is not None:
        query = query.join(GroupRow, GroupRow.id == Run.group_id).where(_is_within(GroupRow.cell, cells))
    query = query.options(defer(Run.benchmark), lazyload(Run.labels), lazyload(Run.group_row))
    return session.scalars(query.order_by(Run.id)).all()


def figure_names(session: Session, experiment_id: str) -> Sequence[str]:
    """Return the names of all figures that runs of the experiment have, in the order of a result."""
    runs_of_it = select(Run.id).where(Run.experiment_id == experiment_id)
    query = select(ResultRow.name).where(ResultRow.run_id.in_(runs_of_it)).group_by(ResultRow.name)
    return session.scalars(query.order_by(func.min(ResultRow.position), ResultRow.name)).all()


def last_attempts(session: Session, experiment_id: str) -> Sequence[GroupRow]:
    """Return the last attempt at each repeat of each cell, in the order in which they were first queued."""
    return tuple({(group.cell, group.repeat): group for group in groups_of(session, experiment_id)}.values())


def settle(session: Session, now: datetime) -> None:
    """Settle groups whose runs have ended, try those again that failed, and finish experiments with nothing left."""
    for group in groups.settle(session, now):
        experiment = session.get_one(ExperimentRow, group.experiment_id)
        again = group.state.is_worth_another_try and group.attempt <= experiment.retry_failed
        if again and experiment.cancelled_at is None:
            _add_groups(session, experiment, [(group.cell, group.repeat, group.attempt + 1)], now)
        elif not _has_open_groups(session, experiment.id):
            experiment.finished_at = now


def cancel(session: Session, experiment_id: str, now: datetime) -> ExperimentRow:
    """Cancel every run that has not ended. Raises NotFoundError, and ConflictError if the experiment has finished."""
    experiment = get(session, experiment_id)
    if experiment.finished_at is not None and experiment.cancelled_at is None:
        raise ConflictError(f"experiment {experiment_id} has finished; there is nothing to cancel")
    experiment.cancelled_at = experiment.cancelled_at or now
    for run in runs_of(session, experiment_id):
        if not run.state.is_final:
            runs.request_cancel(session, run.id, now)
    settle(session, now)
    return experiment


def resume(session: Session, experiment_id: str, now: datetime) -> int:
    """Queue again every repeat that has neither succeeded nor come to a result; return how many.

    Raises NotFoundError, and ConflictError while the experiment is going on.
    """
    experiment = get(session, experiment_id)
    if _has_open_groups(session, experiment_id):
        raise ConflictError(f"experiment {experiment_id} is going on; cancel it first, or wait for its end")
    ended = last_attempts(session, experiment_id)
    wanting = [g for g in ended if g.state.is_worth_another_try or g.state is GroupState.CANCELLED]
    experiment.cancelled_at = None
    _add_groups(session, experiment, ((g.cell, g.repeat, g.attempt + 1) for g in wanting), now)
    experiment.finished_at = None if wanting else experiment.finished_at
    return len(wanting)


def delete(session: Session, experiment_id: str) -> None:
    """Delete an experiment that has finished, with its runs. Raises NotFoundError and ConflictError."""
    experiment = get(session, experiment_id)
    of_experiment = runs_of(session, experiment_id)
    if any(not run.state.is_final for run in of_experiment):
        raise ConflictError(f"experiment {experiment_id} is going on; cancel it before deleting it")
    session.execute(sql_delete(Run).where(Run.id.in_([run.id for run in of_experiment])))
    session.execute(sql_delete(GroupRow).where(GroupRow.experiment_id == experiment_id))
    session.execute(sql_delete(ExperimentRow).where(ExperimentRow.id == experiment.id))
    session.expunge_all()


def _cell(number: int, cell: NewCell) -> CellRow:
    spec = None if cell.spec is None else cell.spec.model_dump(mode="json")
    return CellRow(number=number, coordinates=dict(cell.coordinates), spec=spec, skipped=cell.skipped)


def _add_groups(
    session: Session, experiment: ExperimentRow, wanted: Iterable[tuple[int, int, int]], now: datetime
) -> None:
    """Queue attempts at repeats of cells, each given as cell, repeat and attempt, in their order."""
    specs: dict[int, tuple[GroupSpec, Sequence[RunRequest]]] = {}
    groups: list[GroupRow] = []
    requests: list[tuple[RunRequest, Membership]] = []
    for cell, repeat, attempt in wanted:
        if cell not in specs:
            asked = GroupSpec.model_validate(session.get_one(CellRow, (experiment.id, cell)).spec)
            specs[cell] = asked, tuple(_requests(experiment, asked))
        spec, members = specs[cell]
        group = GroupRow(
            id=str(uuid7()),
            experiment_id=experiment.id,
            cell=cell,
            repeat=repeat,
            attempt=attempt,
            state=GroupState.OPEN,
            size=len(spec.members),
            together=spec.is_together,
            sharing=spec.sharing.model_dump(mode="json") if spec.is_divided and spec.sharing else None,
            shares=spec.share_count,
        )
        groups.append(group)
        requests += (
            (request, Membership(experiment.id, group.id, number, str(spec.members[number].role)))
            for number, request in enumerate(members)
        )
    session.add_all(groups)
    session.flush()
    runs.submit_all(session, requests, now)


def _requests(experiment: ExperimentRow, spec: GroupSpec) -> Iterable[RunRequest]:
    limits = {name: experiment.document[name] for name in _RUN_LIMITS if name in experiment.document}
    limits["labels"] = {**limits.get("labels", {}), EXPERIMENT_LABEL: experiment.name}
    for member in spec.members:
        yield RunRequest.model_validate(member.benchmark.model_dump(mode="json") | limits)


def _is_within(column: InstrumentedAttribute[int], numbers: range | None) -> ColumnElement[bool]:
    return true() if numbers is None else and_(column >= numbers.start, column < numbers.stop)


def _has_open_groups(session: Session, experiment_id: str) -> bool:
    session.flush()
    is_open = exists().where(GroupRow.experiment_id == experiment_id, GroupRow.state == GroupState.OPEN)
    return bool(session.scalar(select(is_open)))
