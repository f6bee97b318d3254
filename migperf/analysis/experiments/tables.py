"""The tables of a report, ready to be shown: a caption, columns, and cells: text, links, or findings. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migperf.analysis.experiments.axes import Axis, cell_label, label
from migperf.analysis.experiments.cells import CellResult, CellState
from migperf.analysis.experiments.chart_points import NOT_ASKED, Line
from migperf.analysis.experiments.environment import Fact
from migperf.analysis.experiments.observations import FigureKey, Of
from migperf.analysis.experiments.ratios import Ratio
from migperf.analysis.experiments.results import ExperimentResults, RunRow
from migperf.analysis.experiments.scaling import Scaling
from migperf.analysis.experiments.slowdown import Study
from migperf.analysis.experiments.values import CellFigure
from migperf.analysis.experiments.wording import NONE, figure_words, value_and_interval


@dataclass(frozen=True, slots=True)
class Link:
    """Text that leads somewhere; without ``href`` it is text."""

    text: str
    href: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Text with details in small type below it. ``kind`` colours the text; the text says the same without colour."""

    text: str
    details: str
    kind: str


ReportCell = str | Link | Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTable:
    """A table of a report. ``numeric`` are the numbers of the columns that are set to the right, from 0.

    ``whole`` are those whose cells stay on one line.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[ReportCell, ...], ...]
    numeric: frozenset[int] = frozenset()
    whole: frozenset[int] = frozenset()


def chart_table(caption: str, x: Axis, lines: Sequence[Line]) -> ReportTable:
    """Return what a chart shows as a table."""
    rows = tuple(
        (line.label or NONE, label(point.x), *_figure(point.figure, point.missing))
        for line in lines
        for point in line.points
        if point.missing != NOT_ASKED
    )
    columns = ("Line", x.name, "Value", "Unit", "Interval", "Repeats", "Remarks")
    return ReportTable(caption=caption, columns=columns, rows=rows, numeric=frozenset({1, 2, 5}), whole=frozenset({4}))


def missing_table(cells: Sequence[CellResult], axes: Sequence[Axis]) -> ReportTable:
    """Return the cells that lack something, with the reasons."""
    rows = tuple(
        (str(cell.number), _named(cell, axes), str(cell.state), f"{len(cell.repeats)} of {cell.wanted}", reason)
        for cell in cells
        for reason in cell.why
    )
    columns = ("Cell", "Coordinates", "State", "Repeats with figures", "Why")
    return ReportTable(caption="What is missing, and why", columns=columns, rows=rows, numeric=frozenset({0}))


def study_table(study: Study, axes: Sequence[Axis]) -> ReportTable:
    """Return each cell of a study beside its reference."""
    rows = tuple(
        (
            _named(contrast.cell, axes),
            label(contrast.reference.coordinates.get(study.axis.path)),
            figure_words(contrast.figure),
            _whose(contrast.of, None),
            *_ratio(contrast.ratio, contrast.absent),
        )
        for contrast in study.contrasts
    )
    caption = f"By {study.axis.name}: each cell beside {study.reference}; the ratio is that of the cell to it"
    columns = ("Cell", "Beside", "Figure", "Whose", "Ratio", "Interval", "Rests on")
    return ReportTable(caption=caption, columns=columns, rows=rows, numeric=frozenset({4}), whole=frozenset({5}))


def scaling_table(found: Sequence[Scaling], axes: Sequence[Axis]) -> ReportTable:
    """Return pieces beside the whole."""
    rows = tuple((_named(one.cell, axes), one.way, one.whole_name, *_ratio(one.ratio, one.absent)) for one in found)
    caption = "Total throughput of equal pieces over that of the whole device: 1 where dividing it costs nothing"
    columns = ("Cell", "Pieces", "Whole", "Efficiency", "Interval", "Rests on")
    return ReportTable(caption=caption, columns=columns, rows=rows, numeric=frozenset({3}), whole=frozenset({4}))


def cell_table(cell: CellResult, axes: Sequence[Axis]) -> ReportTable:
    """Return every figure of a cell, those of all clients together first."""
    ordered = sorted(cell.figures.items(), key=lambda item: item[0].member is not None and cell.clients > 1)
    rows = tuple((*_key(key), *_figure(figure, None), str(figure.scope)) for key, figure in ordered)
    columns = ("Figure", "Whose", "Value", "Unit", "Interval", "Repeats", "Remarks", "Scope")
    return ReportTable(
        caption=f"Cell {cell.number}: {_named(cell, axes)}{' (simulated)' if cell.is_simulated else ''}",
        columns=columns,
        rows=rows,
        numeric=frozenset({2, 5}),
        whole=frozenset({4}),
    )


def taint_table(results: ExperimentResults, base_url: str | None) -> ReportTable:
    """Return the rules of hygiene that runs broke."""
    rows = tuple(
        (
            _link(run, base_url),
            str(run.cell),
            str(run.repeat + 1),
            taint.rule,
            taint.seen,
            taint.threshold,
            taint.remedy,
        )
        for run in results.runs
        for taint in run.taints or ()
    )
    columns = ("Run", "Cell", "Repeat", "Rule", "Seen", "In order", "Remedy")
    return ReportTable(caption="Tainted runs: their figures may be off", columns=columns, rows=rows)


def run_table(results: ExperimentResults, base_url: str | None) -> ReportTable:
    """Return every run that counts, in the order in which they began; those that have not begun come last."""
    begun = sorted(results.runs, key=lambda run: (run.started_at is None, run.started_at or run.created_at, run.id))
    rows = tuple(_run(run, base_url) for run in begun)
    columns = ("Run", "Cell", "Repeat", "Attempt", "Role", "State", "Began, UTC", "Took, s", "Partition", "Taints")
    caption = "Runs that count, in the order in which they began: of each repeat its last attempt"
    return ReportTable(caption=caption, columns=columns, rows=rows, numeric=frozenset({1, 2, 3, 7}))


def fact_table(facts: Sequence[Fact]) -> ReportTable:
    """Return the environment."""
    rows = tuple((fact.name, fact.words, "differs between runs" if fact.differs else "") for fact in facts)
    return ReportTable(caption="Hardware, software and settings", columns=("Fact", "Value", ""), rows=rows)


def _named(cell: CellResult, axes: Sequence[Axis]) -> str:
    return cell_label([axis for axis in axes if axis.varies], cell.coordinates) or "the only cell"


def _key(key: FigureKey) -> Iterator[str]:
    yield figure_words(key.name)
    yield _whose(key.of, key.member)


def _whose(of: Of, member: int | None) -> str:
    return f"{of} {member}" if member is not None else str(of)


def _figure(figure: CellFigure | None, missing: str | None) -> tuple[str, str, str, str, str]:
    """Return value, unit, interval, repeats and remarks."""
    if figure is None or figure.value is None:
        return (
            NONE,
            "" if figure is None else figure.unit,
            NONE,
            "0",
            missing or (figure.absent if figure else "") or "",
        )
    value, interval = value_and_interval(figure.value, figure.interval)
    remarks = ("tainted" if figure.tainted else "", "one repeat: its own interval" if figure.repeats == 1 else "")
    return value, figure.unit, interval, str(figure.repeats), "; ".join(filter(None, (*remarks, *figure.notes)))


def _ratio(ratio: Ratio | None, absent: str | None) -> tuple[str, str, str]:
    """Return the ratio, its interval and what it rests on."""
    if ratio is None:
        return NONE, NONE, absent or ""
    value, interval = value_and_interval(ratio.value, ratio.interval)
    return value, interval, ratio.method + ("; tainted" if ratio.tainted else "")


def _run(run: RunRow, base_url: str | None) -> tuple[ReportCell, ...]:
    took = None if run.started_at is None or run.finished_at is None else run.finished_at - run.started_at
    return (
        _link(run, base_url),
        str(run.cell),
        str(run.repeat + 1),
        str(run.attempt),
        f"{run.role} {run.member}",
        str(run.state),
        NONE if run.started_at is None else f"{run.started_at:%Y-%m-%d %H:%M:%S}",
        NONE if took is None else f"{took.total_seconds():.1f}",
        NONE if run.place is None else run.place.name + (", simulated" if run.is_simulated else ""),
        "not looked at" if run.taints is None else ", ".join(taint.rule for taint in run.taints),
    )


def _link(run: RunRow, base_url: str | None) -> Link:
    return Link(run.id, None if base_url is None else f"{base_url.rstrip('/')}/runs/{run.id}")


def counts_in_words(cells: Sequence[CellResult]) -> str:
    """Return how much of the experiment there is, such as ``10 cells: 8 complete, 2 skipped``."""
    counted = {state: sum(cell.state is state for cell in cells) for state in CellState}
    parts = ", ".join(f"{count} {state}" for state, count in counted.items() if count)
    return f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'}: {parts}" if cells else "no cells"
