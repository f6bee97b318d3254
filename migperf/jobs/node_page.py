"""What a node tells Prometheus: its GPUs' and partitions' meters, its host, and what its worker is doing.

Names and meanings are an interface: dashboards and alerts rely on them. What has no value has no sample; that it has
none, and why, is ``migperf_metric_absent``.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

import migperf
from migperf.gpus.inventory import Inventory
from migperf.jobs.exposed import LABELS, Subject, family_of, in_base_unit, labels_of, subject_of
from migperf.jobs.node_readings import Errors, NodeReading, NodeReadings, Place, Reading
from migperf.metrics import catalogue
from migperf.metrics.absence import Absence


class SamplerTotals(Protocol):
    """What a sampler has done since its process began."""

    @property
    def name(self) -> str:
        """The UUID of its GPU, or ``host``."""
        ...

    @property
    def turns(self) -> int:
        """How many times it has read."""
        ...

    @property
    def cost_s(self) -> float:
        """How long these turns took together, seconds."""
        ...

    @property
    def lateness_s(self) -> float:
        """How late they began, added up, seconds."""
        ...


class Work(Protocol):
    """What a worker is doing. Asked at each scrape, by another thread."""

    def partitions_in_use(self) -> Collection[str]:
        """Return the UUIDs of the partitions that runs are on."""
        ...

    def samplers(self) -> Iterable[SamplerTotals]:
        """Return what each sampler of this process has done so far, those that are at rest included."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class NodeCollector(Collector):
    """Reads everything anew at each scrape."""

    node: str
    source: NodeReadings
    work: Work | None = None

    def collect(self) -> Iterator[Family]:
        """Yield every metric of one reading. Raises ReadingHangsError."""
        reading = self.source.read()
        yield _family("migperf_node_info", _INFO, ("node", "version"), [((self.node, migperf.__version__), 1)])
        yield from _measured(reading.readings, self.node)
        yield from _errors(reading.errors, self.node)
        yield _absent(reading, self.node)
        if self.work is not None:
            yield _in_use(reading.inventory, self.work.partitions_in_use(), self.node)
            yield from _samplers(tuple(self.work.samplers()), self.node)
        yield _family("migperf_node_reading_seconds", _TOOK, ("node",), [((self.node,), reading.took_s)])


_INFO = "The worker that this page is of: always 1."
_TOOK = "How long it took to read what this page shows."


def _measured(readings: Iterable[Reading], node: str) -> Iterator[Family]:
    """Yield one family for all places that a metric was read at."""
    families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
    for reading in readings:
        if reading.value is None:
            continue
        made = family_of(reading.metric)
        family = families.setdefault(made.name, made)
        labels = labels_of(reading.metric, _place_labels(subject_of(reading.metric), reading.place, node))
        family.add_metric(labels, in_base_unit(reading.metric, reading.value))
    yield from families.values()


def _place_labels(subject: Subject, place: Place, node: str) -> tuple[str, ...]:
    values = {"gpu": place.gpu, "partition": place.partition, "profile": place.profile, "node": node}
    return tuple(values[label] for label in LABELS[subject])


def _errors(errors: Iterable[Errors], node: str) -> Iterator[Family]:
    heard = [one for one in errors if one.absence is None]
    count = CounterMetricFamily(
        "migperf_gpu_xid_errors",
        "Errors (XID) that the driver reported on a GPU, since this page was first read.",
        labels=("gpu", "node"),
    )
    for one in heard:
        count.add_metric((one.gpu, node), one.count)
    yield count
    samples = [((one.gpu, node), one.last) for one in heard if one.last is not None]
    yield _family("migperf_gpu_xid_last", "Number of the last error (XID) on a GPU.", ("gpu", "node"), samples)


def _absent(reading: NodeReading, node: str) -> Family:
    """Return what could be on this page and is not. A metric that is merely too early is not listed."""
    absent: list[tuple[str, Place, Absence]] = [
        (one.metric.name, one.place, one.absence) for one in reading.readings if one.absence is not None
    ]
    absent += [(catalogue.XID.name, Place(one.gpu), one.absence) for one in reading.errors if one.absence is not None]
    return _family(
        "migperf_metric_absent",
        "Metrics that have no value here, by their names in docs/reference/metrics.md, with the kind of reason: "
        "always 1.",
        ("metric", "gpu", "partition", "node", "state"),
        (((name, place.gpu, place.partition, node, absence.state), 1) for name, place, absence in absent),
    )


def _in_use(inventory: Inventory, in_use: Collection[str], node: str) -> Family:
    places = [Place.of(partition) for partition in inventory.partitions]
    return _family(
        "migperf_partition_in_use",
        "Whether this worker has a run on a partition: 1 or 0.",
        LABELS[Subject.PARTITION],
        ((_place_labels(Subject.PARTITION, place, node), float(place.partition in in_use)) for place in places),
    )


def _samplers(samplers: Iterable[SamplerTotals], node: str) -> Iterator[Family]:
    labels = ("sampler", "node")
    cost = SummaryMetricFamily("migperf_sampler_cost_seconds", "Time that a sampler's turns took.", labels=labels)
    lateness = SummaryMetricFamily(
        "migperf_sampler_lateness_seconds", "How late a sampler's turns began.", labels=labels
    )
    for one in samplers:
        cost.add_metric((one.name, node), one.turns, one.cost_s)
        lateness.add_metric((one.name, node), one.turns, one.lateness_s)
    yield from (cost, lateness)


def _family(
    name: str, help_text: str, labels: Iterable[str], samples: Iterable[tuple[Iterable[str], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text, labels=tuple(labels))
    for values, value in samples:
        family.add_metric(tuple(values), value)
    return family
