"""What a chart shows: lines of points with their intervals, and the points that are missing with the reason. Pure."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migperf.analysis.experiments.axes import key, label
from migperf.analysis.experiments.cells import CellResult
from migperf.analysis.experiments.chart_choice import Chart
from migperf.analysis.experiments.values import CellFigure
from migperf.analysis.experiments.wording import NONE, value_and_interval

NOT_ASKED = "the experiment has no such cell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One place of a chart. Either ``figure`` has a value, or ``missing`` says why there is none."""

    x: Any
    cell: int | None
    figure: CellFigure | None
    missing: str | None

    @property
    def value(self) -> float | None:
        """The value, in the unit of its figure."""
        return None if self.figure is None else self.figure.value

    @property
    def words(self) -> str:
        """Value and interval as people read them, or why there is none."""
        if self.figure is None or self.figure.value is None:
            return self.missing or ""
        return worded(self.figure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The points of one value of the other axes, one for each value of the horizontal one."""

    label: str
    points: tuple[Point, ...]


def lines_of(chart: Chart, cells: Sequence[CellResult]) -> tuple[Line, ...]:
    """Return the lines of a chart; places for which the experiment has no cell at all are missing as well."""
    shown = {_place(chart, cell.coordinates): cell for cell in cells if chart.shows(cell)}
    made = (
        Line(
            label=", ".join(f"{axis.name} {label(value)}" for axis, value in zip(chart.series, values, strict=True)),
            points=tuple(_points(chart, shown, values)),
        )
        for values in itertools.product(*(axis.values for axis in chart.series))
    )
    return tuple(line for line in made if any(point.cell is not None for point in line.points))


def unit_of(lines: Sequence[Line]) -> str:
    """Return the unit of what is drawn; several, where workloads count different things."""
    figures = (point.figure for line in lines for point in line.points)
    return ", ".join(
        dict.fromkeys(figure.unit for figure in figures if figure is not None and figure.value is not None)
    )


def worded(figure: CellFigure) -> str:
    """Return value and unit with the interval, in the digits that it defends."""
    if figure.value is None:
        return figure.absent or ""
    value, interval = value_and_interval(figure.value, figure.interval)
    return f"{value} {figure.unit}" + ("" if interval == NONE else f", {interval}")


def _points(chart: Chart, shown: dict[tuple[str, ...], CellResult], values: Sequence[Any]) -> Iterator[Point]:
    for x in chart.x.values:
        cell = shown.get((key(x), *map(key, values)))
        figure = None if cell is None else cell.headline(chart.figure)
        there = figure is not None and figure.value is not None
        missing = None if there else why_missing(cell, figure, chart.figure)
        yield Point(x=x, cell=None if cell is None else cell.number, figure=figure, missing=missing)


def _place(chart: Chart, coordinates: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(key(coordinates.get(axis.path)) for axis in (chart.x, *chart.series))


def why_missing(cell: CellResult | None, figure: CellFigure | None, name: str) -> str:
    """Say why a place has no value of the figure of that name."""
    if cell is None:
        return NOT_ASKED
    if figure is not None:
        return figure.absent or "no value"
    return "; ".join(cell.why) or f"its runs have no {name}"
