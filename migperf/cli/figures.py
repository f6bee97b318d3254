"""The figures of a result as a table for people, with what they rest on."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from migperf.cli.output import WIDE, facts_table, table
from migperf.measure.figures import ResultFigure
from migperf.software_environment import DEFAULT
from migperf.statistics.digits import Shown, show

_INDENT = (0, 0, 0, 2)
_FACTS = ("processor", "device_name", "software_environment", "torch", "cuda", "torch_threads", "cpu_governor", "seed")
_FACT_WORDS = {
    "software_environment": "environment {}",
    "torch": "torch {}",
    "cuda": "CUDA {}",
    "torch_threads": "{} threads",
    "cpu_governor": "governor {}",
}
_UNSAID = ("software_environment", DEFAULT)
"""A fact that holds wherever nobody has asked for anything else."""


def print_figures(console: Console, figures: Sequence[ResultFigure]) -> None:
    """Print the figures that have a value as a table, and below it why the others have none."""
    present = [figure for figure in figures if figure.value is not None]
    absent = [figure for figure in figures if figure.value is None]
    if present:
        console.print(_present(present, methods=console.width >= WIDE and any(f.method for f in present)))
    if absent:
        console.print(Group("", Text("Not reported", "bold"), Padding(_absent(absent), _INDENT)))


def _present(figures: Sequence[ResultFigure], *, methods: bool) -> Table:
    columns = [
        "Figure",
        "Value",
        "Unit",
        _interval_heading(figures),
        "Scope",
        "Samples",
        *(["Method"] if methods else []),
    ]
    made = table(*columns, right=("Value", "Samples"), whole=("Figure",))
    for figure in figures:
        more = [_method(figure)] if methods else []
        made.add_row(figure.name, *_value_cells(figure), str(figure.scope), _count(figure.samples), *more)
    return made


def _method(figure: ResultFigure) -> str:
    """Return how a figure was come by, and how often the meter behind it has a new reading."""
    every = "" if figure.update_period_ms is None else f"meter updated every {show(figure.update_period_ms).value} ms"
    return ", ".join(filter(None, (figure.method, every)))


def _interval_heading(figures: Iterable[ResultFigure]) -> str:
    levels = {figure.interval.level for figure in figures if figure.interval}
    return f"{100 * levels.pop():g} % interval" if len(levels) == 1 else "Interval"


def _value_cells(figure: ResultFigure) -> tuple[RenderableType, RenderableType, RenderableType]:
    """Return value, unit and interval. The value stands in bold: it is what people came for."""
    if figure.value is None:
        raise ValueError(f"figure {figure.name!r} has no value to show")
    bounds = (figure.interval.low, figure.interval.high) if figure.interval else (None, None)
    shown = show(figure.value, *bounds)
    unit = "" if figure.unit == "1" else figure.unit
    return Text(shown.value, "bold"), unit, Text(_interval(shown), "dim" if shown.low is None else "")


def _interval(shown: Shown) -> str:
    return "–" if shown.low is None else f"{shown.low} to {shown.high}"


def _count(samples: int | None) -> str:
    return "–" if samples is None else str(samples)


def _absent(figures: Sequence[ResultFigure]) -> Table:
    return facts_table((figure.name, figure.absent or "") for figure in figures)


def environment_line(environment: Mapping[str, object]) -> str:
    """Return in one line what the figures depend on most."""
    known = ((name, environment.get(name)) for name in _FACTS)
    told = ((name, value) for name, value in known if value is not None and (name, value) != _UNSAID)
    return " · ".join(_FACT_WORDS.get(name, "{}" if name != "seed" else "seed {}").format(v) for name, v in told)


def measured_line(window_s: float, warmup_ended_by: str, measuring_ended_by: str) -> str:
    """Return in one line how long was measured, and which rules ended the phases."""
    return f"measured {window_s:.2f} s (ended by {measuring_ended_by}) after a warm-up ended by {warmup_ended_by}"
