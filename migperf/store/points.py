"""Points of histories: made of results that are new, once each."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from migperf.experiments.group import Role
from migperf.gpus.partition import Partition
from migperf.histories.environment import CLOCK, facts_of
from migperf.histories.hardware import Companion, HardwareClass
from migperf.histories.points import PointFigure, combined, figures_of
from migperf.metrics.catalogue import CLOCK_SM
from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.store import results, summaries, watching
from migperf.store.bulk import insert_if_new
from migperf.store.history_tables import HistoryRow, PointRow
from migperf.store.models import ExperimentRow, GroupRow, Run
from migperf.store.states import FINAL_STATES, RunState

RUN = "run"
"""Origin of points that are results of runs."""
_RUNS_AT_ONCE, _EXPERIMENTS_AT_ONCE = 50, 2
"""So few that the transaction is over soon: after an upgrade all runs that there are become points."""
TITLE_LENGTH = 255


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPoint:
    """A point to be added to a history."""

    at: datetime
    origin: str
    key: str
    figures: Mapping[str, PointFigure]
    environment: Mapping[str, Any]
    run_id: str | None = None
    repeats: int = 1
    taints: Sequence[str] = ()


def add_point(session: Session, history: HistoryRow, new: NewPoint) -> bool:
    """Add a point to a history, which is then to be judged; False if it has one of that origin and key."""
    row = {
        "history_id": history.id,
        "at": new.at,
        "origin": new.origin,
        "key": new.key,
        "run_id": new.run_id,
        "repeats": new.repeats,
        "figures": {name: figure.model_dump(exclude_none=True) for name, figure in new.figures.items()},
        "environment": dict(new.environment),
        "changed": [],
        "taints": list(new.taints),
    }
    if not insert_if_new(session, PointRow, row):
        return False
    # What came in between is judged with all that came after it.
    history.anew = history.anew or (history.points > 0 and new.at <= history.latest_at)
    history.latest_at = max(history.latest_at, new.at)
    history.pending, history.edition = True, history.edition + 1
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHistory:
    """What a history is about."""

    fingerprint: str
    hardware_key: str
    hardware: Mapping[str, Any]
    title: str
    workload: str
    scenario: str | None


def history_of(session: Session, new: NewHistory, at: datetime, now: datetime) -> HistoryRow:
    """Return the history of a benchmark on a class of hardware, locked; made if there was none."""
    row = {
        "id": str(uuid7()),
        "created_at": now,
        "fingerprint": new.fingerprint,
        "hardware_key": new.hardware_key,
        "hardware": dict(new.hardware),
        "title": new.title[:TITLE_LENGTH],
        "workload": new.workload,
        "scenario": new.scenario,
        "pending": False,
        "anew": False,
        "edition": 0,
        "points": 0,
        "latest_at": at,
        "verdict": HistoryVerdict.INSUFFICIENT_DATA,
        "why": "it has not been judged yet",
    }
    insert_if_new(session, HistoryRow, row)
    query = select(HistoryRow).where(
        HistoryRow.fingerprint == new.fingerprint, HistoryRow.hardware_key == new.hardware_key
    )
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()


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
        title=f"{last.workload} {last.scenario} on {hardware.title}",
        workload=last.workload,
        scenario=last.scenario,
    )
    history = history_of(session, new, at, now)
    watching.take_over(session, history, last)
    if at >= history.latest_at or history.benchmark is None:
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
    add_point(session, history, point)


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
