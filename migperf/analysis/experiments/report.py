"""The report of an experiment as one HTML file that asks nothing of the network."""

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from sqlalchemy.orm import Session

import migperf
from migperf.analysis.experiments import tables
from migperf.analysis.experiments.axes import Axis, axes_of
from migperf.analysis.experiments.cells import CellResult, cell_results
from migperf.analysis.experiments.chart_choice import Chart, choose_charts
from migperf.analysis.experiments.chart_points import Line, lines_of, unit_of
from migperf.analysis.experiments.compatibility import compatibility, has_only_probes
from migperf.analysis.experiments.drawing import draw
from migperf.analysis.experiments.environment import environment
from migperf.analysis.experiments.matrix_tables import matrix_table, reason_table
from migperf.analysis.experiments.results import ExperimentResults, experiment_results
from migperf.analysis.experiments.scaling import scaling
from migperf.analysis.experiments.slowdown import StudyKind, studies
from migperf.analysis.experiments.tables import ReportTable
from migperf.analysis.experiments.wording import figure_words

_FIRST_KEYS = ("migperf", "name", "title", "description", "where", "benchmark", "matrix", "exclude", "repeats", "order")
"""Of the file, as people write it: a database may forget the order of keys."""
_HEADINGS = {StudyKind.NEIGHBOURS: "What neighbours do", StudyKind.SHARING: "What sharing does"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnChart:
    """A chart as the page shows it: the drawing for Plotly, words for who cannot see it, and the same as a table."""

    title: str
    summary: str
    drawing: Markup
    table: ReportTable


def report_html(
    session: Session,
    experiment_id: str,
    base_url: str | None = None,
    *,
    keep_tainted: bool = True,
    more: Sequence[ReportTable] = (),
) -> str:
    """Return the report of an experiment as it stands. Raises NotFoundError.

    ``base_url`` is the service's own, to which runs are linked; None: they are named only. Without ``keep_tainted``
    tainted repeats are left out of all values, and said to be. ``more`` are tables to be shown after the charts.
    """
    return render(experiment_results(session, experiment_id), base_url, keep_tainted=keep_tainted, more=more)


def render(
    results: ExperimentResults,
    base_url: str | None = None,
    *,
    keep_tainted: bool = True,
    more: Sequence[ReportTable] = (),
) -> str:
    """Return the report of what was read of an experiment; see ``report_html``."""
    axes = axes_of([cell.coordinates for cell in results.cells])
    cells = cell_results(results, keep_tainted=keep_tainted)
    # A probe's few steps include NumPy's checking of each answer: a chart of them would compare nothing of a framework.
    probes_only = has_only_probes(results)
    charts = [] if probes_only else _drawn(cells, axes)
    matrix = compatibility(results)
    return _template().render(
        results=results,
        counts=tables.counts_in_words(cells),
        keep_tainted=keep_tainted,
        verdicts=matrix_table(matrix),
        reasons=reason_table(matrix),
        probes_only=probes_only,
        charts=charts,
        company=[] if probes_only else _company(cells, axes),
        more=more,
        missing=tables.missing_table(cells, axes),
        cells=[tables.cell_table(cell, axes) for cell in cells if cell.figures],
        taints=tables.taint_table(results, base_url),
        facts=tables.fact_table(environment(results.runs)),
        asked=_as_yaml(results.document),
        order=results.document.get("order"),
        runs=tables.run_table(results, base_url),
        version=migperf.__version__,
        plotly=_plotly() if charts else None,
        nonce=secrets.token_urlsafe(16),
    )


def _company(cells: Sequence[CellResult], axes: Sequence[Axis]) -> list[tuple[str, ReportTable]]:
    """Return the studies with their headings, and scaling, where the experiment has any."""
    found = [(_HEADINGS[study.kind], tables.study_table(study, axes)) for study in studies(cells, axes)]
    scaled = scaling(cells)
    return [*found, ("Scaling efficiency", tables.scaling_table(scaled, axes))] if scaled else found


def _drawn(cells: Sequence[CellResult], axes: Sequence[Axis]) -> list[DrawnChart]:
    return [_drawn_chart(chart, lines_of(chart, cells)) for chart in choose_charts(cells, axes)]


def _drawn_chart(chart: Chart, lines: Sequence[Line]) -> DrawnChart:
    fixed = f" ({chart.fixed_label})" if chart.fixed_label else ""
    title = f"{figure_words(chart.figure)} by {chart.x.name}{fixed}"
    title = title[0].upper() + title[1:]
    return DrawnChart(
        title=title if chart.kind != "heat map" else f"{title}, as a map",
        summary=_in_words(chart, lines),
        drawing=_as_json(draw(chart, lines)),
        table=tables.chart_table(f"{title}: the values drawn", chart.x, lines),
    )


def _in_words(chart: Chart, lines: Sequence[Line]) -> str:
    """Return what there is to see, for who cannot see it."""
    there = [(point, line) for line in lines for point in line.points if point.figure is not None]
    valued = sorted(
        ((point.value, point, line) for point, line in there if point.value is not None), key=lambda one: one[0]
    )
    said = f"{chart.kind} of {figure_words(chart.figure)} in {unit_of(lines)} over {chart.x.name}"
    said += f", {len(lines)} of them" if len(lines) > 1 else ""
    if valued:
        ends = (f"{word} {point.words}" for word, (_, point, _) in (("lowest", valued[0]), ("highest", valued[-1])))
        said += f"; {'; '.join(ends)}"
    lacking = sum(point.missing is not None and point.cell is not None for line in lines for point in line.points)
    return said[0].upper() + said[1:] + (f"; {lacking} without a result." if lacking else ".")


def _as_json(drawing: dict[str, Any]) -> Markup:
    """Return JSON that may stand inside a script element: nothing in it can end the element."""
    text = json.dumps(drawing, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 - escaped


def _as_yaml(document: Any) -> str:  # noqa: ANN401
    first = {name: document[name] for name in _FIRST_KEYS if name in document}
    return yaml.safe_dump({**first, **document}, sort_keys=False, allow_unicode=True)


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@cache
def _plotly() -> Markup:
    """Plotly's script, as the installed package has it; what HTML does not allow in its strings is escaped."""
    from plotly.offline import get_plotlyjs

    script = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", get_plotlyjs())
    return Markup(script)  # noqa: S704 - the package's own script, made to be put into pages


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(str(files("migperf.analysis.experiments") / "templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["link"] = lambda value: isinstance(value, tables.Link)
    environment.tests["finding"] = lambda value: isinstance(value, tables.Finding)
    return environment.get_template("report.html")
