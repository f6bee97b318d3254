"""Schedules as people see them: files read and checked, and what a service says of its schedules printed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.text import Text

from migperf.cli.history_tables import verdict_text
from migperf.cli.output import as_data, emit_json, facts_table, moment, out, remark, table
from migperf.cli.problems import UsageProblem
from migperf.cli.text_files import read_text
from migperf.client.schedule_models import FiringView, ScheduleDetail, ScheduleView, StandingView
from migperf.schedules.document import Schedule, parse
from migperf.schedules.errors import ScheduleError
from migperf.schedules.firing import next_times
from migperf.store.scheduled import checked

_OUTCOME_STYLES = {"submitted": "green", "refused": "red", "skipped": "yellow", "missed": "yellow"}


def read(path: Path) -> Schedule:
    """Return the schedule of a file, whose benchmark or experiment could be run. Raises UsageProblem with places."""
    try:
        return checked(parse(read_text(path)))
    except ScheduleError as error:
        lines = [f"{place}: {problem}" if place else problem for place, problem in error.problems]
        raise UsageProblem(f"{path} is no schedule that can be kept", lines) from error


def say_valid(path: Path, schedule: Schedule, *, as_json: bool) -> None:
    """Say that a file can be understood, and when it would fire; the jitter is known once a service keeps it."""
    times = next_times(schedule.model_copy(update={"jitter_s": 0.0}), "", datetime.now(UTC))
    if as_json:
        told = {"valid": True, "name": schedule.name, "document": schedule.model_dump(mode="json")}
        emit_json(told | {"next_times": [time.isoformat() for time in times]})
        return
    remark(f"{path} is schedule {schedule.name!r}; `migperf schedules add` has a service keep it")
    jitter = f", each put off by up to {schedule.jitter_s:g} s" if schedule.jitter_s else ""
    out().print(facts_table([(f"next{jitter}", "\n".join(map(moment, times)))]))


def print_schedules(found: list[ScheduleView]) -> None:
    """Print a table of schedules."""
    made = table("name", "times", "zone", "next", "last firing", "stands", whole=("name",))
    for one in found:
        stands = Text("–") if one.standing is None else verdict_text(one.standing.said)
        made.add_row(one.name, one.cron, one.time_zone, _next(one), _outcome(one.last_firing), stands)
    out().print(made)


def print_schedule(found: ScheduleDetail, *, as_json: bool) -> None:
    """Print a schedule with its latest firings."""
    if as_json:
        emit_json(as_data(found))
        return
    out().print(facts_table(_facts(found)))
    if not found.firings:
        return
    made = table("due", "seen to", "outcome", "what came of it")
    for firing in found.firings:
        made.add_row(moment(firing.due_at), moment(firing.fired_at), _outcome(firing), Text(_told(firing)))
    out().print(made)


def _facts(found: ScheduleDetail) -> Iterator[tuple[str, str]]:
    document = found.document
    yield "schedule", f"{found.name} ({found.id})"
    if found.title != found.name:
        yield "title", found.title
    yield "submits", found.submits
    yield "times", f"{found.cron} in {found.time_zone}"
    if document.get("jitter_s"):
        yield "jitter", f"up to {document['jitter_s']} s"
    yield "policies", f"overlap: {document.get('overlap')}, missed: {document.get('missed')}"
    yield "next", "paused" if found.paused else "\n".join(map(moment, found.next_times)) or "never again"
    if found.standing is not None:
        yield "stands", _standing(found.standing)


def _standing(standing: StandingView) -> str:
    if standing.reason is not None:
        return f"{standing.said}: {standing.reason}"
    return f"{standing.said}; `migperf histories show {standing.history_id}` tells why"


def _next(one: ScheduleView) -> str:
    return "paused" if one.paused else moment(next(iter(one.next_times), None))


def _outcome(firing: FiringView | None) -> Text:
    return Text("–") if firing is None else Text(firing.outcome, _OUTCOME_STYLES.get(firing.outcome, ""))


def _told(firing: FiringView) -> str:
    if firing.reason:
        told = firing.reason
    elif firing.run_id or firing.experiment_id:
        told = f"run {firing.run_id}" if firing.run_id else f"experiment {firing.experiment_id}"
    else:
        told = "has been deleted"
    if firing.silence and firing.silence != firing.reason:
        told += f", measured nothing: {firing.silence}"
    by_hand = ", by hand" if firing.by_hand else ""
    return told + by_hand + (f"; {firing.went_by} went by before it" if firing.went_by else "")
