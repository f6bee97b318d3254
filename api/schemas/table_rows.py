"""A row of the table of runs that is given out: what was asked for, where it ran, and what came of it."""

from collections.abc import Iterable
from typing import Self

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue

from api.links import Links
from api.schemas import examples
from api.schemas.runs import DURATION, Measured, RunExperiment, RunPartition
from api.schemas.view import View
from migperf.measure.engine import REFERENCE_FIELDS
from migperf.measure.figures import ResultFigure
from migperf.measure.hygiene.facts import Taint
from migperf.store.models import Run
from migperf.store.states import RunState

_FROM_RUN = (
    "id",
    "state",
    "reason",
    "workload",
    "scenario",
    "fingerprint",
    "labels",
    "partition",
    "experiment",
    "priority",
    "attempt",
    "created_at",
    "started_at",
    "finished_at",
    "duration_s",
    "measured",
    "tainted",
    "taints",
)
EXAMPLE: dict[str, JsonValue] = {
    **{name: examples.RUN[name] for name in _FROM_RUN},
    **{name: examples.BENCHMARK[name] for name in ("parameters", "load", "engine")},
    "simulated": False,
    "figures": examples.FIGURES,
}


class RunRow(View):
    """A run with the figures that were asked for. What is not there is null; a figure says why it is absent."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: str
    state: RunState
    reason: str | None = Field(description="Why it is in its state, where that needs a word.")
    simulated: bool | None = Field(
        description="True when its partition is simulated: nothing of it is about real boards. Null until it is placed."
    )
    tainted: bool | None = Field(description="Whether its figures may be off; null while nobody has looked.")
    taints: list[Taint] | None = Field(description="What may have moved its figures.")
    workload: str
    scenario: str
    parameters: dict[str, JsonValue]
    load: dict[str, JsonValue] | None = Field(description="How requests arrive in detail.")
    engine: dict[str, JsonValue] = Field(description="What executes the model.")
    fingerprint: str = Field(description="The same for runs that may be compared.")
    labels: dict[str, str]
    experiment: RunExperiment | None = Field(description="What it was queued for; null for a run of its own.")
    partition: RunPartition | None = Field(description="Where it runs or ran; null until it has been placed.")
    priority: int
    attempt: int = Field(description="0 until the first attempt has begun.")
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    duration_s: float | None = Field(description=DURATION)
    measured: Measured | None
    figures: list[ResultFigure] = Field(description="Those asked for that its result has, each with unit and scope.")

    @classmethod
    def of(cls, run: Run, figures: Iterable[ResultFigure], links: Links) -> Self:
        """Show a stored run."""
        benchmark, partition, group = run.benchmark, run.partition_row, run.group_row
        return cls(
            id=run.id,
            state=run.state,
            reason=run.reason,
            simulated=None if partition is None else partition.simulated,
            tainted=run.tainted,
            taints=None if run.taints is None else [Taint.model_validate(taint) for taint in run.taints],
            workload=run.workload,
            scenario=run.scenario,
            parameters=benchmark["parameters"],
            load=benchmark.get("load"),
            engine=benchmark.get("engine", REFERENCE_FIELDS),
            fingerprint=run.fingerprint,
            labels={label.key: label.value for label in run.labels},
            experiment=None if group is None else RunExperiment.of(run, group, links),
            partition=None if partition is None else RunPartition.of(partition),
            priority=run.priority,
            attempt=run.attempt,
            created_at=run.created_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            duration_s=run.duration_s,
            measured=Measured.of(run),
            figures=list(figures),
        )
