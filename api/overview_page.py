"""What the overview shows, gathered from the store: nodes and what runs there, the queue, and what is new or open."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy.orm import Session

from api import fleet, gpu_fleet
from api.experiment_page import Progress
from api.gpu_drawing import DrawnGpu
from api.links import Links
from api.occupant_drawing import DeviceRuns, draw_occupants
from api.regression_page import ListedRegression
from api.schemas.experiments import ExperimentView
from api.schemas.partitions import EnvironmentView, PartitionView
from api.schemas.runs import RunList, RunView, WaitView
from api.share_drawing import LaneDrawing, draw_cpu
from api.slices import SliceState
from migperf.gpus.partition import Partition, PartitionKind
from migperf.histories.regression import RegressionState
from migperf.jobs.wait_reader import head_of_queue
from migperf.store import experiments, listing, queue, regressions
from migperf.store.database import now
from migperf.store.experiment_counts import counts_of
from migperf.store.occupants import Occupant, occupants
from migperf.store.queue import Brief

LATEST = 15
MOST_WAITING = 10
MOST_QUEUED = 1000
"""So many runs of the queue are counted; the number stands for itself and more."""
MOST_OPEN = 5
_STANDING = tuple(state for state in RegressionState if state.is_standing)


@dataclass(frozen=True, slots=True)
class DrawnCpu:
    """A host's CPU and its drawing."""

    partition: PartitionView
    state: SliceState
    drawing: LaneDrawing


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """A node with its GPUs, and its CPU where runs can be put on that."""

    name: str
    alive: bool
    gpus: Sequence[DrawnGpu]
    cpus: Sequence[DrawnCpu]


@dataclass(frozen=True, slots=True)
class WaitingRuns:
    """A run of the queue, or several that are placed in one step, and why it waits."""

    first: Brief
    page: str
    count: int
    wait: WaitView


@dataclass(frozen=True, slots=True)
class ShownQueue:
    """The head of the queue, and how many runs wait."""

    head: Sequence[WaitingRuns]
    length: int

    @property
    def length_words(self) -> str:
        """How many wait, as far as was counted."""
        return f"{self.length:,}{' or more' if self.length >= MOST_QUEUED else ''}"

    @property
    def is_longer(self) -> bool:
        """Whether more runs wait than are shown."""
        return self.length > sum(waiting.count for waiting in self.head)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewPage:
    """Everything that the overview tells."""

    nodes: Sequence[DrawnNode]
    on: Mapping[str, DeviceRuns]
    """The runs on each device, by its UUID."""
    queue: ShownQueue
    latest: Sequence[RunView]
    experiments: Sequence[tuple[ExperimentView, Progress]]
    regressions: Sequence[ListedRegression]
    standing: int
    """How many regressions there are that somebody should care about."""
    partitions: Sequence[PartitionView]
    environments: Sequence[tuple[str, EnvironmentView]]

    @property
    def is_under_way(self) -> bool:
        """Whether anything runs or waits, so that the page will soon say something else."""
        return bool(self.on or self.queue.length)

    @classmethod
    def of(cls, session: Session, stale_s: float, links: Links) -> Self:
        """Gather it; a node silent for ``stale_s`` seconds is not alive."""
        found = occupants(session)
        partitions = fleet.partition_list(session, stale_s).items
        latest = listing.list_runs(session, listing.RunFilter(), listing.SortOrder.NEWEST, LATEST, cursor=None)
        return cls(
            nodes=list(_nodes(session, partitions, found, stale_s, links)),
            on=draw_occupants(session, found, links),
            queue=_queue(session, stale_s, links),
            latest=RunList.of(latest, links).items,
            experiments=_experiments(session, links),
            regressions=_regressions(session),
            standing=regressions.count_all_standing(session),
            partitions=partitions,
            environments=fleet.environments(session, stale_s),
        )


def _nodes(
    session: Session, partitions: Sequence[PartitionView], found: Sequence[Occupant], stale_s: float, links: Links
) -> Iterator[DrawnNode]:
    """Yield each node that has anything, or is alive."""
    shares = _shares(found)
    gpus = [DrawnGpu.of(gpu, shares.get(gpu.uuid, ())) for gpu in gpu_fleet.gpu_list(session, stale_s, links).items]
    for node in fleet.node_list(session, stale_s).items:
        own = [drawn for drawn in gpus if drawn.gpu.node == node.name]
        cpus = [_cpu(p, shares.get(p.uuid, ())) for p in partitions if p.node == node.name and p.kind == "cpu"]
        if own or cpus or node.alive:
            yield DrawnNode(node.name, node.alive, own, cpus)


def _shares(found: Sequence[Occupant]) -> Mapping[str, Sequence[Partition]]:
    """Return what runs of groups have of the devices that they share, by the device's UUID."""
    shares: dict[str, list[Partition]] = {}
    for one in found:
        if one.partition is not None and one.partition.share is not None:
            shares.setdefault(one.device, []).append(one.partition)
    return shares


def _cpu(partition: PartitionView, shares: Sequence[Partition]) -> DrawnCpu:
    state = SliceState.LEASED if partition.run or shares else SliceState.FREE
    state = state if partition.node_alive else SliceState.UNHEALTHY
    cores = None if partition.cpus is None else tuple(partition.cpus)
    cpu = Partition(uuid=partition.uuid, kind=PartitionKind.CPU, model=partition.model, cpus=cores)
    return DrawnCpu(partition, state, draw_cpu(cpu, state, shares))


def _queue(session: Session, stale_s: float, links: Links) -> ShownQueue:
    head = head_of_queue(session, now(session), stale_s, MOST_WAITING)
    briefs = queue.briefs(session, [waiting.run_ids[0] for waiting in head])
    shown = [
        WaitingRuns(briefs[first], links.page(first), len(waiting.run_ids), WaitView.of(waiting.wait, links))
        for waiting in head
        if (first := waiting.run_ids[0]) in briefs
    ]
    return ShownQueue(shown, queue.length(session, MOST_QUEUED))


def _experiments(session: Session, links: Links) -> Sequence[tuple[ExperimentView, Progress]]:
    rows = experiments.going_on(session, MOST_OPEN)
    counted = counts_of(session, [row.id for row in rows])
    return [(ExperimentView.of(row, counted[row.id], links), Progress(counted[row.id].repeats)) for row in rows]


def _regressions(session: Session) -> Sequence[ListedRegression]:
    at = now(session)
    return [ListedRegression.of(row, at) for row in regressions.latest(session, MOST_OPEN, None, _STANDING).rows]
