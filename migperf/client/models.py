"""What the service answers, as frozen models. Fields that a newer service adds are ignored; missing ones are errors."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, JsonValue

from migperf.client.view import TOLERANT, View
from migperf.gpus.partition import PartitionKind
from migperf.gpus.placement import Placement
from migperf.measure.engine import REFERENCE_FIELDS
from migperf.measure.figures import Interval, ResultFigure
from migperf.store.states import RunState


class FieldProblem(View):
    """What is wrong with one field of a request; ``given`` is the value that was sent, where the service tells it."""

    field: str
    detail: str
    given: JsonValue = None


class Problem(View):
    """A problem document (RFC 9457): what every refusal and failure looks like."""

    title: str = ""
    status: int | None = None
    detail: str = ""
    errors: tuple[FieldProblem, ...] | None = None


class Health(View):
    """The service's process is up."""

    status: str
    version: str


class Readiness(View):
    """The service can take runs. With ``nodes_alive`` at 0 they stay queued until a worker starts."""

    status: str
    database: str | None = None
    schema_revision: str | None = Field(default=None, alias="schema")
    nodes_alive: int


class WindowView(View):
    """The measured window, seconds since the run started on its node. Warm-up lies before it."""

    start_s: float
    end_s: float


class MeasuredView(View):
    """How long was measured, and which rules ended warm-up and measuring."""

    window_s: float
    warmup_ended_by: str
    warmup_note: str | None = None
    measuring_ended_by: str
    measuring_note: str | None = None
    converged: bool | None = None


class TaintView(View):
    """A rule that a run has broken: its figures may be off."""

    rule: str
    seen: str
    threshold: str
    remedy: str


class RunPartition(View):
    """The partition that a run was put on."""

    uuid: str
    kind: PartitionKind
    model: str
    profile: str | None = None
    gpu_uuid: str | None = None
    placement: Placement | None = None
    architecture: str | None = None
    driver_version: str | None = None
    node: str
    simulated: bool = False


class BenchmarkView(View):
    """The benchmark of a run, defaults written out. Not validated again: its workload need not be installed here."""

    workload: str
    scenario: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    load: dict[str, JsonValue] | None = None
    engine: dict[str, JsonValue] = Field(default_factory=lambda: dict(REFERENCE_FIELDS))
    method: dict[str, JsonValue] = Field(default_factory=dict)
    search: dict[str, JsonValue] | None = None
    profile: bool = False
    seed: int = 0
    environment: str | None = None
    where: dict[str, JsonValue] = Field(default_factory=dict)
    layout: str | None = None
    restore_layout: bool = False


class BenchmarkReading(View):
    """A benchmark as the service reads it, and the fingerprint that its runs are found by."""

    fingerprint: str
    benchmark: BenchmarkView


class RunExperiment(View):
    """The experiment that a run belongs to, and its place there; ``cell``, ``repeat`` and ``member`` count from 0."""

    id: str
    url: str
    page: str
    report: str
    cell: int
    repeat: int
    attempt: int
    """From 1; the last attempt at a repeat is the one that counts."""
    role: str
    """client or neighbour."""
    member: int
    """Its place among the runs of the attempt."""


class Holder(View):
    """A run that has what another waits for."""

    run: str
    page: str


class WaitView(View):
    """Why a queued run waits; ``kind`` is nowhere where nothing that living nodes have suits it."""

    kind: str
    reason: str
    ahead: int = Field(description="Runs that are before it in the queue; 1000 stands for 1000 and more.")
    held_by: tuple[Holder, ...] = ()


class RunView(View):
    """A run as it was when the service answered; ``version`` grows with every change."""

    id: str
    url: str
    page: str
    state: RunState
    version: int
    workload: str
    scenario: str
    fingerprint: str
    benchmark: BenchmarkView
    priority: int
    timeout_s: float
    retry_limit: int
    labels: dict[str, str] = Field(default_factory=dict)
    attempt: int
    losses: int
    phase: str | None = None
    progress: float | None = Field(default=None, description="How far the phase has come, 0 to 1.")
    partition: RunPartition | None = None
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    duration_s: float | None = Field(
        default=None, description="From the start to the end of its last attempt; None until it has ended."
    )
    cancel_requested_at: AwareDatetime | None = None
    reason: str | None = None
    measured: MeasuredView | None = None
    tainted: bool | None = Field(default=None, description="None while nobody has looked.")
    taints: tuple[TaintView, ...] | None = None
    taint_retry_limit: int = 0
    taint_retries: int = 0
    environment: dict[str, JsonValue] | None = None
    experiment: RunExperiment | None = Field(default=None, description="None for a run of its own.")
    wait: WaitView | None = Field(
        default=None, description="Why it is queued still; told of a run that is asked for by its id, None elsewhere."
    )
    replayed: bool = Field(
        default=False,
        exclude=True,
        description="After submitting: an earlier submission with the same idempotency key had made this run.",
    )


