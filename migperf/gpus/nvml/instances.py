"""NVML's calls on GPU instances and compute instances: what can be cut, cutting it, listing it, destroying it."""

from collections.abc import Iterator
from ctypes import byref, c_uint
from itertools import count

import pynvml  # type: ignore[import-untyped]

from migperf.gpus.driver import (
    ComputeInstanceHandle,
    ComputeInstanceInfo,
    ComputeInstanceProfile,
    Device,
    GpuInstanceHandle,
    GpuInstanceInfo,
    GpuInstanceProfile,
)
from migperf.gpus.nvml.calls import NvmlCalls, text
from migperf.gpus.nvml.profile_names import compute_instance_name, gpu_instance_name, without_prefix
from migperf.gpus.nvml_errors import (
    NvmlFunctionNotFoundError,
    NvmlInvalidArgumentError,
    NvmlNotSupportedError,
    NvmlVersionMismatchError,
)
from migperf.gpus.placement import Placement

_MOST_INSTANCES = 128
"""Room for a list of instances. NVML writes as many as there are, at most seven on the boards known, and has no call
that tells how many before."""
_OLD_DRIVER = (NvmlFunctionNotFoundError, NvmlVersionMismatchError)
_SHARED_ENGINES = pynvml.NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED


class InstanceCalls(NvmlCalls):
    """The groups "GPU instances" and "compute instances" of the Driver protocol."""

    # GPU instances

    def gpu_instance_profile(self, device: Device, slot: int) -> GpuInstanceProfile:
        """``nvmlDeviceGetGpuInstanceProfileInfoV``; before R510 …ProfileInfo, with a name made here."""
        try:
            info = self._call(pynvml.nvmlDeviceGetGpuInstanceProfileInfo, device, slot, 2)
        except _OLD_DRIVER:
            info = self._call(pynvml.nvmlDeviceGetGpuInstanceProfileInfo, device, slot, 1)
            return _gpu_profile(slot, info, self._derived_name(device, slot, info))
        return _gpu_profile(slot, info, without_prefix(text(info.name)))

    def _derived_name(self, device: Device, slot: int, info: pynvml.c_nvmlGpuInstanceProfileInfo_t) -> str:
        board_bytes = self._call(pynvml.nvmlDeviceGetMemoryInfo, device).total
        return gpu_instance_name(
            slot=slot, slices=info.sliceCount, memory_mib=info.memorySizeMB, board_bytes=board_bytes
        )

    def gpu_instance_placements(self, device: Device, profile_id: int) -> tuple[Placement, ...]:
        """``nvmlDeviceGetGpuInstancePossiblePlacements_v2``, asked for the number first."""
        room = c_uint()
        self._call(pynvml.nvmlDeviceGetGpuInstancePossiblePlacements, device, profile_id, None, byref(room))
        found = (pynvml.c_nvmlGpuInstancePlacement_t * room.value)()
        self._call(pynvml.nvmlDeviceGetGpuInstancePossiblePlacements, device, profile_id, found, byref(room))
        return tuple(map(_placement, found[: room.value]))

    def gpu_instance_capacity(self, device: Device, profile_id: int) -> int:
        """``nvmlDeviceGetGpuInstanceRemainingCapacity``."""
        return int(self._call(pynvml.nvmlDeviceGetGpuInstanceRemainingCapacity, device, profile_id))

    def create_gpu_instance(
        self, device: Device, profile_id: int, placement: Placement | None = None
    ) -> GpuInstanceHandle:
        """``nvmlDeviceCreateGpuInstance`` or …WithPlacement."""
        if placement is None:
            return GpuInstanceHandle(self._call(pynvml.nvmlDeviceCreateGpuInstance, device, profile_id))
        # pynvml hands it to C as it comes: without byref its eight bytes would be taken for an address.
        where = byref(pynvml.c_nvmlGpuInstancePlacement_t(placement.start, placement.size))
        create = pynvml.nvmlDeviceCreateGpuInstanceWithPlacement
        return GpuInstanceHandle(self._call(create, device, profile_id, where))

    def gpu_instances(self, device: Device, profile_id: int) -> tuple[GpuInstanceHandle, ...]:
        """``nvmlDeviceGetGpuInstances``."""
        found, room = (pynvml.c_nvmlGpuInstance_t * _MOST_INSTANCES)(), c_uint(_MOST_INSTANCES)
        self._call(pynvml.nvmlDeviceGetGpuInstances, device, profile_id, found, byref(room))
        return tuple(map(GpuInstanceHandle, found[: room.value]))

    def gpu_instance_by_id(self, device: Device, instance_id: int) -> GpuInstanceHandle:
        """``nvmlDeviceGetGpuInstanceById``."""
        return GpuInstanceHandle(self._call(pynvml.nvmlDeviceGetGpuInstanceById, device, instance_id))

    def gpu_instance_info(self, instance: GpuInstanceHandle) -> GpuInstanceInfo:
        """``nvmlGpuInstanceGetInfo``."""
        info = self._call(pynvml.nvmlGpuInstanceGetInfo, instance)
        return GpuInstanceInfo(id=info.id, profile_id=info.profileId, placement=_placement(info.placement))

    def destroy_gpu_instance(self, instance: GpuInstanceHandle) -> None:
        """``nvmlGpuInstanceDestroy``."""
        self._call(pynvml.nvmlGpuInstanceDestroy, instance)

    # Compute instances

    def compute_instance_profile(self, instance: GpuInstanceHandle, slot: int) -> ComputeInstanceProfile:
        """``nvmlGpuInstanceGetComputeInstanceProfileInfoV``; before R510 …ProfileInfo, with a name made here."""
        ask = pynvml.nvmlGpuInstanceGetComputeInstanceProfileInfo
        try:
            info = self._call(ask, instance, slot, _SHARED_ENGINES, 2)
        except _OLD_DRIVER:
            info = self._call(ask, instance, slot, _SHARED_ENGINES, 1)
            whole = self._profile_of(instance)
            return _compute_profile(slot, info, compute_instance_name(info.sliceCount, whole.slice_count, whole.name))
        return _compute_profile(slot, info, without_prefix(text(info.name)))

    def _profile_of(self, instance: GpuInstanceHandle) -> GpuInstanceProfile:
        info = self._call(pynvml.nvmlGpuInstanceGetInfo, instance)
        return next(p for p in self._gpu_instance_profiles(Device(info.device)) if p.id == info.profileId)

    def _gpu_instance_profiles(self, device: Device) -> Iterator[GpuInstanceProfile]:
        for slot in count():
            try:
                yield self.gpu_instance_profile(device, slot)
            except NvmlNotSupportedError:
                continue
            except NvmlInvalidArgumentError:
                return

    def compute_instance_placements(self, instance: GpuInstanceHandle, profile_id: int) -> tuple[Placement, ...]:
        """``nvmlGpuInstanceGetComputeInstancePossiblePlacements``, asked for the number first."""
        ask = pynvml.nvmlGpuInstanceGetComputeInstancePossiblePlacements
        room = c_uint()
        self._call(ask, instance, profile_id, None, byref(room))
        found = (pynvml.c_nvmlComputeInstancePlacement_t * room.value)()
        self._call(ask, instance, profile_id, found, byref(room))
        return tuple(map(_placement, found[: room.value]))

    def compute_instance_capacity(self, instance: GpuInstanceHandle, profile_id: int) -> int:
        """``nvmlGpuInstanceGetComputeInstanceRemainingCapacity``."""
        return int(self._call(pynvml.nvmlGpuInstanceGetComputeInstanceRemainingCapacity, instance, profile_id))

    def create_compute_instance(
        self, instance: GpuInstanceHandle, profile_id: int, placement: Placement | None = None
    ) -> ComputeInstanceHandle:
        """``nvmlGpuInstanceCreateComputeInstance`` or …WithPlacement."""
        if placement is None:
            return ComputeInstanceHandle(self._call(pynvml.nvmlGpuInstanceCreateComputeInstance, instance, profile_id))
        where = byref(pynvml.c_nvmlComputeInstancePlacement_t(placement.start, placement.size))
        create = pynvml.nvmlGpuInstanceCreateComputeInstanceWithPlacement
        return ComputeInstanceHandle(self._call(create, instance, profile_id, where))

    def compute_instances(self, instance: GpuInstanceHandle, profile_id: int) -> tuple[ComputeInstanceHandle, ...]:
        """``nvmlGpuInstanceGetComputeInstances``."""
        found, room = (pynvml.c_nvmlComputeInstance_t * _MOST_INSTANCES)(), c_uint(_MOST_INSTANCES)
        self._call(pynvml.nvmlGpuInstanceGetComputeInstances, instance, profile_id, found, byref(room))
        return tuple(map(ComputeInstanceHandle, found[: room.value]))

    def compute_instance_info(self, instance: ComputeInstanceHandle) -> ComputeInstanceInfo:
        """``nvmlComputeInstanceGetInfo_v2``."""
        info = self._call(pynvml.nvmlComputeInstanceGetInfo_v2, instance)
        return ComputeInstanceInfo(
            device=Device(info.device), id=info.id, profile_id=info.profileId, placement=_placement(info.placement)
        )

    def destroy_compute_instance(self, instance: ComputeInstanceHandle) -> None:
        """``nvmlComputeInstanceDestroy``."""
        self._call(pynvml.nvmlComputeInstanceDestroy, instance)


def _placement(given: pynvml.c_nvmlGpuInstancePlacement_t | pynvml.c_nvmlComputeInstancePlacement_t) -> Placement:
    return Placement(given.start, given.size)


def _gpu_profile(slot: int, info: pynvml.c_nvmlGpuInstanceProfileInfo_t, name: str) -> GpuInstanceProfile:
    return GpuInstanceProfile(
        slot=slot,
        id=info.id,
        name=name,
        slice_count=info.sliceCount,
        instance_count=info.instanceCount,
        sm_count=info.multiprocessorCount,
        memory_mib=info.memorySizeMB,
        copy_engines=info.copyEngineCount,
        decoders=info.decoderCount,
        encoders=info.encoderCount,
        jpeg=info.jpegCount,
        ofa=info.ofaCount,
        peer_to_peer=bool(info.isP2pSupported),
    )


def _compute_profile(slot: int, info: pynvml.c_nvmlComputeInstanceProfileInfo_t, name: str) -> ComputeInstanceProfile:
    return ComputeInstanceProfile(
        slot=slot,
        id=info.id,
        name=name,
        slice_count=info.sliceCount,
        instance_count=info.instanceCount,
        sm_count=info.multiprocessorCount,
    )
