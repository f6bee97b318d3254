"""Runs on GPUs and their slices, in a database, whose figures the test chooses."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from migperf.gpus.partition import PartitionKind
from migperf.measure.figures import Interval, ResultFigure
from migperf.metrics.metric import Scope
from migperf.store import leases, results, runs
from migperf.store.database import Database
from migperf.store.models import CellRow, ExperimentRow, GroupRow
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
    **request: object,
) -> str:
    """Store a run on a partition of a GPU of its own; a figure is a value, or a value and its interval."""
    with database.write() as session:
        run = builders.submit(session, NOW, **{"workload": "resnet50", "scenario": "server"} | request)
        kind = PartitionKind.GPU if profile is None else PartitionKind.MIG
        place = builders.partition(
            f"MIG-{run.id}", kind=kind, model=model, profile=profile, gpu_uuid=f"GPU-{run.id}", simulated=simulated
        )
        node = f"node-{run.id[-8:]}"
        builders.register(session, NOW, place, node=node)
        token = builders.place(session, run, NOW, place.uuid, node).id
        leases.claim(session, token, "incarnation", NOW + timedelta(seconds=1), 15)
        run.taints = taints or []
        if state is RunState.SUCCEEDED:
            run.window_start_ns, run.window_end_ns = 0, WINDOW_S * NS_PER_S
            results.store_figures(session, run.id, [_figure(n, v, samples_per_step) for n, v in figures.items()])
        leases.finish(session, token, state, NOW + timedelta(seconds=20), None)
        return run.id


def _figure(name: str, value: float | tuple[float, float, float], samples_per_step: int) -> ResultFigure:
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
