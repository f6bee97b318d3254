"""Histories and their points as people see them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import typer
from rich.text import Text

from migperf.cli.output import age, facts_table, moment, out, remark, table
from migperf.cli.problems import UsageProblem
from migperf.cli.sparkline import bars, marks
from migperf.cli.text_files import name_of, read_yaml_file
from migperf.client.history_calls import HistoryQuery
from migperf.client.history_models import ChangeView, HistoryDetail, HistoryView, MetricView, PointView
from migperf.histories.environment import EnvironmentChange
from migperf.histories.wording import percent
from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.statistics.digits import show

DRAWN = 60
"""Points of a drawing: with its heading they fit into 80 columns."""
VERDICT_STYLES = {"regressed": "red", "improved": "green", "unchanged": "green", "undecided": "yellow"}
_LISTED_FIGURES = 3


def asked(**given: Any) -> HistoryQuery:  # noqa: ANN401 - each has its own type
    """Return what is to be listed. Raises typer.BadParameter."""
    wanted: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if "verdict" in wanted:
        try:
            wanted["verdict"] = HistoryVerdict(wanted["verdict"])
        except ValueError as error:
            known = ", ".join(HistoryVerdict)
            raise typer.BadParameter(f"{wanted['verdict']!r} is none of {known}", param_hint="'--verdict'") from error
    return cast("HistoryQuery", wanted)


def read_watch(file: Path | None) -> Mapping[str, Any]:
    """Return the watch that a file describes; without one the usual. Raises UsageProblem and OSError."""
    if file is None:
        return {}
    document = read_yaml_file(file)
    if not isinstance(document, dict):
        raise UsageProblem(f"{name_of(file)} is no watch; write fields such as `minimum_effect: 0.02`, or {{}}")
    return document


def verdict_text(verdict: str) -> Text:
    """Return a verdict in its colour."""
    return Text(verdict, VERDICT_STYLES.get(verdict, "dim"))


def print_histories(found: Sequence[HistoryView]) -> None:
    """Print a listing of histories."""
    if not found:
        remark("there are no such histories; results of runs that have succeeded begin them")
        return
    console, now = out(), datetime.now(UTC)
    for one in found:
        points = f"{one.points} points, newest {age(one.latest_at, now)} ago, watched: {_watched(one)}"
        console.print(Text.assemble((one.id, "bold"), "  ", verdict_text(one.verdict), f"  {points}"), soft_wrap=True)
        console.print(Text(f"  {one.title}", "dim"))


def _watched(one: HistoryView) -> str:
    if one.watched_by is None:
        return "no"
    return "by hand" if one.watched_by.by == "hand" else f"by {one.watched_by.name or 'a deleted schedule'}"


def print_history(found: HistoryDetail, newest_first: Sequence[PointView], metric: str | None) -> None:
    """Print what is said of a history, and a drawing of a metric. Raises UsageProblem for one that it does not have."""
    console = out()
    console.print(facts_table(_facts(found)))
    if (drawn := _drawn(found, metric)) is not None:
        for line in _drawing(drawn, newest_first):
            console.print(line)
    for one in found.metrics:
        console.print(Text.assemble((one.name, "bold"), " ", verdict_text(one.verdict), f": {one.why}"))
        for change in one.changes:
            console.print(Text(f"  {_changed(change)}"))
        if one.suspected is not None:
            console.print(Text(f"  suspected: {_changed(one.suspected)}", "yellow"))
    for regression in found.regressions:
        console.print(Text(f"regression {regression.id} is {regression.state}: {regression.size}", "red"))


def _facts(found: HistoryDetail) -> Iterator[tuple[str, str]]:
    yield "history", found.id
    yield "title", found.title
    yield "verdict", f"{found.verdict}: {found.why}" + (" (to be judged anew)" if found.pending else "")
    yield "points", f"{found.points}, the newest of {moment(found.latest_at)}"
    yield "watched", _watched(found)


def _drawn(found: HistoryDetail, metric: str | None) -> MetricView | None:
    """Return the metric to draw: the one that was asked for, or the first of those with the most to tell."""
    if metric is None:
        return min(found.metrics, key=lambda one: (one.verdict is not found.verdict, not one.changes), default=None)
    try:
        return next(one for one in found.metrics if one.name == metric)
    except StopIteration:
        known = ", ".join(one.name for one in found.metrics) or "none"
        raise UsageProblem(f"{metric} is not judged in this history; there are: {known}") from None


def _drawing(metric: MetricView, newest_first: Sequence[PointView]) -> Iterator[Text]:
    points = [point for point in reversed(newest_first) if point.judged and metric.name in point.figures]
    values = [point.figures[metric.name].value for point in points]
    if not values:
        return
    firsts = {change.first.id for change in metric.changes if change.first is not None}
    unit = f" {metric.unit}" if metric.unit else ""
    yield Text(f"{metric.name}, {show(min(values)).value} to {show(max(values)).value}{unit}", "bold")
    yield Text(bars(values))
    if below := marks(len(points), [place for place, point in enumerate(points) if point.id in firsts]):
        yield Text(below, "red")


def _changed(change: ChangeView) -> str:
    interval = f"{percent(change.low)} to {percent(change.high)}"
    since = "" if change.first is None else f" since {moment(change.first.at)}, {change.first.name}"
    return f"{percent(change.ratio)} ({interval}, {change.level:.0%}){since}"


def print_points(found: Sequence[PointView], history: HistoryDetail) -> None:
    """Print the points of a history: the metrics that are judged, or the first figures where none is."""
    if not found:
        remark("there are no points")
        return
    names = [one.name for one in history.metrics] or sorted({name for point in found for name in point.figures})
    names = names[:_LISTED_FIGURES]
    made = table("Point", "No", "Measured", *names, right=("Point", "No", *names), whole=("Measured",))
    for point in found:
        cells = [_figure(point, name) for name in names]
        made.add_row(str(point.id), "–" if point.number is None else str(point.number), moment(point.at), *cells)
        for line in _remarks(point):
            made.add_row("", "", Text(line, "dim"))
    out().print(made)


def _figure(point: PointView, name: str) -> str:
    figure = point.figures.get(name)
    return "–" if figure is None else f"{show(figure.value, figure.low, figure.high).value} {figure.unit}"


def _remarks(point: PointView) -> Iterator[str]:
    for change in point.changed:
        yield EnvironmentChange(name=change.name, before=change.before, after=change.after).text
    if point.why_not is not None:
        yield point.why_not
