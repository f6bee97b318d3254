"""The calls that describe, list, create and destroy compute instances."""

from migperf.gpus.driver import (
    ComputeInstanceHandle,
    ComputeInstanceInfo,
    ComputeInstanceProfile,
    Device,
    GpuInstanceHandle,
)
from migperf.gpus.placement import Placement
from migperf.gpus.simulation import compute_cuts, lookup
from migperf.gpus.simulation.compute_cuts import Cut
from migperf.gpus.simulation.core import SimulatedCore
from migperf.gpus.simulation.handles import InstanceHandle, MigHandle
from migperf.gpus.simulation.state import Gpu, GpuInstance, Host


class ComputeInstanceCalls(SimulatedCore):
    """What NVML answers about compute instances."""

    def compute_instance_profile(self, instance: GpuInstanceHandle, slot: int) -> ComputeInstanceProfile:
        """Return the profile in a slot."""
        call = "nvmlGpuInstanceGetComputeInstanceProfileInfoV"
        found, state = lookup.gpu_instance(self._host(call), call, instance)
        return compute_cuts.cut_at(found.board, found.profile(state), slot, call).profile

    def compute_instance_placements(self, instance: GpuInstanceHandle, profile_id: int) -> tuple[Placement, ...]:
        """Return all placements of a profile, in compute slices, whatever is occupied."""
        call = "nvmlGpuInstanceGetComputeInstancePossiblePlacements"
        return _cut(self._host(call), call, instance, profile_id)[2].placements

    def compute_instance_capacity(self, instance: GpuInstanceHandle, profile_id: int) -> int:
        """Return how many could be created now."""
        call = "nvmlGpuInstanceGetComputeInstanceRemainingCapacity"
        gpu, state, cut = _cut(self._host(call), call, instance, profile_id)
        return len(compute_cuts.room(gpu, state, cut))

    def create_compute_instance(
        self, instance: GpuInstanceHandle, profile_id: int, placement: Placement | None = None
    ) -> ComputeInstanceHandle:
        """Create one, and with it a MIG device. Without a placement the first free one is taken."""
        call = "nvmlGpuInstanceCreateComputeInstance"

        def step(host: Host) -> tuple[Gpu, ComputeInstanceHandle]:
            gpu, state, cut = _cut(host, call, instance, profile_id)
            serial = host.revision + 1
            changed = compute_cuts.create(gpu, state, cut, placement, serial)
            return changed, ComputeInstanceHandle(InstanceHandle(gpu.uuid, serial))

        return self._recut(call, step)

    def compute_instances(self, instance: GpuInstanceHandle, profile_id: int) -> tuple[ComputeInstanceHandle, ...]:
        """Return those of one profile."""
        call = "nvmlGpuInstanceGetComputeInstances"
        gpu, state, _ = _cut(self._host(call), call, instance, profile_id)
        return tuple(
            ComputeInstanceHandle(InstanceHandle(gpu.uuid, compute.serial))
            for compute in compute_cuts.within(gpu, state)
            if compute.profile_id == profile_id
        )

    def compute_instance_info(self, instance: ComputeInstanceHandle) -> ComputeInstanceInfo:
        """Return its MIG device, id, profile and place."""
        call = "nvmlComputeInstanceGetInfo_v2"
        found, compute = lookup.compute_instance(self._host(call), call, instance)
        return ComputeInstanceInfo(
            device=Device(MigHandle(found.gpu.uuid, compute.uuid)),
            id=compute.id,
            profile_id=compute.profile_id,
            placement=compute.placement,
        )

    def destroy_compute_instance(self, instance: ComputeInstanceHandle) -> None:
        """Destroy it. NvmlInUseError while a process is on it."""
        call = "nvmlComputeInstanceDestroy"

        def step(host: Host) -> tuple[Gpu, None]:
            found, compute = lookup.compute_instance(host, call, instance)
            return compute_cuts.destroy(found.gpu, compute, host.processes_on(frozenset((compute.uuid,)))), None

        self._recut(call, step)


def _cut(host: Host, call: str, handle: GpuInstanceHandle, profile_id: int) -> tuple[Gpu, GpuInstance, Cut]:
    """Return the GPU, its GPU instance, and the compute instance profile with this id."""
    found, instance = lookup.gpu_instance(host, call, handle)
    return found.gpu, instance, compute_cuts.cut_of(found.board, found.profile(instance), profile_id, call)
