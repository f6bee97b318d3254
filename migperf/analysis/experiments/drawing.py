"""Charts as Plotly draws them: plain data for its script. What is missing is a gap with a cross, never a zero. Pure."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from migperf.analysis.experiments.axes import label
from migperf.analysis.experiments.chart_choice import Chart, ChartKind
from migperf.analysis.experiments.chart_points import NOT_ASKED, Line, Point, unit_of
from migperf.analysis.experiments.wording import figure_words
from migperf.statistics.digits import show

Drawing = dict[str, Any]
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Of Okabe and Ito (Color universal design, 2008), less those that vanish on white or on black."""
_DASHES = ("solid", "dash", "dot", "dashdot")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon")
_MISSING_COLOUR = "#d4351c"
_LOWEST_CROSS, _CROSS_STEP = 0.03, 0.05
"""Of the height of the chart."""


def draw(chart: Chart, lines: Sequence[Line]) -> Drawing:
    """Return ``data`` and ``layout`` of a chart. Colours of text and grid are left to the page."""
    if chart.kind is ChartKind.HEAT:
        return {"data": [_heat(lines), *_heat_crosses(lines)], "layout": _layout(chart, lines)}
    trace = _bars if chart.kind is ChartKind.BARS else _line
    data = [trace(chart, line, number) for number, line in enumerate(lines)]
    return {"data": [*data, *_crosses(chart, lines)], "layout": _layout(chart, lines)}


