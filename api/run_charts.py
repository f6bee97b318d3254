"""What the charts of a run's page are made of: its phases on the axis of its series, and what is drawn first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from api.schemas.runs import RunView
from api.schemas.series import SeriesItem, Window
from api.schemas.timeline import Timeline, TimelineItem
from api.series_page import RunSeries
from migperf.measure.benchmark import Scenario
from migperf.measure.phases import Phase
from migperf.measure.timing_log import timing_metric
from migperf.metrics.metric import Kind

TELLING = ("power_average", "gract", "clock_sm", "temperature_gpu", "cpu", "rss")
"""What charts show first of what was watched: it is there on most devices."""
_MOST_FIRST = 5
_THROTTLING = "throttle_"


@dataclass(frozen=True, slots=True)
class ShownPhase:
    """A phase of the last attempt, seconds since the run began on its node."""

    name: str
    start_s: float
    end_s: float | None
    """None while it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCharts:
    """What can be drawn of a run: ``chosen`` are the names of the series that are drawn first."""

    phases: tuple[ShownPhase, ...]
    series: tuple[SeriesItem, ...]
    chosen: frozenset[str]
    throttling: tuple[SeriesItem, ...]
    timed: SeriesItem | None
    """What the histogram is of; None where nothing was measured to its end."""

    @classmethod
    def of(cls, run: RunView, window: Window | None, timeline: Timeline, series: RunSeries) -> Self:
        """Choose among what was watched."""
        items = tuple(drawn.head for group in series.groups for drawn in group.series)
        timing = timing_metric(Scenario(run.scenario)).name
        by_name = {item.name: item for item in items}
        timed = by_name.get(timing)
        first = [name for name in (timing, *TELLING) if name in by_name]
        rest = [item.name for item in items if item.kind is not Kind.FLAG and item.name not in first]
        return cls(
            phases=tuple(_phases(timeline.items, window, run)),
            series=items,
            chosen=frozenset([*first, *rest][:_MOST_FIRST]),
            throttling=tuple(item for item in items if item.name.startswith(_THROTTLING)),
            timed=None if window is None else timed,
        )


def _phases(items: Sequence[TimelineItem], window: Window | None, run: RunView) -> list[ShownPhase]:
    """Return the phases of the last attempt; empty for one that began none.

    They are known by the clock of the database, series by that of the node. The beginning of the measured window is on
    both, where there is one; without it the run is taken to have begun when the database says so.
    """
    last = max((item.attempt for item in items), default=0)
    phases = [item for item in items if item.kind == "phase" and item.attempt == last]
    if not phases or run.started_at is None:
        return []
    measuring = next((item.at for item in phases if item.name == Phase.MEASURING), None)
    zero_s = measuring.timestamp() - window.start_s if measuring and window else run.started_at.timestamp()
    ended_at = (run.finished_at or phases[-1].at) if run.state.is_final else None
    starts = [item.at.timestamp() - zero_s for item in phases]
    ends = [*starts[1:], None if ended_at is None else ended_at.timestamp() - zero_s]
    return [
        ShownPhase(item.name, start, None if end is None else max(start, end))
        for item, start, end in zip(phases, starts, ends, strict=True)
    ]
