"""What a URL may ask for after its question mark. What is unknown is refused: a misspelt filter must not list all."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from api.tabular import TableFormat
from migperf.analysis.terms import StatisticName
from migperf.gpus.layout import MAX_INSTANCES, Layout
from migperf.gpus.partition import PartitionKind
from migperf.measure.benchmark import Scenario
from migperf.metrics.downsampling import Method
from migperf.store.listing import RunFilter, SortOrder
from migperf.store.states import RunState

LONGEST_S = 9e9
"""Nanoseconds of more seconds do not fit into 64 bits."""
DEFAULT_LIMIT = 10_000
"""Samples of a page of a series."""
MOST_RUNS_OF_A_SIDE = 64
"""Of a comparison, which reads every step of each."""
HEADLINE_FIGURES = (
    "throughput",
    "latency_p50",
    "latency_p95",
    "latency_p99",
    "batch_time_mean",
    "step_time_mean",
    "peak_allocated",
    "peak_rss",
    "energy_per_sample",
    "max_batch",
    "max_rate",
)
"""Figures of a table of runs where none are asked for: speed, memory, energy, and what searches look for."""
MOST_FIGURES = 64
"""Of a table of runs, whose rows are read many at a time."""
CURRENT = "current"
"""Stands for the layout that a GPU has now."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time lies outside the years 1 to 9999 of UTC") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
LabelCondition = Annotated[str, StringConstraints(pattern=r"^[^=]+=", max_length=320)]
Name = Annotated[str, StringConstraints(max_length=128)]
FigureName = Annotated[str, StringConstraints(pattern=r"^\w[\w.:/ %-]*$", max_length=64)]
"""As columns are called by it, it cannot begin like a formula."""
SeriesNames = Annotated[tuple[Name, ...], Field(max_length=256)]
Points = Annotated[int, Field(ge=2, le=20_000)]
Seconds = Annotated[float, Field(ge=-LONGEST_S, le=LONGEST_S, allow_inf_nan=False)]


def _placed_layout(text: str) -> str:
    if text != CURRENT:
        layout = Layout.parse(text)
        if not layout.mig or any(spec.start is None for spec in layout.instances):
            raise ValueError(f"give {CURRENT}, or instances with their places, such as 3g.40gb@4+1g.10gb@0")
    return text


def _run_ids(text: str) -> str:
    ids = text.split(",")
    if not all(ids):
        raise ValueError("give ids of runs, joined by commas without anything between them")
    if len(ids) > MOST_RUNS_OF_A_SIDE:
        raise ValueError(f"a side has at most {MOST_RUNS_OF_A_SIDE} runs, {len(ids)} are given")
    return text


RunIds = Annotated[str, AfterValidator(_run_ids)]
"""Ids of runs of one benchmark, joined by commas."""


class SeriesFormat(StrEnum):
    """The forms in which one series can be had."""

    JSON = "json"
    CSV = TableFormat.CSV.value
    ARROW = TableFormat.ARROW.value
    PARQUET = TableFormat.PARQUET.value


