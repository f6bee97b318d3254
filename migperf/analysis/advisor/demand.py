"""What the advisor is asked: GPUs, inference services, training jobs, and figures that are given by hand.

Rates are in samples of the workload (images, sequences) a second. Imports nothing heavy: the command line reads it.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from migperf.analysis.advisor.demand_example import DEMAND
from migperf.gpus.profile import ProfileName
from migperf.measure.benchmark import Benchmark, Scenario, Statistic
from migperf.measure.engine import Engine

WHOLE = "whole"
"""In place of a profile: the GPU is not cut."""
AT_HAND = "at_hand"
MOST_GPUS = 256
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", examples=["thumbnails"])]
PerSecond = Annotated[float, Field(gt=0, le=1e12)]
Milliseconds = Annotated[float, Field(gt=0, le=1e9)]


class Goal(StrEnum):
    """What is sought."""

    FEWEST_GPUS = "fewest_gpus"
    """Serve all that is wanted with as few GPUs as possible."""
    MOST_THROUGHPUT = "most_throughput"
    """Serve all that is wanted, and make as much weighted throughput as possible of the rest."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GpuStock(_Part):
    """GPUs of one board model."""

    model: str = Field(max_length=255, description="Board, such as A100-SXM4-80GB, or its key, such as a100-80gb.")
    count: int = Field(ge=1, le=MOST_GPUS, description="How many there are.")


class Spoken(_Part):
    """Which measured runs speak for a service or a job."""

    workload: str = Field(max_length=128, description="Name of a workload, as `GET /v1/workloads` lists them.")
    parameters: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="The workload's parameters; those left out are its defaults, but for batch_size of a service: "
        "left out, runs of every batch size count.",
    )
    engine: Engine = Field(default_factory=Engine, description="How the model is executed.")

    def as_benchmark(self, scenario: Scenario) -> Benchmark:
        """Return the benchmark with every default written out. Raises pydantic.ValidationError."""
        return Benchmark(
            workload=self.workload, scenario=scenario, parameters=dict(self.parameters), engine=self.engine
        )


class LatencyLimit(_Part):
    """What latency may be at most, from arrival to answer."""

    statistic: Statistic = Field(default=Statistic.P99, description="What of the latencies is limited.")
    limit_ms: Milliseconds = Field(description="What it may be at most, ms.")


class _Job(_Part):
    name: Name
    benchmark: Spoken | None = Field(default=None, description="Which measured runs speak for it; null: none.")
    weight: Annotated[float, Field(gt=0, le=1e9)] | None = Field(
        default=None, description="most_throughput: what one sample a second of it is worth."
    )
    at_most_per_s: PerSecond | None = Field(
        default=None, description="most_throughput: samples a second beyond which more is worth nothing."
    )

    @property
    @abstractmethod
    def scenario(self) -> Scenario:
        """The scenario by which its benchmark is checked."""

    @property
    @abstractmethod
    def required_per_s(self) -> float | None:
        """Samples a second that it must get; None: as much as there is."""

    @model_validator(mode="after")
    def _benchmark_exists(self) -> Self:
        """Check the benchmark against the workload that it names."""
        if self.benchmark is None:
            return self
        try:
            self.benchmark.as_benchmark(self.scenario)
        except ValidationError as error:
            raise _moved(error, "benchmark") from error
        return self


class Service(_Job):
    """An inference service: requests that arrive by themselves, and how long answers may take."""

    rate_per_s: PerSecond | None = Field(default=None, description="Samples a second that arrive and must be served.")
    latency: LatencyLimit | None = Field(default=None, description="null: however long an answer takes.")

    @property
    def scenario(self) -> Scenario:
        """Requests are answered: inference."""
        return Scenario.OFFLINE

    @property
    def required_per_s(self) -> float | None:
        """The rate that arrives."""
        return self.rate_per_s


class Training(_Job):
    """A training job. Several instances train several copies; their throughputs add up."""

    throughput_per_s: PerSecond | None = Field(default=None, description="Samples a second that it must get.")

    @property
    def scenario(self) -> Scenario:
        """Optimiser steps."""
        return Scenario.TRAIN

    @property
    def required_per_s(self) -> float | None:
        """The throughput that is wanted."""
        return self.throughput_per_s


