"""A benchmark: what a user submits. Validated against the workload's own parameters, and given a fingerprint."""

import hashlib
import json
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from migperf.gpus.layout import Layout, LayoutText
from migperf.gpus.partition import PartitionKind
from migperf.gpus.selector import Selector
from migperf.measure.engine import Engine
from migperf.measure.engines.offer import engine_problem
from migperf.measure.load import Arrivals, Load
from migperf.measure.search import MaxBatch, MaxRate, Search
from migperf.measure.searching.batch_sizes import BATCH_SIZE, batch_problem, first_size
from migperf.software_environment import DEFAULT, EnvironmentName
from workloads.base import Card, Task
from workloads.registry import UnknownWorkloadError, card


class Scenario(StrEnum):
    """How work arrives."""

    OFFLINE = "offline"
    """Batches back to back; what counts is how much gets done."""
    SINGLE_STREAM = "single_stream"
    """One request at a time, the next when the last is answered; what counts is latency."""
    MULTI_STREAM = "multi_stream"
    """Several such streams at once; what counts is latency, and how much gets done."""
    SERVER = "server"
    """Requests arrive when they were planned to, answered or not; what counts is latency, from the planned arrival."""
    TRAIN = "train"
    """Optimiser steps back to back."""

    @property
    def task(self) -> Task:
        """The kind of step that this scenario drives."""
        return Task.TRAINING if self is Scenario.TRAIN else Task.INFERENCE


class Statistic(StrEnum):
    """What of the timings is to be known precisely."""

    MEAN = "mean"
    """Mean time from one step's end to the next one's; where requests arrive by themselves, mean latency."""
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"

    @property
    def quantile(self) -> float | None:
        """The quantile, 0 to 1; None for the mean."""
        return None if self is Statistic.MEAN else int(self[1:]) / 100


class Method(BaseModel):
    """How a run is measured: when warm-up ends, when measuring ends, how often metrics are read."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    warmup_steps: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=3, description="Warm-up lasts at least so many steps."
    )
    warmup_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=1.0, description="Warm-up lasts at least so long, seconds."
    )
    steady_within: Annotated[float, Field(gt=0, le=0.5)] | None = Field(
        default=0.02,
        description="Warm-up goes on until step times are shown to be steady within this (relative); null: it ends "
        "with warmup_steps and warmup_s.",
    )
    warmup_max_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=30.0, description="Warm-up ends after the step in which so many seconds are over, steady or not."
    )
    min_steps: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=10, description="Measuring takes at least so many steps, unless max_s is over."
    )
    min_s: Annotated[float, Field(ge=0, le=86_400)] = Field(
        default=5.0, description="Measuring takes at least so long, seconds."
    )
    precision: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=0.01,
        description="Measuring goes on until the half-width of the interval of precision_of is no more than this "
        "(relative to its value); null: it ends with min_steps and min_s.",
    )
    precision_of: Statistic = Field(default=Statistic.MEAN, description="What is to be known so precisely.")
    level: Annotated[float, Field(ge=0.5, le=0.999)] = Field(
        default=0.95, description="Confidence level of all intervals."
    )
    max_s: Annotated[float, Field(gt=0, le=86_400)] = Field(
        default=120.0, description="Measuring ends after the step in which so many seconds are over, precise or not."
    )
    sample_hz: Annotated[float, Field(ge=0.1, le=100)] = Field(
        default=10.0, description="How often metrics are read, per second."
    )
    estimate_power: bool = Field(
        default=False,
        description="Estimate what a MIG instance takes of its board's power above idle: a model, no reading.",
    )

    @model_validator(mode="after")
    def _times_agree(self) -> Self:
        if self.min_s > self.max_s:
            raise ValueError(
                f"min_s ({self.min_s:g}) is more than max_s ({self.max_s:g}); lower one or raise the other"
            )
        if self.warmup_s > self.warmup_max_s:
            raise ValueError(
                f"warmup_s ({self.warmup_s:g}) is more than warmup_max_s ({self.warmup_max_s:g}); lower one or raise "
                "the other"
            )
        return self


def _own_is_none(name: str | None) -> str | None:
    """The worker's own environment has a name for people, and for axes of experiments."""
    return None if name == DEFAULT else name


