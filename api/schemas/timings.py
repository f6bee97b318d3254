"""How the steps of a run's measured window were distributed."""

from typing import Self

from pydantic import ConfigDict, Field

from api.schemas import examples
from api.schemas.series import Window, is_simulated
from api.schemas.view import View
from migperf.analysis.timing_distribution import Histogram, Quantile
from migperf.metrics.metric import Metric, Scope
from migperf.store.models import Run


class QuantileView(View):
    """A quantile of the steps."""

    probability: float = Field(description="The share of the steps that took no longer, 0 to 1.")
    value: float | None = Field(description="In `unit`; null where there are too few steps to tell.")


class TimingHistogram(View):
    """The steps of the measured window, counted by how long they took. Nothing is sampled: the counts are exact."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "latency",
                    "unit": "ms",
                    "scope": "process",
                    "simulated": False,
                    "window": examples.WINDOW,
                    "samples": 1214,
                    "edges": [4.021, 4.107, 4.195],
                    "counts": [702, 512],
                    "quantiles": [{"probability": 0.5, "value": 4.094}, {"probability": 0.9999, "value": None}],
                }
            ]
        }
    )

    name: str = Field(description="What was timed: `latency`, `batch_time` or `step_time`.")
    unit: str
    scope: Scope
    simulated: bool
    window: Window | None
    samples: int = Field(description="Steps that began in the window. Requests without an answer are not among them.")
    edges: list[float] = Field(description="In `unit`, at equal distances on a logarithmic axis; one more than bins.")
    counts: list[int] = Field(description="Steps of each bin; one on an edge counts in the bin above it.")
    quantiles: list[QuantileView]

    @classmethod
    def of(cls, run: Run, metric: Metric, counted: Histogram, quantiles: tuple[Quantile, ...]) -> Self:
        """Show what was counted."""
        return cls(
            name=metric.name,
            unit=metric.unit,
            scope=metric.scope,
            simulated=is_simulated(run),
            window=Window.of(run),
            samples=int(counted.counts.sum()),
            edges=counted.edges_ms.tolist(),
            counts=counted.counts.tolist(),
            quantiles=[QuantileView(probability=one.probability, value=one.value_ms) for one in quantiles],
        )
