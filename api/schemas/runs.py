"""A run as its watchers see it."""

from typing import Self

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue

from api.links import Links
from api.schemas import examples
from api.schemas.view import View
from migperf.experiments.group import Role
from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.placement import Placement
from migperf.jobs.outlook import MOST_PLACES
from migperf.jobs.waits import Wait, WaitKind
from migperf.measure.engine import REFERENCE_FIELDS
from migperf.measure.hygiene.facts import Taint
from migperf.store.listing import RunPage
from migperf.store.models import GroupRow, PartitionRow, Run
from migperf.store.requests import RunRequest
from migperf.store.states import RunState

NS_PER_S = 1_000_000_000
DURATION = (
    "From the start to the end of its last attempt, seconds; null until it has ended, and where no attempt had begun."
)


class RunPartition(View):
    """The partition that a run was put on."""

    uuid: str
    kind: PartitionKind
    model: str = Field(description="Board or processor model.")
    profile: str | None = Field(description="MIG profile; null where the device is not cut.")
    gpu_uuid: str | None = Field(description="The GPU that it is part of; null for a CPU.")
    placement: Placement | None = Field(description="Memory units of its GPU that a MIG instance has.")
    architecture: str | None = Field(description="Generation of the GPU, such as hopper.")
    driver_version: str | None = Field(description="Version of the GPU's driver, as its node last said it.")
    node: str
    simulated: bool = Field(description="True when no such hardware exists.")

    @classmethod
    def of(cls, row: PartitionRow) -> Self:
        """Show a stored partition."""
        partition = Partition.model_validate(row.description)
        return cls(node=row.node, **partition.model_dump(mode="json", include=set(cls.model_fields)))


class Measured(View):
    """How long was measured, and which rules ended warm-up and measuring."""

    window_s: float = Field(description="Length of the measured window, seconds.")
    warmup_ended_by: str
    warmup_note: str | None = Field(default=None, description="What the rule of warm-up found in the series.")
    measuring_ended_by: str
    measuring_note: str | None = Field(default=None, description="How precisely the statistic asked for is known.")
    converged: bool | None = Field(
        default=None, description="Whether the precision asked for was reached; null where none was asked for."
    )

    @classmethod
    def of(cls, run: Run) -> Self | None:
        """Show what was measured; None when nothing was measured to its end."""
        if run.window_start_ns is None or run.window_end_ns is None:
            return None
        return cls(
            window_s=(run.window_end_ns - run.window_start_ns) / NS_PER_S,
            warmup_ended_by=run.warmup_ended_by or "unknown",
            warmup_note=run.warmup_note,
            measuring_ended_by=run.measuring_ended_by or "unknown",
            measuring_note=run.measuring_note,
            converged=run.converged,
        )


class BenchmarkView(View):
    """The benchmark of a run, every default written out. Not validated again: rules may have changed since."""

    workload: str
    scenario: str
    parameters: dict[str, JsonValue]
    load: dict[str, JsonValue] | None = Field(
        default=None, description="How requests arrive in detail; null where the scenario needs no such details."
    )
    engine: dict[str, JsonValue] = Field(
        default_factory=lambda: dict(REFERENCE_FIELDS),
        description="What executes the model, in which precision and layout of memory.",
    )
    method: dict[str, JsonValue] = Field(description="How it is measured.")
    search: dict[str, JsonValue] | None = Field(
        default=None, description="What is searched for instead of measuring as given."
    )
    profile: bool = Field(default=False, description="Whether a profile of some steps is recorded after the window.")
    seed: int
    environment: str | None = Field(
        default=None, description="Software environment of its node that its payload runs in; null: the worker's own."
    )
    where: dict[str, JsonValue] = Field(description="Which partitions it may run on; null where it does not matter.")
    layout: str | None = Field(default=None, description="MIG layout that a GPU is cut into for it.")
    restore_layout: bool = Field(default=False, description="Whether the GPU's earlier layout is put back afterwards.")


