"""An experiment as cells and figures with intervals, ready for JSON: what REST and CLI hand out."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from migperf.analysis.experiments.axes import Axis, axes_of
from migperf.analysis.experiments.cells import CellResult, CellState, cell_results
from migperf.analysis.experiments.observations import Of
from migperf.analysis.experiments.ratios import Ratio
from migperf.analysis.experiments.results import ExperimentResults
from migperf.analysis.experiments.scaling import Scaling, scaling
from migperf.analysis.experiments.slowdown import Contrast, Study, StudyKind, studies
from migperf.analysis.experiments.values import CellFigure
from migperf.measure.figures import Interval
from migperf.metrics.metric import Scope
from migperf.statistics.samples import Interval as SampleInterval


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AxisSummary(_Told):
    """What was varied, and over which values."""

    path: str = Field(description="Its key among the coordinates of cells.")
    name: str = Field(description="A short name, unique among the axes.")
    values: tuple[Any, ...]


class FigureSummary(_Told):
    """A figure of a cell over its repeats. Either ``value`` is there, or ``absent`` says why not."""

    name: str
    of: Of = Field(description="Whose it is: a run's, or what several clients come to together.")
    member: int | None = Field(description="A run's place in its group; null for all clients together.")
    unit: str
    scope: Scope
    value: float | None = Field(description="Mean over the repeats that have it.")
    interval: Interval | None
    repeats: int = Field(description="How many repeats it rests on.")
    method: str = Field(description="How value and interval were come by.")
    absent: str | None
    tainted: bool
    notes: tuple[str, ...] = Field(description="Which repeats lack it, and why.")


class CellSummary(_Told):
    """A cell, its figures, and what is missing of it."""

    number: int
    coordinates: dict[str, Any]
    state: CellState
    why: tuple[str, ...] = Field(description="Why repeats, or the whole cell, have no figures.")
    clients: int
    neighbours: int
    repeats_wanted: int
    repeats_there: int
    taints: tuple[str, ...] = Field(description="Rules of hygiene that its runs broke.")
    simulated: bool
    figures: tuple[FigureSummary, ...]


class RatioSummary(_Told):
    """A ratio with its interval."""

    value: float
    interval: Interval
    method: str
    tainted: bool


class ContrastSummary(_Told):
    """A figure of a cell beside the same of a reference. Either ``ratio`` is there, or ``absent`` says why not."""

    cell: int
    reference: int
    figure: str
    of: Of
    ratio: RatioSummary | None
    absent: str | None


class StudySummary(_Told):
    """What neighbours or a way of sharing do: each cell beside its reference."""

    kind: StudyKind
    axis: str
    reference: str
    contrasts: tuple[ContrastSummary, ...]


class ScalingSummary(_Told):
    """The throughput of equal pieces together over that of a whole device."""

    cell: int
    whole: int
    pieces: int
    together: bool = Field(description="false: that many times what one piece does alone.")
    way: str
    efficiency: RatioSummary | None
    absent: str | None


class ExperimentSummary(_Told):
    """What an experiment comes to so far."""

    id: str
    name: str
    title: str
    created_at: datetime
    finished_at: datetime | None
    simulated: bool = Field(description="Whether any run was on hardware that does not exist.")
    axes: tuple[AxisSummary, ...]
    cells: tuple[CellSummary, ...]
    studies: tuple[StudySummary, ...]
    scaling: tuple[ScalingSummary, ...]

    @classmethod
    def of(cls, results: ExperimentResults, *, keep_tainted: bool = True) -> Self:
        """Return the summary of what there is."""
        axes, cells = axes_of([c.coordinates for c in results.cells]), cell_results(results, keep_tainted=keep_tainted)
        return cls(
            id=results.id,
            name=results.name,
            title=results.title,
            created_at=results.created_at,
            finished_at=results.finished_at,
            simulated=results.is_simulated,
            axes=tuple(_axis(axis) for axis in axes),
            cells=tuple(_cell(cell) for cell in cells),
            studies=tuple(_study(study) for study in studies(cells, axes)),
            scaling=tuple(_scaling(one) for one in scaling(cells)),
        )


def summary(results: ExperimentResults, *, keep_tainted: bool = True) -> ExperimentSummary:
    """Return what an experiment comes to; without ``keep_tainted``, tainted repeats are left out."""
    return ExperimentSummary.of(results, keep_tainted=keep_tainted)


def _axis(axis: Axis) -> AxisSummary:
    return AxisSummary(path=axis.path, name=axis.name, values=axis.values)


def _cell(cell: CellResult) -> CellSummary:
    return CellSummary(
        number=cell.number,
        coordinates=dict(cell.coordinates),
        state=cell.state,
        why=cell.why,
        clients=cell.clients,
        neighbours=cell.neighbours,
        repeats_wanted=cell.wanted,
        repeats_there=len(cell.repeats),
        taints=cell.taints,
        simulated=cell.is_simulated,
        figures=tuple(_figure(figure) for figure in cell.figures.values()),
    )


def _figure(figure: CellFigure) -> FigureSummary:
    return FigureSummary(
        name=figure.key.name,
        of=figure.key.of,
        member=figure.key.member,
        unit=figure.unit,
        scope=figure.scope,
        value=figure.value,
        interval=_interval(figure.interval),
        repeats=figure.repeats,
        method=figure.method,
        absent=figure.absent,
        tainted=figure.tainted,
        notes=figure.notes,
    )


def _study(study: Study) -> StudySummary:
    contrasts = tuple(_contrast(contrast) for contrast in study.contrasts)
    return StudySummary(kind=study.kind, axis=study.axis.name, reference=study.reference, contrasts=contrasts)


def _contrast(contrast: Contrast) -> ContrastSummary:
    return ContrastSummary(
        cell=contrast.cell.number,
        reference=contrast.reference.number,
        figure=contrast.figure,
        of=contrast.of,
        ratio=_ratio(contrast.ratio),
        absent=contrast.absent,
    )


def _scaling(one: Scaling) -> ScalingSummary:
    return ScalingSummary(
        cell=one.cell.number,
        whole=one.whole.number,
        pieces=one.pieces,
        together=one.together,
        way=one.way,
        efficiency=_ratio(one.ratio),
        absent=one.absent,
    )


def _ratio(ratio: Ratio | None) -> RatioSummary | None:
    if ratio is None:
        return None
    interval = _shown(ratio.interval)
    return RatioSummary(value=ratio.value, interval=interval, method=ratio.method, tainted=ratio.tainted)


def _interval(interval: SampleInterval | None) -> Interval | None:
    return None if interval is None else _shown(interval)


def _shown(interval: SampleInterval) -> Interval:
    return Interval(low=interval.low, high=interval.high, level=interval.level, method=interval.method)
