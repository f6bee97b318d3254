"""Some figures of many runs at once: what has been measured of some workloads, wherever it was."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from migperf.experiments.group import Role
from migperf.gpus.partition import Partition, PartitionKind
from migperf.store.models import ExperimentRow, GroupRow, PartitionRow, ResultRow, Run
from migperf.store.states import GroupState, RunState


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
    """A run that measured, or did not fit, on a real partition that it had to itself; window in ns.

    ``experiment`` and ``repeat`` say which repeat of which experiment it was part of; None for a run by itself.
    """

    id: str
    fingerprint: str
    benchmark: Mapping[str, Any]
    partition: Partition
    fits: bool
    tainted: bool
    window_ns: tuple[int, int] | None
    figures: Mapping[str, KnownFigure]
    experiment: str | None = None
    repeat: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedGroup:
    """Runs that were measured at the same time, each on a MIG instance of its own of one real GPU."""

    experiment_name: str
    clients: tuple[EndedRun, ...]
    neighbours: tuple[EndedRun, ...]


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


def groups_on_one_gpu(session: Session, workloads: Collection[str], figures: Collection[str]) -> list[EndedGroup]:
    """Return the groups of several runs, one of them of these workloads, that succeeded on MIG instances, oldest first.

    Left out are groups with a run on a simulated partition or on a share of one.
    """
    of_workloads = select(Run.group_id).where(Run.workload.in_(workloads), Run.group_id.is_not(None))
    conditions = (GroupRow.state == GroupState.SUCCEEDED, GroupRow.size > 1, GroupRow.id.in_(of_workloads))
    chosen = select(GroupRow.id).where(*conditions)
    names = select(GroupRow.id, ExperimentRow.name).join(ExperimentRow, ExperimentRow.id == GroupRow.experiment_id)
    experiments = {row.id: row.name for row in session.execute(names.where(*conditions).order_by(GroupRow.id))}
    known = _figures(session, select(Run.id).where(Run.group_id.in_(chosen)), figures)
    members: defaultdict[str, list[Run]] = defaultdict(list)
    for run in session.scalars(select(Run).where(Run.group_id.in_(chosen)).order_by(Run.member)).unique():
        members[run.group_id or ""].append(run)
    return [
        EndedGroup(
            experiment_name=experiments[group],
            clients=_of_role(members[group], Role.CLIENT, known),
            neighbours=_of_role(members[group], Role.NEIGHBOUR, known),
        )
        for group in experiments
        if _on_instances_of_one_gpu(members[group])
    ]


def _of_role(
    members: Iterable[Run], role: Role, known: Mapping[str, Mapping[str, KnownFigure]]
) -> tuple[EndedRun, ...]:
    return tuple(
        _ended(run, row, known.get(run.id, {}))
        for run in members
        if run.role == role and (row := run.partition_row) is not None
    )


def _on_instances_of_one_gpu(members: Sequence[Run]) -> bool:
    rows = [run.partition_row for run in members if run.partition_row is not None]
    real = all(row.kind == PartitionKind.MIG and not row.simulated for row in rows)
    one_each = len({row.uuid for row in rows}) == len(members)
    return real and one_each and len({row.gpu for row in rows}) == 1 and rows[0].gpu is not None


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
    start_ns, end_ns, group = run.window_start_ns, run.window_end_ns, run.group_row
    return EndedRun(
        id=run.id,
        fingerprint=run.fingerprint,
        benchmark=run.benchmark,
        partition=Partition.model_validate(row.description),
        fits=run.state is RunState.SUCCEEDED,
        tainted=bool(run.taints),
        window_ns=None if start_ns is None or end_ns is None else (start_ns, end_ns),
        figures=figures,
        experiment=None if group is None else group.experiment_id,
        repeat=None if group is None else group.repeat,
    )
