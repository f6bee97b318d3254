"""Compute instances inside a GPU instance: what of them goes and what comes. Part of ``planning``."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations

from migperf.gpus.geometry import Geometry, Placed, Wish, compute_geometry, compute_profile
from migperf.gpus.gpu import ComputeInstance, GpuInstance
from migperf.gpus.layout import InstanceSpec
from migperf.gpus.objection import Objection, Rule
from migperf.gpus.placement import Placement
from migperf.gpus.plan import CreateCompute, DestroyCompute, LayoutImpossibleError


def destroy_all(instance: GpuInstance) -> Iterator[DestroyCompute]:
    """Yield the destruction of every compute instance of a GPU instance."""
    return (_destroy(instance, compute) for compute in instance.compute_instances)


def recut(
    instance: GpuInstance, at: Placement, spec: InstanceSpec, busy: Collection[str]
) -> tuple[list[DestroyCompute], list[CreateCompute]]:
    """Return what changes among the compute instances of an instance that stays: as few as possible go."""
    if instance.spec.compute == spec.compute:
        return [], []
    wanted = Counter((instance.slices,) if spec.compute is None else spec.compute)
    grid = compute_geometry(instance.slices)
    present = instance.compute_instances
    for number in range(len(present), -1, -1):
        for kept in sorted(combinations(present, number), key=lambda kept: -sum(c.uuid in busy for c in kept)):
            rest = wanted - Counter(c.slices for c in kept)
            if rest.total() + number != wanted.total():
                continue
            made = _arrange_compute(grid, rest, kept)
            if made is not None:
                gone = [_destroy(instance, c) for c in present if c not in kept]
                return gone, [CreateCompute(at, size, place) for size, place in made]
    raise _not_cut(instance.profile, spec)


def fill(placed: Placed, slices: int, spec: InstanceSpec) -> Iterator[CreateCompute]:
    """Yield the compute instances of a new GPU instance."""
    if spec.compute is None:
        yield CreateCompute(placed.placement, slices, None)
        return
    made = _arrange_compute(compute_geometry(slices), Counter(spec.compute), ())
    if made is None:
        raise _not_cut(placed.profile, spec)
    yield from (CreateCompute(placed.placement, size, place) for size, place in made)


def _arrange_compute(
    grid: Geometry, wanted: Counter[int], kept: Sequence[ComputeInstance]
) -> list[tuple[int, Placement | None]] | None:
    """Place compute instances beside those that stay; None if they do not fit."""
    if any(compute_profile(size) not in grid.by_name for size in wanted):
        return None
    if wanted == Counter({grid.slices: 1}) and not kept:
        return [(grid.slices, None)]
    beside = tuple(
        Placed(Placement(c.placement.start, c.slices), compute_profile(c.slices)) for c in kept if c.placement
    )
    wishes = [Wish(compute_profile(size)) for size in wanted.elements()]
    made = grid.arrange(wishes, beside)
    return None if made is None else [(placed.placement.size, placed.placement) for placed in made]


def _not_cut(profile: str, spec: InstanceSpec) -> LayoutImpossibleError:
    slices = "+".join(f"{size}c" for size in spec.compute or ())
    says = (
        f"a {profile} cannot be cut into compute instances {slices or '(none)'}; `migperf mig profiles` lists what fits"
    )
    return LayoutImpossibleError(says, Objection(Rule.COMPUTE_INSTANCES, says, str(spec)))


def _destroy(instance: GpuInstance, compute: ComputeInstance) -> DestroyCompute:
    return DestroyCompute(instance.id, compute.id, compute.uuid, compute.profile)
