"""What a simulated host remembers: its GPUs, how they are cut, and what runs on them. Plain values, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import NAMESPACE_URL, UUID, uuid5

from migperf.gpus.driver import XidEvent
from migperf.gpus.placement import Placement

XIDS_KEPT = 64
_NAMESPACE = uuid5(NAMESPACE_URL, "migperf:simulated-gpus")


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuInstance:
    """A GPU instance. ``serial`` is the host's revision at its creation: no other instance ever has it."""

    serial: int
    id: int
    profile_id: int
    placement: Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeInstance:
    """A compute instance, which is a MIG device; the placement is in compute slices of its GPU instance."""

    serial: int
    id: int
    gpu_instance_id: int
    profile_id: int
    placement: Placement
    uuid: str
    device_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that was declared to use a GPU or MIG device: there need not be any such process."""

    pid: int
    name: str
    device_uuid: str
    used_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU. ``board`` is a key of ``boards.BOARDS``."""

    board: str
    uuid: str
    mig: bool = False
    mig_pending: bool = False
    lost: bool = False
    gpu_instances: tuple[GpuInstance, ...] = ()
    compute_instances: tuple[ComputeInstance, ...] = ()

    def device_uuids(self) -> frozenset[str]:
        """Return its own UUID and those of its MIG devices."""
        return frozenset((self.uuid, *(instance.uuid for instance in self.compute_instances)))

    def uncut(self) -> "Gpu":
        """Return it without instances."""
        return replace(self, gpu_instances=(), compute_instances=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A simulated host. ``revision`` counts the changes of MIG modes and instances; it never goes back.

    ``xids`` are the last errors reported on its GPUs, ``xid_count`` is how many there ever were.
    """

    identity: str
    boots: int = 1
    revision: int = 0
    gpus: tuple[Gpu, ...] = ()
    processes: tuple[Process, ...] = ()
    xids: tuple[XidEvent, ...] = ()
    xid_count: int = 0

    def with_gpu(self, gpu: Gpu) -> "Host":
        """Return it with the GPU of the same UUID replaced."""
        return replace(self, gpus=tuple(gpu if old.uuid == gpu.uuid else old for old in self.gpus))

    def with_xid(self, event: XidEvent) -> "Host":
        """Return it with one more error."""
        return replace(self, xids=(*self.xids, event)[-XIDS_KEPT:], xid_count=self.xid_count + 1)

    def processes_on(self, device_uuids: frozenset[str]) -> tuple[Process, ...]:
        """Return the processes on any of these devices."""
        return tuple(process for process in self.processes if process.device_uuid in device_uuids)


def fresh_host(identity: str, boards: Sequence[str]) -> Host:
    """Return a host with these boards (keys), just booted, MIG off. Equal arguments give equal UUIDs."""
    return Host(
        identity=identity,
        gpus=tuple(
            Gpu(board=board, uuid=f"GPU-{_uuid(identity, 'gpu', index, board)}") for index, board in enumerate(boards)
        ),
    )


def refitted(host: Host, boards: Sequence[str]) -> Host:
    """Return the host with these boards: a GPU whose place and board are as before keeps all that it had."""
    old = {gpu.uuid: gpu for gpu in host.gpus}
    gpus = tuple(old.get(new.uuid, new) for new in fresh_host(host.identity, boards).gpus)
    known = frozenset[str]().union(*(gpu.device_uuids() for gpu in gpus))
    return replace(host, gpus=gpus, processes=host.processes_on(known))


def mig_uuid(gpu_uuid: str, serial: int) -> str:
    """Return the UUID of the MIG device that was created with this serial."""
    return f"MIG-{_uuid(gpu_uuid, 'mig', serial)}"


def boot_id(host: Host) -> str:
    """Return what is different after each boot."""
    return str(_uuid(host.identity, "boot", host.boots))


def _uuid(*parts: object) -> UUID:
    return uuid5(_NAMESPACE, "/".join(map(str, parts)))
