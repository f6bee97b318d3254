"""What is drawn against what follows from the axes, and a cell without a result is a gap, never a zero."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import pytest

from migperf.analysis.experiments.axes import axes_of
from migperf.analysis.experiments.cells import CellResult, CellState
from migperf.analysis.experiments.chart_choice import Chart, ChartKind, choose_charts
from migperf.analysis.experiments.chart_points import NOT_ASKED, lines_of
from migperf.analysis.experiments.drawing import draw
from migperf.analysis.experiments.observations import FigureKey, Observation, Of
from migperf.analysis.experiments.values import over_repeats
from migperf.measure.figures import Interval
from migperf.metrics.metric import Scope

BATCHES = (1, 2, 4, 8)


def observed(value: float, *, tainted: bool = False) -> Observation:
    interval = Interval(low=value - 1, high=value + 2, level=0.95, method="batch means")
    return Observation(
        repeat=0,
        unit="sample/s",
        scope=Scope.PROCESS,
        value=value,
        interval=interval,
        absent=None,
        tainted=tainted,
    )


def result(number: int, coordinates: Mapping[str, Any], name: str = "throughput", **more: Any) -> CellResult:
    key = FigureKey(name, Of.CLIENT, 0)
    given: dict[str, Any] = {
        "spec": None,
        "state": CellState.COMPLETE,
        "why": (),
        "repeats": (),
        "wanted": 1,
        "figures": {key: over_repeats(key, [observed(10.0 + number, tainted=number == 1)])},
    }
    return CellResult(number=number, coordinates=coordinates, **(given | more))


def cells_over(name: str = "throughput", **axes: Sequence[Any]) -> list[CellResult]:
    """The product of some axes, the first the slowest."""
    combinations: list[dict[str, Any]] = [{}]
    for axis, values in axes.items():
        combinations = [{**one, axis: value} for one in combinations for value in values]
    return [result(number, one, name) for number, one in enumerate(combinations)]


def chosen(cells: Sequence[CellResult]) -> tuple[Chart, ...]:
    return choose_charts(cells, axes_of([cell.coordinates for cell in cells]))


def drawing(chart: Chart, cells: Sequence[CellResult]) -> go.Figure:
    """The drawing, as Plotly itself understands it: it refuses what it does not know."""
    return go.Figure(draw(chart, lines_of(chart, cells)))


def test_a_numeric_axis_goes_to_the_right_with_a_line_for_each_value_of_the_others() -> None:
    cells = cells_over(partition=("1g", "7g"), batch_size=BATCHES)
    (chart,) = chosen(cells)
    assert (chart.kind, chart.x.name, [axis.name for axis in chart.series]) == (
        ChartKind.LINES,
        "batch_size",
        ["partition"],
    )
    drawn = drawing(chart, cells)
    assert [trace.name for trace in drawn.data] == ["partition 1g", "partition 7g"]
    assert drawn.layout.xaxis.type == "log"
    assert list(drawn.layout.xaxis.tickvals) == [1, 2, 4, 8]
    first = drawn.data[0]
    assert (list(first.error_y.array), list(first.error_y.arrayminus)) == ([2.0] * 4, [1.0] * 4)
    assert list(first.marker.symbol) == ["circle", "circle-open", "circle", "circle"]


def test_numbers_that_do_not_double_are_drawn_to_scale() -> None:
    cells = cells_over(rate_per_s=(10, 20, 30))
    (chart,) = chosen(cells)
    assert drawing(chart, cells).layout.xaxis.type == "linear"


def test_words_alone_become_groups_of_bars() -> None:
    cells = cells_over(model=("a", "b"), neighbour=("none", "compute", "memory"))
    (chart,) = chosen(cells)
    assert (chart.kind, chart.x.name) == (ChartKind.BARS, "neighbour")
    drawn = drawing(chart, cells)
    assert [(trace.type, trace.name) for trace in drawn.data] == [("bar", "model a"), ("bar", "model b")]
    assert drawn.layout.barmode == "group"


def test_how_busy_a_gpu_was_is_drawn_over_what_it_was_cut_into() -> None:
    (chart,) = chosen(cells_over("gract_mean", partition=("1g", "7g"), batch_size=BATCHES))
    assert (chart.kind, chart.x.name) == (ChartKind.BARS, "partition")


def test_two_axes_of_several_values_have_a_map_as_well() -> None:
    cells = cells_over(partition=("1g", "2g", "7g"), batch_size=BATCHES)
    lines, heat = chosen(cells)
    assert (lines.kind, heat.kind) == (ChartKind.LINES, ChartKind.HEAT)
    drawn = drawing(heat, cells)
    assert [len(row) for row in drawn.data[0].z] == [4, 4, 4]
    assert list(drawn.data[0].y) == ["partition 1g", "partition 2g", "partition 7g"]


def test_too_many_lines_become_one_chart_for_each_value_of_the_slowest_axis() -> None:
    cells = cells_over(model=("a", "b", "c"), partition=("1g", "2g", "3g", "7g"), batch_size=BATCHES)
    charts = chosen(cells)
    assert [chart.fixed_label for chart in charts] == ["model a", "model b", "model c"]
    drawn = [point.cell for chart in charts for line in lines_of(chart, cells) for point in line.points]
    assert sorted(drawn) == list(range(len(cells)))  # type: ignore[type-var]


@pytest.mark.parametrize("axes", [{}, {"batch_size": [4]}])
def test_where_nothing_was_varied_nothing_is_drawn(axes: dict[str, list[int]]) -> None:
    assert chosen(cells_over(**axes)) == ()


@pytest.mark.parametrize("state", [CellState.MISSING, CellState.SKIPPED, CellState.OPEN])
def test_a_cell_without_a_result_is_a_gap_with_a_cross_and_its_reason(state: CellState) -> None:
    cells = cells_over(partition=("1g", "7g"), batch_size=BATCHES)
    lost = result(2, cells[2].coordinates, state=state, why=("does_not_fit: too large",), figures={})
    cells[2] = lost
    (chart,) = chosen(cells)
    drawn = drawing(chart, cells)
    assert list(drawn.data[0].y) == [10.0, 11.0, None, 13.0]
    assert drawn.data[0].connectgaps is False
    cross = drawn.data[-1]
    assert (cross.name, list(cross.x), cross.yaxis) == ("no result", [4], "y2")
    assert list(cross.hovertext) == ["partition 1g: does_not_fit: too large"]


def test_a_place_for_which_there_is_no_cell_is_not_drawn_as_zero_either() -> None:
    cells = cells_over(partition=("1g", "7g"), batch_size=BATCHES)[:-1]
    (chart,) = chosen(cells)
    last = lines_of(chart, cells)[1].points[-1]
    assert (last.value, last.missing) == (None, NOT_ASKED)


def test_names_and_reasons_are_shown_as_they_are_not_read_as_html() -> None:
    cells = cells_over(model=("a<b", "c & d"))
    cells[1] = result(1, cells[1].coordinates, state=CellState.MISSING, why=("<a href='x'>no</a>",), figures={})
    (chart,) = chosen(cells)
    drawn = drawing(chart, cells)
    assert list(drawn.data[0].x) == ["a&lt;b", "c &amp; d"]
    assert list(drawn.data[-1].hovertext) == ["&lt;a href='x'>no&lt;/a>"]
    assert list(drawn.data[-1].x) == ["c &amp; d"]
