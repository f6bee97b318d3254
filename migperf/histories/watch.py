"""How a history is watched: which metrics, what of them matters, and what is done when one gets worse."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from migperf.histories.imported_metric import NONE_IMPORTED, ImportedMetrics
from migperf.histories.watched_metrics import better_of
from migperf.statistics.conventions import MARGIN
from migperf.statistics.detection.metric_rule import Better, MetricRule

MOST_CONFIRMING = 20
Effect = Annotated[float, Field(gt=0, lt=1)]
MetricName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$")]


class MetricWatch(BaseModel):
    """What matters of one metric."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    minimum_effect: Effect | None = Field(
        default=None, description="Least relative change that matters (0.05: 5 %); null: that of the watch."
    )
    better: Better | None = Field(
        default=None, description="In which direction it improves; null for figures of migperf, which are known."
    )


class Watch(BaseModel):
    """How a history is watched."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    metrics: Annotated[dict[MetricName, MetricWatch], Field(min_length=1, max_length=20)] | None = Field(
        default=None,
        description="Figures to watch, by name; null: middle, tail, throughput and energy, as far as runs have them.",
    )
    minimum_effect: Effect = Field(
        default=MARGIN, description="Least relative change that matters, of metrics that do not say themselves."
    )
    tainted: Literal["leave_out", "judge"] = Field(
        default="leave_out",
        description="Results whose run broke a rule of hygiene: leave them out, or judge them like all others.",
    )
    confirm_runs: Annotated[int, Field(ge=0, le=MOST_CONFIRMING)] = Field(
        default=3,
        description="How often the benchmark is run again when it seems to have become worse, before anyone is "
        "alarmed; with the last good version by turns where that is at hand. 0: the alarm comes at once.",
    )
    channels: Annotated[tuple[str, ...], Field(max_length=20)] | None = Field(
        default=None, description="Names of the channels that alerts go to; null: all there are."
    )

    @model_validator(mode="after")
    def _directions_are_known(self) -> Self:
        for name, metric in (self.metrics or {}).items():
            if metric.better is None and better_of(name) is None:
                raise ValueError(f"metrics.{name}: is {name} better higher or lower? Say so by `better`")
        return self

    def rule(self, name: str, imported: ImportedMetrics = NONE_IMPORTED) -> MetricRule:
        """Return how a metric is judged, ``imported`` being those of the history. ValueError without a direction."""
        asked = (self.metrics or {}).get(name, MetricWatch())
        better = asked.better or better_of(name, imported)
        if better is None:
            raise ValueError(f"in which direction {name} improves is not known")
        return MetricRule(better=better, minimum_effect=asked.minimum_effect or self.minimum_effect)

    def known_rule(self, name: str, imported: ImportedMetrics = NONE_IMPORTED) -> MetricRule | None:
        """Return how a metric is judged; None where nothing says in which direction it improves.

        That may be asked of one that was watched before, and is not any more.
        """
        try:
            return self.rule(name, imported)
        except ValueError:
            return None