def plain(text: str) -> str:
    """Return text such that Plotly, which reads some HTML in whatever it shows, shows it as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _line(chart: Chart, line: Line, number: int) -> Drawing:
    colour, symbol, dash = _style(chart, number)
    open_if_tainted = [f"{symbol}-open" if _is_tainted(point) else symbol for point in line.points]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "connectgaps": False,
        "line": {"color": colour, "dash": dash, "width": 2},
        "marker": {"symbol": open_if_tainted, "size": 8, "color": colour},
        **_values(chart, line),
    }


def _style(chart: Chart, number: int) -> tuple[str, str, str]:
    """Return colour, symbol and dashes of a line: values of the fastest axis differ in colour, all others in dashes."""
    fastest = len(chart.series[-1].values) if chart.series else 1
    dash, colour = divmod(number, fastest)
    more_dashes, colour = divmod(colour, len(_COLOURS))
    return _COLOURS[colour], _SYMBOLS[colour], _DASHES[(dash + more_dashes) % len(_DASHES)]


def _bars(chart: Chart, line: Line, number: int) -> Drawing:
    hatched = ["/" if _is_tainted(point) else "" for point in line.points]
    marker = {"color": _COLOURS[number % len(_COLOURS)], "pattern": {"shape": hatched}}
    return {"type": "bar", "marker": marker, **_values(chart, line)}


def _values(chart: Chart, line: Line) -> Drawing:
    highs, lows = zip(*(_reach(point) for point in line.points), strict=True)
    return {
        "name": plain(line.label or figure_words(chart.figure)),
        "x": _xs(chart, line.points),
        "y": [point.value for point in line.points],
        "error_y": {"type": "data", "symmetric": False, "array": highs, "arrayminus": lows, "thickness": 1.5},
        "hovertext": [plain(point.words) for point in line.points],
        "hoverinfo": "text+name",
    }


def _reach(point: Point) -> tuple[float | None, float | None]:
    """Return how far the interval goes above and below the value; None without one."""
    figure = point.figure
    if figure is None or figure.value is None or figure.interval is None:
        return None, None
    return figure.interval.high - figure.value, figure.value - figure.interval.low


def _xs(chart: Chart, points: Sequence[Point]) -> list[Any]:
    return [point.x for point in points] if chart.x.is_numeric else [plain(label) for label in chart.x.labels]


def _is_tainted(point: Point) -> bool:
    return point.figure is not None and point.value is not None and point.figure.tainted


def _crosses(chart: Chart, lines: Sequence[Line]) -> Iterator[Drawing]:
    """Yield the places without a value, on an axis of their own along the bottom, one above the other."""
    xs, ys, texts = [], [], []
    for number, x in enumerate(_xs(chart, lines[0].points) if lines else ()):
        missing = [(line, line.points[number]) for line in lines if line.points[number].value is None]
        for above, (line, point) in enumerate(missing):
            xs.append(x)
            ys.append(_LOWEST_CROSS + above * _CROSS_STEP)
            texts.append(plain(f"{line.label}: {point.missing}" if line.label else str(point.missing)))
    if xs:
        marker = {"symbol": "x-thin", "size": 8, "line": {"width": 2, "color": _MISSING_COLOUR}}
        yield {
            "type": "scatter",
            "mode": "markers",
            "name": "no result",
            "x": xs,
            "y": ys,
            "yaxis": "y2",
            "marker": marker,
            "hovertext": texts,
            "hoverinfo": "text",
            "cliponaxis": False,
        }


def _heat(lines: Sequence[Line]) -> Drawing:
    shown = [[None if point.value is None else show(point.value).value for point in line.points] for line in lines]
    return {
        "type": "heatmap",
        "x": _heat_xs(lines),
        "y": [plain(line.label) for line in lines],
        "z": [[point.value for point in line.points] for line in lines],
        "text": shown,
        "texttemplate": "%{text}",
        "hovertext": [[plain(point.words) for point in line.points] for line in lines],
        "hoverinfo": "text+x+y",
        "hoverongaps": False,
        "colorscale": "Cividis",
        "colorbar": {"title": {"text": unit_of(lines)}},
    }


def _heat_crosses(lines: Sequence[Line]) -> Iterator[Drawing]:
    missing = [
        (x, plain(line.label), plain(str(point.missing)))
        for line in lines
        for x, point in zip(_heat_xs(lines), line.points, strict=True)
        if point.value is None and point.missing != NOT_ASKED
    ]
    if missing:
        xs, ys, texts = (list(column) for column in zip(*missing, strict=True))
        marker = {"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": _MISSING_COLOUR}}
        yield {
            "type": "scatter",
            "mode": "markers",
            "name": "no result",
            "x": xs,
            "y": ys,
            "marker": marker,
            "hovertext": texts,
            "hoverinfo": "text",
            "showlegend": False,
        }


def _heat_xs(lines: Sequence[Line]) -> list[str]:
    return [plain(label(point.x)) for point in lines[0].points] if lines else []


def _layout(chart: Chart, lines: Sequence[Line]) -> Drawing:
    layout: Drawing = {
        "height": 400,
        "margin": {"l": 70, "r": 20, "t": 20, "b": 60},
        "barmode": "group",
        "showlegend": chart.kind is not ChartKind.HEAT and (len(lines) > 1 or _lacks(lines)),
        "legend": {"orientation": "h", "y": -0.25, "yanchor": "top"},
        "xaxis": {"title": {"text": plain(chart.x.name), "standoff": 8}, **_scale(chart)},
    }
    if chart.kind is ChartKind.HEAT:
        return layout | {"yaxis": {"type": "category", "automargin": True}}
    return layout | {
        "yaxis": {
            "title": {"text": plain(f"{figure_words(chart.figure)}, {unit_of(lines)}")},
            "rangemode": "tozero",
            "automargin": True,
        },
        "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
    }


def _lacks(lines: Sequence[Line]) -> bool:
    return any(point.value is None for line in lines for point in line.points)


def _scale(chart: Chart) -> Drawing:
    if chart.kind is not ChartKind.LINES:
        return {"type": "category"}
    ticks = {"tickmode": "array", "tickvals": list(chart.x.values), "ticktext": list(chart.x.labels)}
    if not chart.x.doubles:
        return {"type": "linear", **ticks}
    low, high = math.log10(chart.x.values[0]), math.log10(chart.x.values[-1])
    room = 0.04 * (high - low)
    return {"type": "log", "range": [low - room, high + room], **ticks}
