"""What has been measured on real GPUs and their instances, and how fast it was the last time: to choose from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from migperf.gpus.partition import PartitionKind
from migperf.store.models import GroupRow, PartitionRow, ResultRow, Run
from migperf.store.states import RunState


@dataclass(frozen=True, slots=True)
class MeasuredBenchmark:
    """A benchmark on one kind of partition, and how many runs of it count."""

    benchmark: Mapping[str, Any]
    model: str
    profile: str | None
    """None: the whole GPU."""
    runs: int
    latest: str
    """Id of the latest run."""
    per_s: float | None
    """Throughput of the latest run, samples a second; None where it has none, as it did not fit."""


def measured_benchmarks(
    session: Session, limit: int, workloads: Collection[str] | None = None
) -> Sequence[MeasuredBenchmark]:
    """Return what runs on real GPUs have measured or found not to fit, at most so many, what was measured last first.

    None stands for all workloads.
    Left out is what ``figures_of_runs.runs_of_workloads`` leaves out: runs that had company.
    """
    shared = select(GroupRow.id).where((GroupRow.size > 1) | (GroupRow.shares > 1))
    counted = (
        select(PartitionRow.model, PartitionRow.profile, func.count().label("runs"), func.max(Run.id).label("latest"))
        .join(Run.partition_row)
        .where(
            Run.state.in_((RunState.SUCCEEDED, RunState.DOES_NOT_FIT)),
            PartitionRow.kind.in_((PartitionKind.GPU, PartitionKind.MIG)),
            PartitionRow.simulated.is_(False),
            Run.group_id.is_(None) | Run.group_id.not_in(shared),
            true() if workloads is None else Run.workload.in_(workloads),
        )
        .group_by(Run.fingerprint, PartitionRow.model, PartitionRow.profile)
        .order_by(func.max(Run.id).desc())
        .limit(limit)
        .subquery()
    )
    throughput = (ResultRow.run_id == Run.id) & (ResultRow.name == "throughput")
    query = (
        select(Run.benchmark, counted, ResultRow.value)
        .join(counted, counted.c.latest == Run.id)
        .outerjoin(ResultRow, throughput)
        .order_by(counted.c.latest.desc())
    )
    return [
        MeasuredBenchmark(row.benchmark, row.model, row.profile, row.runs, row.latest, row.value)
        for row in session.execute(query)
    ]
