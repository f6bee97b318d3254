"""The device that an experiment is worked out for: a CPU, or a GPU that may be cut."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from migperf.gpus.geometry import Geometry, Wish, compute_geometry, compute_profile
from migperf.gpus.gpu import Gpu, Mig
from migperf.gpus.layout import InstanceSpec, Layout
from migperf.gpus.partition import Partition
from migperf.gpus.plan import LayoutImpossibleError
from migperf.gpus.planning import make_plan
from migperf.gpus.profile import Profile, ProfileName

WHOLE = "whole"
OBJECTIONS_KEPT = 1024


class NotOnThisDeviceError(Exception):
    """A cell asks for what this device does not have: it is skipped, and the message says why."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a run gets: the profile of its partition, and the instance of the layout that holds it."""

    profile: str
    instance: InstanceSpec


@dataclass(frozen=True, slots=True)
class Target:
    """Exactly one of the two is there."""

    cpu: Partition | None = None
    gpu: Gpu | None = None

    @property
    def model(self) -> str:
        """The board's or processor's model."""
        device = self.cpu or self.gpu
        return "" if device is None else device.model

    @property
    def uuid(self) -> str:
        """UUID of the device."""
        device = self.cpu or self.gpu
        return "" if device is None else device.uuid

    @property
    def simulated(self) -> bool:
        """Whether no such hardware exists here."""
        return self.gpu is not None and self.gpu.simulated

    @property
    def geometry(self) -> Geometry | None:
        """How it can be cut; None where it cannot."""
        return None if self.gpu is None or self.gpu.mig is None else self.gpu.geometry

    def cut(self, asked: str) -> Cut | None:
        """Return what ``2g``, ``2g.20gb``, ``1c.3g.40gb``, ``1c`` or ``whole`` is here; None where nothing is cut.

        ``2g`` is the plain profile of so many slices with the least memory, ``1c`` a part of the largest instance.
        Raises NotOnThisDeviceError.
        """
        geometry = self.geometry
        if geometry is None:
            if asked != WHOLE:
                raise NotOnThisDeviceError(f"{self.model} cannot be cut, so it has no {asked}")
            return None
        if asked == WHOLE:
            largest = _largest(geometry)
            return Cut(largest.name, InstanceSpec(largest.name))
        if asked.endswith("c") and asked[:-1].isdigit():
            return _compute_part(_largest(geometry), int(asked[:-1]))
        if asked.endswith("g") and asked[:-1].isdigit():
            profile = self._of_slices(geometry, int(asked[:-1]))
            return Cut(profile.name, InstanceSpec(profile.name))
        return self._named(geometry, asked)

    def equal_parts(self, count: int) -> Cut:
        """Return the largest plain profile of which so many fit. Raises NotOnThisDeviceError."""
        geometry = self.geometry
        if geometry is None:
            raise NotOnThisDeviceError(f"{self.model} cannot be cut, so it has no {count} instances")
        fitting = [p for p in _plain(geometry) if p.max_count >= count]
        if not fitting:
            raise NotOnThisDeviceError(f"{self.model} has no {count} equal instances")
        best = max(fitting, key=lambda p: (p.slices, -(p.memory_mib or 0)))
        return Cut(best.name, InstanceSpec(best.name))

    def objection(self, layout: Layout) -> str | None:
        """Say why the device, were it empty and in the right mode, could not be cut so; None if it could."""
        if self.gpu is None or self.gpu.mig is None:
            return f"{self.model} cannot be cut, so it has no layout {layout}"
        return _why_not_off(self.gpu, self.gpu.mig) if not layout.mig else _why_not(self.gpu, layout)

    def _of_slices(self, geometry: Geometry, slices: int) -> Profile:
        found = [p for p in _plain(geometry) if p.slices == slices]
        if not found:
            raise NotOnThisDeviceError(f"{self.model} has no {slices}g; it has {_names(geometry)}")
        return min(found, key=lambda p: p.memory_mib or 0)

    def _named(self, geometry: Geometry, asked: str) -> Cut:
        try:
            name = ProfileName.parse(asked)
        except ValueError as error:
            raise NotOnThisDeviceError(f"{error}; or write slices such as 2g, or whole") from error
        whole = ProfileName(name.slices, name.memory_gb, name.attributes)
        profile = geometry.by_name.get(str(whole))
        if profile is None:
            raise NotOnThisDeviceError(f"{self.model} has no {whole}; it has {_names(geometry)}")
        if name.compute_slices is None:
            return Cut(profile.name, InstanceSpec(profile.name))
        return _compute_part(profile, name.compute_slices)


def layout_of(cuts: Iterable[Cut]) -> Layout:
    """Return the layout that has all of them: compute instances of one profile share an instance while they fit."""
    instances: list[InstanceSpec] = []
    for cut in cuts:
        joined = ((index, _joined(spec, cut.instance)) for index, spec in enumerate(instances))
        index, spec = next(((i, spec) for i, spec in joined if spec is not None), (len(instances), cut.instance))
        instances[index : index + 1] = [spec]
    return Layout.of(instances)


def _joined(there: InstanceSpec, more: InstanceSpec) -> InstanceSpec | None:
    """Return an instance with the compute instances of both; None where they do not fit into one."""
    if there.profile != more.profile or there.compute is None or more.compute is None:
        return None
    compute = tuple(sorted((*there.compute, *more.compute), reverse=True))
    grid = compute_geometry(ProfileName.parse(there.profile).slices)
    fits = grid.arrange([Wish(compute_profile(slices)) for slices in compute]) is not None
    return replace(there, compute=compute) if fits else None


def _compute_part(profile: Profile, slices: int) -> Cut:
    offered = compute_geometry(profile.slices).by_name
    if compute_profile(slices) not in offered:
        raise NotOnThisDeviceError(f"{profile.name} has no compute instance {slices}c; it has {', '.join(offered)}")
    if slices == profile.slices:
        return Cut(profile.name, InstanceSpec(profile.name))
    return Cut(f"{slices}c.{profile.name}", InstanceSpec(profile.name, compute=(slices,)))


@lru_cache(maxsize=OBJECTIONS_KEPT)
def _why_not(gpu: Gpu, layout: Layout) -> str | None:
    empty = gpu.model_copy(update={"instances": (), "mig": Mig(enabled=True, pending=True, resetless=None)})
    try:
        make_plan(empty, layout)
    except LayoutImpossibleError as error:
        return str(error)
    return None


def _why_not_off(gpu: Gpu, mig: Mig) -> str | None:
    if mig.resetless or not mig.enabled:
        return None
    return (
        f"turning MIG off takes a reset of {gpu.model}, which an experiment does not do; measure it by one of its own"
    )


def _plain(geometry: Geometry) -> list[Profile]:
    """Return the profiles without extras: no +me, +gfx and the like, which differ in engines, not in compute."""
    return [p for p in geometry.profiles if not ProfileName.parse(p.name).attributes]


def _largest(geometry: Geometry) -> Profile:
    return max(_plain(geometry), key=lambda p: (p.slices, p.memory_mib or 0))


def _names(geometry: Geometry) -> str:
    return ", ".join(profile.name for profile in geometry.profiles)
