"""Who gets what: queued runs to free partitions, and GPUs to changes of layout. Pure; the transaction is dispatch's.

Runs that are measured together are placed in one step on one device, which they have to themselves.

Three more rules go beyond "first come, first served, where it fits":

* A run with a layout of its own waits until a GPU is idle, and a change until nothing that it destroys is held.
  Meanwhile nothing new is put there, or they would wait forever.
* The CPU of a host is measured alone: what runs on a simulated GPU runs on that CPU, so one waits for the other.
* A GPU whose earlier layout is to be put back takes no plain run before that. If somebody waits for what that layout
  offers, those behind who want the GPU cut anew wait until it is back, or it would never be.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import partitions_of
from migperf.gpus.layout import Layout
from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.plan import LayoutImpossibleError
from migperf.gpus.planning import make_plan
from migperf.gpus.selector import Selector
from migperf.gpus.shares import SharingImpossibleError, divide
from migperf.gpus.sharing import Sharing


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued run, as far as placement cares."""

    run_id: str
    where: Selector
    layout: Layout | None = None
    environments: frozenset[str] = frozenset()
    """Software environments that its node must offer, beside the worker's own."""


@dataclass(frozen=True, slots=True)
class Together:
    """Queued runs that are placed in one step: on a GPU that is cut for them, or on shares of a whole device."""

    runs: tuple[Waiting, ...]
    sharing: Sharing | None
    shares: int

    @property
    def layout(self) -> Layout | None:
        """The layout that the GPU is cut into for them."""
        return self.runs[0].layout

    @property
    def as_one(self) -> Waiting:
        """One run that suits where all of them do: they select alike, and each may want an environment of its own."""
        return replace(self.runs[0], environments=frozenset[str]().union(*(run.environments for run in self.runs)))


@dataclass(frozen=True, slots=True)
class Free:
    """A partition that nobody holds, and its node."""

    partition: Partition
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedGpu:
    """A GPU, its node, and what is going on there."""

    gpu: Gpu
    node: str
    held: frozenset[str] = frozenset()
    """UUIDs of its partitions that runs hold."""
    closed: bool = False
    """Somebody holds it whole, or changes its layout."""
    restore: Layout | None = None
    """Its earlier layout, which waits to be put back."""

    def restored(self) -> tuple[Partition, ...]:
        """Return what its earlier layout offers, as far as selectors can tell; UUIDs of instances are not known."""
        if self.restore is None:
            return ()
        whole = tuple(partitions_of(self.gpu.model_copy(update={"mig": None, "instances": ()})))
        if not self.restore.mig:
            return whole
        cut = [{"uuid": "", "kind": PartitionKind.MIG, "profile": name} for name in self.restore.partition_profiles]
        return tuple(partition.model_copy(update=part) for partition in whole for part in cut)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Everything that can be given, and what is given already."""

    free: tuple[Free, ...] = ()
    gpus: tuple[OfferedGpu, ...] = ()
    held: tuple[Free, ...] = ()
    layouts_wanted: bool = True
    """Whether any run waits that has a layout of its own."""
    environments: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Software environments that can be used on each node, by its name; the worker's own can be everywhere."""

    def suits(self, run: Waiting, node: str) -> bool:
        """Tell whether the node has the software environments that the run needs."""
        return run.environments <= self.environments.get(node, frozenset())


@dataclass(frozen=True, slots=True)
class Match:
    """A run and what it gets: a partition, or a GPU that will be cut for it."""

    run_id: str
    node: str
    partition: Partition | None
    gpu: Gpu | None = None
    device: str | None = None
    """UUID of what is shared, where the partition is a share."""


def match(waiting: Iterable[Waiting | Together], offer: Offer, shut: Iterable[str] = ()) -> Iterator[Match]:
    """Give each run, in the order given, the first thing left that suits it; to runs that belong together, all or none.

    A run that nothing suits does not hold up those behind it. GPUs in ``shut`` (UUIDs) are given to nobody.
    """
    room = _Room(offer, shut)
    for run in waiting:
        if not room.left:
            return
        if isinstance(run, Together):
            yield from room.places_for(run)
            continue
        found = room.partition_for(run) if run.layout is None else room.gpu_for(run, run.layout)
        if found is not None:
            yield found


def can_be_cut(gpu: Gpu, layout: Layout) -> bool:
    """Tell whether the GPU can be given the layout at all, in its present mode."""
    try:
        make_plan(gpu, layout)
    except LayoutImpossibleError:
        return False
    return True


def can_be_shared(partition: Partition, sharing: Sharing, shares: int) -> bool:
    """Tell whether the partition can be divided into so many shares of that kind."""
    try:
        divide(partition, sharing, shares)
    except SharingImpossibleError:
        return False
    return True


WHOLE_KINDS = (PartitionKind.CPU, PartitionKind.GPU)
"""Kinds of partition that can be shared by the runs of a group."""


