"""Names of MIG profiles for drivers whose profile calls do not tell them (before R510)."""

import math

import pynvml  # type: ignore[import-untyped]

_EIGHTHS = 8
_GIB = 1 << 30
_MIB = 1 << 20
_ATTRIBUTES = {
    pynvml.NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV1: "+me",
    pynvml.NVML_GPU_INSTANCE_PROFILE_2_SLICE_REV1: "+me",
    pynvml.NVML_GPU_INSTANCE_PROFILE_1_SLICE_GFX: "+gfx",
    pynvml.NVML_GPU_INSTANCE_PROFILE_2_SLICE_GFX: "+gfx",
    pynvml.NVML_GPU_INSTANCE_PROFILE_3_SLICE_GFX: "+gfx",
    pynvml.NVML_GPU_INSTANCE_PROFILE_4_SLICE_GFX: "+gfx",
    pynvml.NVML_GPU_INSTANCE_PROFILE_1_SLICE_NO_ME: "-me",
    pynvml.NVML_GPU_INSTANCE_PROFILE_2_SLICE_NO_ME: "-me",
    pynvml.NVML_GPU_INSTANCE_PROFILE_1_SLICE_ALL_ME: "+me.all",
    pynvml.NVML_GPU_INSTANCE_PROFILE_2_SLICE_ALL_ME: "+me.all",
}


def without_prefix(name: str) -> str:
    """Return ``1g.5gb`` for what some drivers and tools call ``MIG 1g.5gb``."""
    return name.removeprefix("MIG ")


def gpu_instance_name(*, slot: int, slices: int, memory_mib: int, board_bytes: int) -> str:
    """Return such as ``1g.10gb+me``. Memory counts as the eighths of the board that it needs, in whole GiB.

    ``slot`` is NVML_GPU_INSTANCE_PROFILE_*; NVIDIA's tools name profiles by this rule.
    """
    eighths = math.ceil(memory_mib * _MIB * _EIGHTHS / board_bytes)
    board_gib = math.ceil(board_bytes / _GIB)
    # Half a GiB counts as one (70.5 is 71), which round() does not do for even numbers.
    return f"{slices}g.{math.floor(eighths * board_gib / _EIGHTHS + 0.5)}gb{_ATTRIBUTES.get(slot, '')}"


def compute_instance_name(slices: int, gpu_instance_slices: int, gpu_instance_profile: str) -> str:
    """Return such as ``1c.3g.20gb``; a compute instance that fills its GPU instance bears that one's name."""
    return gpu_instance_profile if slices == gpu_instance_slices else f"{slices}c.{gpu_instance_profile}"
