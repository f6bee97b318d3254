"""A metric that another tool measured: what must be known of it besides its values."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

from migperf.statistics.detection.metric_rule import Better

Unit = Annotated[str, StringConstraints(min_length=1, max_length=32, strip_whitespace=True)]


class ImportedMetric(BaseModel):
    """The unit of a metric, and in which direction it improves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Unit
    better: Better


ImportedMetrics = Mapping[str, ImportedMetric]
"""By name; empty for histories of migperf's own figures, whose directions are known."""
NONE_IMPORTED: ImportedMetrics = MappingProxyType({})
_METRICS: TypeAdapter[dict[str, ImportedMetric]] = TypeAdapter(dict[str, ImportedMetric])


def metrics_from(data: object) -> ImportedMetrics:
    """Return the metrics that were stored with a history; None stands for none."""
    return {} if data is None else _METRICS.validate_python(data)


def metrics_data(metrics: ImportedMetrics) -> dict[str, dict[str, str]]:
    """Return metrics as they are stored."""
    return {name: metric.model_dump(mode="json") for name, metric in metrics.items()}
