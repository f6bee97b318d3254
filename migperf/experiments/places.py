"""Where the runs of a cell go on a device: what each selects, and the layout that holds them all."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from migperf.experiments.document import Settings
from migperf.experiments.target import WHOLE, Cut, NotOnThisDeviceError, Target, layout_of
from migperf.gpus.layout import Layout
from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.shares import SharingImpossibleError, divide
from migperf.gpus.sharing import SharingMode


@dataclass(frozen=True, slots=True)
class Places:
    """One place for each run, clients first."""

    selects: tuple[dict[str, Any], ...]
    """Conditions that a run's partition must meet, beside those of the experiment."""
    layout: str | None = field(default=None)
    """What the GPU is cut into for them; None where it is taken as it is."""


def places_for(settings: Settings, target: Target) -> Places:
    """Return the places of a cell's runs. Raises NotOnThisDeviceError where the device lacks something."""
    mode, on_gpu = settings.mode, target.gpu is not None
    if mode is not None and not (mode.on_gpu if on_gpu else mode.on_cpu):
        raise NotOnThisDeviceError(f"a {'GPU' if on_gpu else 'CPU'} cannot be shared by {mode}")
    if mode is SharingMode.WHOLE and settings.runs > 1:
        raise NotOnThisDeviceError(f"whole is for one run, not for {settings.runs}; share by another mode")
    return _on_gpu(settings, target) if target.cpu is None else _on_cpu(settings, target.cpu)


def _on_cpu(settings: Settings, cpu: Partition) -> Places:
    if settings.partition not in (None, WHOLE) or settings.layout is not None:
        raise NotOnThisDeviceError("a CPU cannot be cut; share it by pinned, time_slicing or unrestricted")
    if settings.sharing is not None and settings.mode is not SharingMode.WHOLE:
        try:
            divide(cpu, settings.sharing, settings.share_count)
        except SharingImpossibleError as error:
            raise NotOnThisDeviceError(str(error)) from error
    return Places(({"kind": PartitionKind.CPU},) * settings.runs)


def _on_gpu(settings: Settings, target: Target) -> Places:
    layout = None if settings.layout is None else Layout.parse(settings.layout)
    if layout is not None and not layout.mig:
        return _uncut(settings, target, layout)
    cuts = _cuts(settings, target, layout)
    there = [cut for cut in cuts if cut is not None]
    if not there:
        return Places(({"kind": PartitionKind.GPU},) * len(cuts))
    used = there if settings.mode in (None, SharingMode.MIG) else there[:1]
    if layout is None:
        layout = layout_of((*used, *_spare(settings, used)))
    elif missing := Counter(cut.profile for cut in used) - Counter(layout.partition_profiles):
        raise NotOnThisDeviceError(f"the layout {layout} lacks {', '.join(f'{n} x {p}' for p, n in missing.items())}")
    _require(target, layout)
    return Places(tuple({"kind": PartitionKind.MIG, "profile": cut.profile} for cut in there), str(layout))


def _uncut(settings: Settings, target: Target, off: Layout) -> Places:
    """Return all of a GPU whose MIG mode is off."""
    if settings.partition not in (None, WHOLE) or settings.mode is SharingMode.MIG:
        raise NotOnThisDeviceError(f"with the layout {off} nothing is cut; leave partition out, and share otherwise")
    selects = ({"kind": PartitionKind.GPU},) * settings.runs
    if target.geometry is None:
        return Places(selects)
    _require(target, off)
    return Places(selects, str(off))


def _require(target: Target, layout: Layout) -> None:
    if (objection := target.objection(layout)) is not None:
        raise NotOnThisDeviceError(objection)


def _cuts(settings: Settings, target: Target, layout: Layout | None) -> list[Cut | None]:
    """Return what each run gets of the GPU; None for all of one that has no MIG."""
    own = _own(settings, target, layout)
    if settings.mode is not SharingMode.MIG:
        return [own] * settings.runs
    if own is None:
        raise NotOnThisDeviceError(f"{target.model} cannot be cut, so it cannot be shared by mig")
    neighbours = [
        own if n.partition is None else target.cut(n.partition) for n in settings.neighbours for _ in range(n.count)
    ]
    return [own] * settings.clients + neighbours


def _own(settings: Settings, target: Target, layout: Layout | None) -> Cut | None:
    """Return what a client gets: what is asked for, else the largest that is there for all shares."""
    by_mig = settings.mode is SharingMode.MIG
    if settings.partition is not None:
        return target.cut(settings.partition)
    if layout is not None:
        return _largest_of(layout, settings.share_count if by_mig else 1, target)
    return target.equal_parts(settings.share_count) if by_mig else target.cut(WHOLE)


def _largest_of(layout: Layout, count: int, target: Target) -> Cut | None:
    _require(target, layout)
    there = Counter(layout.partition_profiles)
    enough = [profile for profile in layout.partition_profiles if there[profile] >= count]
    if not enough:
        raise NotOnThisDeviceError(f"the layout {layout} has no {count} equal instances; say which by partition")
    return target.cut(enough[0])


def _spare(settings: Settings, used: Sequence[Cut]) -> list[Cut]:
    """Return instances that nobody uses: where equal shares are asked for, a run has its part even when alone."""
    if settings.mode is not SharingMode.MIG:
        return []
    return [used[0]] * max(0, settings.share_count - len(used))
