"""Schedules as the service shows them."""

from pydantic import AwareDatetime, JsonValue

from migperf.client.view import View
from migperf.schedules.firing import FiringOutcome


class FiringView(View):
    """One firing of a schedule, and what became of it."""

    due_at: AwareDatetime
    """When the cron expression falls, jitter left out; or when it was asked for."""
    fired_at: AwareDatetime
    by_hand: bool
    outcome: FiringOutcome
    reason: str | None = None
    went_by: int
    """Firings before this one that nobody saw to."""
    run_id: str | None = None
    run: str | None = None
    experiment_id: str | None = None
    experiment: str | None = None
    heard_at: AwareDatetime | None = None
    measured: int | None = None
    """How many points of histories came of it; None while that is not known, or where it was skipped."""
    silence: str | None = None
    """Why it measured nothing."""


class StandingView(View):
    """How a schedule stands: the worst that is said of the histories that its last firing measured."""

    said: str
    """A HistoryVerdict, or ``measured nothing``."""
    reason: str | None = None
    """Why it measured nothing."""
    due_at: AwareDatetime
    histories: int
    history_id: str | None = None
    history: str | None = None


class ScheduleView(View):
    """A schedule, in brief."""

    id: str
    url: str
    name: str
    title: str
    cron: str
    time_zone: str
    submits: str
    """benchmark or experiment."""
    paused: bool
    created_at: AwareDatetime
    changed_at: AwareDatetime
    next_times: tuple[AwareDatetime, ...]
    last_firing: FiringView | None = None
    standing: StandingView | None = None


class ScheduleDetail(ScheduleView):
    """A schedule with its document and its latest firings, the one seen to last first."""

    document: dict[str, JsonValue]
    firings: tuple[FiringView, ...]


class ScheduleList(View):
    """One page of schedules, newest first."""

    items: tuple[ScheduleView, ...]
    next_cursor: str | None = None
