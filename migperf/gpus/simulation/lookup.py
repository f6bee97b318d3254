"""What a handle stands for now, or the error that a driver answers with. Pure functions of a host's state."""

from dataclasses import dataclass, replace

from migperf.gpus.driver import Device
from migperf.gpus.nvml_errors import (
    GpuLostError,
    NvmlInvalidArgumentError,
    NvmlNotFoundError,
    NvmlNotSupportedError,
)
from migperf.gpus.simulation.board import Board, BoardProfile
from migperf.gpus.simulation.boards import board_named
from migperf.gpus.simulation.gpu_cuts import profile_of
from migperf.gpus.simulation.handles import GpuHandle, InstanceHandle, MigHandle
from migperf.gpus.simulation.state import ComputeInstance, Gpu, GpuInstance, Host, Process

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """A GPU of a host, and the MIG device of it if the handle was of one."""

    host: Host
    gpu: Gpu
    board: Board
    mig: ComputeInstance | None = None

    @property
    def uuid(self) -> str:
        """The UUID of the MIG device or GPU."""
        return self.gpu.uuid if self.mig is None else self.mig.uuid

    def gpu_instance(self, instance_id: int, call: str) -> GpuInstance:
        """Return a GPU instance of the GPU by its id. Raises NvmlNotFoundError."""
        for instance in self.gpu.gpu_instances:
            if instance.id == instance_id:
                return instance
        raise NvmlNotFoundError(call, f"GPU instance {instance_id} of {self.gpu.uuid}")

    def profile_around(self, compute: ComputeInstance) -> BoardProfile:
        """Return the profile of the GPU instance that a compute instance is a part of."""
        return self.profile(self.gpu_instance(compute.gpu_instance_id, "nvmlDeviceGetGpuInstanceById"))

    def profile(self, instance: GpuInstance) -> BoardProfile:
        """Return the profile of a GPU instance."""
        return profile_of(self.board, instance.profile_id, "nvmlGpuInstanceGetInfo")

    def memory_bytes(self) -> int:
        """Return the memory of the GPU, or of the GPU instance that the MIG device is a part of."""
        memory_mib = self.board.memory_mib if self.mig is None else self.profile_around(self.mig).memory_mib
        return memory_mib * _MIB

    def used_bytes(self) -> int:
        """Return what the processes use that share this memory: those of the whole GPU, or GPU instance."""
        return sum(process.used_bytes for process in self.host.processes_on(self._sharing_memory()))

    def users(self) -> tuple[Process, ...]:
        """Return the processes on the MIG device, or on the GPU and everything cut out of it."""
        devices = self.gpu.device_uuids() if self.mig is None else frozenset((self.mig.uuid,))
        return self.host.processes_on(devices)

    def _sharing_memory(self) -> frozenset[str]:
        if self.mig is None:
            return self.gpu.device_uuids()
        instance = self.mig.gpu_instance_id
        return frozenset(other.uuid for other in self.gpu.compute_instances if other.gpu_instance_id == instance)


def gpu_with(host: Host, call: str, uuid: str) -> Found:
    """Return a GPU. Raises GpuLostError if it is off the bus, NvmlInvalidArgumentError if there is none."""
    for gpu in host.gpus:
        if gpu.uuid == uuid:
            if gpu.lost:
                raise GpuLostError(call, uuid)
            return Found(host, gpu, board_named(gpu.board))
    raise NvmlInvalidArgumentError(call, uuid)


def device(host: Host, call: str, handle: Device) -> Found:
    """Return a GPU or MIG device. Raises GpuLostError; NvmlInvalidArgumentError if it does not exist any more."""
    if isinstance(handle, GpuHandle):
        return gpu_with(host, call, handle.uuid)
    if isinstance(handle, MigHandle):
        found = gpu_with(host, call, handle.gpu_uuid)
        for compute in found.gpu.compute_instances:
            if compute.uuid == handle.uuid:
                return replace(found, mig=compute)
    raise NvmlInvalidArgumentError(call, str(handle))


def device_named(host: Host, call: str, uuid: str) -> Found:
    """Return a GPU or MIG device by its UUID, in any form. Raises NvmlNotFoundError, GpuLostError."""
    for gpu in host.gpus:
        if uuid == gpu.uuid:
            return gpu_with(host, call, uuid)
        for compute in gpu.compute_instances:
            if uuid in (compute.uuid, f"MIG-{gpu.uuid}/{compute.gpu_instance_id}/{compute.id}"):
                return replace(gpu_with(host, call, gpu.uuid), mig=compute)
    raise NvmlNotFoundError(call, uuid)


def whole_gpu(host: Host, call: str, handle: Device) -> Found:
    """Return a GPU; a MIG device is no valid argument."""
    found = device(host, call, handle)
    if found.mig is not None:
        raise NvmlInvalidArgumentError(call, found.uuid)
    return found


def uncut(host: Host, call: str, handle: Device) -> Found:
    """Return a GPU that has MIG off; NvmlNotSupportedError for anything else."""
    found = device(host, call, handle)
    if found.gpu.mig:
        raise NvmlNotSupportedError(call, found.uuid)
    return found


def mig_gpu(host: Host, call: str, handle: Device) -> Found:
    """Return a GPU that has MIG on; NvmlNotSupportedError if it hasn't."""
    found = whole_gpu(host, call, handle)
    if not found.gpu.mig:
        raise NvmlNotSupportedError(call, found.uuid)
    return found


def mig_device(host: Host, call: str, handle: Device) -> tuple[Found, ComputeInstance]:
    """Return a MIG device; a GPU is no valid argument."""
    found = device(host, call, handle)
    if found.mig is None:
        raise NvmlInvalidArgumentError(call, found.uuid)
    return found, found.mig


def gpu_instance(host: Host, call: str, handle: object) -> tuple[Found, GpuInstance]:
    """Return a GPU instance. Raises GpuLostError; NvmlInvalidArgumentError if it does not exist any more."""
    if isinstance(handle, InstanceHandle):
        found = gpu_with(host, call, handle.gpu_uuid)
        for instance in found.gpu.gpu_instances:
            if instance.serial == handle.serial:
                return found, instance
    raise NvmlInvalidArgumentError(call, str(handle))


def compute_instance(host: Host, call: str, handle: object) -> tuple[Found, ComputeInstance]:
    """Return a compute instance. Raises GpuLostError; NvmlInvalidArgumentError if it does not exist any more."""
    if isinstance(handle, InstanceHandle):
        found = gpu_with(host, call, handle.gpu_uuid)
        for compute in found.gpu.compute_instances:
            if compute.serial == handle.serial:
                return found, compute
    raise NvmlInvalidArgumentError(call, str(handle))
