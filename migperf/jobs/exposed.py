"""What metrics are called on a node's page for Prometheus: its naming and base units (prometheus.io/docs/practices).

Everything follows from a metric's own name, unit, kind and scope. Pure; nothing is read here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from migperf.metrics import catalogue
from migperf.metrics.gpu.gpm import ACTIVITY
from migperf.metrics.metric import Kind, Metric, Quantity, Scope


class Subject(StrEnum):
    """What a sample is about: the first part of its name."""

    GPU = "gpu"
    PARTITION = "partition"
    HOST = "host"


LABELS: Mapping[Subject, tuple[str, ...]] = MappingProxyType(
    {
        Subject.GPU: ("gpu", "node"),
        Subject.PARTITION: ("gpu", "partition", "profile", "node"),
        Subject.HOST: ("node",),
    }
)
"""Which labels tell the samples of a subject apart."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """A base unit as names end in it; a metric's value times ``times`` and divided by ``per`` is in it."""

    suffix: str
    times: int = 1
    per: int = 1


_MIB = 1 << 20
_UNITS: Mapping[str, _Unit] = MappingProxyType(
    {
        "%": _Unit("_ratio", per=100),
        "MiB": _Unit("_bytes", times=_MIB),
        "MiB/s": _Unit("_bytes_per_second", times=_MIB),
        "MHz": _Unit("_hertz", times=1_000_000),
        "ms": _Unit("_seconds", per=1_000),
        "s": _Unit("_seconds"),
        "W": _Unit("_watts"),
        "J": _Unit("_joules"),
        "°C": _Unit("_celsius"),
        "cores": _Unit("_cores"),
        "1": _Unit(""),
    }
)
_STEMS: Mapping[str, str] = MappingProxyType(
    {
        catalogue.TEMPERATURE_GPU.name: "temperature",
        catalogue.UTILIZATION_GPU.name: "utilization",
        catalogue.HOST_CPU.name: "cpu",
        catalogue.HOST_MEMORY_AVAILABLE.name: "memory_available",
        catalogue.HOST_SWAPPED.name: "swapped",
    }
)
"""Names that would say twice what they are about."""
_OF_PARTITION = frozenset(
    quantity.name
    for quantity in (
        *ACTIVITY.values(),
        catalogue.FB_USED,
        catalogue.FB_FREE,
        catalogue.FB_RESERVED,
        catalogue.PROCESSES,
    )
)
"""What a run's partition has to itself, also where the partition is a whole GPU."""
_MEANINGS = {quantity.name: quantity.meaning for quantity in vars(catalogue).values() if isinstance(quantity, Quantity)}
_THROTTLE = "throttle_"
_NOTES = {
    Kind.AVERAGE: " Mean since this page was last read.",
    Kind.FLAG: " As it was at the scrape: 1 or 0.",
}


def subject_of(metric: Metric) -> Subject:
    """Return what samples of the metric are about."""
    if metric.scope is Scope.HOST:
        return Subject.HOST
    own = metric.scope is Scope.INSTANCE or metric.name in _OF_PARTITION
    return Subject.PARTITION if own else Subject.GPU


def family_of(metric: Metric) -> CounterMetricFamily | GaugeMetricFamily:
    """Return the family of a metric's samples, without any. All that hold clocks down are one, told by ``reason``."""
    subject = subject_of(metric)
    if metric.name.startswith(_THROTTLE):
        help_text = "Whether clocks are held down, by the reason. As it was at the scrape: 1 or 0."
        return GaugeMetricFamily("migperf_gpu_throttled", help_text, labels=(*LABELS[subject], "reason"))
    stem = _STEMS.get(metric.name, metric.name)
    name = f"migperf_{subject}_{stem}{_UNITS[metric.unit].suffix}"
    make = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    return make(name, _help(metric), labels=LABELS[subject])


def labels_of(metric: Metric, labels: Iterable[str]) -> tuple[str, ...]:
    """Return the values of the family's labels, given those of the subject's."""
    own = tuple(labels)
    reason = metric.name.removeprefix(_THROTTLE)
    return own if reason == metric.name else (*own, reason)


def in_base_unit(metric: Metric, value: float) -> float:
    """Return a value of the metric in the unit that the family is named after."""
    unit = _UNITS[metric.unit]
    return value * unit.times / unit.per


def _help(metric: Metric) -> str:
    meaning = _MEANINGS[metric.name]
    share = " As a share, 0 to 1." if metric.unit == "%" else ""
    return f"{meaning[0].upper()}{meaning[1:]}.{share}{_NOTES.get(metric.kind, '')}"
