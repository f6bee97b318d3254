"""Experiments in a database whose figures the test chooses: submitted as the service does, ended by hand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from migperf.experiments.group import GroupSpec
from migperf.gpus.partition import Partition
from migperf.measure.figures import Interval, ResultFigure
from migperf.metrics.metric import Scope
from migperf.store import experiments, leases, results, runs
from migperf.store.database import Database
from migperf.store.experiments import NewCell, NewExperiment
from migperf.store.models import GroupRow, Run
from migperf.store.states import RunState
from tests import builders

NOW = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
CPU = builders.partition("CPU-1")
_NUMBER = count()
Coordinates = Mapping[str, Any]


@dataclass(frozen=True)
class Ending:
    """How one run ends."""

    figures: Sequence[ResultFigure] = ()
    state: RunState = RunState.SUCCEEDED
    reason: str | None = None
    partition: Partition = CPU
    taints: Sequence[Mapping[str, Any]] = ()
    environment: Mapping[str, Any] = field(default_factory=lambda: {"torch": "2.13.0", "host": "alpha"})


Told = Callable[[Run, GroupRow, Coordinates], Ending | None]
"""How a run ends, given its place; None leaves it in the queue."""


def figure(name: str, value: float | None, unit: str = "ms", rel: float | None = 0.01, **more: Any) -> ResultFigure:
    """A figure whose own interval is that wide, relative to it."""
    interval = None
    if value is not None and rel is not None:
        interval = Interval(low=value * (1 - rel), high=value * (1 + rel), level=0.95, method="batch means")
    given: dict[str, Any] = {"scope": Scope.PROCESS, "samples": 100, "interval": interval} | more
    return ResultFigure(name=name, unit=unit, value=value, **given)


def throughput(value: float, rel: float | None = 0.01) -> ResultFigure:
    """A throughput, sample/s."""
    return figure("throughput", value, "sample/s", rel)


def bench(**more: Any) -> dict[str, Any]:
    """A benchmark of the test payload."""
    return {"workload": "test-step", "scenario": "single_stream", "where": {"kind": "cpu"}, **more}


def alone(**more: Any) -> GroupSpec:
    """A cell of one run."""
    return GroupSpec.model_validate({"members": [{"benchmark": bench(**more)}]})


def together(clients: int, neighbours: int = 0, sharing: str = "pinned") -> GroupSpec:
    """A cell of several runs that share a CPU."""
    members = [{"benchmark": bench()}] * clients + [{"benchmark": bench(), "role": "neighbour"}] * neighbours
    return GroupSpec.model_validate({"members": members, "sharing": sharing})


def cell(spec: GroupSpec | None = None, skipped: str | None = None, **coordinates: Any) -> NewCell:
    """A cell at these coordinates; without a spec or reason it has one run."""
    spec = None if skipped else spec or alone()
    return NewCell(coordinates=coordinates, spec=spec, skipped=skipped)


def made(
    database: Database,
    cells: Sequence[NewCell],
    told: Told,
    *,
    repeats: int = 1,
    retry_failed: int = 0,
    **document: Any,
) -> str:
    """Store an experiment whose runs end as told; return its id."""
    order = [(number, repeat) for repeat in range(repeats) for number in range(len(cells))]
    new = NewExperiment(name="study", document=document, plan={}, cells=cells, order=order, retry_failed=retry_failed)
    with database.write() as session:
        experiment_id = experiments.submit(session, new, NOW).id
        session.flush()
        while end_open_runs(session, experiment_id, told):
            experiments.settle(session, NOW + timedelta(seconds=60))
            session.flush()
        experiments.settle(session, NOW + timedelta(seconds=60))
    return experiment_id


def end_open_runs(session: Session, experiment_id: str, told: Told) -> int:
    """End every run of which is told how; return how many."""
    return sum(
        _end(session, run, ending)
        for run, group, coordinates in list(_open_runs(session, experiment_id))
        if (ending := told(run, group, coordinates)) is not None
    )


def _open_runs(session: Session, experiment_id: str) -> Iterator[tuple[Run, GroupRow, Coordinates]]:
    groups = {group.id: group for group in experiments.groups_of(session, experiment_id)}
    cells = {row.number: row.coordinates for row in experiments.get(session, experiment_id).cells}
    for run in experiments.runs_of(session, experiment_id):
        if run.state is RunState.QUEUED:
            group = groups[str(run.group_id)]
            yield run, group, cells[group.cell]


def _end(session: Session, run: Run, ending: Ending) -> bool:
    begun = NOW + timedelta(seconds=10 * next(_NUMBER))
    builders.register(session, NOW, ending.partition, node=f"node-{ending.partition.uuid}")
    token = builders.place(session, run, NOW, ending.partition.uuid, f"node-{ending.partition.uuid}").id
    leases.claim(session, token, "incarnation", begun, 15)
    results.store_figures(session, run.id, ending.figures)
    run = runs.lock(session, run.id)
    run.taints, run.environment = [dict(taint) for taint in ending.taints], dict(ending.environment)
    leases.finish(session, token, ending.state, begun + timedelta(seconds=9), ending.reason)
    return True
