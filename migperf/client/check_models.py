"""What a check is asked, and what it came to."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, computed_field

from migperf.analysis.terms import Per, StatisticName
from migperf.client.comparison_models import ComparedView, DifferenceView
from migperf.client.models import RunPartition
from migperf.gpus.partition import PartitionKind

MOST_RUNS = 64
"""The service compares no more runs of a side."""


class Outcome(StrEnum):
    """What a check says of a statistic, of a benchmark, and of all of them."""

    PASSED = "passed"
    """It is shown not to be slower by more than the margin."""
    REGRESSED = "regressed"
    """It is shown to be slower by more than chance, and by more than the margin; or it no longer fits into memory."""
    COULD_NOT_TELL = "could_not_tell"
    """Neither is shown, or something was not measured."""

    @classmethod
    def worst(cls, outcomes: Iterable["Outcome"]) -> "Outcome":
        """Return what several come to: a regression outweighs a doubt. Nothing that was looked at proves nothing."""
        found = set(outcomes)
        if cls.REGRESSED in found:
            return cls.REGRESSED
        return cls.PASSED if found == {cls.PASSED} else cls.COULD_NOT_TELL


class CheckPlan(BaseModel):
    """What is asked, and what it may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: str
    """What the baseline is: ids of runs joined by commas, ``label:KEY=VALUE``, or ``last``."""
    documents: tuple[dict[str, JsonValue], ...] = ()
    """The benchmarks, as POST /v1/runs takes them; none: those of the baseline."""
    statistics: tuple[StatisticName, ...] = ()
    """None: p50 and p99, and in place of one that the steps do not support the mean."""
    margin: float = Field(default=0.01, gt=0, le=1)
    level: float = Field(default=0.95, ge=0.5, lt=1)
    repeats: int = Field(default=3, ge=1, le=MOST_RUNS)
    baseline_runs: int = Field(default=5, ge=1, le=MOST_RUNS)
    """At most so many of the newest for each benchmark."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Of the new runs."""
    timeout_s: float = Field(default=3600.0, gt=0)
    """For all runs together, time in the queue included."""
    allow_tainted: bool = False


class Place(BaseModel):
    """A class of partitions: pieces of one kind, profile and model are taken to be alike."""

    model_config = ConfigDict(frozen=True)

    kind: PartitionKind
    profile: str | None
    model: str
    simulated: bool

    @classmethod
    def of(cls, partition: RunPartition) -> Self:
        """Return the class of a run's partition."""
        return cls(kind=partition.kind, profile=partition.profile, model=partition.model, simulated=partition.simulated)

    def __str__(self) -> str:
        simulated = " (simulated)" if self.simulated else ""
        return f"{self.profile or self.kind} of {self.model}{simulated}"


class Finding(BaseModel):
    """What one statistic of a benchmark says; without ``compared`` there was no comparison, and ``why`` says so."""

    model_config = ConfigDict(frozen=True)

    statistic: StatisticName
    outcome: Outcome
    why: str
    per: Per | None = None
    compared: ComparedView | None = None


class FigureBeside(BaseModel):
    """A figure of the runs of both sides, for information: it does not enter the outcome."""

    model_config = ConfigDict(frozen=True)

    name: str
    unit: str
    baseline: tuple[float, ...]
    candidate: tuple[float, ...]


class CheckedBenchmark(BaseModel):
    """One benchmark on one class of partitions. ``why`` says what kept it from being compared, if anything did."""

    model_config = ConfigDict(frozen=True)

    workload: str
    scenario: str
    fingerprint: str
    parameters: dict[str, JsonValue]
    place: Place | None
    """None where there is no baseline."""
    baseline: tuple[str, ...] = ()
    candidate: tuple[str, ...] = ()
    """Ids of the runs that were compared; of all that were made where none were."""
    left_out: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Tainted runs that were not compared, with the rules that they broke."""
    tainted: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Tainted runs that were compared."""
    outcome: Outcome
    why: str | None = None
    findings: tuple[Finding, ...] = ()
    remarks: tuple[str, ...] = ()
    figures: tuple[FigureBeside, ...] = ()
    differences: tuple[DifferenceView, ...] = ()
    took_s: float = 0.0

    @property
    def name(self) -> str:
        """What it is called, the same in every check: parameters and method are in the fingerprint's first digits."""
        where = "" if self.place is None else f" on {self.place}"
        return f"{self.workload} {self.scenario} {self.fingerprint[:8]}{where}"


class Check(BaseModel):
    """What became of all benchmarks. ``problem`` says what ended the check before it was complete, if anything did.

    ``label`` is the value of the label ``check`` of all runs that were made.
    """

    model_config = ConfigDict(frozen=True)

    reference: str
    margin: float
    level: float
    label: str
    benchmarks: tuple[CheckedBenchmark, ...] = ()
    problem: str | None = None
    interrupted: bool = False
    took_s: float = 0.0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def outcome(self) -> Outcome:
        """The worst news."""
        found = Outcome.worst(checked.outcome for checked in self.benchmarks)
        incomplete = self.problem is not None or self.interrupted
        return Outcome.COULD_NOT_TELL if incomplete and found is Outcome.PASSED else found