class _Room:
    """What is left while runs are matched."""

    def __init__(self, offer: Offer, shut: Iterable[str]) -> None:
        self._offer = offer
        self._shut = {*shut, *(offered.gpu.uuid for offered in offer.gpus if offered.closed)}
        self._restoring = {offered.gpu.uuid for offered in offer.gpus if offered.restore is not None}
        self._busy = {offered.gpu.uuid for offered in offer.gpus if offered.held}
        self._free = list(offer.free)
        self._gpus = offer.gpus if offer.layouts_wanted else ()
        self._processors = _Processors(offer)
        self._cuttable: dict[tuple[str, Layout], bool] = {}

    @property
    def left(self) -> bool:
        """Whether anything at all could still be given."""
        return bool(self._free) or any(offered.gpu.uuid not in self._shut for offered in self._gpus)

    def partition_for(self, run: Waiting) -> Match | None:
        """Return the first partition left that suits the run."""
        free = self._take(run, lambda _: True)
        if free is None:
            return None
        if free.partition.gpu_uuid is not None:
            self._busy.add(free.partition.gpu_uuid)
        return Match(run.run_id, free.node, free.partition)

    def places_for(self, together: Together) -> Iterator[Match]:
        """Yield a place for each of the runs, on one device; nothing if there is none for all of them."""
        asking, layout = together.as_one, together.layout
        if layout is not None:
            found = self.gpu_for(asking, layout)
            if found is not None:
                yield from (replace(found, run_id=run.run_id) for run in together.runs)
            return
        if together.sharing is not None and (device := self._device_for(asking, together.sharing, together.shares)):
            parts = divide(device.partition, together.sharing, together.shares)
            for run, part in zip(together.runs, parts, strict=False):  # what is left over stays idle
                yield Match(run.run_id, device.node, part, device=device.partition.uuid)

    def _device_for(self, run: Waiting, sharing: Sharing, shares: int) -> Free | None:
        """Return the first whole device left that suits and can be shared so; nothing else is put on it."""
        device = self._take(run, lambda whole: whole.kind in WHOLE_KINDS and can_be_shared(whole, sharing, shares))
        if device is not None and device.partition.gpu_uuid is not None:
            self._shut.add(device.partition.gpu_uuid)
        return device

    def _take(self, run: Waiting, fits: Callable[[Partition], bool]) -> Free | None:
        """Return the first partition left that suits the run and fits; if there is none, see that there will be."""
        matching = [free for free in self._free if run.where.matches(free.partition, free.node)]
        suitable = [free for free in matching if self._offer.suits(run, free.node) and fits(free.partition)]
        for free in suitable:
            gpu = free.partition.gpu_uuid
            if gpu in self._shut or gpu in self._restoring or not self._processors.admit(free.partition, free.node):
                continue
            self._free.remove(free)
            return free
        for free in suitable:
            self._processors.drain_for(free.partition, free.node)
        self._drain_for_restored(run, fits)
        return None

    def _drain_for_restored(self, run: Waiting, fits: Callable[[Partition], bool]) -> None:
        """Keep the first GPU whose earlier layout suits the run from being cut anew before it is put back."""
        for offered in self._gpus:
            if offered.gpu.uuid in self._shut or not self._offer.suits(run, offered.node):
                continue
            if any(run.where.matches(back, offered.node) and fits(back) for back in offered.restored()):
                self._shut.add(offered.gpu.uuid)
                return

    def gpu_for(self, run: Waiting, layout: Layout) -> Match | None:
        """Return the first idle GPU that suits the run; if there is none, let the first that suits become idle."""
        suitable = [offered for offered in self._gpus if self._suits(run, layout, offered)]
        for offered in suitable:
            if offered.gpu.uuid not in self._busy and self._processors.admit(offered.gpu, offered.node):
                self._shut.add(offered.gpu.uuid)
                return Match(run.run_id, offered.node, None, offered.gpu)
        for offered in suitable[:1]:
            self._shut.add(offered.gpu.uuid)
            self._processors.drain_for(offered.gpu, offered.node)
        return None

    def _suits(self, run: Waiting, layout: Layout, offered: OfferedGpu) -> bool:
        gpu = offered.gpu
        if gpu.uuid in self._shut or not run.where.matches_gpu(gpu, offered.node):
            return False
        if not self._offer.suits(run, offered.node):
            return False
        key = (gpu.uuid, layout)
        if key not in self._cuttable:
            self._cuttable[key] = can_be_cut(gpu, layout)
        return self._cuttable[key]


class _CpuUse(Enum):
    """What a run does to the processor of its host, as far as other runs must know."""

    MEASURED = 1
    SIMULATED = 2
    """It stands in for a GPU that does not exist."""

    @property
    def other(self) -> "_CpuUse":
        return _CpuUse.SIMULATED if self is _CpuUse.MEASURED else _CpuUse.MEASURED


class _Processors:
    """Keeps what runs on a host's CPU as such from what runs there in the place of simulated GPUs."""

    def __init__(self, offer: Offer) -> None:
        self._in_use = {(h.node, use) for h in offer.held if (use := _cpu_use(h.partition)) is not None}
        # A GPU that is being cut for a run has no partition yet that the run could hold.
        closed = [offered for offered in offer.gpus if offered.closed]
        self._in_use |= {(o.node, use) for o in closed if (use := _cpu_use(o.gpu)) is not None}
        self._kept_out: set[tuple[str, _CpuUse]] = set()

    def admit(self, thing: Partition | Gpu, node: str) -> bool:
        """Note the use and return True, or False if it must wait."""
        use = _cpu_use(thing)
        if use is None:
            return True
        if (node, use.other) in self._in_use or (node, use) in self._kept_out:
            return False
        self._in_use.add((node, use))
        return True

    def drain_for(self, thing: Partition | Gpu, node: str) -> None:
        """Keep the other use out from now on if it is what this one waits for, lest it wait forever."""
        use = _cpu_use(thing)
        if use is not None and (node, use.other) in self._in_use:
            self._kept_out.add((node, use.other))


def _cpu_use(thing: Partition | Gpu) -> _CpuUse | None:
    if thing.simulated:
        return _CpuUse.SIMULATED
    is_cpu = isinstance(thing, Partition) and thing.kind is PartitionKind.CPU
    return _CpuUse.MEASURED if is_cpu else None
