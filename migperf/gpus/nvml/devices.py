"""NVML's calls on the system and on single GPUs, or MIG devices: identity, memory, processes.

Needs R510 for the memory (version 2 of the structure: version 1 counts what the driver reserves as used, and the
difference cannot be told afterwards); lists processes with R470's call where R510's is missing.
"""

from collections.abc import Callable
from itertools import chain

import pynvml  # type: ignore[import-untyped]

from migperf.gpus.driver import Architecture, Bank, Device, GpuProcess, Memory
from migperf.gpus.nvml.calls import UNKNOWN_32, UNKNOWN_64, NvmlCalls, text
from migperf.gpus.nvml.memory_bank import MemoryBank
from migperf.gpus.nvml_errors import NvmlFunctionNotFoundError, NvmlNotSupportedError


class DeviceCalls(NvmlCalls):
    """The groups "the system" and "a GPU, or a MIG device" of the Driver protocol."""

    def driver_version(self) -> str:
        """``nvmlSystemGetDriverVersion``."""
        return text(self._call(pynvml.nvmlSystemGetDriverVersion))

    def cuda_version(self) -> str:
        """``nvmlSystemGetCudaDriverVersion_v2``: 13000 there is 13.0 here."""
        version = self._call(pynvml.nvmlSystemGetCudaDriverVersion_v2)
        return f"{version // 1000}.{version % 1000 // 10}"

    def device_count(self) -> int:
        """``nvmlDeviceGetCount_v2``."""
        return int(self._call(pynvml.nvmlDeviceGetCount))

    def device_by_index(self, index: int) -> Device:
        """``nvmlDeviceGetHandleByIndex_v2``."""
        return Device(self._call(pynvml.nvmlDeviceGetHandleByIndex, index))

    def device_by_uuid(self, uuid: str) -> Device:
        """``nvmlDeviceGetHandleByUUID``."""
        return Device(self._call(pynvml.nvmlDeviceGetHandleByUUID, uuid))

    def process_name(self, pid: int) -> str:
        """``nvmlSystemGetProcessName``."""
        return text(self._call(pynvml.nvmlSystemGetProcessName, pid))

    def uuid(self, device: Device) -> str:
        """``nvmlDeviceGetUUID``."""
        uuid = text(self._call(pynvml.nvmlDeviceGetUUID, device))
        self._remember(device, uuid)
        return uuid

    def name(self, device: Device) -> str:
        """``nvmlDeviceGetName``."""
        return text(self._call(pynvml.nvmlDeviceGetName, device))

    def architecture(self, device: Device) -> Architecture:
        """``nvmlDeviceGetArchitecture``."""
        number = self._call(pynvml.nvmlDeviceGetArchitecture, device)
        try:
            return Architecture(number)
        except ValueError:
            return Architecture.UNKNOWN

    def compute_capability(self, device: Device) -> tuple[int, int]:
        """``nvmlDeviceGetCudaComputeCapability``."""
        major, minor = self._call(pynvml.nvmlDeviceGetCudaComputeCapability, device)
        return major, minor

    def core_count(self, device: Device) -> int:
        """``nvmlDeviceGetNumGpuCores``."""
        return int(self._call(pynvml.nvmlDeviceGetNumGpuCores, device))

    def pci_bus_id(self, device: Device) -> str:
        """``nvmlDeviceGetPciInfo_v3``."""
        return text(self._call(pynvml.nvmlDeviceGetPciInfo_v3, device).busId)

    def memory(self, device: Device) -> Memory:
        """``nvmlDeviceGetMemoryInfo_v2``. NvmlFunctionNotFoundError before R510."""
        info = self._call(pynvml.nvmlDeviceGetMemoryInfo, device, pynvml.nvmlMemory_v2)
        told = info.total, info.reserved, info.free, info.used
        if UNKNOWN_64 in told:
            raise self._no_data("nvmlDeviceGetMemoryInfo", device)
        return Memory(*told)

    def memory_bank(self, slots: int) -> Bank:
        """Return a bank that calls the library itself. NvmlFunctionNotFoundError before R510."""
        return MemoryBank(self, slots)

    def compute_processes(self, device: Device) -> tuple[GpuProcess, ...]:
        """``nvmlDeviceGetComputeRunningProcesses`` and …MPSComputeRunningProcesses, v3 or v2.

        A process that has contexts in two instances is listed once for each.
        """
        plain = self._processes(
            device, pynvml.nvmlDeviceGetComputeRunningProcesses_v3, pynvml.nvmlDeviceGetComputeRunningProcesses_v2
        )
        processes = {(p.pid, p.gpu_instance_id, p.compute_instance_id): p for p in chain(self._mps(device), plain)}
        return tuple(processes.values())

    def _mps(self, device: Device) -> tuple[GpuProcess, ...]:
        """Clients of an MPS server; none where the board or the driver cannot list them."""
        try:
            return self._processes(
                device,
                pynvml.nvmlDeviceGetMPSComputeRunningProcesses_v3,
                pynvml.nvmlDeviceGetMPSComputeRunningProcesses_v2,
            )
        except (NvmlNotSupportedError, NvmlFunctionNotFoundError):
            return ()

    def _processes(
        self, device: Device, newer: Callable[..., list[object]], older: Callable[..., list[object]]
    ) -> tuple[GpuProcess, ...]:
        try:
            return tuple(map(_process, self._call(newer, device)))
        except NvmlFunctionNotFoundError:
            return tuple(map(_process, self._call(older, device)))


def _process(entry: pynvml.nvmlFriendlyObject) -> GpuProcess:
    """Translate one entry; pynvml has already made None of a memory figure that is not available."""
    return GpuProcess(
        pid=entry.pid,
        used_bytes=entry.usedGpuMemory,
        gpu_instance_id=instance_id(entry.gpuInstanceId),
        compute_instance_id=instance_id(entry.computeInstanceId),
    )


def instance_id(given: int) -> int | None:
    """Return the id of an instance, None for what stands for no instance."""
    return None if given == UNKNOWN_32 else given
