"""Builders of what tests need often: a registered node, a submitted run, a run placed on a partition."""

from datetime import datetime

from sqlalchemy.orm import Session

from migperf.gpus.partition import Partition, PartitionKind
from migperf.store import leases, nodes, runs
from migperf.store.models import Lease, Run
from migperf.store.requests import RunRequest

LEASE_S = 15.0


def partition(uuid: str = "CPU-1", kind: PartitionKind = PartitionKind.CPU, **more: object) -> Partition:
    """Return a partition as a node would describe it."""
    return Partition.model_validate({"uuid": uuid, "kind": kind, "model": "a processor", **more})


def register(session: Session, now: datetime, *partitions: Partition, node: str = "node-1") -> None:
    """Register a living node with these partitions."""
    registration = nodes.Registration(
        name=node, incarnation=f"{node}-a", host="host", version="0", partitions=partitions or (partition(),)
    )
    nodes.register(session, registration, now, stale_s=20)


def submit(session: Session, now: datetime, **request: object) -> Run:
    """Submit a run of the test payload."""
    given = {"workload": "test-step", "scenario": "single_stream", **request}
    return runs.submit(session, RunRequest.model_validate(given), now)


def place(session: Session, run: Run, now: datetime, uuid: str = "CPU-1", node: str = "node-1") -> Lease:
    """Grant the run a lease."""
    return leases.grant(session, run, uuid, node, now, LEASE_S)
