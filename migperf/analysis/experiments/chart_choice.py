"""Which figures of an experiment are drawn, against which axis: chosen from the axes alone. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from migperf.analysis.experiments.axes import Axis, cell_label, key
from migperf.analysis.experiments.cells import CellResult
from migperf.analysis.experiments.observations import THROUGHPUT, TIMINGS

MOST_LINES = 8
"""In one chart; with more there is a chart for each value of the slowest axis."""
MOST_BARS = 60
_FIRST_AS_X = ("batch_size", "sequence_length", "rate_per_s")
_UTILISATION = ("gract_mean", "sm_active_mean")
DRAWN = (
    THROUGHPUT,
    *(f"{timing}_{statistic}" for timing in TIMINGS for statistic in ("p50", "p99")),
    "energy_per_sample",
    "energy_estimate_per_sample",
    *_UTILISATION,
)
_HEAT_FROM = 3
"""Values on each of two axes, from which on a map shows more than lines do."""


class ChartKind(StrEnum):
    """How a figure is drawn."""

    LINES = "lines"
    BARS = "bars"
    HEAT = "heat map"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A figure drawn over ``x``, with a line or a bar for each value of the ``series`` axes.

    Of a heat map the one axis of ``series`` goes upwards. ``fixed`` has the coordinates that all its cells share,
    where there is one chart for each.
    """

    figure: str
    kind: ChartKind
    x: Axis
    series: tuple[Axis, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    fixed_label: str = ""

    def shows(self, cell: CellResult) -> bool:
        """Tell whether a cell belongs to this chart."""
        return all(key(cell.coordinates.get(path)) == key(value) for path, value in self.fixed.items())


def choose_charts(cells: Sequence[CellResult], axes: Sequence[Axis]) -> tuple[Chart, ...]:
    """Return the charts of an experiment; none where nothing was varied, or no cell has a value.

    A numeric axis goes to the right, with lines for the values of the others; without one there are groups of bars.
    How busy the GPU was is drawn as bars over what it was cut into, where that was varied.
    """
    varied = [axis for axis in axes if axis.varies]
    drawn = [name for name in DRAWN if _has_values(cells, name)]
    if not varied:
        return ()
    return (*(chart for name in drawn for chart in _charts(name, varied)), *_heat_maps(drawn, varied))


def _has_values(cells: Sequence[CellResult], name: str) -> bool:
    found = (cell.headline(name) for cell in cells)
    return any(figure is not None and figure.value is not None for figure in found)


def _charts(name: str, axes: Sequence[Axis]) -> Iterator[Chart]:
    x = _horizontal(name, axes)
    others = tuple(axis for axis in axes if axis is not x)
    kind = ChartKind.LINES if x.is_numeric else ChartKind.BARS
    yield from _split(Chart(figure=name, kind=kind, x=x, series=others))


def _horizontal(name: str, axes: Sequence[Axis]) -> Axis:
    words, numeric = [axis for axis in axes if not axis.is_numeric], [axis for axis in axes if axis.is_numeric]
    cut = next((axis for axis in words if axis.name == "partition"), None)
    if name in _UTILISATION and cut is not None and math.prod(len(axis.values) for axis in axes) <= MOST_BARS:
        return cut
    named = (axis for wanted in _FIRST_AS_X for axis in numeric if axis.name == wanted)
    return next(named, None) or next(iter(numeric), None) or max(words, key=lambda axis: len(axis.values))


def _split(chart: Chart) -> Iterator[Chart]:
    """Yield the chart, or one for each value of its slowest axis where it has too many lines."""
    if len(chart.series) < 2 or math.prod(len(axis.values) for axis in chart.series) <= MOST_LINES:  # noqa: PLR2004
        yield chart
        return
    first, *rest = chart.series
    for value in first.values:
        fixed = {**chart.fixed, first.path: value}
        label = ", ".join(filter(None, (chart.fixed_label, cell_label([first], fixed))))
        one = Chart(figure=chart.figure, kind=chart.kind, x=chart.x, series=tuple(rest), fixed=fixed, fixed_label=label)
        yield from _split(one)


def _heat_maps(drawn: Sequence[str], axes: Sequence[Axis]) -> Iterator[Chart]:
    """Yield a map of the first figure where two axes were varied over several values each."""
    if len(axes) != 2 or min(len(axis.values) for axis in axes) < _HEAT_FROM:  # noqa: PLR2004 - a map has two
        return
    y, x = axes
    for name in drawn[:1]:
        yield Chart(figure=name, kind=ChartKind.HEAT, x=x, series=(y,))
