"""Nodes and their partitions: registering, staying alive, and which partitions are free."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from migperf.errors import ConflictError, NotFoundError
from migperf.gpus.partition import Partition
from migperf.store.models import Lease, Node, PartitionRow


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
    partitions: tuple[Partition, ...]


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
    session.flush()
    store_partitions(session, registration.name, registration.partitions, now)


def heartbeat(session: Session, name: str, incarnation: str, partitions: Iterable[Partition], now: datetime) -> bool:
    """Say that the worker is alive and what it has; False if another incarnation has taken its place."""
    node = session.get_one(Node, name, with_for_update=True)
    if node.incarnation != incarnation:
        return False
    node.heartbeat_at = now
    store_partitions(session, name, partitions, now)
    return True


def sign_off(session: Session, name: str, incarnation: str, now: datetime) -> None:
    """Say that the worker has stopped of its own accord: it gets no more runs."""
    named = update(Node).where(Node.name == name, Node.incarnation == incarnation)
    session.execute(named.values(stopped_at=now))


def is_alive(node: Node, now: datetime, stale_s: float) -> bool:
    """Tell whether the node's worker has been heard of lately and has not signed off."""
    return node.stopped_at is None and node.heartbeat_at >= now - timedelta(seconds=stale_s)


def store_partitions(session: Session, node: str, partitions: Iterable[Partition], now: datetime) -> None:
    """Store what a node has now; what it no longer names is retired, not deleted: history points at it."""
    present = {partition.uuid: partition for partition in partitions}
    for uuid, partition in present.items():
        row = session.get(PartitionRow, uuid) or PartitionRow(uuid=uuid)
        row.node, row.kind, row.model = node, str(partition.kind), partition.model
        row.profile, row.simulated = partition.profile, partition.simulated
        row.description = partition.model_dump(mode="json")
        row.seen_at, row.retired_at = now, None
        session.add(row)
    gone = update(PartitionRow).where(PartitionRow.node == node, PartitionRow.retired_at.is_(None))
    session.execute(gone.where(PartitionRow.uuid.not_in(present)).values(retired_at=now))


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
    """Return the run that holds each leased partition, by the partition's UUID."""
    query = select(Lease.partition, Lease.run_id).where(Lease.released_at.is_(None))
    return dict(session.execute(query).all())


def free_partitions(session: Session, now: datetime, stale_s: float) -> Sequence[PartitionRow]:
    """Return the partitions of living nodes that no run holds."""
    leased = select(Lease.partition).where(Lease.released_at.is_(None))
    query = (
        select(PartitionRow)
        .join(Node)
        .where(
            PartitionRow.retired_at.is_(None),
            PartitionRow.uuid.not_in(leased),
            Node.stopped_at.is_(None),
            Node.heartbeat_at >= now - timedelta(seconds=stale_s),
        )
        .order_by(PartitionRow.uuid)
    )
    return session.scalars(query).all()
