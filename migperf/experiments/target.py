"""The device that an experiment is worked out for: a CPU, or a GPU that may be cut."""

from dataclasses import dataclass

from migperf.gpus.geometry import Geometry, Wish
from migperf.gpus.gpu import Gpu
from migperf.gpus.layout import InstanceSpec, Layout
from migperf.gpus.partition import Partition
from migperf.gpus.profile import Media, Profile, ProfileName

WHOLE = "whole"


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

    def fits(self, layout: Layout) -> bool:
        """Tell whether the device, were it empty, could be cut so."""
        geometry = self.geometry
        if geometry is None:
            return False
        return geometry.arrange([Wish(spec.profile, spec.start) for spec in layout.instances]) is not None

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


def _compute_part(profile: Profile, slices: int) -> Cut:
    if slices > profile.slices:
        raise NotOnThisDeviceError(f"{profile.name} has {profile.slices} compute slices, not {slices}")
    if slices == profile.slices:
        return Cut(profile.name, InstanceSpec(profile.name))
    return Cut(f"{slices}c.{profile.name}", InstanceSpec(profile.name, compute=(slices,)))


def _plain(geometry: Geometry) -> list[Profile]:
    return [p for p in geometry.profiles if p.media is Media.PLAIN]


def _largest(geometry: Geometry) -> Profile:
    return max(_plain(geometry), key=lambda p: (p.slices, p.memory_mib or 0))


def _names(geometry: Geometry) -> str:
    return ", ".join(profile.name for profile in geometry.profiles)
