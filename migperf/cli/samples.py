"""Series for people and programs: what there is, what it came to, samples as they come, and files."""

import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from migperf.cli.output import WIDE, as_data, emit_line, facts_table, out, remark, table
from migperf.client import (
    EndEvent,
    GapView,
    GoneEvent,
    RestartEvent,
    SamplesEvent,
    SeriesData,
    SeriesEvent,
    SeriesList,
    SeriesView,
    SummaryView,
)
from migperf.statistics.digits import show

_INDENT = (0, 0, 0, 2)


def print_list(listed: SeriesList) -> None:
    """Print which series a run has."""
    if not listed.items:
        remark("the run has no series (yet)")
        return
    made = table("Series", "Unit", "Scope", "Source", "Samples", right=("Samples",), whole=("Series",))
    for item in listed.items:
        made.add_row(item.name, item.unit, item.scope, item.source, str(item.samples))
    out().print(made)
    _print_absent("No value at the end", [item for item in listed.items if item.absent])
    _print_window(listed)


def print_summaries(listed: SeriesList) -> None:
    """Print what each series came to in the measured window, grouped by what it is about."""
    items = sorted(listed.items, key=lambda item: item.scope)
    known = [item for item in items if item.summary and not item.summary.absent]
    if not known:
        remark("nothing was measured (yet), so there is nothing to sum up")
        return
    for place, (scope, of_scope) in enumerate(groupby(known, key=lambda item: item.scope)):
        if place:
            out().print()
        _print_scope(scope, list(of_scope))
    _print_absent("Not reported", [item for item in items if item not in known])
    _print_window(listed)


def _print_scope(scope: str, items: Sequence[SeriesView]) -> None:
    console = out()
    more = ("p50",) if console.width >= WIDE else ()
    numbers = ("Mean", "Min", "Max", *more, "p95", "p99", "Total")
    made = table(f"{scope}:", *numbers, "Unit", right=numbers, whole=(f"{scope}:",))
    for item in items:
        if (summary := item.summary) is not None:
            quantiles = [*([summary.p50] if more else []), summary.p95, summary.p99]
            cells = [_number(value) for value in (summary.mean, summary.minimum, summary.maximum, *quantiles)]
            made.add_row(item.name, *cells, _total(summary), _unit(item.unit))
    console.print(made)


def _print_absent(heading: str, items: Sequence[SeriesView]) -> None:
    if items:
        facts = facts_table((item.name, _why_absent(item)) for item in items)
        out().print(Group("", Text(heading, "bold"), Padding(facts, _INDENT), ""))


def _why_absent(item: SeriesView) -> str:
    if item.absent:
        return f"{item.absent.state}: {item.absent.reason}"
    return (item.summary and item.summary.absent) or "no summary"


def _print_window(listed: SeriesList) -> None:
    if listed.window:
        span = f"measured from {listed.window.start_s:.3f} s to {listed.window.end_s:.3f} s after the run's start"
        out().print(Text(span, "dim"))
    if listed.simulated:
        out().print(Text("simulated: no such hardware exists there", "dim"))


def _number(value: float | None) -> str:
    return "–" if value is None else show(value).value


def _total(summary: SummaryView) -> str:
    """Return a counter's growth or an integral, the share of time of a flag, or a number of events."""
    if summary.total is not None:
        return f"{show(summary.total).value} {_unit(summary.total_unit or '')}".rstrip()
    if summary.share is not None:
        return f"set for {show(100 * summary.share).value} %"
    return "–" if summary.events is None else f"{summary.events} events"


def _unit(name: str) -> str:
    return "" if name == "1" else name


def series_document(series: SeriesData) -> dict[str, Any]:
    """Return a series as the service writes it, whole; what is no number is null."""
    return {
        "name": series.name,
        "unit": series.unit,
        "scope": series.scope,
        "source": series.source,
        "kind": series.kind,
        "period_ms": series.period_ms,
        "absent": as_data(series.absent) if series.absent else None,
        "thinned_from": series.thinned_from,
        "simulated": series.simulated,
        "window": as_data(series.window) if series.window else None,
        "downsampled_from": series.downsampled_from,
        "method": series.method,
        "gaps": as_data(series.gaps),
        "time_s": series.time_s.tolist(),
        "value": [None if math.isnan(value) else value for value in series.value.tolist()],
    }


def print_live(events: Iterable[SeriesEvent], *, as_json: bool) -> bool:
    """Print samples and gaps as they come, a line each, until the run has ended; tell whether it did."""
    for event in events:
        if as_json:
            emit_line({"event": event.event, **as_data(event)})
        else:
            for line in _live_lines(event):
                sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        if isinstance(event, EndEvent):
            return True
    return False


def _live_lines(event: SeriesEvent) -> Iterator[str]:
    match event:
        case SamplesEvent():
            yield from _sample_lines(event)
        case RestartEvent():
            yield f"the run begins anew: attempt {event.attempt}"
        case EndEvent():
            yield f"the run has ended: {event.run.state}"
        case GoneEvent():
            yield "the run was deleted"


def _sample_lines(event: SamplesEvent) -> Iterator[str]:
    """Yield samples and gaps in the order of their times; a gap comes after a sample of its time."""
    if event.downsampled_from is not None:
        yield f"{event.name}: {event.downsampled_from} samples, downsampled to {len(event.time_s)}"
    rows: list[tuple[float, int, str]] = [(gap.start_s, 1, _gap_text(gap)) for gap in event.gaps]
    unit = _unit(event.unit)
    for time_s, value in zip(event.time_s, event.value, strict=True):
        rows.append((time_s, 0, f"{value} {unit}".rstrip()))
    for time_s, _, text in sorted(rows):
        yield f"{time_s:.3f} s  {event.name}  {text}"


def _gap_text(gap: GapView) -> str:
    until = "" if gap.end_s is None else f" until {gap.end_s:.3f} s"
    return f"no values{until}, {gap.state}: {gap.reason}"


def remark_written(file: Path, size_bytes: int) -> None:
    """Say on standard error what was written where."""
    remark(f"{size_bytes} bytes written to {file}")
