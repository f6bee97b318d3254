"""What the page of a comparison shows at once: runs side by side, and in what they differ. Comparing takes longer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy.orm import Session

from api.links import Links
from api.run_charts import TELLING
from api.schemas.runs import RunView
from api.series_export import window_of
from migperf.analysis.differences import contrasts
from migperf.analysis.measured import samples_per_step
from migperf.analysis.terms import Aspect
from migperf.gpus.partition import Partition
from migperf.measure.figures import ResultFigure
from migperf.metrics.metric import NS_PER_S, Kind, Metric
from migperf.store import results, runs, series
from migperf.store.models import Run

_MOST_FIRST = 3
"""Series that are drawn before anybody has chosen some."""


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure of all runs, in their order; None where a run does not have it."""

    name: str
    scope: str
    figures: Sequence[ResultFigure | None]


@dataclass(frozen=True, slots=True)
class ContrastRow:
    """One thing in which the runs differ, with its value in each of them; None where it was not recorded."""

    aspect: Aspect
    name: str
    values: Sequence[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRun:
    """A run of a comparison: as it is shown, and by what it may differ from others."""

    view: RunView
    side: int
    """0 for the baseline, then the number of the candidate."""
    began_s: float | None
    """When measuring began, seconds since the run began; None where nothing was measured to its end."""
    figures: Mapping[str, ResultFigure]
    benchmark: Mapping[str, Any]
    environment: Mapping[str, Any]
    partition: Partition | None
    node: str | None
    samples_per_step: int | None
    sample_unit: str | None

    @classmethod
    def of(cls, run: Run, side: int, figures: Sequence[ResultFigure], links: Links) -> Self:
        """Gather what a stored run and its figures tell."""
        window, row = window_of(run), run.partition_row
        known = {figure.name: figure for figure in figures}
        throughput = known.get("throughput")
        return cls(
            view=RunView.of(run, links),
            side=side,
            began_s=None if window is None else window.start_ns / NS_PER_S,
            figures=known,
            benchmark=run.benchmark,
            environment=run.environment or {},
            partition=None if row is None else Partition.model_validate(row.description),
            node=None if row is None else row.node,
            samples_per_step=None if window is None or throughput is None else samples_per_step(throughput, window),
            sample_unit=None if throughput is None else throughput.unit.removesuffix("/s"),
        )

    @property
    def role(self) -> str:
        """What it is in the comparison."""
        return f"candidate {self.side}" if self.side else "baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparePage:
    """The sides of a comparison, the baseline first; ``runs`` are those of all sides, in their order."""

    MOST_RUNS: ClassVar[int] = 32

    sides: Sequence[Sequence[str]]
    runs: Sequence[ComparedRun]
    figures: Sequence[FigureRow]
    contrasts: Sequence[ContrastRow]
    metrics: Sequence[Metric]
    """What at least one of the runs that were measured has samples of, and can be drawn over time."""

    @classmethod
    def of(cls, session: Session, sides: Sequence[Sequence[str]], links: Links) -> Self:
        """Gather it. Raises NotFoundError."""
        stored = [(side, runs.get(session, run_id)) for side, ids in enumerate(sides) for run_id in ids]
        figures = results.read_figures_of(session, list(dict.fromkeys(run.id for _, run in stored)))
        compared = [ComparedRun.of(run, side, figures[run.id], links) for side, run in stored]
        names = {name: figure.scope for run in compared for name, figure in run.figures.items()}
        metrics = series.metrics_of(session, {run.view.id for run in compared if run.began_s is not None})
        return cls(
            sides=sides,
            runs=compared,
            figures=[
                FigureRow(name, str(scope), [r.figures.get(name) for r in compared]) for name, scope in names.items()
            ],
            contrasts=[ContrastRow(one.aspect, one.name, _shown(one.values)) for one in contrasts(compared)],
            metrics=[metric for metric in metrics if metric.kind is not Kind.EVENT],
        )

    @property
    def drawn(self) -> Sequence[ComparedRun]:
        """The runs whose steps and series can be laid over each other: those that were measured to their end."""
        return [run for run in self.runs if run.began_s is not None]

    @property
    def first_drawn(self) -> Sequence[str]:
        """Names of the series that are drawn first."""
        names = [metric.name for metric in self.metrics]
        telling = [name for name in TELLING if name in names]
        return [*telling, *(name for name in names if name not in telling)][:_MOST_FIRST]

    @property
    def sizes_differ(self) -> bool:
        """Whether steps are of different size, and it is known of how many samples each is."""
        sizes = {run.samples_per_step for run in self.drawn}
        return len(sizes) > 1 and None not in sizes


def _shown(values: Sequence[Any]) -> list[str | None]:
    return [
        value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values
    ]
