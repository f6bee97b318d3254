"""NVML's calls on MIG mode and MIG devices, and the events that tell of a changed configuration."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pynvml  # type: ignore[import-untyped]

from migperf.gpus.driver import Device, MigAttributes, MigChanges, MigMode
from migperf.gpus.nvml.devices import DeviceCalls
from migperf.gpus.nvml.events import EventSet
from migperf.gpus.nvml_errors import GpuLostError, NvmlError, NvmlNotSupportedError, nvml_error


class MigCalls(DeviceCalls):
    """The group "MIG mode" of the Driver protocol."""

    def mig_mode(self, device: Device) -> MigMode:
        """``nvmlDeviceGetMigMode``."""
        current, pending = self._call(pynvml.nvmlDeviceGetMigMode, device)
        return MigMode(current=bool(current), pending=bool(pending))

    def set_mig_mode(self, device: Device, *, enabled: bool) -> NvmlError | None:
        """``nvmlDeviceSetMigMode``. It succeeds also where the mode does not become active: the status tells."""
        on = self._describe(device)
        status = self._call(pynvml.nvmlDeviceSetMigMode, device, int(enabled))
        self._forget()
        return None if status == pynvml.NVML_SUCCESS else nvml_error(status, "nvmlDeviceSetMigMode", on)

    def max_mig_device_count(self, device: Device) -> int:
        """``nvmlDeviceGetMaxMigDeviceCount``."""
        return int(self._call(pynvml.nvmlDeviceGetMaxMigDeviceCount, device))

    def mig_device_by_index(self, device: Device, index: int) -> Device:
        """``nvmlDeviceGetMigDeviceHandleByIndex``."""
        return Device(self._call(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, device, index))

    def is_mig_device(self, device: Device) -> bool:
        """``nvmlDeviceIsMigDeviceHandle``."""
        return bool(self._call(pynvml.nvmlDeviceIsMigDeviceHandle, device).value)

    def parent_of(self, mig_device: Device) -> Device:
        """``nvmlDeviceGetDeviceHandleFromMigDeviceHandle``."""
        return Device(self._call(pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle, mig_device))

    def gpu_instance_id_of(self, mig_device: Device) -> int:
        """``nvmlDeviceGetGpuInstanceId``."""
        return int(self._call(pynvml.nvmlDeviceGetGpuInstanceId, mig_device))

    def compute_instance_id_of(self, mig_device: Device) -> int:
        """``nvmlDeviceGetComputeInstanceId``."""
        return int(self._call(pynvml.nvmlDeviceGetComputeInstanceId, mig_device))

    def mig_attributes(self, mig_device: Device) -> MigAttributes:
        """``nvmlDeviceGetAttributes_v2``."""
        attributes = self._call(pynvml.nvmlDeviceGetAttributes_v2, mig_device)
        return MigAttributes(
            sm_count=attributes.multiprocessorCount,
            gpu_instance_slices=attributes.gpuInstanceSliceCount,
            compute_instance_slices=attributes.computeInstanceSliceCount,
            memory_mib=attributes.memorySizeMB,
        )

    @contextmanager
    def mig_changes(self) -> Iterator[MigChanges]:
        """``nvmlEventSetCreate``, …RegisterEvents for every GPU that can tell, …Free. Lost GPUs are left out."""
        changes = _Changes(self)
        try:
            for index in range(self.device_count()):
                with suppress(GpuLostError, NvmlNotSupportedError):
                    changes.watch(self.device_by_index(index))
            yield changes
        finally:
            changes.free()


class _Changes:
    """Changes of the MIG configuration of the GPUs that are registered."""

    def __init__(self, nvml: MigCalls) -> None:
        self._call = nvml._call
        self._events = EventSet(nvml)
        self.free = self._events.free

    def watch(self, gpu: Device) -> None:
        """Register a GPU, if it tells of such changes."""
        if self._call(pynvml.nvmlDeviceGetSupportedEventTypes, gpu) & pynvml.nvmlEventMigConfigChange:
            self._events.register(gpu, pynvml.nvmlEventMigConfigChange)

    def wait(self, timeout_s: float) -> bool:
        """``nvmlEventSetWait_v2``."""
        return self._events.wait(timeout_s) is not None
