"""How a metric for Prometheus is put together."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily

Sample = tuple[Iterable[str | None], float]
"""The values of the labels, and the value."""


def gauge(name: str, help_text: str, labels: Iterable[str], samples: Iterable[Sample]) -> GaugeMetricFamily:
    """Return a metric; a label that is None is left empty, which to Prometheus is the same as absent."""
    metric = GaugeMetricFamily(name, help_text, labels=tuple(labels))
    for values, value in samples:
        metric.add_metric([str(label or "") for label in values], value)
    return metric


def flag(value: bool) -> str:
    """Return true or false as the value of a label."""
    return str(value).lower()
