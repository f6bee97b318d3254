"""Histories and their points as the service shows them."""

from pydantic import AwareDatetime, JsonValue

from migperf.client.regression_models import EnvironmentChangeView, PointBrief, RegressionView
from migperf.client.view import View
from migperf.histories.points import PointFigure
from migperf.statistics.detection.metric_rule import Better
from migperf.statistics.detection.verdict import HistoryVerdict


class WatchedBy(View):
    """Whose watch it is: ``schedule`` or ``hand``."""

    by: str
    schedule_id: str | None = None
    schedule: str | None = None
    name: str | None = None


class HistoryView(View):
    """A history, in brief."""

    id: str
    url: str
    title: str
    workload: str
    scenario: str | None = None
    fingerprint: str
    hardware: dict[str, JsonValue]
    created_at: AwareDatetime
    latest_at: AwareDatetime
    points: int
    """How many were judged."""
    verdict: HistoryVerdict
    why: str
    judged_at: AwareDatetime | None = None
    pending: bool
    """Whether there is something to judge."""
    watched: bool
    watched_by: WatchedBy | None = None
    standing_regressions: int


class ChangeView(View):
    """A change of the level of a metric; ``ratio`` is the level after over the level before."""

    first: PointBrief | None = None
    earliest: PointBrief | None = None
    latest: PointBrief | None = None
    ratio: float
    low: float
    high: float
    level: float
    worse: bool
    evidence: float
    points_before: int
    points_after: int
    provisional: bool


class MetricView(View):
    """What is said of a metric."""

    name: str
    unit: str | None = None
    better: Better | None = None
    minimum_effect: float | None = None
    verdict: HistoryVerdict
    why: str
    points: int
    noise_rel: float | None = None
    changes: tuple[ChangeView, ...]
    suspected: ChangeView | None = None


class JointChangeView(View):
    """Changes of several metrics that may be one."""

    first: PointBrief | None = None
    regressed: tuple[str, ...]
    improved: tuple[str, ...]
    followers: tuple[str, ...]


class HistoryDetail(HistoryView):
    """A history with what is said of each metric."""

    benchmark: dict[str, JsonValue] | None = None
    watch: dict[str, JsonValue] | None = None
    metrics: tuple[MetricView, ...]
    changes: tuple[JointChangeView, ...]
    regressions: tuple[RegressionView, ...]


class PointView(PointBrief):
    """A point of a history."""

    repeats: int
    figures: dict[str, PointFigure]
    changed: tuple[EnvironmentChangeView, ...]
    taints: tuple[str, ...]
    left_out: str | None = None
    judged: bool
    why_not: str | None = None
    environment: dict[str, JsonValue] | None = None
    """Only where it was asked for."""


class HistoryEventView(View):
    """What a point did to the changes of a metric."""

    id: int
    at: AwareDatetime
    metric: str
    revision: str
    point: PointBrief | None = None
    first: PointBrief | None = None
    was: PointBrief | None = None


class RunHistory(View):
    """The history that a run is a part of, and its point."""

    history: HistoryView
    point: PointView


class HistoryList(View):
    """One page of histories."""

    items: tuple[HistoryView, ...]
    next_cursor: str | None = None


class PointList(View):
    """One page of points."""

    items: tuple[PointView, ...]
    next_cursor: str | None = None


class HistoryEventList(View):
    """One page of what became of changes."""

    items: tuple[HistoryEventView, ...]
    next_cursor: str | None = None
