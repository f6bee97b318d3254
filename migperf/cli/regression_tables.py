"""Regressions as people see them."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

import typer
from rich.text import Text

from migperf.cli.output import age, as_data, emit_json, facts_table, moment, out, remark
from migperf.client.regression_models import (
    ConfirmationView,
    EntryView,
    PointBrief,
    RegressionDetail,
    RegressionView,
    ShiftView,
)
from migperf.histories.environment import EnvironmentChange
from migperf.histories.regression import RegressionState
from migperf.histories.wording import percent

_STANDING = tuple(state for state in RegressionState if state.is_standing)
_STYLES = {RegressionState.OPEN: "red", RegressionState.ACKNOWLEDGED: "yellow", RegressionState.RESOLVED: "green"}


def states_of(given: Collection[str], *, every: bool) -> Collection[RegressionState]:
    """Return the states to list: those that are given, else those that somebody should care about, or all.

    Raises typer.BadParameter.
    """
    if every:
        return ()
    try:
        return [RegressionState(state) for state in given] or _STANDING
    except ValueError as error:
        raise typer.BadParameter(f"{error}; write {', '.join(RegressionState)}", param_hint="'--state'") from error


def print_regressions(found: Sequence[RegressionView]) -> None:
    """Print a listing of regressions."""
    if not found:
        remark("there are no such regressions; --all lists those that are over, too")
        return
    console, now = out(), datetime.now(UTC)
    for one in found:
        told = "told to nobody yet" if one.alerted_at is None else f"told {age(one.alerted_at, now)} ago"
        more = f"  opened {age(one.opened_at, now)} ago, {told}"
        console.print(Text.assemble((one.id, "bold"), "  ", _state(one), more), soft_wrap=True)
        console.print(Text(f"  {one.title}: {one.size}", "dim"), soft_wrap=True)


def print_regression(found: RegressionDetail, *, as_json: bool) -> None:
    """Print a regression with all that is known about it."""
    if as_json:
        emit_json(as_data(found))
        return
    console = out()
    console.print(facts_table(_facts(found)))
    _print_part("Moved there", map(_moved, found.metrics))
    changes = [EnvironmentChange(name=c.name, before=c.before, after=c.after).text for c in found.environment]
    _print_part("Differs in the environment", changes or ["nothing, as far as is recorded"])
    _print_part("Run again", [line for one in found.confirmations for line in _confirmed(one)] or ["no"])
    _print_part("Record", map(_entry, found.record))


def _print_part(heading: str, lines: Iterator[str] | Sequence[str]) -> None:
    console = out()
    console.print(Text(f"\n{heading}", "bold"))
    for line in lines:
        console.print(Text(f"  {line}"))


def _state(one: RegressionView) -> Text:
    over = f" ({one.resolution.replace('_', ' ')})" if one.resolution is not None else ""
    return Text(f"{one.state.replace('_', ' ')}{over}", _STYLES.get(one.state, "dim"))


def _facts(found: RegressionDetail) -> Iterator[tuple[str, str]]:
    yield "regression", found.id
    yield "history", f"{found.title} ({found.history_id})"
    yield "state", str(_state(found))
    yield "size", found.size
    yield "first bad run", _named(found.first_bad)
    yield "last good run", _named(found.last_good)
    if found.earliest is not None and found.latest is not None and found.earliest.id != found.latest.id:
        yield "it began between", f"{_named(found.earliest)}\n{_named(found.latest)}"
    if found.over is not None:
        yield "over since", _named(found.over)
    yield "people told", moment(found.alerted_at)


def _named(point: PointBrief) -> str:
    return f"{point.name}, {moment(point.at)}"


def _moved(one: ShiftView) -> str:
    followed = ", moved with the others" if one.followed else ""
    better = "" if one.worse else ", for the better"
    interval = f"{percent(one.low)} to {percent(one.high)}, {one.level:.0%}"
    return f"{one.name} {percent(one.ratio)} ({interval}){followed}{better}"


def _confirmed(one: ConfirmationView) -> Iterator[str]:
    why = f": {one.why}" if one.why else ""
    yield f"{moment(one.started_at)}  {one.state}, {len(one.runs)} runs{why}"
    for finding in one.findings:
        interval = f"{percent(finding.low)} to {percent(finding.high)}, {finding.level:.0%}"
        yield f"  {finding.name} {percent(finding.ratio)} ({interval}) {finding.against}: {finding.state}"
    for run in one.runs:
        yield f"  run {run.run_id} ({run.side})"


def _entry(entry: EntryView) -> str:
    return f"{moment(entry.at)}  {entry.author or 'migperf'}  {entry.kind}: {entry.text}"
