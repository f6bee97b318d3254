"""GPUs as they are now, and how each can be cut."""

from typing import Self

from pydantic import AwareDatetime, ConfigDict, Field

from api.links import Links
from api.schemas import gpu_examples as examples
from api.schemas.view import View
from api.standing import GpuState, Standing
from migperf.gpus.gpu import ComputeInstance, Gpu, GpuInstance, Mig
from migperf.gpus.placement import Placement
from migperf.gpus.profile import Profile
from migperf.store.gpus import describe
from migperf.store.models import GpuRow


class ComputeInstanceView(View):
    """A compute instance: a partition that a run can be put on."""

    id: int = Field(description="The driver's id of it, within its GPU instance.")
    partition: str = Field(description="UUID of the partition, new whenever it is created again.")
    profile: str = Field(description="Profile with the compute part where it does not fill its GPU instance.")
    slices: int = Field(description="Compute slices.")
    placement: Placement | None = Field(description="Compute slices of its GPU instance; null where not visible.")
    sm_count: int | None = Field(description="Streaming multiprocessors.")
    memory_mib: int | None = Field(description="Memory, shared within the GPU instance, MiB.")
    run: str | None = Field(description="Id of the run that holds it.")

    @classmethod
    def of(cls, compute: ComputeInstance, run: str | None) -> Self:
        """Show a compute instance."""
        return cls(
            id=compute.id,
            partition=compute.uuid,
            profile=compute.profile,
            slices=compute.slices,
            placement=compute.placement,
            sm_count=compute.sm_count,
            memory_mib=compute.memory_mib,
            run=run,
        )


class GpuInstanceView(View):
    """A GPU instance: memory and compute slices that are cut off from the rest."""

    id: int = Field(description="The driver's id of it; says nothing about its place.")
    profile: str
    placement: Placement | None = Field(description="Memory units that it occupies; null where not visible.")
    slices: int = Field(description="Compute slices.")
    compute_instances: list[ComputeInstanceView]

    @classmethod
    def of(cls, instance: GpuInstance, standing: Standing) -> Self:
        """Show a GPU instance."""
        computes = instance.compute_instances
        return cls(
            id=instance.id,
            profile=instance.profile,
            placement=instance.placement,
            slices=instance.slices,
            compute_instances=[ComputeInstanceView.of(c, standing.runs.get(c.uuid)) for c in computes],
        )


class GpuView(View):
    """A GPU, how it is cut, and what is on it now."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.GPU]})

    uuid: str
    url: str = Field(description="Path of this document.")
    model: str
    architecture: str = Field(description="Generation, such as hopper.")
    compute_capability: str | None
    pci_bus_id: str | None
    driver_version: str | None
    cuda_version: str | None = Field(description="Highest CUDA version that the driver supports.")
    memory_mib: int | None = Field(description="Memory of the whole board, MiB.")
    sm_count: int | None = Field(description="Streaming multiprocessors of the board; null with MIG on.")
    simulated: bool = Field(description="True when no such hardware exists.")
    node: str
    node_alive: bool = Field(description="Whether its node has been heard of lately.")
    state: GpuState = Field(
        description="free: no run is on it; leased: a run has it or a part of it; changing: it is being cut; "
        "unhealthy: it cannot be used, as it has a problem, or its node is silent or no longer has it."
    )
    problem: str | None = Field(description="Why it cannot be used, such as having fallen off the bus.")
    run: str | None = Field(description="Id of the run that holds all of it.")
    mig: Mig | None = Field(description="Mode of MIG; null where the GPU cannot be cut.")
    memory_units: int | None = Field(description="Length of the grid in which GPU instances lie.")
    compute_slices: int | None = Field(description="Compute slices that GPU instances share.")
    layout: str | None = Field(description="How it is cut: off where it is whole; null where that cannot be told.")
    instances: list[GpuInstanceView] = Field(description="GPU instances in the order of their places.")
    change: str | None = Field(description="Id of the layout change that waits or is under way.")
    kept_layout: str | None = Field(description="Layout that is applied again after each boot.")
    restore_layout: str | None = Field(description="Layout that is put back when no run needs another.")
    seen_at: AwareDatetime
    retired_at: AwareDatetime | None = Field(description="Since when its node no longer has it.")

    @classmethod
    def of(cls, row: GpuRow, standing: Standing, change: str | None, links: Links) -> Self:
        """Show a stored GPU; ``change`` is the id of its layout change that has not ended."""
        return cls.model_validate(_shown(row, standing, change, links))


class GpuList(View):
    """Every GPU that is there now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.GPU]}]})

    items: list[GpuView]


class ProfileView(View):
    """One way to cut a GPU instance out of a GPU."""

    name: str
    slices: int = Field(description="Compute slices that it uses.")
    size: int = Field(description="Memory units that it occupies.")
    sm_count: int | None = Field(description="Streaming multiprocessors.")
    memory_mib: int | None
    max_count: int = Field(description="How many of it an empty GPU can hold.")
    starts: list[int] = Field(description="Memory units at which it may begin.")

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """Show a profile."""
        return cls(
            name=profile.name,
            slices=profile.slices,
            size=profile.placements[0].size,
            sm_count=profile.sm_count,
            memory_mib=profile.memory_mib,
            max_count=profile.max_count,
            starts=[place.start for place in profile.placements],
        )


class GpuDetail(GpuView):
    """A GPU with the profiles that it offers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**examples.GPU, "profiles": examples.PROFILES}]})

    profiles: list[ProfileView] = Field(description="As the driver lists them; none where the GPU cannot be cut.")

    @classmethod
    def of(cls, row: GpuRow, standing: Standing, change: str | None, links: Links) -> Self:
        """Show a stored GPU with its profiles."""
        geometry = describe(row).geometry
        profiles = [] if geometry is None else [ProfileView.of(profile) for profile in geometry.profiles]
        return cls.model_validate({**_shown(row, standing, change, links), "profiles": profiles})


def known_layout(gpu: Gpu) -> str | None:
    """Return how the GPU is cut; None where it could not be read."""
    return None if gpu.problem is not None else str(gpu.layout)


def _shown(row: GpuRow, standing: Standing, change: str | None, links: Links) -> dict[str, object]:
    gpu = describe(row)
    as_described = gpu.model_dump(exclude={"geometry", "instances"})
    return {
        **as_described,
        "url": links.gpu(row.uuid),
        "node": row.node,
        "node_alive": row.node in standing.alive,
        "state": standing.of_gpu(row, gpu),
        "run": standing.whole.get(row.uuid) or standing.runs.get(row.uuid),
        "memory_units": gpu.geometry.units if gpu.geometry else None,
        "compute_slices": gpu.geometry.slices if gpu.geometry else None,
        "layout": known_layout(gpu),
        "instances": [GpuInstanceView.of(instance, standing) for instance in gpu.instances],
        "change": change,
        "kept_layout": row.kept_layout,
        "restore_layout": row.restore_layout,
        "seen_at": row.seen_at,
        "retired_at": row.retired_at,
    }
