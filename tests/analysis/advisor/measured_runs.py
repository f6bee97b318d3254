"""Runs on GPUs and their slices, in a database, whose figures the test chooses."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from migperf.experiments.group import Role
from migperf.gpus.partition import Partition, PartitionKind
from migperf.measure.figures import Interval, ResultFigure
from migperf.metrics.metric import Scope
from migperf.store import leases, results, runs
from migperf.store.database import Database
from migperf.store.models import CellRow, ExperimentRow, GroupRow, Run
from migperf.store.states import GroupState, RunState
from tests import builders

NOW = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
A100 = "NVIDIA A100-SXM4-80GB"
WINDOW_S = 10
NS_PER_S = 1_000_000_000


def measured(
    database: Database,
    profile: str | None = "1g.10gb",
    figures: Mapping[str, float | tuple[float, float, float]] = {},
    *,
    state: RunState = RunState.SUCCEEDED,
    taints: list[dict[str, Any]] | None = None,
    simulated: bool = False,
    model: str = A100,
    samples_per_step: int = 1,
    gpu: str | None = None,
    **request: object,
) -> str:
    """Store a run on a partition of its own, of a GPU of its own unless one is named.

    A figure is a value, or a value and its interval.
    """
    with database.write() as session:
        run = builders.submit(session, NOW, **{"workload": "resnet50", "scenario": "server"} | request)
        kind = PartitionKind.GPU if profile is None else PartitionKind.MIG
        place = builders.partition(
            f"MIG-{run.id}",
            kind=kind,
            model=model,
            profile=profile,
            gpu_uuid=gpu or f"GPU-{run.id}",
            simulated=simulated,
        )
        run.taints = taints or []
        finish(session, run, place, [figure_of(n, v, samples_per_step) for n, v in figures.items()], state)
        return run.id


def finish(
    session: Session,
    run: Run,
    place: Partition,
    figures: Sequence[ResultFigure],
    state: RunState = RunState.SUCCEEDED,
) -> None:
    """End a queued run as if it had been on a partition."""
    node = f"node-{run.id[-8:]}"
    builders.register(session, NOW, place, node=node)
    token = builders.place(session, run, NOW, place.uuid, node).id
    leases.claim(session, token, "incarnation", NOW + timedelta(seconds=1), 15)
    if state is RunState.SUCCEEDED:
        run.window_start_ns, run.window_end_ns = 0, WINDOW_S * NS_PER_S
        results.store_figures(session, run.id, figures)
    leases.finish(session, token, state, NOW + timedelta(seconds=20), None)


def figure_of(name: str, value: float | tuple[float, float, float], samples_per_step: int = 1) -> ResultFigure:
    """Return a figure with a value, or with a value and its interval."""
    at, low, high = value if isinstance(value, tuple) else (value, value, value)
    return ResultFigure(
        name=name,
        unit="image/s" if name == "throughput" else "ms",
        scope=Scope.PROCESS,
        value=at,
        interval=Interval(low=low, high=high, level=0.95, method="a test's") if isinstance(value, tuple) else None,
        samples=round(at * WINDOW_S / samples_per_step) if name == "throughput" else None,
    )


def in_group(database: Database, run_id: str, *, size: int = 1, shares: int = 1) -> None:
    """Make the run one of a group of so many, which were measured at the same time, on so many shares of a device."""
    experiment, group = f"experiment-{size}-{shares}", f"group-{size}-{shares}"
    with database.write() as session:
        cell = CellRow(number=0, coordinates={}, spec={})
        session.add(
            ExperimentRow(
                id=experiment, name="test", created_at=NOW, document={}, plan={}, retry_failed=0, cells=[cell]
            )
        )
        session.flush()
        session.add(
            GroupRow(
                id=group,
                experiment_id=experiment,
                cell=0,
                repeat=0,
                state=GroupState.OPEN,
                size=size,
                together=size > 1,
                shares=shares,
            )
        )
        session.flush()
        run = runs.lock(session, run_id)
        run.group_id, run.member = group, 0


def grouped(
    database: Database,
    clients: Sequence[str],
    neighbours: Sequence[str] = (),
    *,
    experiment: str = "neighbours",
    repeat: int = 0,
    state: GroupState = GroupState.SUCCEEDED,
) -> None:
    """Make runs the clients and neighbours of one group: one repeat of a cell of an experiment."""
    with database.write() as session:
        size = len(clients) + len(neighbours)
        if session.get(ExperimentRow, experiment) is None:
            session.add(
                ExperimentRow(
                    id=experiment, name=experiment, created_at=NOW, document={}, plan={}, retry_failed=0, cells=[]
                )
            )
            session.flush()
        cell = len(session.scalars(select(CellRow).where(CellRow.experiment_id == experiment)).all())
        session.add(CellRow(experiment_id=experiment, number=cell, coordinates={}, spec={}))
        session.flush()
        group = f"{experiment}-{cell}"
        session.add(
            GroupRow(
                id=group,
                experiment_id=experiment,
                cell=cell,
                repeat=repeat,
                state=state,
                size=size,
                together=size > 1,
                shares=size,
            )
        )
        session.flush()
        for member, (role, run_id) in enumerate(
            [*((Role.CLIENT, one) for one in clients), *((Role.NEIGHBOUR, one) for one in neighbours)]
        ):
            run = runs.lock(session, run_id)
            run.group_id, run.member, run.role = group, member, str(role)
