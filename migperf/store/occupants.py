"""Which runs have which devices now, and what their series have shown lately: for whoever looks at all of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from migperf.gpus.partition import Partition
from migperf.metrics.series import Chunk, Gap
from migperf.store.models import Lease, PartitionRow, Run, SeriesChunk
from migperf.store.series_heads import SeriesHead, heads_of
from migperf.store.series_reading import gaps, read
from migperf.store.states import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupant:
    """A run that has a device or a part of one. ``partition`` is None while its GPU is being cut for it."""

    run_id: str
    workload: str
    scenario: str
    state: RunState
    phase: str | None
    progress: float
    device: str
    """UUID of the GPU, or of the CPU, that it has or that its partition is a part of."""
    partition: Partition | None


@dataclass(frozen=True, slots=True)
class Lately:
    """The last samples of a series, and its gaps among them; times are ns since the run's clock zero."""

    head: SeriesHead
    chunk: Chunk
    gaps: tuple[Gap, ...]
    end_ns: int
    """When the last sample was taken."""


_RUN = (Run.id, Run.workload, Run.scenario, Run.state, Run.phase, Run.progress)


def occupants(session: Session) -> Sequence[Occupant]:
    """Return the run of every active lease, in the order in which they were granted."""
    of_partition = (PartitionRow.gpu.label("cut_from"), PartitionRow.description)
    query = select(*_RUN, Lease.gpu, Lease.device, Lease.partition, *of_partition)
    query = query.join(Run, Run.id == Lease.run_id).outerjoin(PartitionRow, PartitionRow.uuid == Lease.partition)
    return [
        Occupant(
            run_id=row.id,
            workload=row.workload,
            scenario=row.scenario,
            state=row.state,
            phase=row.phase,
            progress=row.progress,
            device=row.gpu or row.cut_from or row.device or row.partition,
            partition=None if row.description is None else Partition.model_validate(row.description),
        )
        for row in session.execute(query.where(Lease.released_at.is_(None)).order_by(Lease.id))
    ]


def lately(session: Session, wanted: Mapping[str, Sequence[str]], span_ns: int, most: int) -> Mapping[str, Lately]:
    """Return the last samples of one series of each run, by the run's id; runs without any are left out.

    ``wanted`` names the series of each run that will do, the one that is wanted most first; at most ``most`` are read.
    """
    found = heads_of(session, wanted, {name for names in wanted.values() for name in names})
    ends = _ends(session, [head.id for heads in found.values() for head in heads.values()])
    sampled = {run: {name: head for name, head in heads.items() if head.id in ends} for run, heads in found.items()}
    chosen = {run: next((sampled[run][n] for n in wanted[run] if n in sampled[run]), None) for run in sampled}
    read_from = [(run, head) for run, head in chosen.items() if head is not None][:most]
    return {run: _last(session, head, ends[head.id], span_ns) for run, head in read_from}


def _ends(session: Session, series_ids: Collection[int]) -> Mapping[int, int]:
    """Return when the last sample of each series was taken that has any."""
    query = select(SeriesChunk.series_id, func.max(SeriesChunk.last_ns)).where(SeriesChunk.series_id.in_(series_ids))
    return {row[0]: row[1] for row in session.execute(query.group_by(SeriesChunk.series_id))}


def _last(session: Session, head: SeriesHead, end_ns: int, span_ns: int) -> Lately:
    start_ns = end_ns - span_ns
    return Lately(head, read(session, head.id, start_ns), gaps(session, head.id, start_ns), end_ns)
