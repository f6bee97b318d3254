"""How much there is of experiments: cells, and repeats by state. Counted by the database, many of them at a time."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from migperf.store.models import CellRow, GroupRow
from migperf.store.states import GroupState


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many cells an experiment has, and how many repeats of cells are in which state."""

    cells: int = 0
    skipped_cells: int = 0
    repeats: Mapping[GroupState, int] = field(default_factory=Counter)
    """By state, those that there are in the order of GroupState; of each repeat the last attempt counts."""


def counts(session: Session, experiment_id: str) -> Counts:
    """Return the counts of one experiment; all are 0 if it does not exist."""
    return counts_of(session, [experiment_id])[experiment_id]


def counts_of(session: Session, experiment_ids: Collection[str]) -> Mapping[str, Counts]:
    """Return the counts of each of the experiments, in two statements."""
    repeats: dict[str, Counter[GroupState]] = {experiment_id: Counter() for experiment_id in experiment_ids}
    for experiment_id, state, count in session.execute(_repeats(experiment_ids)):
        repeats[experiment_id][state] = count
    cells = {row[0]: (row[1], row[2]) for row in session.execute(_cells(experiment_ids))}
    return {one: _counts(*cells.get(one, (0, 0)), repeats[one]) for one in experiment_ids}


def open_repeats(session: Session, experiment_id: str) -> Mapping[int, int]:
    """Return how many repeats have not ended, by the number of their cell."""
    query = select(GroupRow.cell, func.count()).group_by(GroupRow.cell)
    query = query.where(GroupRow.experiment_id == experiment_id, GroupRow.state == GroupState.OPEN)
    return {row[0]: row[1] for row in session.execute(query)}


def _repeats(experiment_ids: Collection[str]) -> Select[str, GroupState, int]:
    """Of each repeat the last attempt. Only these experiments' groups are looked at, hence no join with later ones."""
    of_repeat = (GroupRow.experiment_id, GroupRow.cell, GroupRow.repeat)
    from_last = func.row_number().over(partition_by=of_repeat, order_by=GroupRow.attempt.desc()).label("from_last")
    attempts = select(GroupRow.experiment_id, GroupRow.state, from_last)
    attempts = attempts.where(GroupRow.experiment_id.in_(experiment_ids))
    of = attempts.subquery().columns
    query = select(of.experiment_id, of.state, func.count()).where(of.from_last == 1)
    return query.group_by(of.experiment_id, of.state)


def _cells(experiment_ids: Collection[str]) -> Select[str, int, int]:
    query = select(CellRow.experiment_id, func.count(), func.count(CellRow.skipped))
    return query.where(CellRow.experiment_id.in_(experiment_ids)).group_by(CellRow.experiment_id)


def _counts(cells: int, skipped: int, repeats: Counter[GroupState]) -> Counts:
    ordered = {state: repeats[state] for state in GroupState if repeats[state]}
    return Counts(cells=cells, skipped_cells=skipped, repeats=ordered)
