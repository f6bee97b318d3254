"""Some figures of many runs at once: what has been measured of some workloads, wherever it was."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from migperf.gpus.partition import Partition
from migperf.store.models import GroupRow, PartitionRow, ResultRow, Run
from migperf.store.states import RunState


@dataclass(frozen=True, slots=True)
class KnownFigure:
    """A figure that has a value; ``low`` and ``high`` are its interval, or the value itself where there is none."""

    value: float
    low: float
    high: float
    samples: int | None
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRun:
    """A run that measured, or did not fit, on a real partition that it had to itself; window in ns."""

    id: str
    fingerprint: str
    benchmark: Mapping[str, Any]
    partition: Partition
    fits: bool
    tainted: bool
    window_ns: tuple[int, int] | None
    figures: Mapping[str, KnownFigure]


def runs_of_workloads(
    session: Session, workloads: Collection[str], kinds: Collection[str], figures: Collection[str]
) -> list[EndedRun]:
    """Return the runs of workloads that succeeded or did not fit, on partitions of these kinds, oldest first.

    Left out are simulated partitions, and runs of a group of several or on a share of a device: they had company.
    """
    shared = select(GroupRow.id).where((GroupRow.size > 1) | (GroupRow.shares > 1))
    conditions = (
        Run.workload.in_(workloads),
        Run.state.in_((RunState.SUCCEEDED, RunState.DOES_NOT_FIT)),
        PartitionRow.kind.in_(kinds),
        PartitionRow.simulated.is_(False),
        Run.group_id.is_(None) | Run.group_id.not_in(shared),
    )
    found = session.scalars(
        select(Run).join(Run.partition_row).where(*conditions).order_by(Run.created_at, Run.id)
    ).unique()
    known = _figures(session, select(Run.id).join(Run.partition_row).where(*conditions), figures)
    return [_ended(run, row, known[run.id]) for run in found if (row := run.partition_row) is not None]


def _figures(session: Session, ids: Select[str], names: Collection[str]) -> Mapping[str, dict[str, KnownFigure]]:
    found: defaultdict[str, dict[str, KnownFigure]] = defaultdict(dict)
    query = select(ResultRow).where(ResultRow.run_id.in_(ids), ResultRow.name.in_(names), ResultRow.value.is_not(None))
    for row in session.scalars(query):
        if row.value is None:
            continue
        low = row.value if row.interval_low is None else row.interval_low
        high = row.value if row.interval_high is None else row.interval_high
        found[row.run_id][row.name] = KnownFigure(row.value, low, high, row.samples, row.unit)
    return found


def _ended(run: Run, row: PartitionRow, figures: Mapping[str, KnownFigure]) -> EndedRun:
    start_ns, end_ns = run.window_start_ns, run.window_end_ns
    return EndedRun(
        id=run.id,
        fingerprint=run.fingerprint,
        benchmark=run.benchmark,
        partition=Partition.model_validate(row.description),
        fits=run.state is RunState.SUCCEEDED,
        tainted=bool(run.taints),
        window_ns=None if start_ns is None or end_ns is None else (start_ns, end_ns),
        figures=figures,
    )