class RunPage(View):
    """One page of runs, and the cursor of the next, None on the last."""

    items: tuple[RunView, ...]
    next_cursor: str | None = None


class FigureInterval(Interval):
    """A confidence interval, in the unit of its figure."""

    model_config = TOLERANT


class Figure(ResultFigure):
    """One number of a result. Either ``value`` is there, or ``absent`` says why not."""

    model_config = TOLERANT

    interval: FigureInterval | None = None


class Result(View):
    """The figures of a run; none until it has a result."""

    run_id: str
    state: RunState
    simulated: bool
    figures: tuple[Figure, ...]


class TimelineItem(View):
    """Something that happened to a run."""

    id: int
    at: AwareDatetime
    attempt: int
    kind: str
    name: str
    detail: str | None = None


class Timeline(View):
    """Everything that happened to a run, in order."""

    items: tuple[TimelineItem, ...]


class StateEvent(TimelineItem):
    """The run changed its state; ``name`` is the new one."""

    event: Literal["state"] = "state"


class PhaseEvent(TimelineItem):
    """The run entered a phase; ``name`` is the phase."""

    event: Literal["phase"] = "phase"


class ProgressEvent(View):
    """How far the present phase has come, 0 to 1."""

    event: Literal["progress"] = "progress"
    state: RunState
    phase: str | None = None
    progress: float | None = None
    version: int | None = None


class EndEvent(View):
    """The run has ended; the last event of a stream."""

    event: Literal["end"] = "end"
    run: RunView


class GoneEvent(View):
    """The run was deleted while it was watched; the last event of a stream."""

    event: Literal["gone"] = "gone"
    run_id: str


RunEvent = Annotated[
    StateEvent | PhaseEvent | ProgressEvent | EndEvent | GoneEvent,
    Field(discriminator="event"),
]


class ArtifactView(View):
    """A document that a run left behind."""

    name: str
    media_type: str
    bytes: int
    url: str


class ArtifactList(View):
    """The documents of a run."""

    items: tuple[ArtifactView, ...]


class EngineOfferView(View):
    """What a workload's model can be executed by and in, and why not by or in the rest (by name)."""

    runtimes: tuple[str, ...]
    precisions: tuple[str, ...]
    channels_last: bool
    refused: dict[str, str] = Field(default_factory=dict)


class WorkloadView(View):
    """A workload in the catalogue."""

    name: str
    title: str
    summary: str
    tasks: tuple[str, ...]
    scenarios: tuple[str, ...]
    paper: str | None = None
    facts: dict[str, str] = Field(default_factory=dict)
    engines: EngineOfferView
    url: str | None = None


class WorkloadDetail(WorkloadView):
    """A workload with its parameters as JSON Schema."""

    parameters: dict[str, JsonValue]


class WorkloadList(View):
    """The catalogue."""

    items: tuple[WorkloadView, ...]


class PartitionView(View):
    """A partition that the service knows; ``run`` is the run that holds it now."""

    uuid: str
    kind: PartitionKind
    model: str
    profile: str | None = None
    gpu_uuid: str | None = None
    placement: Placement | None = None
    architecture: str | None = None
    driver_version: str | None = None
    memory_mib: int | None = None
    sm_count: int | None = None
    cpus: tuple[int, ...] | None = None
    simulated: bool = False
    node: str
    node_alive: bool
    run: str | None = None
    seen_at: AwareDatetime
    retired_at: AwareDatetime | None = None


class PartitionList(View):
    """Every partition that is there now."""

    items: tuple[PartitionView, ...]


class EnvironmentView(View):
    """A software environment of a node. ``problem`` says why nothing can run in it; then the rest is not known."""

    name: str
    problem: str | None
    python: str | None
    torch: str | None
    migperf_version: str | None
    payloads: dict[str, str] | None


class NodeView(View):
    """A host that runs a worker, or ran one."""

    name: str
    host: str
    version: str
    alive: bool
    started_at: AwareDatetime
    heartbeat_at: AwareDatetime
    environments: tuple[EnvironmentView, ...] = ()


class NodeList(View):
    """Every node that the service knows."""

    items: tuple[NodeView, ...]
