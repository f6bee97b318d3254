"""Who uses a GPU: the processes with a compute context on it, by the partition that each is on."""

from collections.abc import Iterator
from dataclasses import dataclass

from migperf.gpus.driver import Driver, GpuProcess
from migperf.gpus.gpu import Gpu
from migperf.gpus.nvml_errors import NvmlError, NvmlNoPermissionError


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuUser:
    """A process on a partition. ``used_bytes`` is its memory on the device where the driver tells."""

    partition: str
    pid: int
    name: str | None
    used_bytes: int | None

    def __str__(self) -> str:
        name = f" ({self.name})" if self.name else ""
        return f"process {self.pid}{name} uses {self.partition}"


def users_of(driver: Driver, gpu: Gpu) -> tuple[GpuUser, ...]:
    """Return the processes on a GPU and its instances. Raises NvmlError where the driver does not say.

    With MIG on, the GPU itself lists everything to whoever may see it (capability mig/monitor); others are told by
    each instance that they can see.
    """
    return tuple(_user(driver, partition, process) for partition, process in _processes(driver, gpu))


def users_of_partition(driver: Driver, uuid: str) -> tuple[GpuUser, ...]:
    """Return the processes on one partition, a whole GPU or a MIG device. Raises NvmlError as ``users_of`` does."""
    processes = driver.compute_processes(driver.device_by_uuid(uuid))
    return tuple(_user(driver, uuid, process) for process in processes)


def _processes(driver: Driver, gpu: Gpu) -> Iterator[tuple[str, GpuProcess]]:
    uuids: dict[tuple[int | None, int | None], str] = {
        (i.id, c.id): c.uuid for i in gpu.instances for c in i.compute_instances
    }
    try:
        processes = driver.compute_processes(driver.device_by_uuid(gpu.uuid))
    except NvmlNoPermissionError:
        for uuid in uuids.values():
            yield from ((uuid, process) for process in driver.compute_processes(driver.device_by_uuid(uuid)))
        return
    for process in processes:
        yield uuids.get((process.gpu_instance_id, process.compute_instance_id), gpu.uuid), process


def _user(driver: Driver, partition: str, process: GpuProcess) -> GpuUser:
    return GpuUser(partition=partition, pid=process.pid, name=_name(driver, process.pid), used_bytes=process.used_bytes)


def _name(driver: Driver, pid: int) -> str | None:
    try:
        return driver.process_name(pid)
    except NvmlError:
        return None
