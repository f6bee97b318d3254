"""Reads, when it is asked to, what a node's GPUs, partitions and host show; for its page for Prometheus."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from migperf.errors import MigperfError
from migperf.gpus.driver import Driver
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import Inventory
from migperf.gpus.partition import Partition
from migperf.metrics.absence import Absence
from migperf.metrics.event_station import EventStation
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.gpu.plan import board_sources, partition_sources
from migperf.metrics.gpu.xid import XidSource
from migperf.metrics.host import HostSource
from migperf.metrics.metric import NS_PER_S, Kind, Metric
from migperf.metrics.rapl import RaplSource
from migperf.metrics.source import Source
from migperf.metrics.station import Station

PATIENCE_S = 5.0
"""How long a reading waits for the one before it to end; Prometheus gives up after 10 s."""


class ReadingHangsError(MigperfError):
    """An earlier reading has not come back, as when a GPU does not answer."""

    def __init__(self) -> None:
        super().__init__(f"an earlier scrape is still waiting for a GPU or the host after {PATIENCE_S:g} s")


@dataclass(frozen=True, slots=True)
class Place:
    """What a reading is of; an empty string where there is no such thing."""

    gpu: str = ""
    partition: str = ""
    profile: str = ""

    @classmethod
    def of(cls, partition: Partition) -> "Place":
        """Return the place that a partition is."""
        return cls(partition.gpu_uuid or "", partition.uuid, partition.profile or "")


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric at one place: its value in the metric's unit, or why it has none; neither if it is too early."""

    metric: Metric
    place: Place
    value: float | None
    absence: Absence | None


@dataclass(frozen=True, slots=True)
class Errors:
    """The errors (XID) of a GPU since its events were first listened to: how many, and which was the last."""

    gpu: str
    count: int
    last: int | None
    absence: Absence | None


@dataclass(frozen=True, slots=True)
class NodeReading:
    """Everything that was read at one time."""

    inventory: Inventory
    readings: tuple[Reading, ...]
    errors: tuple[Errors, ...]
    took_s: float


@dataclass(slots=True)
class _Opened:
    """Sources that stay open between readings, so that averages reach from one to the next."""

    stations: list[tuple[Place, Station]]

    @classmethod
    def of(cls, sources: Iterable[tuple[Place, Source]]) -> "_Opened":
        return cls([(place, Station(source)) for place, source in sources])

    def read(self, now_ns: int) -> Iterator[Reading]:
        for place, station in self.stations:
            station.read(now_ns, NS_PER_S)
            for index, metric in enumerate(station.source.metrics):
                value = float(station.row[index])
                missing = math.isnan(value)
                yield Reading(metric, place, None if missing else value, station.why_not(index) if missing else None)

    def close(self) -> None:
        for _, station in self.stations:
            station.close()


@dataclass(slots=True)
class _ErrorCount:
    """Listens to the errors of one GPU, however it is cut."""

    gpu: str
    station: EventStation
    count: int = 0
    last: int | None = None

    def read(self, now_ns: int) -> Errors:
        for occurrence in self.station.poll(now_ns):
            self.count += 1
            self.last = int(occurrence.value)
        return Errors(self.gpu, self.count, self.last, self.station.why_not(0))


def host_sources() -> tuple[Source, ...]:
    """Return the sources of the host."""
    return (HostSource(), RaplSource())


@dataclass(slots=True, eq=False)
class NodeReadings:
    """The sources of a node. They are opened by the first reading, and anew for a GPU that is cut differently."""

    driver: Driver | None
    """Without meters (simulated GPUs) only the host is read."""
    inventory: Callable[[], Inventory]
    of_host: Callable[[], Iterable[Source]] = host_sources
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _host: _Opened | None = None
    _gpus: dict["_Cut", _Opened] = field(default_factory=dict)
    _errors: dict[str, _ErrorCount] = field(default_factory=dict)

    def read(self) -> NodeReading:
        """Read everything now, alone. Raises ReadingHangsError."""
        if not self._lock.acquire(timeout=PATIENCE_S):
            raise ReadingHangsError
        try:
            return self._read()
        finally:
            self._lock.release()

    def close(self) -> None:
        """Let go of what was opened, unless a reading hangs in it."""
        if self._lock.acquire(timeout=PATIENCE_S):
            self._keep_only(set())
            if self._host is not None:
                self._host.close()
                self._host = None
            self._lock.release()

    def _read(self) -> NodeReading:
        began_ns = time.monotonic_ns()
        inventory = self.inventory()
        self._open(inventory)
        readings = [reading for opened in self._all() for reading in opened.read(time.monotonic_ns())]
        errors = [listener.read(time.monotonic_ns()) for listener in self._errors.values()]
        return NodeReading(
            inventory, tuple(readings), tuple(errors), took_s=(time.monotonic_ns() - began_ns) / NS_PER_S
        )

    def _all(self) -> list[_Opened]:
        return [*self._gpus.values(), *([] if self._host is None else [self._host])]

    def _open(self, inventory: Inventory) -> None:
        """Open what is new, and close what is not there any more."""
        if self._host is None:
            self._host = _Opened.of((Place(), source) for source in self.of_host())
        if self.driver is None or not self.driver.metered:
            return
        cuts = {_Cut.of(gpu, inventory): gpu for gpu in inventory.gpus}
        self._keep_only(cuts.keys())
        for cut in cuts.keys() - self._gpus.keys():
            self._gpus[cut] = _Opened.of(_sources(self.driver, cut))
        for gpu in inventory.gpus:
            if gpu.uuid not in self._errors:
                self._errors[gpu.uuid] = _ErrorCount(gpu.uuid, EventStation(XidSource(Handle(self.driver, gpu.uuid))))

    def _keep_only(self, cuts: Iterable["_Cut"]) -> None:
        kept = set(cuts)
        for cut in self._gpus.keys() - kept:
            self._gpus.pop(cut).close()
        for uuid in self._errors.keys() - {cut.gpu for cut in kept}:
            self._errors.pop(uuid).station.close()


@dataclass(frozen=True, slots=True)
class _Cut:
    """How a GPU is cut. UUIDs of instances are new whenever they are created again."""

    gpu: str
    mig: bool
    partitions: tuple[Partition, ...]

    @classmethod
    def of(cls, gpu: Gpu, inventory: Inventory) -> "_Cut":
        partitions = tuple(partition for partition in inventory.partitions if partition.gpu_uuid == gpu.uuid)
        return cls(gpu.uuid, gpu.mig is not None and gpu.mig.enabled, partitions)


def _sources(driver: Driver, cut: _Cut) -> Iterator[tuple[Place, Source]]:
    for source in board_sources(driver, cut.gpu, cut.mig):
        if not _wraps(source):
            yield Place(cut.gpu), source
    for partition in cut.partitions:
        for source in partition_sources(driver, partition):
            yield Place.of(partition), source


def _wraps(source: Source) -> bool:
    """Tell whether it has rates from counters of NVML's: those of PCIe wrap within a second, so scrapes miss it."""
    return any(metric.kind is Kind.AVERAGE and metric.source == "nvml" for metric in source.metrics)
