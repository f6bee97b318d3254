"""Nodes and their partitions: registering, staying alive, and which partitions are free."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, or_, select, update
from sqlalchemy.orm import Session

from migperf.errors import ConflictError, NotFoundError
from migperf.gpus.inventory import Inventory
from migperf.gpus.partition import Partition
from migperf.measure.software import OfferedEnvironment
from migperf.software_environment import DEFAULT
from migperf.store import gpus
from migperf.store.models import GpuRow, Lease, Node, PartitionRow

Environments = Mapping[str, OfferedEnvironment]
"""What a node offers of software environments, usable or not, by name."""


class NodeNameTakenError(ConflictError):
    """A worker of that name is alive on another host."""

    def __init__(self, name: str, host: str) -> None:
        super().__init__(f"node {name!r} is alive on host {host}; give this worker another MIGPERF_NODE_NAME")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a starting worker says of itself."""

    name: str
    incarnation: str
    host: str
    version: str
    inventory: Inventory
    environments: Environments = field(default_factory=dict)


def register(session: Session, registration: Registration, now: datetime, stale_s: float) -> None:
    """Store a worker that starts. Raises NodeNameTakenError when its name is in use on another host."""
    node = session.get(Node, registration.name, with_for_update=True)
    if node is None:
        node = Node(name=registration.name)
        session.add(node)
    elif node.host != registration.host and is_alive(node, now, stale_s):
        raise NodeNameTakenError(node.name, node.host)
    node.incarnation, node.host, node.version = registration.incarnation, registration.host, registration.version
    node.started_at = node.heartbeat_at = now
    node.stopped_at = None
    _store_environments(node, registration.environments)
    session.flush()
    store_inventory(session, registration.name, registration.inventory, now)


def heartbeat(
    session: Session,
    name: str,
    incarnation: str,
    inventory: Inventory,
    now: datetime,
    environments: Environments | None = None,
) -> bool:
    """Say that the worker is alive and what it has; False if another incarnation has taken its place.

    ``environments`` of None leaves what the node has said of them.
    """
    node = session.get_one(Node, name, with_for_update=True)
    if node.incarnation != incarnation:
        return False
    node.heartbeat_at = now
    if environments is not None:
        _store_environments(node, environments)
    store_inventory(session, name, inventory, now)
    return True


def _store_environments(node: Node, environments: Environments) -> None:
    node.environments = {name: offered.model_dump() for name, offered in environments.items()}


def environments_of(node: Node) -> dict[str, OfferedEnvironment]:
    """Return what the node has said of its software environments, the worker's own first, then by name."""
    told = node.environments or {}
    names = sorted(told, key=lambda name: (name != DEFAULT, name))
    return {name: OfferedEnvironment.model_validate(told[name]) for name in names}


def sign_off(session: Session, name: str, incarnation: str, now: datetime) -> None:
    """Say that the worker has stopped of its own accord: it gets no more runs."""
    named = update(Node).where(Node.name == name, Node.incarnation == incarnation)
    session.execute(named.values(stopped_at=now))


def is_alive(node: Node, now: datetime, stale_s: float) -> bool:
    """Tell whether the node's worker has been heard of lately and has not signed off."""
    return node.stopped_at is None and node.heartbeat_at >= now - timedelta(seconds=stale_s)


def store_inventory(session: Session, node: str, inventory: Inventory, now: datetime) -> None:
    """Store what a node has now; what it no longer names is retired, not deleted: history points at it."""
    newer = gpus.store(session, node, inventory, now)
    present = {p.uuid: p for p in inventory.partitions if p.gpu_uuid not in newer}
    for uuid, partition in present.items():
        row = session.get(PartitionRow, uuid) or PartitionRow(uuid=uuid)
        _describe(row, node, partition)
        row.seen_at, row.retired_at = now, None
        session.add(row)
    gone = update(PartitionRow).where(PartitionRow.node == node, PartitionRow.retired_at.is_(None))
    gone = gone.where(
        PartitionRow.uuid.not_in(present), or_(PartitionRow.gpu.is_(None), PartitionRow.gpu.not_in(newer))
    )
    session.execute(gone.values(retired_at=now))


