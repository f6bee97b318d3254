"""What the two pages for Prometheus really expose: every metric with its labels, and the values of some of them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from api.exposition import DatabaseCollector
from migperf.gpus.inventory import discover
from migperf.jobs.node_page import NodeCollector
from migperf.jobs.node_readings import NodeReadings
from migperf.metrics.host import HostSource
from migperf.metrics.rapl import RaplSource
from migperf.store import nodes, schema
from migperf.store.database import Database, now
from tests.api.gpu_host import GpuHost
from tests.api.steps import begun, measured, submitted
from tests.jobs.node_host import Busy, NodeHost, Sampler
from tests.metrics.gpu.world import KnownMeters

ADDED = frozenset({"job", "instance"})
"""What Prometheus adds to every sample."""


@dataclass(frozen=True)
class Exposed:
    """Labels of each sample's name, with the values that were seen; and the help text of each family."""

    labels: Mapping[str, Mapping[str, frozenset[str]]]
    help: Mapping[str, str]


@dataclass(frozen=True)
class Pages:
    """The text of each page."""

    service: str
    node: str

    def exposed(self) -> Exposed:
        labels: dict[str, dict[str, set[str]]] = {"up": {}}
        texts: dict[str, str] = {}
        for page in (self.service, self.node):
            for family in text_string_to_metric_families(page):
                for sample in family.samples:
                    texts[sample.name] = family.documentation
                    seen = labels.setdefault(sample.name, {})
                    for label, value in sample.labels.items():
                        seen.setdefault(label, set()).add(value)
        frozen = {name: {label: frozenset(values) for label, values in its.items()} for name, its in labels.items()}
        return Exposed(frozen, texts)


def pages(folder: Path) -> Pages:
    """Read both pages of a service and a node that have everything that can be on them."""
    return Pages(_service_page(folder), _node_page(folder))


def _service_page(folder: Path) -> str:
    database = Database(f"sqlite:///{folder / 'service.db'}")
    schema.upgrade(database)
    host = GpuHost.registered(database, folder, "h100-80gb", "l40s-48gb")
    host.cut("3g.40gb+1g.10gb")
    with database.write() as session:
        nodes.store_inventory(session, host.node, discover(host.driver), now(session))
    submitted(database)
    measured(database)
    begun(database, submitted(database))
    host.run_on(host.gpu(1).uuid)
    registry = CollectorRegistry()
    registry.register(DatabaseCollector(database, stale_s=20))
    text = generate_latest(registry).decode()
    database.close()
    return text


def _node_page(folder: Path) -> str:
    """Of boards with everything that a board of ours tells: an H100 whole and cut, an XID, and samplers that ran."""
    host = NodeHost(folder, ("h100-80gb", "h100-80gb"), meters=KnownMeters())
    host.cut("3g.40gb+1g.10gb", gpu=1)
    powercap = _powercap(folder)
    readings = NodeReadings(host.driver, host.inventory, lambda: (HostSource(), RaplSource(powercap)))
    registry = CollectorRegistry()
    registry.register(NodeCollector("node-7", readings, Busy(done=[Sampler("host", 1, 0.001, 0.0)])))
    ProcessCollector(registry=registry)
    generate_latest(registry)
    host.real.report_xid(host.gpu(), 48)
    time.sleep(1.1)
    text = generate_latest(registry).decode()
    readings.close()
    return text


def _powercap(folder: Path) -> Path:
    """Make the counters of a processor and its memory, as a host with RAPL has them."""
    powercap = folder / "powercap"
    for zone, name in (("intel-rapl:0", "package-0"), ("intel-rapl:0:0", "dram")):
        (powercap / zone).mkdir(parents=True)
        for file, text in (("name", name), ("energy_uj", "1000000"), ("max_energy_range_uj", "262143328850")):
            (powercap / zone / file).write_text(text)
    return powercap
