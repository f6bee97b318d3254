"""Regressions as the service shows them, and the points that they refer to."""

from pydantic import AwareDatetime, JsonValue

from migperf.client.view import View
from migperf.histories.regression import ConfirmationState, RegressionState, Resolution


class PointBrief(View):
    """A point that something refers to."""

    id: int
    number: int | None = None
    at: AwareDatetime
    origin: str
    key: str
    run_id: str | None = None
    run: str | None = None

    @property
    def name(self) -> str:
        """The run, or, where there is none, what the point is called where it came from."""
        return self.run_id or self.key


class EnvironmentChangeView(View):
    """A fact of the environment that is not what it was; None where it is not known."""

    name: str
    before: JsonValue = None
    after: JsonValue = None


class ShiftView(View):
    """By how much a metric moved: level after over level before."""

    name: str
    ratio: float
    low: float
    high: float
    level: float
    worse: bool
    followed: bool


class RegressionView(View):
    """A change of a watched history for the worse, in brief."""

    id: str
    url: str
    history_id: str
    history: str
    title: str
    state: RegressionState
    resolution: Resolution | None = None
    size: str
    metrics: tuple[ShiftView, ...]
    opened_at: AwareDatetime
    changed_at: AwareDatetime
    resolved_at: AwareDatetime | None = None
    alerted_at: AwareDatetime | None = None
    first_bad: PointBrief
    last_good: PointBrief
    over: PointBrief | None = None


class ConfirmingRunView(View):
    """A run that was made for a confirmation."""

    run_id: str
    run: str
    side: str
    round: int


class FindingView(View):
    """How a metric compares now: its level over the good one."""

    name: str
    against: str
    ratio: float
    low: float
    high: float
    level: float
    state: ConfirmationState


class ConfirmationView(View):
    """The benchmark was run again since it seemed to be worse."""

    id: str
    state: ConfirmationState
    why: str | None = None
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    first_bad: PointBrief | None = None
    suspected: dict[str, float]
    baseline: str | None = None
    runs: tuple[ConfirmingRunView, ...]
    findings: tuple[FindingView, ...]


class EntryView(View):
    """An entry in the record of a regression; the service has no author."""

    at: AwareDatetime
    kind: str
    author: str | None = None
    text: str


class RegressionDetail(RegressionView):
    """A regression with all that is known about it."""

    earliest: PointBrief | None = None
    latest: PointBrief | None = None
    environment: tuple[EnvironmentChangeView, ...]
    comparison: str | None = None
    confirmations: tuple[ConfirmationView, ...]
    record: tuple[EntryView, ...]


class RegressionList(View):
    """One page of regressions."""

    items: tuple[RegressionView, ...]
    next_cursor: str | None = None