def store_share(session: Session, node: str, share: Partition, now: datetime) -> None:
    """Store what a run of a group has of a device. It is retired from the beginning, so nothing else is put on it."""
    row = session.get(PartitionRow, share.uuid) or PartitionRow(uuid=share.uuid)
    _describe(row, node, share)
    row.seen_at, row.retired_at = now, now
    session.add(row)
    session.flush()


def _describe(row: PartitionRow, node: str, partition: Partition) -> None:
    row.node, row.kind, row.model = node, str(partition.kind), partition.model
    row.profile, row.gpu, row.simulated = partition.profile, partition.gpu_uuid, partition.simulated
    row.description = partition.model_dump(mode="json")


def list_partitions(session: Session) -> Sequence[PartitionRow]:
    """Return every partition that is there now, node by node."""
    query = select(PartitionRow).where(PartitionRow.retired_at.is_(None))
    return session.scalars(query.order_by(PartitionRow.node, PartitionRow.uuid)).all()


def get_partition(session: Session, uuid: str) -> PartitionRow:
    """Return the partition, retired or not. Raises NotFoundError."""
    row = session.get(PartitionRow, uuid)
    if row is None:
        raise NotFoundError("partition", uuid)
    return row


def list_nodes(session: Session) -> Sequence[Node]:
    """Return every node by name."""
    return session.scalars(select(Node).order_by(Node.name)).all()


def leased_runs(session: Session) -> dict[str, str]:
    """Return the run that holds each leased partition, by the partition's UUID.

    A device that is held whole is not among them: whoever cuts a GPU for a run holds it so.
    """
    query = select(Lease.partition, Lease.run_id).where(Lease.released_at.is_(None))
    return {partition: run for partition, run in session.execute(query) if partition and run}


def runs_in_the_way(session: Session) -> dict[str, str]:
    """Return the run on each leased partition, and on each device that is held whole, by UUID: for people.

    Of a device that runs of a group share, it is the one placed last.
    """
    query = select(Lease.partition, Lease.device, Lease.exclusive, Lease.run_id).where(Lease.released_at.is_(None))
    held: dict[str, str] = {}
    for partition, device, exclusive, run in session.execute(query.order_by(Lease.id)):
        held |= {uuid: run for uuid in (partition, device if exclusive else None) if uuid and run}
    return held


@dataclass(frozen=True, slots=True)
class Occupied:
    """What an active lease holds, and where."""

    node: str
    partition: str | None
    gpu: str | None
    device: str | None
    run: str | None
    closes_gpu: bool
    """Nothing new may be put on the GPU: it is held whole, or its layout is being changed."""


def occupied(session: Session) -> Sequence[Occupied]:
    """Return what every active lease holds."""
    query = select(Lease).where(Lease.released_at.is_(None))
    return [
        Occupied(
            held.node, held.partition, held.gpu, held.device, held.run_id, held.exclusive or held.change_id is not None
        )
        for held in session.scalars(query)
    ]


def offered_partitions(session: Session, now: datetime, stale_s: float) -> Sequence[PartitionRow]:
    """Return the partitions of living nodes, held or not; CPUs last, for whoever does not care gets a GPU."""
    query = select(PartitionRow).join(Node).where(PartitionRow.retired_at.is_(None), *_living(now, stale_s))
    cpus_last = case((PartitionRow.kind == "cpu", 1), else_=0)
    return session.scalars(query.order_by(cpus_last, PartitionRow.uuid)).all()


def offered_gpus(session: Session, now: datetime, stale_s: float) -> Sequence[GpuRow]:
    """Return the GPUs of living nodes."""
    query = select(GpuRow).join(Node, GpuRow.node == Node.name)
    query = query.where(GpuRow.retired_at.is_(None), *_living(now, stale_s))
    return session.scalars(query.order_by(GpuRow.uuid)).all()


def usable_environments(session: Session, now: datetime, stale_s: float) -> dict[str, frozenset[str]]:
    """Return the software environments that runs can be put in beside the worker's own, by living node."""
    living = session.scalars(select(Node).where(*_living(now, stale_s)))
    return {
        node.name: frozenset(name for name, offered in environments_of(node).items() if offered.problem is None)
        for node in living
    }


def _living(now: datetime, stale_s: float) -> tuple[ColumnElement[bool], ...]:
    return Node.stopped_at.is_(None), Node.heartbeat_at >= now - timedelta(seconds=stale_s)