Job = Service | Training


class Loop(StrEnum):
    """How a figure given by hand was measured."""

    OPEN = "open"
    """Requests arrived when they were planned to: latency includes waiting."""
    CLOSED = "closed"
    """The next request was sent when the last was answered: nothing ever waited."""


class GivenLatency(_Part):
    """A latency that was measured together with a throughput."""

    statistic: Statistic
    ms: Milliseconds


class GivenFigure(_Part):
    """What is known of a service or job on one profile from somewhere else, and from where."""

    of: Name = Field(description="Name of the service or job.")
    profile: str = Field(max_length=64, description="MIG profile such as 1g.10gb, or whole for a GPU that is not cut.")
    model: str | None = Field(
        default=None, max_length=255, description="Boards that it holds for; * and ? match. Can be left out for one."
    )
    throughput_per_s: PerSecond | None = Field(default=None, description="Samples a second.")
    latency: GivenLatency | None = Field(default=None, description="Latency at that throughput.")
    memory_mib: Annotated[int, Field(gt=0)] | None = Field(default=None, description="Memory that it took, MiB.")
    loop: Loop = Field(default=Loop.CLOSED, description="How it was measured.")
    does_not_fit: bool = Field(default=False, description="It does not fit into the memory of this profile.")
    source: str = Field(min_length=1, max_length=500, description="Where the figure is from.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.profile != WHOLE:
            ProfileName.parse(self.profile)
        if self.does_not_fit == (self.throughput_per_s is not None):
            raise ValueError("give either throughput_per_s or does_not_fit: true")
        return self


class Interference(_Part):
    """What a neighbour on the same GPU costs, on every profile of every board: known from somewhere else."""

    of: Name
    beside: Name = Field(description="The neighbour; the same name means another instance of itself.")
    slowdown: Annotated[float, Field(ge=1, le=1000)] = Field(description="Time beside it over time alone.")
    source: str | None = Field(default=None, max_length=500)


class Demand(BaseModel):
    """A question to the advisor."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, json_schema_extra={"examples": [DEMAND]}
    )

    migperf: Literal[1] = Field(description="Version of this document.")
    gpus: Literal["at_hand"] | Annotated[tuple[GpuStock, ...], Field(min_length=1, max_length=16)] = Field(
        default="at_hand", description="GPUs that may be used; at_hand: those that the service knows and can use."
    )
    goal: Goal = Goal.FEWEST_GPUS
    services: Annotated[tuple[Service, ...], Field(max_length=64)] = ()
    training: Annotated[tuple[Training, ...], Field(max_length=64)] = ()
    measured: Annotated[tuple[GivenFigure, ...], Field(max_length=4096)] = Field(
        default=(), description="Figures that are given by hand; measured runs go before them."
    )
    interference: Annotated[tuple[Interference, ...], Field(max_length=4096)] = Field(
        default=(), description="What neighbours cost, given by hand; goes before what runs measured together say."
    )
    reserve: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0, description="Part of every instance's capacity that is to stay free."
    )
    tainted: bool = Field(default=False, description="Use runs that broke a rule of hygiene as well.")
    time_limit_s: Annotated[float, Field(gt=0, le=20)] = Field(
        default=4.0, description="How long the solver may search; what it has by then is answered, with its bound."
    )

    @field_validator("gpus", mode="wrap")
    @classmethod
    def _boards_or_word(cls, given: object, handler: ValidatorFunctionWrapHandler) -> object:
        """Say of boards which of their fields is wrong, and not that they are no word."""
        try:
            return handler(given)
        except ValidationError as error:
            raise _of_boards(error, given) from error

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        """Check what only the whole can tell, and name the field."""
        for where, given, message in _problems(self):
            raise _refusal(where, message, given)
        return self

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Services, then training jobs."""
        return (*self.services, *self.training)

    def field_of(self, name: str) -> tuple[str, int]:
        """Return where a service or job is said: ``("services", 0)``."""
        for field, jobs in (("services", self.services), ("training", self.training)):
            for position, job in enumerate(jobs):
                if job.name == name:
                    return field, position
        raise KeyError(name)


Problem = tuple[tuple[str | int, ...], Any, str]


def _problems(demand: Demand) -> Sequence[Problem]:
    return [*_of_jobs(demand), *_of_references(demand)]


def _of_jobs(demand: Demand) -> list[Problem]:
    found: list[Problem] = []
    if not demand.jobs:
        found.append((("services",), [], "name at least one service or training job"))
    for name, count in Counter(job.name for job in demand.jobs).items():
        if count > 1:
            found.append(((*demand.field_of(name), "name"), name, "is given twice; each has a name of its own"))
    for job in demand.jobs:
        wanted = "rate_per_s" if isinstance(job, Service) else "throughput_per_s"
        where = demand.field_of(job.name)
        if job.required_per_s is None and demand.goal is Goal.FEWEST_GPUS:
            found.append(((*where, wanted), None, "fewest_gpus needs to know what is wanted; give it"))
        elif job.required_per_s is None and job.weight is None:
            found.append(((*where, "weight"), None, f"give {wanted} or weight: without both nothing is wanted of it"))
        if job.weight is not None and demand.goal is Goal.FEWEST_GPUS:
            found.append(((*where, "weight"), job.weight, "fewest_gpus has no weights; leave it out"))
        if job.at_most_per_s is not None and job.weight is None:
            found.append(((*where, "at_most_per_s"), job.at_most_per_s, "goes with weight; leave it out"))
    if demand.goal is Goal.MOST_THROUGHPUT and demand.jobs and not any(job.weight for job in demand.jobs):
        found.append((("goal",), demand.goal, "most_throughput needs a weight of at least one service or job"))
    return found


def _of_references(demand: Demand) -> list[Problem]:
    names = {job.name for job in demand.jobs}
    several = demand.gpus == AT_HAND or len(demand.gpus) > 1
    found: list[Problem] = []
    for position, figure in enumerate(demand.measured):
        if figure.of not in names:
            found.append((("measured", position, "of"), figure.of, _unknown(names)))
        if figure.model is None and several:
            found.append((("measured", position, "model"), None, "say which boards the figure holds for"))
    pairs = Counter((known.of, known.beside) for known in demand.interference)
    for position, known in enumerate(demand.interference):
        named = {"of": known.of, "beside": known.beside}
        found += [
            (("interference", position, field), name, _unknown(names))
            for field, name in named.items()
            if name not in names
        ]
        if pairs[known.of, known.beside] > 1:
            found.append((("interference", position), None, f"{known.of} beside {known.beside} is given twice"))
    return found


def _unknown(names: set[str]) -> str:
    return f"is no service or job of this demand; there are {', '.join(sorted(names)) or 'none'}"


def _refusal(where: tuple[str | int, ...], message: str, given: object) -> ValidationError:
    detail = InitErrorDetails(
        type=PydanticCustomError("demand", "{message}", {"message": message}), loc=where, input=given
    )
    return ValidationError.from_exception_data("Demand", [detail])


def _moved(error: ValidationError, *above: str) -> ValidationError:
    """Return the same problems, below a field."""
    return ValidationError.from_exception_data(
        "Demand", [_at((*above, *found["loc"]), found) for found in error.errors()]
    )


def _of_boards(error: ValidationError, given: object) -> ValidationError:
    """Return what is wrong with boards at their fields: Pydantic tells of each thing that ``gpus`` could be as well."""
    if not isinstance(given, list | tuple):
        return _refusal((), "say at_hand, or name boards, such as [{model: A100-SXM4-80GB, count: 8}]", given)
    of_boards = [(found["loc"][1:], found) for found in error.errors() if "literal" not in str(found["loc"][0])]
    of_fields = [(where, found) for where, found in of_boards if where]
    return ValidationError.from_exception_data("Demand", [_at(*each) for each in of_fields or of_boards])


def _at(where: tuple[int | str, ...], found: ErrorDetails) -> InitErrorDetails:
    told = PydanticCustomError(found["type"], "{message}", {"message": found["msg"]})
    return {"type": told, "loc": where, "input": found["input"]}
