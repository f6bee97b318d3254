"""The way from how a GPU is cut to how it is wanted: what must be destroyed and what created, and nothing more.

Pure: reads a ``Gpu``, touches no driver.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from migperf.gpus.compute_planning import destroy_all, fill, recut
from migperf.gpus.geometry import (
    Geometry,
    Placed,
    PlacedSet,
    UnknownProfileError,
    Wish,
    count_objection,
    start_objection,
)
from migperf.gpus.gpu import Gpu, GpuInstance
from migperf.gpus.layout import InstanceSpec, Layout
from migperf.gpus.objection import Objection, Rule
from migperf.gpus.plan import (
    CreateInstance,
    DestroyInstance,
    LayoutImpossibleError,
    Plan,
    SetMode,
    Step,
)


def make_plan(gpu: Gpu, wanted: Layout, busy: Collection[str] = ()) -> Plan:
    """Return the shortest way from the GPU's layout to the one wanted.

    Of the instances that could stay, those stay that let the most others stay; ``busy`` UUIDs of MIG devices before
    idle ones. Raises LayoutImpossibleError.
    """
    _require_cuttable(gpu, wanted)
    before = gpu.layout
    if not wanted.mig:
        steps = (*_clear(gpu.instances), *((SetMode(enabled=False),) if before.mig else ()))
        return Plan(gpu.uuid, before, wanted, steps)
    geometry = _geometry_of(gpu)
    kept, created = _match(geometry, gpu.instances, _written_short(geometry, wanted), frozenset(busy))
    gone = [instance for instance in gpu.instances if instance not in kept]
    cuts = [recut(instance, _placed(instance).placement, spec, busy) for instance, spec in kept.items()]
    steps = (
        *(() if before.mig else (SetMode(enabled=True),)),
        *_clear(gone),
        *(step for destroyed, _ in cuts for step in destroyed),
        *(CreateInstance(placed) for placed, _ in created),
        *(step for _, made in cuts for step in made),
        *(step for placed, spec in created for step in fill(placed, geometry.by_name[placed.profile].slices, spec)),
    )
    return Plan(gpu.uuid, before, _result(kept, created), steps)


def _require_cuttable(gpu: Gpu, wanted: Layout) -> None:
    if gpu.problem is not None:
        raise LayoutImpossibleError(f"{gpu.uuid} cannot be used: {gpu.problem}")
    if gpu.mig is None:
        if wanted.mig:
            raise LayoutImpossibleError(f"{gpu.model} ({gpu.uuid}) has no MIG; run on it whole")
        return
    if gpu.mig.enabled == wanted.mig:
        return
    mode, command = ("on", "enable") if wanted.mig else ("off", "disable")
    if not gpu.mig.resetless:
        raise LayoutImpossibleError(
            f"{gpu.model} ({gpu.uuid}) needs a reset to turn MIG {mode}, which ends every program that uses it: run "
            f"`migperf mig {command}`, reset the GPU, then apply the layout"
        )


def _geometry_of(gpu: Gpu) -> Geometry:
    if gpu.geometry is None or any(instance.placement is None for instance in gpu.instances):
        raise LayoutImpossibleError(
            f"this process may not see how {gpu.uuid} is cut; it needs access to the capability mig/config"
        )
    return gpu.geometry


def _written_short(geometry: Geometry, wanted: Layout) -> Layout:
    """Write a single compute instance that fills its GPU instance as the driver's layout does: not at all."""
    return Layout.of(
        replace(spec, compute=None) if spec.compute == (geometry.slices_of(spec.profile),) else spec
        for spec in wanted.instances
    )


_Created = list[tuple[Placed, InstanceSpec]]


def _match(
    geometry: Geometry, present: Sequence[GpuInstance], wanted: Layout, busy: frozenset[str]
) -> tuple[dict[GpuInstance, InstanceSpec], _Created]:
    """Decide which instances stay, as what, and where the others that are wanted go."""
    for number in range(len(present), -1, -1):
        choices = sorted(combinations(present, number), key=lambda kept: -_busy_among(kept, busy))
        for kept in choices:
            taken = _take(kept, wanted.instances)
            if taken is None:
                continue
            stays, rest = taken
            placed = _place(geometry, rest, tuple(_placed(instance) for instance in kept))
            if placed is not None:
                return stays, placed
    raise _impossible(geometry, wanted)


