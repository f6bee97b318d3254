"""The devices of living nodes that an experiment could be measured on, and how long its runs took before."""

from collections.abc import Callable, Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from migperf.errors import ConflictError
from migperf.experiments.target import Target
from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.selector import Selector
from migperf.store import gpus, nodes
from migperf.store.models import Run
from migperf.store.states import RunState

LATEST = 5
"""So many earlier runs of a benchmark say how long the next one will take."""


class NoSuchDeviceError(ConflictError):
    """No living node has a device as the experiment wants it."""


def target_for(session: Session, where: Selector, now: datetime, stale_s: float) -> Target:
    """Return the device that an experiment is worked out for: the first GPU that suits, else the first CPU.

    Raises NoSuchDeviceError.
    """
    found = next(_candidates(session, where, now, stale_s), None)
    if found is None:
        conditions = ", ".join(f"{name}={value}" for name, value in where.model_dump(exclude_defaults=True).items())
        wanted = f"a device with {conditions}" if conditions else "any device"
        raise NoSuchDeviceError(f"no living node has {wanted}; start a worker there, or select another by `where`")
    return found


def durations(session: Session) -> Callable[[str], float | None]:
    """Return what tells how long runs of a fingerprint took lately: the median, seconds; None where there are none."""

    def seen(fingerprint: str) -> float | None:
        query = select(Run.started_at, Run.finished_at).where(
            Run.fingerprint == fingerprint, Run.state == RunState.SUCCEEDED
        )
        rows = session.execute(query.order_by(Run.id.desc()).limit(LATEST)).all()
        took_s = sorted((row.finished_at - row.started_at).total_seconds() for row in rows if row.started_at)
        return took_s[len(took_s) // 2] if took_s else None

    return seen


def _candidates(session: Session, where: Selector, now: datetime, stale_s: float) -> Iterator[Target]:
    if where.kind not in (PartitionKind.CPU, PartitionKind.CPU_SHARE):
        for row in nodes.offered_gpus(session, now, stale_s):
            gpu = gpus.describe(row)
            if gpu.problem is None and where.matches_gpu(gpu, row.node):
                yield Target(gpu=gpu)
    for place in nodes.offered_partitions(session, now, stale_s):
        partition = Partition.model_validate(place.description)
        if (
            partition.kind is PartitionKind.CPU
            and where.kind in (None, PartitionKind.CPU)
            and where.matches(partition, place.node)
        ):
            yield Target(cpu=partition)
