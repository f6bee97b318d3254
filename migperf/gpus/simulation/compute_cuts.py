"""The rules by which a GPU instance is cut into compute instances. Pure functions, as in ``gpu_cuts``.

Source: output of ``nvidia-smi mig -lcip`` of A100; other boards by analogy. A compute instance has SMs of its own, and
shares memory and engines with all of its GPU instance.
"""

from dataclasses import dataclass, replace
from itertools import count

from migperf.gpus.driver import ComputeInstanceProfile
from migperf.gpus.nvml_errors import (
    NvmlInsufficientResourcesError,
    NvmlInUseError,
    NvmlInvalidArgumentError,
    NvmlNotSupportedError,
)
from migperf.gpus.placement import Placement
from migperf.gpus.simulation.board import Board, BoardProfile
from migperf.gpus.simulation.state import ComputeInstance, Gpu, GpuInstance, Process, mig_uuid

PROFILE_SLOTS = 9
"""NVML_COMPUTE_INSTANCE_PROFILE_COUNT."""

_MEDIA_SLOT = 7
_SLICES = {0: 1, 1: 2, 2: 3, 3: 4, 4: 7, _MEDIA_SLOT: 1}
"""Compute slices by slot; the slot with media engines counts as an ordinary slice. 5, 6 and 8 are on no board."""

_STARTS: dict[int, dict[int, tuple[int, ...]]] = {
    1: {1: (0,)},
    2: {1: (0, 1), 2: (0,)},
    3: {1: (0, 1, 2), 2: (0,), 3: (0,)},
    4: {1: (0, 1, 2, 3), 2: (0, 2), 4: (0,)},
    7: {1: (0, 1, 2, 3, 4, 5, 6), 2: (0, 2, 4), 3: (0, 4), 4: (0,), 7: (0,)},
}
"""Where a compute instance can begin: by the slices of the GPU instance, then by its own."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One way to cut a compute instance out of one GPU instance: its description, and every place it can have."""

    profile: ComputeInstanceProfile
    placements: tuple[Placement, ...]


def cut_at(board: Board, parent: BoardProfile, slot: int, call: str) -> Cut:
    """Return the compute instance profile of a slot in GPU instances of the profile ``parent``.

    Raises NvmlNotSupportedError where these have none, NvmlInvalidArgumentError behind the last slot.
    """
    if not 0 <= slot < PROFILE_SLOTS:
        raise NvmlInvalidArgumentError(call, f"slot {slot}")
    slices = _SLICES.get(slot, 0)
    starts = _STARTS[parent.slices].get(slices)
    if starts is None:
        raise NvmlNotSupportedError(call, f"slot {slot} of {parent.name}")
    profile = ComputeInstanceProfile(
        slot=slot,
        id=slot,
        name=_name(parent, slot),
        slice_count=slices,
        instance_count=len(starts),
        sm_count=sm_count(board, parent, slices),
    )
    return Cut(profile, tuple(Placement(start, slices) for start in starts))


def cut_of(board: Board, parent: BoardProfile, profile_id: int, call: str) -> Cut:
    """Return the profile with an id, which is its slot. Raises NvmlNotSupportedError where there is none."""
    if profile_id not in _SLICES:
        raise NvmlNotSupportedError(call, f"compute instance profile {profile_id} of {parent.name}")
    return cut_at(board, parent, profile_id, call)


def sm_count(board: Board, parent: BoardProfile, slices: int) -> int:
    """Return the SMs of a compute instance: those of the whole GPU instance, or of as many plain 1g."""
    if slices == parent.slices:
        return parent.sm_count
    one_slice = next(profile for profile in board.profiles if profile.slot == 0)
    return slices * one_slice.sm_count


def device_profile(parent: BoardProfile, slices: int) -> str:
    """Return what a MIG device is called: ``2g.10gb``, or ``1c.2g.10gb`` if it is a part of its GPU instance."""
    return parent.name if slices == parent.slices else f"{slices}c.{parent.name}"


def within(gpu: Gpu, instance: GpuInstance) -> tuple[ComputeInstance, ...]:
    """Return the compute instances of a GPU instance."""
    return tuple(compute for compute in gpu.compute_instances if compute.gpu_instance_id == instance.id)


def room(gpu: Gpu, instance: GpuInstance, cut: Cut) -> tuple[Placement, ...]:
    """Return where one more can be created now."""
    taken = [compute.placement for compute in within(gpu, instance)]
    return tuple(place for place in cut.placements if not any(place.overlaps(other) for other in taken))


def create(gpu: Gpu, instance: GpuInstance, cut: Cut, placement: Placement | None, serial: int) -> Gpu:
    """Return the GPU with one more compute instance, which is a MIG device with a UUID that never was before.

    Without a placement the first free place is taken. Its id is the lowest free one of the GPU instance, its device
    index the lowest free one of the GPU. Raises NvmlInsufficientResourcesError, NvmlInvalidArgumentError as for GPU
    instances.
    """
    call = f"nvmlGpuInstanceCreateComputeInstance{'' if placement is None else 'WithPlacement'}"
    on = f"{cut.profile.name} in GPU instance {instance.id} of {gpu.uuid}"
    if placement is not None and placement not in cut.placements:
        raise NvmlInvalidArgumentError(call, f"{on} at {placement}")
    possible = room(gpu, instance, cut)
    if not possible or placement not in (None, *possible):
        raise NvmlInsufficientResourcesError(call, on)
    compute = ComputeInstance(
        serial=serial,
        id=_lowest_free({other.id for other in within(gpu, instance)}),
        gpu_instance_id=instance.id,
        profile_id=cut.profile.id,
        placement=placement or possible[0],
        uuid=mig_uuid(gpu.uuid, serial),
        device_index=_lowest_free({other.device_index for other in gpu.compute_instances}),
    )
    return replace(gpu, compute_instances=(*gpu.compute_instances, compute))


def destroy(gpu: Gpu, compute: ComputeInstance, users: tuple[Process, ...]) -> Gpu:
    """Return the GPU without it; other MIG devices keep their indices. Raises NvmlInUseError if it has users."""
    if users:
        pids = ", ".join(str(process.pid) for process in users)
        raise NvmlInUseError("nvmlComputeInstanceDestroy", f"{compute.uuid} (processes {pids})")
    return replace(gpu, compute_instances=tuple(other for other in gpu.compute_instances if other != compute))


def _name(parent: BoardProfile, slot: int) -> str:
    if slot == _MEDIA_SLOT:
        plain = parent.name.split("+")[0].split("-")[0]
        return f"1c.{plain}+me"
    return device_profile(parent, _SLICES[slot])


def _lowest_free(used: set[int]) -> int:
    return next(number for number in count() if number not in used)
