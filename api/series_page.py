"""Series as a run's page shows them: drawn over one axis of time, grouped by what they are about, absent ones last."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy.orm import Session

from api.links import Links
from api.schemas.series import SeriesItem, SeriesList
from api.series_export import window_of
from api.sparkline import POINTS, Axis, Sparkline, draw
from migperf.gpus.partition import PartitionKind
from migperf.metrics.metric import Scope
from migperf.store import series
from migperf.store.models import Run
from migperf.store.series import SeriesHead

_TITLES = {
    Scope.INSTANCE: "The GPU instance that the run is on",
    Scope.GPU: "The whole board, whatever runs beside",
    Scope.PROCESS: "The payload itself",
    Scope.PROCESS_TREE: "The payload and its processes",
    Scope.HOST: "The host and its samplers",
}
_WHOLE_GPU = "The GPU that the run is on"


@dataclass(frozen=True, slots=True)
class DrawnSeries:
    """A series with its drawing, None while there is nothing to draw."""

    head: SeriesItem
    drawing: Sparkline | None


@dataclass(frozen=True, slots=True)
class SeriesGroup:
    """The series that are about the same."""

    scope: Scope
    title: str
    series: list[DrawnSeries]


@dataclass(frozen=True, slots=True)
class RunSeries:
    """Every series of a run: groups of those that have samples or may get some, and those that have none at all."""

    groups: list[SeriesGroup]
    absent: list[SeriesItem]

    @classmethod
    def of(cls, session: Session, run: Run, links: Links) -> Self:
        """Gather and draw them. A run that goes on has every group, as series may join it."""
        heads = series.list_heads(session, run.id)
        items = SeriesList.of(run, heads, series.read_summaries(session, run.id), links).items
        drawn = [DrawnSeries(*pair) for pair in zip(items, _drawings(session, run, heads), strict=True)]
        shown = [one for one in drawn if not _is_absent(one.head)]
        groups = (SeriesGroup(s, _title(s, run), [d for d in shown if d.head.scope is s]) for s in _TITLES)
        return cls(
            groups=[group for group in groups if group.series or not run.state.is_final],
            absent=[item for item in items if _is_absent(item)],
        )


def _is_absent(item: SeriesItem) -> bool:
    return item.samples == 0 and item.absent is not None


def _title(scope: Scope, run: Run) -> str:
    whole = run.partition_row is not None and run.partition_row.kind == PartitionKind.GPU
    return _WHOLE_GPU if scope is Scope.GPU and whole else _TITLES[scope]


def _drawings(session: Session, run: Run, heads: Sequence[SeriesHead]) -> list[Sparkline | None]:
    read = series.downsample_all(session, heads, POINTS)
    axis, window = Axis.over(read), window_of(run)
    return [draw(chunk, gaps, axis, window, head.metric.kind) for head, (chunk, gaps) in zip(heads, read, strict=True)]
