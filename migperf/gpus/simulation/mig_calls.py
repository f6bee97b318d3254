"""The calls about MIG mode, and from GPUs to MIG devices and back."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from migperf.gpus.driver import Device, MigChanges, MigMode
from migperf.gpus.nvml_errors import NvmlError, NvmlInvalidArgumentError, NvmlNotFoundError, NvmlNotSupportedError
from migperf.gpus.simulation import lookup, mig_mode
from migperf.gpus.simulation.core import SimulatedCore
from migperf.gpus.simulation.handles import GpuHandle, MigHandle
from migperf.gpus.simulation.lookup import Found
from migperf.gpus.simulation.state import ComputeInstance, Gpu, Host

POLL_S = 0.1
"""How often a watch looks for changes."""


class MigCalls(SimulatedCore):
    """What NVML answers about MIG mode and MIG devices."""

    def mig_mode(self, device: Device) -> MigMode:
        """Return current and pending mode. NvmlNotSupportedError on boards without MIG."""
        gpu = self._board_with_mig("nvmlDeviceGetMigMode", device).gpu
        return MigMode(current=gpu.mig, pending=gpu.mig_pending)

    def set_mig_mode(self, device: Device, *, enabled: bool) -> NvmlError | None:
        """Ask for a mode; NvmlInUseError comes back, and nothing changes, while there are processes or instances."""
        call = "nvmlDeviceSetMigMode"
        self._board_with_mig(call, device)

        def step(host: Host) -> tuple[Gpu, NvmlError | None]:
            found = lookup.whole_gpu(host, call, device)
            return mig_mode.with_mode(found.board, found.gpu, found.users(), enabled=enabled)

        return self._recut(call, step)

    def max_mig_device_count(self, device: Device) -> int:
        """Return the compute slices of the board, 0 while MIG is off."""
        call = "nvmlDeviceGetMaxMigDeviceCount"
        return _max_devices(lookup.whole_gpu(self._host(call), call, device))

    def mig_device_by_index(self, device: Device, index: int) -> Device:
        """Return a MIG device. Others keep their index when one goes, so there are holes: NvmlNotFoundError.

        NvmlInvalidArgumentError from max_mig_device_count on, NvmlNotSupportedError on boards without MIG.
        """
        call = "nvmlDeviceGetMigDeviceHandleByIndex"
        found = self._board_with_mig(call, device)
        if not 0 <= index < _max_devices(found):
            raise NvmlInvalidArgumentError(call, f"MIG device {index} of {found.uuid}")
        for compute in found.gpu.compute_instances:
            if compute.device_index == index:
                return Device(MigHandle(found.gpu.uuid, compute.uuid))
        raise NvmlNotFoundError(call, f"MIG device {index} of {found.uuid}")

    def is_mig_device(self, device: Device) -> bool:
        """Tell a MIG device from a GPU."""
        call = "nvmlDeviceIsMigDeviceHandle"
        return lookup.device(self._host(call), call, device).mig is not None

    def parent_of(self, mig_device: Device) -> Device:
        """Return the GPU that a MIG device is a part of."""
        call = "nvmlDeviceGetDeviceHandleFromMigDeviceHandle"
        found, _ = lookup.mig_device(self._host(call), call, mig_device)
        return Device(GpuHandle(found.gpu.uuid))

    def gpu_instance_id_of(self, mig_device: Device) -> int:
        """Return the id of its GPU instance."""
        return self._compute("nvmlDeviceGetGpuInstanceId", mig_device).gpu_instance_id

    def compute_instance_id_of(self, mig_device: Device) -> int:
        """Return the id of its compute instance."""
        return self._compute("nvmlDeviceGetComputeInstanceId", mig_device).id

    @contextmanager
    def mig_changes(self) -> Iterator[MigChanges]:
        """Watch for changes that any driver makes to this host, in whatever process, resets and reboots included."""
        yield _Watch(lambda: self._host("nvmlEventSetWait_v2").revision)

    def _compute(self, call: str, mig_device: Device) -> ComputeInstance:
        return lookup.mig_device(self._host(call), call, mig_device)[1]

    def _board_with_mig(self, call: str, device: Device) -> Found:
        found = lookup.whole_gpu(self._host(call), call, device)
        if not found.board.has_mig:
            raise NvmlNotSupportedError(call, found.uuid)
        return found


class _Watch:
    """Compares the host's revision with the one that it saw last."""

    def __init__(self, revision: Callable[[], int]) -> None:
        self._revision = revision
        self._seen = revision()

    def wait(self, timeout_s: float) -> bool:
        """Return True as soon as there was a change since the last call, False after the timeout."""
        deadline = time.monotonic() + timeout_s
        while (now := self._revision()) == self._seen:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            time.sleep(min(left_s, POLL_S))
        self._seen = now
        return True


def _max_devices(found: Found) -> int:
    return found.board.compute_slices if found.gpu.mig else 0
