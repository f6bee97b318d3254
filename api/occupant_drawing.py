"""Runs that have devices now, as the overview shows them: how far they are, and a line of what they did lately."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from api.links import Links
from api.share_drawing import share_words
from api.sparkline import POINTS, Axis, Sparkline, draw
from migperf.gpus.partition import Partition, PartitionKind
from migperf.metrics.downsampling import downsample
from migperf.metrics.metric import NS_PER_S, Metric, Scope
from migperf.store.occupants import Lately, Occupant, lately
from migperf.store.states import RunState

LATELY_S = 120
MOST_DRAWN = 16
"""So many runs have a line; on a fleet that runs more, the others have their progress alone."""
MOST_TOLD = 8
"""So many runs of a device are told of one by one: all of a board that is cut by MIG, and the first of a crowd."""
_OF_A_PART = ("gract", "sm_active", "cpu")
_OF_ALL = ("gract", "utilization_gpu", "power_average", "cpu")
"""Power is the board's, and no instance has one: so it is shown of runs that have the board to themselves."""
_ABOUT = {
    Scope.INSTANCE: "the GPU instance",
    Scope.GPU: "the whole board",
    Scope.PROCESS: "the payload",
    Scope.PROCESS_TREE: "the payload and its processes",
    Scope.HOST: "the host",
}


@dataclass(frozen=True, slots=True)
class LatelyDrawn:
    """One series of a run over the last minutes, and its last value."""

    metric: Metric
    latest: float
    drawing: Sparkline

    @property
    def about(self) -> str:
        """What the metric is about."""
        return _ABOUT[self.metric.scope]


@dataclass(frozen=True, slots=True)
class DrawnOccupant:
    """A run, what it has, and how it is going."""

    occupant: Occupant
    page: str
    has: str
    """What it has of the device, in a few words."""
    lately: LatelyDrawn | None


@dataclass(frozen=True, slots=True)
class DeviceRuns:
    """The runs on a device: those that have it longest, and how many there are ``more``."""

    told: Sequence[DrawnOccupant]
    more: int


def draw_occupants(session: Session, found: Sequence[Occupant], links: Links) -> Mapping[str, DeviceRuns]:
    """Return the runs on each device, by its UUID."""
    by_device: dict[str, list[Occupant]] = {}
    for one in found:
        by_device.setdefault(one.device, []).append(one)
    told = {one.run_id for those in by_device.values() for one in those[:MOST_TOLD]}
    running = {one.run_id: _metrics(one.partition) for one in found if one.state is RunState.RUNNING}
    wanted = {run_id: metrics for run_id, metrics in running.items() if run_id in told}
    read = lately(session, wanted, LATELY_S * NS_PER_S, MOST_DRAWN)
    return {
        device: DeviceRuns(
            [_shown(one, read.get(one.run_id), links) for one in those[:MOST_TOLD]], len(those[MOST_TOLD:])
        )
        for device, those in by_device.items()
    }


def _shown(one: Occupant, read: Lately | None, links: Links) -> DrawnOccupant:
    return DrawnOccupant(one, links.page(one.run_id), _has(one.partition), None if read is None else _drawn(read))


def _metrics(partition: Partition | None) -> tuple[str, ...]:
    """Return which metrics say what happens on a partition, the one that says it best first."""
    has_board = partition is None or partition.kind is PartitionKind.GPU
    return _OF_ALL if has_board else _OF_A_PART


def _has(partition: Partition | None) -> str:
    if partition is None:
        return "being cut for it"
    if partition.share is not None:
        return share_words(partition)
    return partition.profile or ("CPU" if partition.on_cpu else "whole")


def _drawn(found: Lately) -> LatelyDrawn | None:
    metric = found.head.metric
    axis = Axis(found.end_ns - LATELY_S * NS_PER_S, found.end_ns)
    chunk = downsample(found.chunk, POINTS, kind=metric.kind, gaps=found.gaps)
    drawing = draw(chunk, found.gaps, axis, None, metric.kind)
    return None if drawing is None else LatelyDrawn(metric, float(found.chunk.value[-1]), drawing)
