"""The rules by which a GPU is cut into GPU instances. Pure functions of a board and a GPU's state.

What is refused raises the error that the driver answers with; the state that was given stays as it was.
"""

from dataclasses import replace
from enum import Enum

from migperf.gpus.nvml_errors import (
    NvmlInsufficientResourcesError,
    NvmlInUseError,
    NvmlInvalidArgumentError,
    NvmlNotSupportedError,
)
from migperf.gpus.placement import Placement
from migperf.gpus.simulation.board import Board, BoardProfile
from migperf.gpus.simulation.state import Gpu, GpuInstance

PROFILE_SLOTS = 0x12
"""NVML_GPU_INSTANCE_PROFILE_COUNT of this simulation."""


class Media(Enum):
    """What a profile asks of the media engines."""

    USUAL = ""
    ONE_SET = "+me"
    ALL = "+me.all"
    NONE = "-me"


def media_of(profile: BoardProfile) -> Media:
    """Read it from the profile's name."""
    special = (media for media in (Media.ALL, Media.ONE_SET, Media.NONE) if profile.name.endswith(media.value))
    return next(special, Media.USUAL)


def profile_at(board: Board, slot: int, call: str) -> BoardProfile:
    """Return the profile of a slot.

    Raises NvmlNotSupportedError where the board has none, NvmlInvalidArgumentError behind the last slot.
    """
    if not 0 <= slot < PROFILE_SLOTS:
        raise NvmlInvalidArgumentError(call, f"slot {slot}")
    for profile in board.profiles:
        if profile.slot == slot:
            return profile
    raise NvmlNotSupportedError(call, f"slot {slot} of {board.name}")


def profile_of(board: Board, profile_id: int, call: str) -> BoardProfile:
    """Return the profile with an id. Raises NvmlNotSupportedError, as nvml.h has it."""
    for profile in board.profiles:
        if profile.id == profile_id:
            return profile
    raise NvmlNotSupportedError(call, f"profile {profile_id} of {board.name}")


def placements(profile: BoardProfile) -> tuple[Placement, ...]:
    """Return every placement of a profile on an empty board."""
    return tuple(Placement(start, profile.size) for start in profile.starts)


def room(board: Board, gpu: Gpu, profile: BoardProfile) -> tuple[Placement, ...]:
    """Return where one more instance of the profile can be created now: by place, count, slices and media engines."""
    if not _allowed(profile, [_profile(board, instance) for instance in gpu.gpu_instances]):
        return ()
    if board.compute_slices - _slices(board, gpu) < profile.slices:
        return ()
    taken = [instance.placement for instance in gpu.gpu_instances]
    return tuple(place for place in placements(profile) if not any(place.overlaps(other) for other in taken))


def capacity(board: Board, gpu: Gpu, profile: BoardProfile) -> int:
    """Return how many instances of the profile can be created now. No two placements of one profile overlap."""
    existing = sum(instance.profile_id == profile.id for instance in gpu.gpu_instances)
    return min(
        len(room(board, gpu, profile)),
        profile.max_count - existing,
        (board.compute_slices - _slices(board, gpu)) // profile.slices,
    )


def create(board: Board, gpu: Gpu, profile: BoardProfile, placement: Placement | None, serial: int) -> Gpu:
    """Return the GPU with one more instance.

    Without a placement the last free start is taken, as drivers were seen to do: what is created first can so be in
    the way of what comes later. Raises NvmlInsufficientResourcesError when there is no room or the place is taken,
    NvmlInvalidArgumentError for a placement that the profile never has.
    """
    call = "nvmlDeviceCreateGpuInstance" if placement is None else "nvmlDeviceCreateGpuInstanceWithPlacement"
    if placement is not None and placement not in placements(profile):
        raise NvmlInvalidArgumentError(call, f"{profile.name} at {placement} of {gpu.uuid}")
    possible = room(board, gpu, profile)
    if not possible or placement not in (None, *possible):
        raise NvmlInsufficientResourcesError(call, f"{profile.name} of {gpu.uuid}")
    instance = GpuInstance(
        serial=serial,
        id=_free_id(board, gpu, profile),
        profile_id=profile.id,
        placement=possible[-1] if placement is None else placement,
    )
    return replace(gpu, gpu_instances=(*gpu.gpu_instances, instance))


def destroy(gpu: Gpu, instance: GpuInstance) -> Gpu:
    """Return the GPU without the instance. Raises NvmlInUseError while it has compute instances."""
    if any(compute.gpu_instance_id == instance.id for compute in gpu.compute_instances):
        raise NvmlInUseError("nvmlGpuInstanceDestroy", f"GPU instance {instance.id} of {gpu.uuid}")
    return replace(gpu, gpu_instances=tuple(other for other in gpu.gpu_instances if other != instance))


def _allowed(profile: BoardProfile, present: list[BoardProfile]) -> bool:
    """Apply the limits on counts: of the profile, and of media (one ``+me``; beside ``+me.all`` only ``-me``)."""
    if sum(other.id == profile.id for other in present) >= profile.max_count:
        return False
    media, others = media_of(profile), {media_of(other) for other in present}
    if media is Media.ALL:
        return others <= {Media.NONE}
    if Media.ALL in others:
        return media is Media.NONE
    return media is not Media.ONE_SET or Media.ONE_SET not in others


def _free_id(board: Board, gpu: Gpu, profile: BoardProfile) -> int:
    """Return the lowest free id of those for the profile's share of the memory.

    Seen on GPUs of 8 units: all of it 0, half 1-2, a quarter 3-6, an eighth 7-14; the same by share on other grids.
    """
    shares = board.memory_units // profile.size
    used = {instance.id for instance in gpu.gpu_instances}
    return next(number for number in range(shares - 1, 2 * shares - 1) if number not in used)


def _profile(board: Board, instance: GpuInstance) -> BoardProfile:
    return profile_of(board, instance.profile_id, "nvmlGpuInstanceGetInfo")


def _slices(board: Board, gpu: Gpu) -> int:
    return sum(_profile(board, instance).slices for instance in gpu.gpu_instances)
