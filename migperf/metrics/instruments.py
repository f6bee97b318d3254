"""Everything that a process can read while runs go on: one sampler for its host, and one for each GPU in use."""

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial

import httpx

from migperf.errors import ConfigurationError
from migperf.gpus.driver import Driver
from migperf.gpus.nvml_errors import NvmlError
from migperf.gpus.partition import Partition, PartitionKind
from migperf.metrics import catalogue
from migperf.metrics.dcgm.exporter import Exporter
from migperf.metrics.dcgm.source import dcgm_sources
from migperf.metrics.gpu.estimate import EstimateSource, PowerShares
from migperf.metrics.gpu.neighbours import BoardActivity, NeighboursSource
from migperf.metrics.gpu.plan import board_sources, event_sources, joint_sources, partition_sources
from migperf.metrics.host import HostSource
from migperf.metrics.metric import Metric, Quantity, Scope
from migperf.metrics.pressure import PressureSource
from migperf.metrics.process_io import ProcessIoSource
from migperf.metrics.process_tree import ProcessTreeSource
from migperf.metrics.rapl import RaplSource
from migperf.metrics.sampler import Sampler, Sources
from migperf.metrics.series import Series, SeriesUpdate
from migperf.metrics.source import Source
from migperf.metrics.watch import Watch
from migperf.settings import Settings


@dataclass(frozen=True, slots=True)
class RunWatch:
    """What one run is watched by. ``ended`` is called when it is closed."""

    watches: tuple[Watch, ...]
    ended: Callable[[], None]

    def take(self) -> list[SeriesUpdate]:
        """Return what has been recorded since the last call."""
        return [update for watch in self.watches for update in watch.take()]

    def series(self) -> list[Series]:
        """Return everything that has been recorded; for when the watch is closed."""
        return [series for watch in self.watches for series in watch.series()]

    def close(self) -> None:
        """End it, once. Returns at once, even if a source is hanging."""
        for watch in self.watches:
            watch.close()
        self.ended()


@dataclass(slots=True)
class _Board:
    """What a GPU is watched by: its sampler, the names of what that reads for all runs, and what they share besides."""

    cut: bool
    sampler: Sampler
    names: frozenset[str]
    shares: PowerShares
    activity: BoardActivity


@dataclass(slots=True)
class Instruments:
    """The samplers of this process. Sampling needs no more threads than there are GPUs in use, and one."""

    driver: Driver | None = None
    exporter: Exporter | None = None
    """Where DCGM's figures are read, if there is such a page."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _boards: dict[str, _Board] = field(default_factory=dict)
    _in_use: list[str] = field(default_factory=list)
    _host: Sampler = field(init=False)

    def __post_init__(self) -> None:
        """Make the host's sampler; nothing is read before somebody watches."""
        own = (catalogue.SAMPLER_LATENESS, catalogue.SAMPLER_COST)
        self._host = _sampler("host", own, lambda: Sources((HostSource(), PressureSource(), RaplSource())))

    def watch(self, pid: int, partition: Partition, hz: float, *, estimate_power: bool = False) -> RunWatch:
        """Begin to watch a run on a partition: its process with all descendants, the host, and the GPU if it has one.

        A simulated partition has no meters, so nothing is read of it.
        """
        watches = [self._host.watch(Sources((ProcessTreeSource(pid), ProcessIoSource(pid))), hz)]
        if self.driver is not None and self.driver.metered and partition.gpu_uuid is not None:
            board = self._board(self.driver, partition.gpu_uuid, partition.kind is PartitionKind.MIG)
            own = self._sources_of(self.driver, partition, board, estimate_power=estimate_power)
            watches.append(board.sampler.watch(own, hz))
        self._in_use.append(partition.uuid)
        return RunWatch(tuple(watches), partial(self._in_use.remove, partition.uuid))

    def partitions_in_use(self) -> Collection[str]:
        """Return the UUIDs of the partitions whose runs are being watched."""
        return frozenset(self._in_use)

    def samplers(self) -> Collection[Sampler]:
        """Return the samplers that there are, those without runs at present included."""
        with self._lock:
            return (self._host, *(board.sampler for board in self._boards.values()))

    def _board(self, driver: Driver, gpu_uuid: str, cut: bool) -> _Board:
        """Return what a GPU is watched by; a new one when its mode has changed, as it cannot while runs are on it."""
        with self._lock:
            board = self._boards.get(gpu_uuid)
            if board is None or board.cut != cut:
                board = self._boards[gpu_uuid] = _new_board(driver, gpu_uuid, cut)
            return board

    def _sources_of(self, driver: Driver, partition: Partition, board: _Board, *, estimate_power: bool) -> Sources:
        sources: list[Source] = [*partition_sources(driver, partition)]
        if partition.kind is PartitionKind.MIG:
            sources.append(NeighboursSource(board.activity, partition))
        if estimate_power:
            sources.append(EstimateSource(board.shares, partition))
        if self.exporter is not None:
            have = board.names | _names(sources)
            sources += dcgm_sources(self.exporter, partition, _gpu_instance_id(driver, partition), have)
        return Sources(tuple(sources), event_sources(driver, partition))


def node_instruments(settings: Settings, driver: Driver | None) -> Instruments:
    """Return what the runs of a node are watched with. Raises ConfigurationError."""
    return Instruments(driver, _exporter(settings) if settings.dcgm_exporter_url else None)


def _exporter(settings: Settings) -> Exporter:
    try:
        return Exporter(settings.dcgm_exporter_url, settings.dcgm_period_s)
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"MIGPERF_DCGM_EXPORTER_URL is {settings.dcgm_exporter_url!r}: {error}") from error


def _sampler(name: str, own: Iterable[Quantity], open_shared: Callable[[], Sources]) -> Sampler:
    lateness, cost = (Metric.of(quantity, Scope.HOST, "sampler") for quantity in own)
    return Sampler(name, lateness, cost, open_shared)


def _new_board(driver: Driver, gpu_uuid: str, cut: bool) -> _Board:
    own = (catalogue.GPU_SAMPLER_LATENESS, catalogue.GPU_SAMPLER_COST)
    sampler = _sampler(gpu_uuid, own, partial(_shared_sources, driver, gpu_uuid, cut))
    return _Board(
        cut=cut,
        sampler=sampler,
        names=_names(board_sources(driver, gpu_uuid, cut)),
        shares=PowerShares(driver, gpu_uuid),
        activity=BoardActivity(driver, gpu_uuid),
    )


def _shared_sources(driver: Driver, gpu_uuid: str, cut: bool) -> Sources:
    return Sources(board_sources(driver, gpu_uuid, cut), joint=joint_sources(driver, gpu_uuid) if cut else ())


def _names(sources: Iterable[Source]) -> frozenset[str]:
    return frozenset(metric.name for source in sources for metric in source.metrics)


def _gpu_instance_id(driver: Driver, partition: Partition) -> int | None:
    if partition.kind is not PartitionKind.MIG:
        return None
    try:
        return driver.gpu_instance_id_of(driver.device_by_uuid(partition.uuid))
    except NvmlError:
        return None
