"""Which runs have which devices now, and what their series have shown lately: for whoever looks at all of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from migperf.gpus.partition import Partition
from migperf.metrics.series import Chunk, Gap
from migperf.store.chunk_rows import in_order
from migperf.store.chunks import decode
from migperf.store.models import Lease, PartitionRow, Run, SeriesChunk, SeriesGap
from migperf.store.series_heads import SeriesHead, heads_of
from migperf.store.series_reading import gap_of
from migperf.store.series_spans import Span, encoded_by_series
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
    if not wanted:
        return {}
    found = heads_of(session, wanted, {name for names in wanted.values() for name in names})
    ends = _ends(session, [head.id for heads in found.values() for head in heads.values()])
    sampled = {run: {name: head for name, head in heads.items() if head.id in ends} for run, heads in found.items()}
    chosen = {run: next((sampled[run][n] for n in wanted[run] if n in sampled[run]), None) for run in sampled}
    read_from = dict([(run, head) for run, head in chosen.items() if head is not None][:most])
    return _last(session, read_from, ends, span_ns) if read_from else {}


def _ends(session: Session, series_ids: Collection[int]) -> Mapping[int, int]:
    """Return when the last sample of each series was taken that has any."""
    query = select(SeriesChunk.series_id, func.max(SeriesChunk.last_ns)).where(SeriesChunk.series_id.in_(series_ids))
    return {row[0]: row[1] for row in session.execute(query.group_by(SeriesChunk.series_id))}


def _last(
    session: Session, heads: Mapping[str, SeriesHead], ends: Mapping[int, int], span_ns: int
) -> Mapping[str, Lately]:
    """Return what the series have from a span before their ends on, by the runs that they are of; in two statements."""
    begins = {head.id: ends[head.id] - span_ns for head in heads.values()}
    chunks = encoded_by_series(session, or_(*(_chunks_since(*begin) for begin in begins.items())))
    gaps = _gaps(session, begins)
    return {
        run: Lately(
            head=head,
            chunk=Span(begins[head.id], None).cut(in_order(decode(chunks.get(head.id, [])))),
            gaps=tuple(gaps.get(head.id, ())),
            end_ns=ends[head.id],
        )
        for run, head in heads.items()
    }


def _chunks_since(series_id: int, begin_ns: int) -> ColumnElement[bool]:
    return and_(SeriesChunk.series_id == series_id, Span(begin_ns, None).touches())


def _gaps(session: Session, begins: Mapping[int, int]) -> Mapping[int, Sequence[Gap]]:
    """Return the gaps of each series that were not over when what is read of it begins, in order."""
    not_over = (
        and_(SeriesGap.series_id == series_id, or_(SeriesGap.end_ns.is_(None), SeriesGap.end_ns >= begin_ns))
        for series_id, begin_ns in begins.items()
    )
    found: dict[int, list[Gap]] = {}
    for row in session.scalars(select(SeriesGap).where(or_(*not_over)).order_by(SeriesGap.start_ns)):
        found.setdefault(row.series_id, []).append(gap_of(row))
    return found
