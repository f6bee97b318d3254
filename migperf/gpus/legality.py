"""Whether a GPU can be cut into a layout, where everything would lie, and what could be placed beside it, or why not.

The answers are those of ``planning`` for an empty GPU, so that what is called legal here can be applied. Pure.
"""

from dataclasses import dataclass

from migperf.gpus.geometry import Geometry, Placed, PlacedSet
from migperf.gpus.gpu import Gpu, Mig
from migperf.gpus.layout import InstanceSpec, Layout
from migperf.gpus.objection import Objection, Rule
from migperf.gpus.placement import Placement
from migperf.gpus.plan import CreateCompute, CreateInstance, LayoutImpossibleError
from migperf.gpus.planning import make_plan


@dataclass(frozen=True, slots=True)
class PlacedInstance:
    """A GPU instance at its place, as a layout says it, with its compute instances."""

    placed: Placed
    slices: int
    """Compute slices of the GPU instance."""
    spec: InstanceSpec
    """The instance as the layout says it, its start filled in."""
    compute: tuple[Placement, ...]
    """Compute slices of each compute instance, counted within the GPU instance."""


@dataclass(frozen=True, slots=True)
class Move:
    """An instance that could be added at a place that its profile has, and the reason why it cannot be, if any."""

    placed: Placed
    objection: Objection | None


@dataclass(frozen=True, slots=True)
class Legality:
    """What a GPU's geometry says of a layout."""

    layout: Layout
    """With every place where it is legal; else as it was asked for."""
    objection: Objection | None
    """Why the GPU cannot be cut so; None: it can."""
    instances: tuple[PlacedInstance, ...] = ()
    """In the order of their places; empty where the layout is not legal."""

    @property
    def placed(self) -> PlacedSet:
        """The GPU instances at their places."""
        return tuple(instance.placed for instance in self.instances)


def legality(gpu: Gpu, layout: Layout) -> Legality:
    """Say whether the board of a GPU can be cut into the layout, whatever is on it now and whatever its mode."""
    mig = None if gpu.geometry is None else Mig(enabled=True, pending=True, resetless=True)
    empty = gpu.model_copy(update={"instances": (), "mig": mig, "problem": None})
    if gpu.geometry is None or not layout.instances:
        return Legality(layout, _no_mig(gpu) if gpu.geometry is None and layout.mig else None)
    try:
        plan = make_plan(empty, layout)
    except LayoutImpossibleError as error:
        if error.objection is None:
            raise
        return Legality(layout, error.objection)
    computes: dict[int, list[CreateCompute]] = {}
    for step in plan.steps:
        if isinstance(step, CreateCompute):
            computes.setdefault(step.at.start, []).append(step)
    specs = {spec.start: spec for spec in plan.after.instances}
    created = sorted(step.placed for step in plan.steps if isinstance(step, CreateInstance))
    instances = (_instance(gpu.geometry, at, specs[at.placement.start], computes) for at in created)
    return Legality(plan.after, None, tuple(instances))


def moves(geometry: Geometry, beside: PlacedSet) -> tuple[Move, ...]:
    """Return every instance at every place that its profile has, and why it cannot be added to what is there, if so."""
    return tuple(Move(new, geometry.objection(beside, new)) for new in geometry.candidates)


def _no_mig(gpu: Gpu) -> Objection:
    return Objection(Rule.NO_MIG, f"{gpu.model} has no MIG, so it is used whole")


def _instance(
    geometry: Geometry, placed: Placed, spec: InstanceSpec, computes: dict[int, list[CreateCompute]]
) -> PlacedInstance:
    slices = geometry.by_name[placed.profile].slices
    made = computes.get(placed.placement.start, [])
    within = (step.placement or Placement(0, slices) for step in made)
    return PlacedInstance(placed, slices, spec, tuple(sorted(within)))
