"""A plan as data: the steps that lead to a layout. ``planning`` makes it, ``perform`` carries it out."""

from dataclasses import dataclass
from typing import Self

from migperf.errors import ConflictError
from migperf.gpus.geometry import Placed
from migperf.gpus.gpu import Gpu
from migperf.gpus.layout import Layout
from migperf.gpus.objection import Objection
from migperf.gpus.placement import Placement


class LayoutImpossibleError(ConflictError):
    """The GPU can never, or not in its present mode, be cut as wanted; the message says why and what would help.

    ``objection`` is the rule that the layout breaks; None where it is legal, and something else stands in the way.
    """

    def __init__(self, says: str, objection: Objection | None = None) -> None:
        super().__init__(says)
        self.objection = objection


@dataclass(frozen=True, slots=True)
class SetMode:
    """Turn MIG on or off (only where that takes effect at once)."""

    enabled: bool

    def __str__(self) -> str:
        return f"turn MIG {'on' if self.enabled else 'off'}"


@dataclass(frozen=True, slots=True)
class DestroyCompute:
    """Destroy a compute instance."""

    gpu_instance_id: int
    id: int
    uuid: str
    profile: str

    def __str__(self) -> str:
        return (
            f"destroy compute instance {self.id} ({self.profile}, {self.uuid}) of GPU instance {self.gpu_instance_id}"
        )


@dataclass(frozen=True, slots=True)
class DestroyInstance:
    """Destroy a GPU instance that has no compute instances any more."""

    id: int
    placed: Placed

    def __str__(self) -> str:
        return f"destroy GPU instance {self.id} ({self.placed})"


@dataclass(frozen=True, slots=True)
class CreateInstance:
    """Create a GPU instance at its place."""

    placed: Placed

    def __str__(self) -> str:
        return f"create GPU instance {self.placed}"


@dataclass(frozen=True, slots=True)
class CreateCompute:
    """Create a compute instance in the GPU instance that begins at a memory unit.

    It is known by its place: an id is only given when it is created, and a place holds one instance.
    """

    at: Placement
    slices: int
    placement: Placement | None
    """Compute slices that it gets; None for one that fills its GPU instance."""

    def __str__(self) -> str:
        size = "1 slice" if self.slices == 1 else f"{self.slices} slices"
        return f"create compute instance of {size} in the GPU instance at {self.at.start}"


Step = SetMode | DestroyCompute | DestroyInstance | CreateInstance | CreateCompute


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, in order. Without steps the GPU is as wanted already."""

    gpu_uuid: str
    before: Layout
    after: Layout
    """Every place filled in."""
    steps: tuple[Step, ...]

    @classmethod
    def nothing(cls, gpu: Gpu) -> Self:
        """The plan that leaves a GPU as it is."""
        return cls(gpu.uuid, gpu.layout, gpu.layout, ())

    @property
    def doomed(self) -> tuple[str, ...]:
        """UUIDs of the MIG devices that it destroys; with a change of mode, of whatever runs can be put on."""
        uuids = [step.uuid for step in self.steps if isinstance(step, DestroyCompute)]
        turns_on = any(isinstance(step, SetMode) and step.enabled for step in self.steps)
        return (*uuids, self.gpu_uuid) if turns_on else tuple(uuids)
