"""The calls that describe, list, create and destroy GPU instances."""

from migperf.gpus.driver import Device, GpuInstanceHandle, GpuInstanceInfo, GpuInstanceProfile
from migperf.gpus.placement import Placement
from migperf.gpus.simulation import gpu_cuts, lookup
from migperf.gpus.simulation.core import SimulatedCore
from migperf.gpus.simulation.handles import InstanceHandle
from migperf.gpus.simulation.lookup import Found
from migperf.gpus.simulation.state import Gpu, GpuInstance, Host


class GpuInstanceCalls(SimulatedCore):
    """What NVML answers about GPU instances."""

    def gpu_instance_profile(self, device: Device, slot: int) -> GpuInstanceProfile:
        """Return the profile in a slot; MIG may be off."""
        call = "nvmlDeviceGetGpuInstanceProfileInfoV"
        board = lookup.whole_gpu(self._host(call), call, device).board
        profile = gpu_cuts.profile_at(board, slot, call)
        return GpuInstanceProfile(
            slot=slot,
            id=profile.id,
            name=profile.name,
            slice_count=profile.slices,
            instance_count=profile.max_count,
            sm_count=profile.sm_count,
            memory_mib=profile.memory_mib,
            copy_engines=profile.engines.copy,
            decoders=profile.engines.decoders,
            encoders=profile.engines.encoders,
            jpeg=profile.engines.jpeg,
            ofa=profile.engines.ofa,
            peer_to_peer=False,
        )

    def gpu_instance_placements(self, device: Device, profile_id: int) -> tuple[Placement, ...]:
        """Return all placements of a profile, whatever is occupied; MIG may be off."""
        call = "nvmlDeviceGetGpuInstancePossiblePlacements_v2"
        board = lookup.whole_gpu(self._host(call), call, device).board
        return gpu_cuts.placements(gpu_cuts.profile_of(board, profile_id, call))

    def gpu_instance_capacity(self, device: Device, profile_id: int) -> int:
        """Return how many could be created now. NvmlNotSupportedError while MIG is off."""
        call = "nvmlDeviceGetGpuInstanceRemainingCapacity"
        found = lookup.mig_gpu(self._host(call), call, device)
        return gpu_cuts.capacity(found.board, found.gpu, gpu_cuts.profile_of(found.board, profile_id, call))

    def create_gpu_instance(
        self, device: Device, profile_id: int, placement: Placement | None = None
    ) -> GpuInstanceHandle:
        """Create one. Without a placement the last free start is taken, which may block what is created later."""
        call = "nvmlDeviceCreateGpuInstance"

        def step(host: Host) -> tuple[Gpu, GpuInstanceHandle]:
            found = lookup.mig_gpu(host, call, device)
            profile = gpu_cuts.profile_of(found.board, profile_id, call)
            serial = host.revision + 1
            gpu = gpu_cuts.create(found.board, found.gpu, profile, placement, serial)
            return gpu, GpuInstanceHandle(InstanceHandle(gpu.uuid, serial))

        return self._recut(call, step)

    def gpu_instances(self, device: Device, profile_id: int) -> tuple[GpuInstanceHandle, ...]:
        """Return those of one profile. NvmlNotSupportedError while MIG is off."""
        call = "nvmlDeviceGetGpuInstances"
        found = lookup.mig_gpu(self._host(call), call, device)
        gpu_cuts.profile_of(found.board, profile_id, call)
        return tuple(
            _handle(found, instance) for instance in found.gpu.gpu_instances if instance.profile_id == profile_id
        )

    def gpu_instance_by_id(self, device: Device, instance_id: int) -> GpuInstanceHandle:
        """Return one by its id, which the next instance may get once this one is gone."""
        call = "nvmlDeviceGetGpuInstanceById"
        found = lookup.mig_gpu(self._host(call), call, device)
        return _handle(found, found.gpu_instance(instance_id, call))

    def gpu_instance_info(self, instance: GpuInstanceHandle) -> GpuInstanceInfo:
        """Return its id, profile and place."""
        call = "nvmlGpuInstanceGetInfo"
        _, state = lookup.gpu_instance(self._host(call), call, instance)
        return GpuInstanceInfo(id=state.id, profile_id=state.profile_id, placement=state.placement)

    def destroy_gpu_instance(self, instance: GpuInstanceHandle) -> None:
        """Destroy it. NvmlInUseError while it has a compute instance."""
        call = "nvmlGpuInstanceDestroy"

        def step(host: Host) -> tuple[Gpu, None]:
            found, state = lookup.gpu_instance(host, call, instance)
            return gpu_cuts.destroy(found.gpu, state), None

        self._recut(call, step)


def _handle(found: Found, instance: GpuInstance) -> GpuInstanceHandle:
    return GpuInstanceHandle(InstanceHandle(found.gpu.uuid, instance.serial))
