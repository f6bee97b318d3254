"""What the service answers about GPUs and their layouts, as frozen models."""

from typing import Literal

from pydantic import AwareDatetime

from migperf.client.view import View
from migperf.gpus.gpu import Mig
from migperf.gpus.objection import Rule
from migperf.gpus.placement import Placement
from migperf.store.states import ChangeState


class ComputeInstanceView(View):
    """A compute instance: a partition that a run can be put on, and the run that holds it."""

    id: int
    partition: str
    """UUID of the partition."""
    profile: str
    slices: int
    """Compute slices."""
    placement: Placement | None = None
    """Compute slices of its GPU instance that it has."""
    sm_count: int | None = None
    memory_mib: int | None = None
    run: str | None = None


class GpuInstanceView(View):
    """A GPU instance: memory and compute slices that are cut off from the rest."""

    id: int
    profile: str
    placement: Placement | None = None
    """Memory units that it occupies."""
    slices: int
    """Compute slices."""
    compute_instances: tuple[ComputeInstanceView, ...]


class MigMode(Mig):
    """The MIG mode of a GPU that can be cut."""

    model_config = View.model_config


class GpuView(View):
    """A GPU, how it is cut, and what is on it now."""

    uuid: str
    url: str
    model: str
    architecture: str
    compute_capability: str | None = None
    pci_bus_id: str | None = None
    driver_version: str | None = None
    cuda_version: str | None = None
    memory_mib: int | None = None
    sm_count: int | None = None
    simulated: bool
    node: str
    node_alive: bool
    state: Literal["free", "leased", "changing", "unhealthy"]
    problem: str | None = None
    """Why it cannot be used."""
    run: str | None = None
    """The run that holds all of it."""
    mig: MigMode | None = None
    """None where the GPU cannot be cut."""
    memory_units: int | None = None
    compute_slices: int | None = None
    layout: str | None = None
    """How it is cut, with places; None where that cannot be told."""
    instances: tuple[GpuInstanceView, ...]
    change: str | None = None
    """Id of the layout change that waits or is under way."""
    kept_layout: str | None = None
    """Applied again after each boot."""
    restore_layout: str | None = None
    """Put back when no run needs another."""
    seen_at: AwareDatetime
    retired_at: AwareDatetime | None = None


class GpuList(View):
    """Every GPU that is there now."""

    items: tuple[GpuView, ...]


class ProfileView(View):
    """One way to cut a GPU instance out of a GPU."""

    name: str
    slices: int
    size: int
    """Memory units that it occupies."""
    sm_count: int | None = None
    memory_mib: int | None = None
    max_count: int
    starts: tuple[int, ...]


class GpuDetail(GpuView):
    """A GPU with the profiles that it offers."""

    profiles: tuple[ProfileView, ...]


class PlacedProfile(View):
    """A GPU instance that there could be."""

    profile: str
    placement: Placement
    slices: int


class LegalLayoutView(View):
    """A layout that a GPU can have, and one way to place it."""

    layout: str
    example: str
    """The layout with places."""
    instances: tuple[PlacedProfile, ...]
    """The instances of the example."""
    full: bool
    """Whether nothing can be added to the example."""
    slices_left: int


class LegalLayoutList(View):
    """Layouts that a GPU can have, largest instances first."""

    gpu: str
    memory_units: int
    compute_slices: int
    items: tuple[LegalLayoutView, ...]


class ObjectionView(View):
    """A rule that is broken. What does not belong to it is None."""

    rule: Rule
    detail: str
    instance: str | None = None
    """The instance that cannot be had, or its profile."""
    beside: str | None = None
    """The instance that it collides with."""
    memory_units: Placement | None = None
    """The memory units that both want."""


class CheckedInstance(View):
    """A GPU instance of a legal layout, at its place."""

    profile: str
    placement: Placement
    slices: int
    compute_placements: tuple[Placement, ...]
    """Compute slices of each compute instance, counted within the GPU instance."""


class MoveView(View):
    """An instance at a place that its profile has, and whether it can be added to a layout."""

    instance: str
    profile: str
    placement: Placement
    slices: int
    layout: str | None = None
    """The layout with it; None where it cannot be added."""
    objection: ObjectionView | None = None


class LayoutCheck(View):
    """Whether a board can be cut into a layout, and how it could go on from there."""

    model: str
    gpu: str | None = None
    layout: str
    """With every place where it is legal; else as it was asked for."""
    legal: bool
    objection: ObjectionView | None = None
    instances: tuple[CheckedInstance, ...]
    memory_units: int | None = None
    compute_slices: int | None = None
    slices_left: int | None = None
    """None where it is not legal, or the GPU has no MIG."""
    full: bool | None = None
    """Whether nothing can be added; None where it is not legal."""
    moves: tuple[MoveView, ...]


class PlanStep(View):
    """One step of a plan. What does not belong to its action is None."""

    action: str
    text: str
    """The step as a sentence."""
    enabled: bool | None = None
    gpu_instance_id: int | None = None
    compute_instance_id: int | None = None
    partition: str | None = None
    profile: str | None = None
    placement: Placement | None = None
    slices: int | None = None
    compute_placement: Placement | None = None


class DestroyedPartition(View):
    """A partition that a plan destroys, and the run that holds it."""

    partition: str
    profile: str | None = None
    run: str | None = None


class LayoutPlan(View):
    """What would be done to cut a GPU as wanted. Without steps it is cut so already."""

    gpu: str
    before: str
    after: str
    steps: tuple[PlanStep, ...]
    destroys: tuple[DestroyedPartition, ...]
    runs: tuple[str, ...]
    """Runs that must end, or be put back into the queue, before that."""


class LayoutChangeView(View):
    """A change of how a GPU is cut, as it was when the service answered."""

    id: str
    url: str
    gpu: str
    layout: str
    origin: Literal["request", "restore", "boot"]
    """Who wants it: a user, a run that has ended, or the service after a boot."""
    force: bool
    state: ChangeState
    attempts: int
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    before: str | None = None
    after: str | None = None
    reason: str | None = None


class LayoutState(View):
    """How a GPU is cut, and what is to become of that."""

    gpu: str
    layout: str | None = None
    kept_layout: str | None = None
    restore_layout: str | None = None
    change: LayoutChangeView | None = None
    """The change that is under way, or waits."""
    changes: tuple[LayoutChangeView, ...]
    """The latest, newest first."""
