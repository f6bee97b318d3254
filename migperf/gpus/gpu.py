"""A GPU as its node describes it: what it is, how it can be cut, and how it is cut now."""

from pydantic import BaseModel, ConfigDict, Field

from migperf.gpus.geometry import Geometry, Placed, PlacedSet
from migperf.gpus.layout import InstanceSpec, Layout
from migperf.gpus.placement import Placement


class _Description(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ComputeInstance(_Description):
    """A compute instance: what CUDA sees as a MIG device."""

    id: int = Field(description="The driver's id of it, within its GPU instance.")
    uuid: str = Field(description="UUID of the MIG device, new whenever it is created again.")
    slices: int = Field(description="Compute slices.")
    placement: Placement | None = Field(description="Which compute slices of the GPU instance; null where not visible.")
    profile: str = Field(description="Profile with the compute part where it does not fill its GPU instance.")
    sm_count: int | None = Field(description="Streaming multiprocessors.")
    memory_mib: int | None = Field(description="Memory of the GPU instance, which its compute instances share, MiB.")


class GpuInstance(_Description):
    """A GPU instance: memory and compute slices that are cut off from the rest."""

    id: int = Field(description="The driver's id of it; says nothing about its place.")
    profile: str
    placement: Placement | None = Field(description="Memory units that it occupies; null where not visible.")
    slices: int = Field(description="Compute slices.")
    compute_instances: tuple[ComputeInstance, ...] = ()

    @property
    def spec(self) -> InstanceSpec:
        """The instance as a layout says it."""
        slices = tuple(sorted((compute.slices for compute in self.compute_instances), reverse=True))
        start = None if self.placement is None else self.placement.start
        return InstanceSpec(self.profile, start, None if slices == (self.slices,) else slices)


class Mig(_Description):
    """The MIG mode of a GPU that can be cut."""

    enabled: bool
    pending: bool = Field(description="The mode after the next reset; differs only while a change waits for one.")
    resetless: bool | None = Field(description="Whether a change of mode takes effect at once; null where unknown.")


class Gpu(_Description):
    """A physical GPU. What its driver does not tell is None, and ``problem`` says why a GPU cannot be used."""

    uuid: str
    model: str
    architecture: str
    compute_capability: str | None = None
    pci_bus_id: str | None = None
    driver_version: str | None = None
    cuda_version: str | None = Field(default=None, description="Highest CUDA version that the driver supports.")
    memory_mib: int | None = Field(default=None, description="Memory of the whole board, MiB.")
    sm_count: int | None = Field(default=None, description="Streaming multiprocessors of the board; null with MIG on.")
    mig: Mig | None = Field(default=None, description="null where the GPU cannot be cut.")
    geometry: Geometry | None = Field(default=None, description="The grid and its profiles, as the driver lists them.")
    instances: tuple[GpuInstance, ...] = ()
    simulated: bool = Field(default=False, description="True when no such hardware exists here.")
    problem: str | None = Field(default=None, description="Why it cannot be used, such as having fallen off the bus.")

    @property
    def layout(self) -> Layout:
        """How it is cut now, with every place."""
        if self.mig is None or not self.mig.enabled:
            return Layout(mig=False)
        return Layout.of(instance.spec for instance in self.instances)

    @property
    def most_partitions(self) -> int:
        """The most partitions that it can be cut into: one a compute slice."""
        return self.geometry.slices if self.geometry else 1

    @property
    def placed(self) -> PlacedSet:
        """Its GPU instances at their places."""
        return tuple(sorted(Placed(i.placement, i.profile) for i in self.instances if i.placement is not None))
