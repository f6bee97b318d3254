"""Experiments as the service shows them."""

from pydantic import AwareDatetime, Field, JsonValue

from migperf.client.view import View
from migperf.store.states import GroupState, RunState


class ExperimentRunView(View):
    """A run of an experiment."""

    id: str
    url: str
    page: str
    role: str
    state: RunState
    profile: str | None = None
    tainted: bool | None = None
    reason: str | None = None


class AttemptView(View):
    """One attempt at one repeat of a cell; the last attempt at a repeat is the one that counts."""

    repeat: int
    attempt: int
    state: GroupState
    settled_at: AwareDatetime | None = None
    runs: tuple[ExperimentRunView, ...]


class CellView(View):
    """A cell of an experiment, and what has become of its repeats."""

    number: int
    coordinates: dict[str, JsonValue]
    skipped: str | None = None
    layout: str | None = None
    sharing: dict[str, JsonValue] | None = None
    clients: int
    neighbours: int
    attempts: tuple[AttemptView, ...]


class ExperimentView(View):
    """An experiment, in brief."""

    id: str
    url: str
    page: str
    report: str
    name: str
    title: str
    state: str
    """running, finished or cancelled."""
    created_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    cancelled_at: AwareDatetime | None = None
    cells: int
    skipped_cells: int
    repeats: dict[GroupState, int]

    @property
    def is_going_on(self) -> bool:
        """Whether runs of it have not ended."""
        return self.repeats.get(GroupState.OPEN, 0) > 0


class ExperimentDetail(ExperimentView):
    """An experiment with its file, its plan and its cells."""

    document: dict[str, JsonValue]
    plan: dict[str, JsonValue]
    cell_list: tuple[CellView, ...]


class ExperimentList(View):
    """One page of experiments, newest first."""

    items: tuple[ExperimentView, ...]
    next_cursor: str | None = None


class ResumedView(View):
    """What taking an experiment up again has come to."""

    queued: int


class MatrixColumnView(View):
    """Partitions of one name; on simulated ones, probes computed on a CPU."""

    partition: str
    simulated: bool


class MatrixCellView(View):
    """What is known of a framework and task in one column. ``reason`` is None only where it works."""

    verdict: str
    """works, fails, not_installed, not_offered or not_probed."""
    reason: str | None = None
    version: str | None = None
    companions: dict[str, str] | None = None
    device: str | None = None
    probes: int


class MatrixRowView(View):
    """One framework and task, with a cell for each column, in their order."""

    framework: str
    task: str
    cells: tuple[MatrixCellView, ...]


class CompatibilityView(View):
    """Which framework does which task on which partition; empty where an experiment has no probes."""

    columns: tuple[MatrixColumnView, ...]
    rows: tuple[MatrixRowView, ...]


class PlannedDeviceView(View):
    """The device that an experiment is worked out for."""

    uuid: str
    model: str
    simulated: bool


class PlannedCellView(View):
    """A cell of a plan; ``expected_s`` is that of one repeat."""

    coordinates: dict[str, JsonValue]
    skipped: str | None = None
    runs: int | None = None
    layout: str | None = None
    profiles: tuple[str, ...] | None = None
    sharing: str | None = None
    expected_s: float | None = None


class ExperimentPlanView(View):
    """What submitting an experiment would do."""

    device: PlannedDeviceView
    cells: tuple[PlannedCellView, ...]
    order: tuple[tuple[int, int], ...] = Field(description="Cell and repeat, from 0.")
    runs: int
    layouts: tuple[str, ...]
    recuts: int
    expected_s: float
    longest_s: float
    expected_from: str