class BenchmarkReading(View):
    """A benchmark as the service reads it, and what its runs are found by."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"fingerprint": examples.FINGERPRINT, "benchmark": examples.BENCHMARK}]}
    )

    fingerprint: str = Field(description="The same for runs that may be compared: 64 hexadecimal digits.")
    benchmark: BenchmarkView

    @classmethod
    def of(cls, request: RunRequest) -> Self:
        """Show the benchmark of a submission."""
        benchmark = request.benchmark()
        shown = BenchmarkView.model_validate(benchmark.model_dump(mode="json"))
        return cls(fingerprint=benchmark.fingerprint(), benchmark=shown)


class RunExperiment(View):
    """The experiment that a run belongs to, and its place there."""

    id: str = Field(description="Id of the experiment.")
    url: str = Field(description="Path of the experiment.")
    page: str = Field(description="Path of its page for people.")
    report: str = Field(description="Path of its report, at any time of what there is by then.")
    cell: int = Field(description="Number of the cell, from 0 in the order of the axes.")
    repeat: int = Field(description="Which repeat of the cell, from 0.")
    attempt: int = Field(description="Which attempt at the repeat, from 1; the last one counts.")
    role: Role = Field(description="client: it is measured; neighbour: it loads the device meanwhile.")
    member: int = Field(description="Its place among the runs of the attempt, from 0.")

    @classmethod
    def of(cls, run: Run, group: GroupRow, links: Links) -> Self:
        """Show where a stored run belongs."""
        return cls(
            id=group.experiment_id,
            url=links.experiment(group.experiment_id),
            page=links.experiment_page(group.experiment_id),
            report=links.report(group.experiment_id),
            cell=group.cell,
            repeat=group.repeat,
            attempt=group.attempt,
            role=Role(run.role or Role.CLIENT),
            member=run.member or 0,
        )


class RunView(View):
    """One execution of a benchmark."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RUN]})

    id: str
    url: str = Field(description="Path of this document.")
    page: str = Field(description="Path of the page for people.")
    state: RunState
    version: int = Field(description="Grows with every change.")
    workload: str
    scenario: str
    fingerprint: str = Field(description="The same for runs that may be compared: 64 hexadecimal digits.")
    benchmark: BenchmarkView
    priority: int
    timeout_s: float
    retry_limit: int
    labels: dict[str, str]
    attempt: int = Field(description="0 until the first attempt has begun.")
    losses: int = Field(description="How many attempts were killed from outside.")
    phase: str | None = Field(description="What a running run is doing.")
    progress: float = Field(description="How far its phase has come, 0 to 1.")
    partition: RunPartition | None = Field(description="Where it runs or ran; null until it has been placed.")
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    duration_s: float | None = Field(description=DURATION)
    cancel_requested_at: AwareDatetime | None
    reason: str | None = Field(description="Why it is in its state, where that needs a word.")
    measured: Measured | None
    tainted: bool | None = Field(description="Whether its figures may be off; null while nobody has looked.")
    taints: list[Taint] | None = Field(description="What may have moved its figures; see docs/explanation/numbers.md.")
    taint_retry_limit: int = Field(description="How often it begins again when its result is tainted or void.")
    taint_retries: int = Field(description="How many attempts were given up for that.")
    environment: dict[str, JsonValue] | None = Field(description="What the result depends on besides the benchmark.")
    experiment: RunExperiment | None = Field(description="What it was queued for; null for a run of its own.")

    @classmethod
    def of(cls, run: Run, links: Links) -> Self:
        """Show a stored run."""
        return cls(
            id=run.id,
            url=links.run(run.id),
            page=links.page(run.id),
            state=run.state,
            version=run.version,
            workload=run.workload,
            scenario=run.scenario,
            fingerprint=run.fingerprint,
            benchmark=BenchmarkView.model_validate(run.benchmark),
            priority=run.priority,
            timeout_s=run.timeout_s,
            retry_limit=run.retry_limit,
            labels={label.key: label.value for label in run.labels},
            attempt=run.attempt,
            losses=run.losses,
            phase=run.phase,
            progress=run.progress,
            partition=RunPartition.of(run.partition_row) if run.partition_row else None,
            created_at=run.created_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            duration_s=run.duration_s,
            cancel_requested_at=run.cancel_requested_at,
            reason=run.reason,
            measured=Measured.of(run),
            tainted=None if run.taints is None else bool(run.taints),
            taints=None if run.taints is None else [Taint.model_validate(taint) for taint in run.taints],
            taint_retry_limit=run.taint_retry_limit,
            taint_retries=run.taint_retries,
            environment=run.environment,
            experiment=None if run.group_row is None else RunExperiment.of(run, run.group_row, links),
        )


class Holder(View):
    """A run that has what another waits for."""

    run: str = Field(description="Id of the run.")
    page: str = Field(description="Path of its page.")


class WaitView(View):
    """Why a queued run waits."""

    kind: WaitKind = Field(
        description="nowhere: nothing that living nodes have suits it, so it waits until that changes; held: others "
        "hold what suits it; processor: the CPU of the host is measured alone, and something runs there; changing: the "
        "GPU is being cut anew, or is to be; group: its group is not complete yet; turn: a place is free for it."
    )
    reason: str = Field(description="The same as a sentence, with what helps where nothing suits.")
    ahead: int = Field(description="Runs that are before it in the queue; 1000 stands for 1000 and more.")
    held_by: list[Holder] = Field(description="Runs that hold what suits it, or are in its way; the first 24.")

    @classmethod
    def of(cls, wait: Wait, links: Links) -> Self:
        """Show why a run waits."""
        held_by = [Holder(run=run, page=links.page(run)) for run in wait.holders[:MOST_PLACES]]
        return cls(kind=wait.kind, reason=wait.reason, ahead=wait.ahead, held_by=held_by)


class RunDetail(RunView):
    """One execution of a benchmark, and why it waits while it does."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**examples.RUN, "wait": None}, examples.WAITING_RUN]})

    wait: WaitView | None = Field(description="Why it waits, as things stand now; null unless it is queued.")

    @classmethod
    def with_wait(cls, run: Run, wait: Wait | None, links: Links) -> Self:
        """Show a stored run, and why it waits."""
        shown = RunView.of(run, links)
        return cls(**dict(shown), wait=None if wait is None else WaitView.of(wait, links))


class RunList(View):
    """One page of runs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"items": [examples.RUN], "next_cursor": "WyItY3JlYXRlZF9hdCIsIC4uLl0", "previous_cursor": None}
            ]
        }
    )

    items: list[RunView]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")
    previous_cursor: str | None = Field(description="The same for the page before; null on the first.")

    @classmethod
    def of(cls, page: RunPage, links: Links) -> Self:
        """Show a page of stored runs."""
        return cls(
            items=[RunView.of(run, links) for run in page.runs],
            next_cursor=page.next_cursor,
            previous_cursor=page.previous_cursor,
        )
