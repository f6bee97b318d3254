"""One figure of every cell of an experiment, as charts show it: with intervals, or why there is none."""

from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import ConfigDict, Field, JsonValue

from api.links import Links
from api.schemas import experiment_examples as examples
from api.schemas.view import View
from migperf.analysis.experiments.axes import Axis, axes_of
from migperf.analysis.experiments.cells import CellResult, CellState, cell_results
from migperf.analysis.experiments.chart_points import why_missing, worded
from migperf.analysis.experiments.results import ExperimentResults
from migperf.analysis.experiments.wording import figure_words
from migperf.metrics.metric import Scope
from migperf.statistics.digits import show
from migperf.statistics.samples import Interval
from migperf.store.states import RunState


class AxisView(View):
    """What was varied, and over which values."""

    path: str = Field(description="Its key among the coordinates of a cell.")
    name: str = Field(description="Short and unique among the axes.")
    values: list[JsonValue] = Field(description="Numbers are sorted, others in the order of the file.")
    labels: list[str] = Field(description="The values as people read them.")
    numeric: bool
    doubles: bool = Field(description="Whether each value is the one before it times a power of two.")

    @classmethod
    def of(cls, axis: Axis) -> Self:
        """Show an axis."""
        return cls(
            path=axis.path,
            name=axis.name,
            values=list(axis.values),
            labels=list(axis.labels),
            numeric=axis.is_numeric,
            doubles=axis.doubles,
        )


class FigureName(View):
    """A figure that runs of the experiment have."""

    name: str
    words: str = Field(description="What it is called in headings.")


class PointRun(View):
    """A run that the value of a cell was made of, or that should have given one."""

    id: str
    page: str
    state: RunState
    repeat: int = Field(description="From 0.")


class CellValue(View):
    """A cell with the value of the figure: the mean over its repeats, or why there is none."""

    number: int
    at: list[int] = Field(description="Its place on each axis, from 0.")
    state: CellState
    value: float | None
    low: float | None = Field(description="Of the interval; null without one.")
    high: float | None
    unit: str | None
    shown: str | None = Field(description="The value in the digits that its interval defends.")
    words: str = Field(description="Value, unit and interval as people read them, or why there is no value.")
    method: str | None = Field(description="What value and interval are, of how many repeats.")
    tainted: bool = Field(description="Whether a repeat in the value broke a rule of hygiene.")
    runs: list[PointRun] = Field(description="Clients of the last attempt at each repeat.")


class ExperimentValues(View):
    """One figure of every cell of an experiment, over its axes."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.VALUES]})

    figure: str
    words: str
    unit: str = Field(description="Several, where workloads count different things; empty where nothing has a value.")
    scope: Scope | None
    simulated: bool
    figures: list[FigureName] = Field(description="All that its runs have.")
    axes: list[AxisView] = Field(description="Those with more than one value, the one that changes slowest first.")
    cells: list[CellValue]

    @classmethod
    def of(cls, results: ExperimentResults, name: str, names: Sequence[str], links: Links) -> Self:
        """Show the figure of that name of what was read."""
        axes = [axis for axis in axes_of([cell.coordinates for cell in results.cells]) if axis.varies]
        pages = _runs_by_cell(results, links)
        cells = cell_results(results)
        headlines = [figure for cell in cells if (figure := cell.headline(name)) is not None]
        units = dict.fromkeys(figure.unit for figure in headlines if figure.value is not None)
        return cls(
            figure=name,
            words=figure_words(name),
            unit=", ".join(units),
            scope=headlines[0].scope if headlines else None,
            simulated=results.is_simulated,
            figures=[FigureName(name=each, words=figure_words(each)) for each in names],
            axes=[AxisView.of(axis) for axis in axes],
            cells=[_value(cell, name, axes, pages.get(cell.number, [])) for cell in cells],
        )


def _value(cell: CellResult, name: str, axes: Sequence[Axis], runs: list[PointRun]) -> CellValue:
    figure = cell.headline(name)
    there = figure is not None and figure.value is not None
    interval = None if figure is None or not there else figure.interval
    return CellValue(
        number=cell.number,
        at=[axis.index(cell.coordinates) for axis in axes],
        state=cell.state,
        value=None if figure is None else figure.value,
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        unit=None if figure is None else figure.unit,
        shown=_shown(figure.value, interval) if figure is not None and figure.value is not None else None,
        words=worded(figure) if figure is not None and there else why_missing(cell, figure, name),
        method=figure.method if figure is not None and there else None,
        tainted=figure is not None and figure.tainted,
        runs=runs,
    )


def _shown(value: float, interval: Interval | None) -> str:
    return (show(value) if interval is None else show(value, interval.low, interval.high)).value


def _runs_by_cell(results: ExperimentResults, links: Links) -> Mapping[int, list[PointRun]]:
    found: dict[int, list[PointRun]] = {}
    for repeat in sorted(results.repeats, key=lambda one: one.repeat):
        shown = (PointRun(id=r.id, page=links.page(r.id), state=r.state, repeat=r.repeat) for r in repeat.clients)
        found.setdefault(repeat.cell, []).extend(shown)
    return found
