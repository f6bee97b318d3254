"""Builders of what tests need often: a registered node, a submitted run, a run placed on a partition."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import Inventory
from migperf.gpus.partition import Partition, PartitionKind
from migperf.measure.software import OfferedEnvironment, Software
from migperf.store import leases, nodes, runs
from migperf.store.leases import Berth
from migperf.store.models import Lease, Run
from migperf.store.requests import RunRequest

LEASE_S = 15.0


def partition(uuid: str = "CPU-1", kind: PartitionKind = PartitionKind.CPU, **more: object) -> Partition:
    """Return a partition as a node would describe it."""
    return Partition.model_validate({"uuid": uuid, "kind": kind, "model": "a processor", **more})


def inventory(
    *partitions: Partition, gpus: tuple[Gpu, ...] = (), read_at: datetime | None = None, boot_id: str = "boot-1"
) -> Inventory:
    """Return what a node says that it has."""
    return Inventory(gpus, partitions, read_at or datetime.now(UTC), boot_id)


def environments(*usable: str, **broken: str) -> dict[str, OfferedEnvironment]:
    """Return what a node offers of software environments: usable ones, and others each with its problem."""
    software = Software(migperf_version="0", python="3.12.4", torch="2.13.0", payloads={"a-package": "1.0"})
    fit = {name: OfferedEnvironment(software=software) for name in ("default", *usable)}
    return fit | {name: OfferedEnvironment(problem=problem) for name, problem in broken.items()}


def register(
    session: Session,
    now: datetime,
    *partitions: Partition,
    node: str = "node-1",
    environments: Mapping[str, OfferedEnvironment] | None = None,
) -> None:
    """Register a living node with these partitions."""
    registration = nodes.Registration(
        name=node,
        incarnation=f"{node}-a",
        host="host",
        version="0",
        inventory=inventory(*partitions or (partition(),)),
        environments=environments or {},
    )
    nodes.register(session, registration, now, stale_s=20)


def submit(session: Session, now: datetime, **request: object) -> Run:
    """Submit a run of the test payload."""
    given = {"workload": "test-step", "scenario": "single_stream", **request}
    return runs.submit(session, RunRequest.model_validate(given), now)


def place(session: Session, run: Run, now: datetime, uuid: str = "CPU-1", node: str = "node-1") -> Lease:
    """Grant the run a lease."""
    return leases.grant(session, run, Berth(node=node, partition=uuid), now, LEASE_S)