_LOADED = frozenset({Scenario.MULTI_STREAM, Scenario.SERVER})
_COUNTED = {"workload", "parameters", "scenario", "load", "engine", "method", "search"}


class Benchmark(BaseModel):
    """A workload with its parameters, the scenario, where it may run and how it is to be measured."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    workload: str = Field(max_length=128, description="Name of a workload, as `GET /v1/workloads` lists them.")
    scenario: Scenario = Field(description="How work arrives.")
    parameters: dict[str, JsonValue] = Field(
        default_factory=dict, description="The workload's parameters; those left out take the workload's defaults."
    )
    load: Load | None = Field(default=None, description="Details of multi_stream and server: streams, arrivals.")
    engine: Engine = Field(default_factory=Engine, description="How the model is executed.")
    method: Method = Field(default_factory=Method, description="How the run is measured.")
    search: Search | None = Field(default=None, description="What is searched for instead of measuring as given.")
    profile: bool = Field(default=False, description="Record a profile of some steps after the measured window.")
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] = Field(default=0, description="Seed of weights, data and arrivals.")
    environment: Annotated[EnvironmentName | None, AfterValidator(_own_is_none)] = Field(
        default=None,
        description="Which of its node's software environments its payload runs in; null, or default: the worker's "
        "own.",
    )
    where: Selector = Field(default_factory=Selector, description="Which partitions it may run on.")
    layout: LayoutText | None = Field(
        default=None, description="MIG layout that a GPU is cut into for it; the run has that GPU to itself."
    )
    restore_layout: bool = Field(default=False, description="Put the GPU's earlier layout back when the run has ended.")

    @model_validator(mode="after")
    def _layout_agrees(self) -> Self:
        """Check that the run can get what it selects out of the layout that it asks for."""
        if self.layout is None:
            if self.restore_layout:
                raise _refusal("no_layout", "only a run with a layout can restore one", ("restore_layout",), True)
            return self
        layout = Layout.parse(self.layout)
        if (problem := _layout_problem(layout, self.where)) is not None:
            raise _refusal("layout_disagrees", problem[1], ("where", problem[0]), getattr(self.where, problem[0]))
        if layout.mig and not layout.partition_profiles:
            raise _refusal("nothing_to_run_on", "the layout has nothing to run on", ("layout",), self.layout)
        return self

    @model_validator(mode="after")
    def _load_agrees(self) -> Self:
        """Check that the scenario gets the load that it needs, and none that it would ignore."""
        rate_searched = isinstance(self.search, MaxRate)
        if rate_searched and self.scenario is not Scenario.SERVER:
            raise _refusal("search_disagrees", "max_rate needs the scenario server", ("search", "kind"), "max_rate")
        if self.scenario not in _LOADED:
            if self.load is not None:
                message = f"{self.scenario} has no load; leave it out, or choose multi_stream or server"
                raise _refusal("load_disagrees", message, ("load",), True)
            return self
        load = self.load or Load()
        object.__setattr__(self, "load", load)
        if (problem := _load_problem(self.scenario, load, rate_searched=rate_searched)) is not None:
            raise _refusal("load_disagrees", problem[1], ("load", problem[0]), getattr(load, problem[0]))
        return self

    @model_validator(mode="after")
    def _batch_search_agrees(self) -> Self:
        """Check that the largest batch can be searched for, and write out the size that the search begins with."""
        if not isinstance(self.search, MaxBatch):
            return self
        of_requests = self.scenario is Scenario.SERVER
        problem = batch_problem(_card_of(self), self.parameters, self.search, of_requests=of_requests)
        if problem is not None:
            raise _refusal("search_disagrees", problem.message, problem.where, problem.given)
        if self.profile:
            message = "a search for the largest batch measures nothing that could be profiled; profile a run of its own"
            raise _refusal("search_disagrees", message, ("profile",), True)
        first = first_size(_card_of(self), self.parameters, self.search)
        object.__setattr__(self, "parameters", {**self.parameters, BATCH_SIZE: first})
        return self

    @model_validator(mode="after")
    def _fits_the_workload(self) -> Self:
        """Check workload, scenario and parameters together, and write every default out."""
        found = _card_of(self)
        parameters = _validated_parameters(found, self)
        object.__setattr__(self, "parameters", parameters)
        return self

    @model_validator(mode="after")
    def _engine_agrees(self) -> Self:
        """Check that the workload offers the engine, and that scenario and load leave it possible."""
        if (problem := engine_problem(self.card, self.scenario.task, self.engine, self.load)) is not None:
            raise _refusal("engine_disagrees", problem[1], ("engine", problem[0]), getattr(self.engine, problem[0]))
        return self

    @property
    def card(self) -> Card:
        """The card of the workload."""
        return card(self.workload)

    @property
    def most_together(self) -> int:
        """How many requests may be answered by one call of the model."""
        return 1 if self.load is None else self.load.max_batch

    def fingerprint(self) -> str:
        """Return what tells benchmarks apart whose runs may be compared: all that decides what is measured, and how.

        64 hexadecimal digits. Seed, place and software environment do not count: they vary within one history.
        """
        counted = self.model_dump(mode="json", include=_COUNTED)
        del counted["method"]["estimate_power"]  # what else is looked at does not change what is measured
        text = json.dumps(counted, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


def _load_problem(scenario: Scenario, load: Load, *, rate_searched: bool) -> tuple[str, str] | None:
    """Return the field of the load that the scenario lacks or would ignore, and why."""
    of_server = sorted(
        name
        for name in load.model_fields_set - {"streams"}
        if scenario is Scenario.MULTI_STREAM and getattr(load, name) != Load.model_fields[name].default
    )
    given, traced, served = load.rate_per_s is not None, load.arrivals is Arrivals.TRACE, scenario is Scenario.SERVER
    rules = (
        (bool(of_server), "".join(of_server[:1]), f"{scenario} has no such field; it belongs to server"),
        (traced and rate_searched, "arrivals", "max_rate makes arrivals at many rates; a trace has only its own"),
        (traced and given, "rate_per_s", "a trace has its own rate; leave it out"),
        (rate_searched and given, "rate_per_s", "max_rate searches for the rate; leave it out"),
        (
            served and not (given or traced or rate_searched),
            "rate_per_s",
            "server needs to know how many requests arrive per second",
        ),
    )
    return next(((field, message) for broken, field, message in rules if broken), None)


def _layout_problem(layout: Layout, where: Selector) -> tuple[str, str] | None:
    """Return the field of the selector that contradicts the layout, and why."""
    kind = PartitionKind.MIG if layout.mig else PartitionKind.GPU
    if where.partition is not None:
        return "partition", "the layout makes new partitions; select the GPU by node and gpu_model"
    if where.kind not in (None, kind):
        return "kind", f"the layout {layout} makes partitions of kind {kind}"
    if where.profile is not None and where.profile not in layout.partition_profiles:
        made = ", ".join(sorted(set(layout.partition_profiles))) or "no profile"
        return "profile", f"the layout {layout} makes {made}"
    return None


def _card_of(benchmark: Benchmark) -> Card:
    try:
        found = card(benchmark.workload)
    except UnknownWorkloadError as error:
        raise _refusal("unknown_workload", str(error), ("workload",), benchmark.workload) from error
    if benchmark.scenario.task not in found.tasks:
        offered = ", ".join(s for s in Scenario if s.task in found.tasks)
        message = f"{found.name} does not offer {benchmark.scenario.task}; scenarios that it can run: {offered}"
        raise _refusal("scenario_not_offered", message, ("scenario",), benchmark.scenario)
    return found


def _validated_parameters(found: Card, benchmark: Benchmark) -> dict[str, JsonValue]:
    try:
        return found.parameters.model_validate(benchmark.parameters).model_dump(mode="json")
    except ValidationError as error:
        details: list[InitErrorDetails] = [
            {
                "type": PydanticCustomError(e["type"], "{message}", {"message": e["msg"]}),
                "loc": ("parameters", *e["loc"]),
                "input": e["input"],
            }
            for e in error.errors()
        ]
        raise ValidationError.from_exception_data("Benchmark", details) from error


def _refusal(kind: str, message: str, where: tuple[str, ...], given: object) -> ValidationError:
    detail = InitErrorDetails(type=PydanticCustomError(kind, "{message}", {"message": message}), loc=where, input=given)
    return ValidationError.from_exception_data("Benchmark", [detail])
