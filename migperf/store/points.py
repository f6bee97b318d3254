"""Points of histories: made of results that are new, once each."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy.orm import Session

from migperf.experiments.group import Role
from migperf.gpus.partition import Partition
from migperf.histories.environment import CLOCK, facts_of
from migperf.histories.hardware import Companion, HardwareClass
from migperf.histories.points import combined, figures_of
from migperf.metrics.catalogue import CLOCK_SM
from migperf.store import results, summaries, watching
from migperf.store.models import ExperimentRow, GroupRow, Run
from migperf.store.new_points import NewHistory, NewPoint, add_points, history_of, is_newest
from migperf.store.states import FINAL_STATES, RunState

RUN = "run"
"""Origin of points that are results of runs."""
_RUNS_AT_ONCE, _EXPERIMENTS_AT_ONCE = 50, 2
"""So few that the transaction is over soon: after an upgrade all runs that there are become points."""


def is_waiting(session: Session) -> bool:
    """Tell whether a run has ended whose history has not heard of it."""
    return session.scalar(_due(Run.experiment_id.is_(None)).limit(1)) is not None or bool(_experiments(session, 1))


def gather(session: Session, now: datetime) -> int:
    """Make points of results that are new; return how many runs were seen to.

    A run by itself is a point; of an experiment that has finished each cell is one. What did not succeed, a neighbour,
    and whatever ran on a simulated partition are none.
    """
    alone = session.scalars(_due(Run.experiment_id.is_(None)).limit(_RUNS_AT_ONCE)).all()
    together = session.scalars(_due(Run.experiment_id.in_(_experiments(session, _EXPERIMENTS_AT_ONCE)))).all()
    taken = list(_taken(session, [*alone, *together]))
    groups: defaultdict[tuple[str, ...], list[Run]] = defaultdict(list)
    for run in taken:
        if run.state is RunState.SUCCEEDED and run.role != Role.NEIGHBOUR and _is_real(run):
            groups[_belongs_to(run)].append(run)
    for runs in groups.values():
        _add_point(session, runs, now)
    return len(taken)


def _due(condition: ColumnElement[bool]) -> Select[Run]:
    """Return the query for runs that have ended and were not heard of."""
    ended = (Run.history_due, Run.state.in_(FINAL_STATES), condition)
    return select(Run).where(*ended).order_by(Run.id)


def _experiments(session: Session, limit: int) -> Sequence[str]:
    """Return experiments that have finished and of which some run was not heard of."""
    query = select(Run.experiment_id).join(ExperimentRow, ExperimentRow.id == Run.experiment_id)
    query = query.where(Run.history_due, Run.state.in_(FINAL_STATES), ExperimentRow.finished_at.is_not(None))
    return [found for found in session.scalars(query.distinct().limit(limit)) if found is not None]


def _taken(session: Session, runs: Iterable[Run]) -> Iterable[Run]:
    """Yield the runs that nobody else has seen to meanwhile."""
    for run in runs:
        claim = update(Run).where(Run.id == run.id, Run.history_due).values(history_due=False)
        if session.execute(claim.execution_options(synchronize_session=False)).rowcount:  # type: ignore[attr-defined]
            session.refresh(run, ["history_due"])
            yield run


def _is_real(run: Run) -> bool:
    return run.partition_row is not None and not run.partition_row.simulated


def _belongs_to(run: Run) -> tuple[str, ...]:
    """Return what the runs have in common that are one point."""
    if run.group_row is None:
        return (run.id,)
    return (run.experiment_id or "", str(run.group_row.cell), run.fingerprint, _partition(run).profile or "")


def _partition(run: Run) -> Partition:
    if run.partition_row is None:
        raise AssertionError(f"run {run.id} succeeded on nothing")
    return Partition.model_validate(run.partition_row.description)


def _add_point(session: Session, runs: Sequence[Run], now: datetime) -> None:
    """Make one point of a run, or of the repeats of a cell: of those without taints, if there are any."""
    clean = [run for run in runs if not run.taints] or list(runs)
    last = max(clean, key=lambda run: run.id)
    figures = combined([figures_of(results.read_figures(session, run.id)) for run in clean])
    partition, at = _partition(last), last.started_at or last.created_at
    hardware = HardwareClass.of(partition, _company(session, last))
    new = NewHistory(
        fingerprint=last.fingerprint,
        hardware_key=hardware.key(),
        hardware=hardware.model_dump(mode="json"),
        title=hardware.title_with(last.workload, last.scenario),
        workload=last.workload,
        scenario=last.scenario,
    )
    history = history_of(session, new, at, now)
    watching.take_over(session, history, last)
    if is_newest(history, at):
        history.benchmark = last.benchmark
    point = NewPoint(
        at=at,
        origin=RUN,
        key=last.id,
        figures=figures,
        environment=_environment(session, last, partition),
        run_id=last.id,
        repeats=len(clean),
        taints=sorted({taint["rule"] for run in clean for taint in run.taints or ()}),
    )
    add_points(session, history, [point])


def _environment(session: Session, run: Run, partition: Partition) -> dict[str, Any]:
    labels = {label.key: label.value for label in run.labels}
    node = "" if run.partition_row is None else run.partition_row.node
    facts = facts_of(run.environment or {}, partition, node, labels)
    clock = summaries.read_summaries(session, run.id).get(CLOCK_SM.name)
    if clock is not None and clock.p50 is not None and math.isfinite(clock.p50):
        facts[CLOCK] = clock.p50
    return facts


def _company(session: Session, run: Run) -> Iterable[Companion]:
    """Return what was measured beside a run at the same time."""
    if run.group_row is None or run.group_row.size == 1:
        return ()
    of_group = select(Run).join(GroupRow, GroupRow.id == Run.group_id).where(GroupRow.id == run.group_id)
    others = session.scalars(of_group.where(Run.id != run.id)).unique()
    return [Companion(role=other.role or Role.CLIENT, fingerprint=other.fingerprint) for other in others]
