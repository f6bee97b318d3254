"""GPUs of the service as they are drawn: each instance at its place, with what holds it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from api.schemas.gpus import ComputeInstanceView, GpuInstanceView, GpuView
from api.share_drawing import LaneDrawing, draw_shared_gpu
from api.slices import ComputePart, Drawing, Grid, InstancePart, SliceState, draw, draw_whole
from api.standing import GpuState
from migperf.gpus.partition import Partition
from migperf.gpus.placement import Placement


@dataclass(frozen=True, slots=True)
class DrawnGpu:
    """A GPU, its drawing, and the runs on it, each with what it holds."""

    gpu: GpuView
    drawing: Drawing
    runs: tuple[tuple[str, str], ...]
    """Profile, or ``whole``, and the run's id."""
    shared: LaneDrawing | None = None
    """How it is drawn while runs of a group share it."""

    @classmethod
    def of(cls, gpu: GpuView, shares: Sequence[Partition] = ()) -> Self:
        """Draw a GPU; ``shares`` are what runs of a group have of it now."""
        computes = (compute for instance in gpu.instances for compute in instance.compute_instances)
        held = ((compute.profile, compute.run) for compute in computes)
        runs = tuple((profile, run) for profile, run in (("whole", gpu.run), *held) if run is not None)
        return cls(gpu, _drawing(gpu), runs, draw_shared_gpu(shares) if shares else None)


def _drawing(gpu: GpuView) -> Drawing:
    is_cut = gpu.mig is not None and gpu.mig.enabled and gpu.memory_units and gpu.compute_slices
    if not is_cut or gpu.memory_units is None or gpu.compute_slices is None:
        return draw_whole("whole", SliceState(gpu.state))
    parts = [_part(gpu, instance, instance.placement) for instance in gpu.instances if instance.placement is not None]
    return draw(Grid(gpu.memory_units, gpu.compute_slices), parts)


def _part(gpu: GpuView, instance: GpuInstanceView, at: Placement) -> InstancePart:
    computes = tuple(
        ComputePart(compute.placement or Placement(0, compute.slices), _state(gpu, compute))
        for compute in instance.compute_instances
    )
    leased = any(part.state is SliceState.LEASED for part in computes)
    whole = SliceState.LEASED if leased else _of_gpu(gpu)
    return InstancePart(instance.profile, at, instance.slices, computes, whole)


def _state(gpu: GpuView, compute: ComputeInstanceView) -> SliceState:
    return SliceState.LEASED if compute.run is not None else _of_gpu(gpu)


def _of_gpu(gpu: GpuView) -> SliceState:
    """How an instance stands that no run holds by itself: as its GPU does, whatever its neighbours are leased to."""
    if gpu.state is GpuState.LEASED:
        return SliceState.FREE if gpu.run is None else SliceState.LEASED
    return SliceState(gpu.state)