class Query(BaseModel):
    """The query part of a URL."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RunSelection(Query):
    """Which runs, and in which order."""

    state: Annotated[tuple[RunState, ...], Field(max_length=len(RunState))] = Field(
        default=(), description="Only runs in this state; repeat it for several."
    )
    workload: Name | None = Field(default=None, description="Only runs of this workload.")
    scenario: Scenario | None = Field(default=None, description="Only runs of this scenario.")
    fingerprint: Name | None = Field(default=None, description="Only runs that may be compared with one another.")
    partition: Name | None = Field(default=None, description="Only runs on the partition with this UUID.")
    node: Name | None = Field(default=None, description="Only runs on partitions of this node.")
    kind: PartitionKind | None = Field(default=None, description="Only runs on partitions of this kind.")
    profile: Name | None = Field(default=None, description="Only runs on MIG instances of this profile.")
    gpu_model: Name | None = Field(
        default=None,
        description="Only runs on boards or processors of this model; * and ? match, case ignored.",
        examples=["*H100*"],
    )
    experiment: Name | None = Field(
        default=None, description="Only runs of the experiment with this id; one that does not exist is refused (404)."
    )
    tainted: bool | None = Field(
        default=None,
        description="Only runs whose figures may be off, or (`false`) only those where nothing was found; runs that "
        "nobody has looked at are neither.",
    )
    label: Annotated[tuple[LabelCondition, ...], Field(max_length=32)] = Field(
        default=(),
        description="Only runs with this label, `key=value`; repeat it for several, which must all be there.",
    )
    text: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None,
        description="Only runs that have each of these words in their workload or labels (`key=value`), or an id that "
        "begins with it; case ignored.",
        examples=["resnet commit=4f1c"],
    )
    id: Annotated[tuple[Name, ...], Field(max_length=200)] = Field(
        default=(), description="Only the run with this id; repeat it for several."
    )
    created_after: Moment | None = Field(default=None, description="Only runs submitted after this time (ISO 8601).")
    created_before: Moment | None = Field(default=None, description="Only runs submitted before this time.")
    sort: SortOrder = Field(
        default=SortOrder.NEWEST,
        description="Minus: highest first. Sorting by finished_at or duration_s lists only runs that have it.",
    )

    @field_validator("label")
    @classmethod
    def _each_key_once(cls, given: Sequence[str]) -> Sequence[str]:
        keys = [condition.partition("=")[0] for condition in given]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise ValueError(f"{min(twice)!r} is given twice; a run has one value for it")
        return given

    def wanted(self) -> RunFilter:
        """Return the filter."""
        return RunFilter(
            states=self.state,
            workload=self.workload,
            scenario=self.scenario,
            fingerprint=self.fingerprint,
            partition=self.partition,
            node=self.node,
            kind=self.kind,
            profile=self.profile,
            gpu_model=self.gpu_model,
            experiment=self.experiment,
            tainted=self.tainted,
            created_after=self.created_after,
            created_before=self.created_before,
            labels=dict(_key_and_value(condition) for condition in self.label),
            text=self.text,
            ids=self.id,
        )


class RunQuery(RunSelection):
    """Which runs to list, in which order, and which page."""

    limit: Annotated[int, Field(ge=1, le=200)] = Field(default=50, description="Most runs on a page.")
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = Field(
        default=None, description="`next_cursor` of the page before."
    )


class RunTableQuery(RunSelection):
    """Which runs to put into a table, in which order, with which figures, and in which form."""

    figure: Annotated[tuple[FigureName, ...], Field(max_length=MOST_FIGURES)] = Field(
        default=(),
        description=f"With this figure of each result; repeat it for several. Left out: {', '.join(HEADLINE_FIGURES)}.",
        examples=[["latency_p99"]],
    )
    format: TableFormat | None = Field(
        default=None, description="Left out, the header `Accept` decides; CSV without either.", examples=["csv"]
    )

    @property
    def figures(self) -> tuple[str, ...]:
        """The names of the figures that are wanted, each once."""
        return tuple(dict.fromkeys(self.figure)) or HEADLINE_FIGURES


class SeriesQuery(Query):
    """Which samples of a series to return, and in which form."""

    start_s: Seconds | None = Field(default=None, description="No samples before this time.", examples=[2.5])
    end_s: Seconds | None = Field(default=None, description="No samples after this time.", examples=[7.5])
    limit: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None,
        description=f"Most samples of a page, {DEFAULT_LIMIT:,} if left out; more only where several have one time. "
        "Tables and what is downsampled have no pages.",
        examples=[1000],
    )
    points: Points | None = Field(
        default=None,
        description="Downsample to about so many samples; both sides of gaps, extremes and events stay (with `lttb` "
        "extremes may not). Left out: as many as there are.",
        examples=[2000],
    )
    method: Method | None = Field(
        default=None,
        description="How to choose among samples, with `points`: the lowest and the highest of each stretch "
        "(`min_max`, if left out), largest triangles (`lttb`), or the one after the other (`min_max_lttb`).",
    )
    format: SeriesFormat | None = Field(
        default=None, description="JSON, or a table; left out, the header `Accept` decides.", examples=["parquet"]
    )

    @field_validator("points")
    @classmethod
    def _not_both(cls, given: int | None, info: ValidationInfo) -> int | None:
        if given is not None and info.data.get("limit") is not None:
            raise ValueError("give points (what is there, downsampled) or limit (a page of what is there), not both")
        return given

    @field_validator("method")
    @classmethod
    def _for_points(cls, given: Method | None, info: ValidationInfo) -> Method | None:
        if given is not None and info.data.get("points") is None:
            raise ValueError("says how to downsample; give points, too, or leave it out")
        return given


class SamplesQuery(Query):
    """Which series of a run to return whole, and in which form."""

    name: SeriesNames = Field(
        default=(), description="Only this series; repeat it for several. Left out: all.", examples=[["power_average"]]
    )
    format: TableFormat | None = Field(
        default=None, description="Left out, the header `Accept` decides; CSV without either.", examples=["parquet"]
    )


class SeriesEventsQuery(Query):
    """Which series of a run to follow."""

    name: SeriesNames = Field(
        default=(), description="Only this series; repeat it for several. Left out: all.", examples=[["power_average"]]
    )
    points: Points = Field(
        default=2_000,
        description="A long past is downsampled to about so many samples an event; both sides of gaps, extremes and "
        "events stay.",
        examples=[500],
    )


class ComparisonQuery(Query):
    """Which runs to compare, and how."""

    baseline: RunIds = Field(
        description="Runs of one benchmark, joined by commas, that the others are compared with.",
        examples=["019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77,019ab3f5-0d3a-7b52-8a10-6f1d2c3b4a59"],
    )
    candidate: Annotated[tuple[RunIds, ...], Field(min_length=1, max_length=16)] = Field(
        description="Runs of one benchmark, joined by commas; repeat it for several candidates.",
        examples=[["019ab3f8-91c4-7f0e-b2a7-3e5d7c9b1a22"]],
    )
    statistic: StatisticName = Field(
        default=StatisticName.MEAN, description="What of each run's steps is compared: their mean, or a percentile."
    )
    margin: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.01, description="The difference, relative, that does not matter: 0.01 is 1 %."
    )
    level: Annotated[float, Field(ge=0.5, le=0.999999)] = Field(
        default=0.95, description="Confidence of each interval and verdict."
    )
    paired: bool = Field(
        default=False,
        description="The runs of both sides, in their order, were made in pairs, by turns on one partition.",
    )

    @property
    def sides(self) -> tuple[tuple[str, ...], ...]:
        """The ids of the baseline's runs, then those of each candidate's."""
        return tuple(tuple(side.split(",")) for side in (self.baseline, *self.candidate))


class LogQuery(Query):
    """Which log to return."""

    attempt: Annotated[int, Field(ge=1, le=1 << 20)] | None = Field(default=None, description="The latest if left out.")


class HistogramQuery(Query):
    """How finely to count the steps of a run."""

    bins: Annotated[int, Field(ge=1, le=400)] = Field(
        default=120, description="Most bins; fewer where a bin would be narrower than a nanosecond.", examples=[120]
    )


class ExperimentValuesQuery(Query):
    """Which figure of an experiment's cells to return."""

    figure: Name = Field(default="throughput", description="Name of the figure.", examples=["latency_p99"])


class LegalLayoutQuery(Query):
    """Which of the layouts that a GPU can have to list."""

    full: bool = Field(default=True, description="Only layouts to which nothing can be added; `false` lists all.")
    contains: Annotated[tuple[Name, ...], Field(max_length=MAX_INSTANCES)] = Field(
        default=(), description="Only layouts with this profile; repeat it for several, or for several of it."
    )
    beside: Annotated[str, AfterValidator(_placed_layout)] | None = Field(
        default=None,
        max_length=512,
        description="Only layouts that contain these instances where they lie: `current`, or a layout with places such "
        "as `3g.40gb@4+1g.10gb@0`. Nothing that is there has to move or to go.",
    )


class LayoutChangeQuery(Query):
    """How to treat a request for another layout."""

    dry_run: bool = Field(default=False, description="Answer with the plan, and change nothing.")


def _key_and_value(condition: str) -> tuple[str, str]:
    key, _, value = condition.partition("=")
    return key, value