def _busy_among(kept: Sequence[GpuInstance], busy: frozenset[str]) -> int:
    return sum(compute.uuid in busy for instance in kept for compute in instance.compute_instances)


def _take(
    kept: Sequence[GpuInstance], wanted: Sequence[InstanceSpec]
) -> tuple[dict[GpuInstance, InstanceSpec], list[InstanceSpec]] | None:
    """Give each instance that stays the spec that suits it best; None if one of them is not wanted.

    Instances that are cut as somebody wants them choose first. A spec that names the instance's place is taken before
    one that names none; one that names another place is not for it.
    """
    rest, stays = list(wanted), {}
    as_wanted = {(spec.profile, spec.compute) for spec in wanted}
    for instance in sorted(kept, key=lambda i: (i.profile, i.spec.compute) not in as_wanted):
        here = instance.spec
        suits = [spec for spec in rest if spec.profile == here.profile and spec.start in (None, here.start)]
        if not suits:
            return None
        best = _best(suits, here)
        rest.remove(best)
        stays[instance] = best
    return stays, rest


def _best(suits: Sequence[InstanceSpec], here: InstanceSpec) -> InstanceSpec:
    return max(suits, key=lambda spec: (spec.start is not None, spec.compute == here.compute))


def _place(geometry: Geometry, specs: Sequence[InstanceSpec], beside: PlacedSet) -> _Created | None:
    """Find places for the specs; None if they do not fit beside what stays."""
    try:
        placed = geometry.arrange([Wish(spec.profile, spec.start) for spec in specs], beside)
    except UnknownProfileError as error:
        raise LayoutImpossibleError(str(error), Objection(Rule.PROFILE, str(error), error.name)) from error
    if placed is None:
        return None
    open_specs, found = list(specs), []
    for place in placed:
        spec = max(
            (s for s in open_specs if s.profile == place.profile and s.start in (None, place.placement.start)),
            key=lambda s: s.start is not None,
        )
        open_specs.remove(spec)
        found.append((place, spec))
    return found


def _impossible(geometry: Geometry, wanted: Layout) -> LayoutImpossibleError:
    """Say what stands in the way on an empty GPU; it is never what stays, for everything may be destroyed."""
    objection = next(_obstacles(geometry, wanted))
    says = f"layout {wanted} is not legal: {objection}"
    return LayoutImpossibleError(says, replace(objection, says=says))


def _obstacles(geometry: Geometry, wanted: Layout) -> Iterator[Objection]:
    for name, count in Counter(wanted.profiles).items():
        if count > (most := geometry.capacity(name, ())):
            yield count_objection(name, most)
    fixed = []
    for spec in wanted.instances:
        profile = geometry.by_name[spec.profile]
        at = next((place for place in profile.placements if place.start == spec.start), None)
        if spec.start is not None and at is None:
            yield start_objection(profile, spec.start)
        if at is not None:
            fixed.append(Placed(at, spec.profile))
    if (objection := geometry.check(fixed)) is not None:
        yield objection
    nowhere = "there is no place for all of it at once (`migperf mig layouts` lists what is legal)"
    yield Objection(Rule.ARRANGEMENT, nowhere)


def _clear(instances: Sequence[GpuInstance]) -> Iterator[Step]:
    for instance in instances:
        yield from destroy_all(instance)
    yield from (DestroyInstance(instance.id, _placed(instance)) for instance in instances)


def _result(kept: dict[GpuInstance, InstanceSpec], created: _Created) -> Layout:
    stays = [InstanceSpec(i.profile, _placed(i).placement.start, spec.compute) for i, spec in kept.items()]
    return Layout.of([*stays, *(InstanceSpec(p.profile, p.placement.start, spec.compute) for p, spec in created)])


def _placed(instance: GpuInstance) -> Placed:
    if instance.placement is None:
        raise LayoutImpossibleError("this process may not see how the GPU is cut")
    return Placed(instance.placement, instance.profile)
