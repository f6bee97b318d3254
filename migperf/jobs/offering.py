"""What a placement pass can give: the partitions and GPUs of living nodes, and what is held of them."""

from collections import defaultdict
from datetime import datetime

from sqlalchemy.orm import Session

from migperf.gpus.layout import Layout
from migperf.gpus.partition import Partition
from migperf.jobs.placement import Free, Offer, OfferedGpu
from migperf.store import gpus, nodes
from migperf.store.models import PartitionRow
from migperf.store.queue import layouts_wanted


def read_offer(session: Session, now: datetime, stale_s: float) -> Offer:
    """Return the offer as it is in this transaction."""
    held: dict[str | None, set[str]] = defaultdict(set)
    closed: set[str | None] = set()
    devices: set[str | None] = set()
    for lease in nodes.occupied(session):
        held[lease.gpu].update(() if lease.partition is None else (lease.partition,))
        devices.add(lease.device)
        closed.update((lease.gpu,) if lease.closes_gpu else ())
    taken = frozenset(devices).union(*held.values())
    places = [_place(row) for row in nodes.offered_partitions(session, now, stale_s)]
    return Offer(
        free=tuple(place for place in places if place.partition.uuid not in taken),
        held=tuple(place for place in places if place.partition.uuid in taken),
        gpus=tuple(
            OfferedGpu(
                gpu=gpus.describe(row),
                node=row.node,
                held=frozenset(held[row.uuid]),
                closed=row.uuid in closed,
                restore=None if row.restore_layout is None else Layout.parse(row.restore_layout),
            )
            for row in nodes.offered_gpus(session, now, stale_s)
        ),
        layouts_wanted=layouts_wanted(session),
        environments=nodes.usable_environments(session, now, stale_s),
    )


def _place(row: PartitionRow) -> Free:
    return Free(Partition.model_validate(row.description), row.node)
