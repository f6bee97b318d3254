"""A host with simulated boards that have meters, its node's page for Prometheus, and what a scrape of it finds."""

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from filelock import FileLock
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from migperf.gpus.controller import Controller
from migperf.gpus.inventory import Inventory, discover
from migperf.gpus.layout import Layout
from migperf.gpus.partition import Partition
from migperf.gpus.simulation.driver import SimulatedDriver
from migperf.gpus.simulation.stores import MemoryStore
from migperf.jobs.node_metrics import NodeMetrics
from migperf.jobs.node_page import Work
from migperf.settings import load_settings
from tests.jobs.known_meters import KnownMeters

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
Labels = dict[str, str]


@dataclass(frozen=True)
class Sampler:
    """What a sampler has done so far."""

    name: str
    turns: int
    cost_s: float
    lateness_s: float


@dataclass
class Busy:
    """A worker that says what it is doing."""

    in_use: Collection[str] = ()
    done: Iterable[Sampler] = ()

    def partitions_in_use(self) -> Collection[str]:
        return self.in_use

    def samplers(self) -> Iterable[Sampler]:
        return self.done


@dataclass(frozen=True)
class Scrape:
    """The samples of a page by their names."""

    samples: dict[str, list[tuple[Labels, float]]]

    @classmethod
    def parsed(cls, text: str, *, as_openmetrics: bool = False) -> "Scrape":
        samples: dict[str, list[tuple[Labels, float]]] = {}
        for family in (openmetrics if as_openmetrics else prometheus)(text):
            for sample in family.samples:
                samples.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
        return cls(samples)

    def all(self, name: str, **labels: str) -> list[float]:
        found = self.samples.get(name, [])
        return [value for its, value in found if labels.items() <= its.items()]

    def one(self, name: str, **labels: str) -> float:
        (value,) = self.all(name, **labels)
        return value

    def absences(self, **labels: str) -> dict[str, str]:
        """Return the state of each metric that is said to be absent."""
        found = self.samples.get("migperf_metric_absent", [])
        return {its["metric"]: its["state"] for its, _ in found if labels.items() <= its.items()}


@dataclass
class NodeHost:
    """A host, whose page is read over HTTP."""

    folder: Path
    boards: tuple[str, ...]
    meters: Any = field(default_factory=lambda: KnownMeters(time.monotonic_ns()))
    driver: Any = field(init=False)
    real: SimulatedDriver = field(init=False)
    port: int | None = None

    def __post_init__(self) -> None:
        self.driver = self.real = SimulatedDriver(MemoryStore(self.boards), meters=self.meters)

    def inventory(self) -> Inventory:
        return discover(self.driver)

    def gpu(self, index: int = 0) -> str:
        return self.real.uuid(self.real.device_by_index(index))

    def partitions(self, gpu: int = 0) -> list[Partition]:
        return [partition for partition in self.inventory().partitions if partition.gpu_uuid == self.gpu(gpu)]

    def cut(self, layout: str, gpu: int = 0) -> list[Partition]:
        device = self.real.device_by_index(gpu)
        if self.real.set_mig_mode(device, enabled=True) is not None:
            self.real.reset(device)
        controller = Controller(driver=self.real, lock=FileLock(self.folder / "lock"), holders=lambda _: {})
        controller.apply(self.gpu(gpu), Layout.parse(layout))
        return self.partitions(gpu)

    @contextmanager
    def served(self, work: Work | None = None) -> Iterator["NodeHost"]:
        settings = load_settings(data_dir=self.folder, metrics_port=0, node_name="node-7")
        metrics = NodeMetrics(settings, self.driver, self.inventory, work)
        metrics.start()
        self.port = metrics.port
        try:
            yield self
        finally:
            metrics.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/metrics"

    def page(self, accept: str = "text/plain") -> httpx.Response:
        return httpx.get(self.url, headers={"Accept": accept}, timeout=30, trust_env=False)

    def scrape(self) -> Scrape:
        answer = self.page()
        assert answer.status_code == 200, answer.text
        return Scrape.parsed(answer.text)

    def scraped_twice(self, apart_s: float = 0.2) -> Scrape:
        """Return the second of two scrapes: the first that has means."""
        self.scrape()
        time.sleep(apart_s)
        return self.scrape()
