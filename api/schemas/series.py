"""Series as they are shown: what each one is and came to, samples, gaps, and what the stream of a run carries."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from pydantic import ConfigDict, Field

from api.links import Links
from api.schemas import examples
from api.schemas.view import View
from migperf.metrics import series as memory
from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.downsampling import Method
from migperf.metrics.metric import NS_PER_S, Kind, Metric, Scope
from migperf.metrics.series import Chunk
from migperf.metrics.summary import SeriesSummary
from migperf.store.models import Run
from migperf.store.series import SeriesHead

NS_PER_MS = 1_000_000


class Window(View):
    """What was measured, seconds since the run started on its node; warm-up lies before it."""

    start_s: float
    end_s: float

    @classmethod
    def of(cls, run: Run) -> Self | None:
        """Show the measured window of a run, None while there is none."""
        if run.window_start_ns is None or run.window_end_ns is None:
            return None
        return cls(start_s=run.window_start_ns / NS_PER_S, end_s=run.window_end_ns / NS_PER_S)


class AbsenceView(View):
    """That there is no value at the end, or never was one, and why."""

    state: AbsenceState
    reason: str

    @classmethod
    def of(cls, absence: Absence | None) -> Self | None:
        """Show an absence; None where there is none."""
        return None if absence is None else cls(state=absence.state, reason=absence.reason)


class GapView(View):
    """A time without values: nothing is known of it, and nothing may be drawn across it."""

    start_s: float = Field(description="Seconds since the run started: the last sample before it, where there is one.")
    end_s: float | None = Field(description="The first sample after it; null while there is none.")
    state: AbsenceState
    reason: str

    @classmethod
    def of(cls, gap: memory.Gap) -> Self:
        """Show a gap of a stored series."""
        return cls(
            start_s=gap.start_ns / NS_PER_S,
            end_s=None if gap.end_ns is None else gap.end_ns / NS_PER_S,
            state=gap.absence.state,
            reason=gap.absence.reason,
        )


class SummaryView(View):
    """What a series comes to within the measured window, in its unit; null is what makes no sense for its kind."""

    samples: int = Field(description="Readings that tell of the window alone.")
    covered: float | None = Field(description="Share of the window that lies in no gap, 0 to 1.")
    mean: float | None
    minimum: float | None
    maximum: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    total: float | None = Field(description="A counter's growth over the window, or a rate's or power's integral.")
    total_unit: str | None
    share: float | None = Field(description="Of a flag: share of the covered time in which it was set, 0 to 1.")
    events: int | None
    absent: str | None = Field(description="Why there are no figures at all.")

    @classmethod
    def of(cls, summary: SeriesSummary | None) -> Self | None:
        """Show a stored summary; None where there is none (yet)."""
        return None if summary is None else cls.model_validate(summary, from_attributes=True)


class SeriesInfo(View):
    """What a series is."""

    name: str
    unit: str
    scope: Scope = Field(description="What the numbers are about: a board's power is never an instance's.")
    source: str = Field(description="Where they were read.")
    kind: Kind = Field(description="How a value relates to its time: a gauge, the mean since the reading before, …")
    period_ms: float | None = Field(
        description="How often the source has a new value at best; null where every reading is one."
    )
    absent: AbsenceView | None = Field(description="Why there is no value at the end, or never was one.")
    thinned_from: int | None = Field(description="How many samples there were before old ones were thinned; null: all.")


class SeriesItem(SeriesInfo):
    """What a series is and came to, without its samples."""

    samples: int
    summary: SummaryView | None = Field(description="Within the measured window; null while there is none.")
    url: str = Field(description="Where its samples are.")


class SeriesList(View):
    """The series of a run."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "simulated": False,
                    "window": examples.WINDOW,
                    "items": [
                        {
                            **examples.SERIES,
                            "samples": 1214,
                            "summary": examples.SUMMARY,
                            "url": f"/v1/runs/{examples.RUN_ID}/series/power_average",
                        }
                    ],
                }
            ]
        }
    )

    simulated: bool = Field(description="True when the partition is simulated: nothing is said of real boards.")
    window: Window | None
    items: list[SeriesItem]

    @classmethod
    def of(cls, run: Run, heads: Iterable[SeriesHead], summaries: Mapping[str, SeriesSummary], links: Links) -> Self:
        """Show the stored series of a run."""
        items = [
            SeriesItem(
                **about(head),
                samples=head.samples,
                summary=SummaryView.of(summaries.get(head.metric.name)),
                url=links.series(run.id, head.metric.name),
            )
            for head in heads
        ]
        return cls(simulated=is_simulated(run), window=Window.of(run), items=items)


class SeriesView(SeriesInfo):
    """Some samples of a series, in order, and the gaps that touch their time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **examples.SERIES,
                    "simulated": False,
                    "window": examples.WINDOW,
                    "downsampled_from": None,
                    "method": None,
                    "gaps": [examples.GAP],
                    "time_s": [2.51, 2.61],
                    "value": [214.1, 213.8],
                    "next_start_s": 2.71,
                }
            ]
        }
    )

    simulated: bool
    window: Window | None
    downsampled_from: int | None = Field(description="How many samples these stand for; null: they are all there.")
    method: Method | None = Field(description="How they were chosen; null: they are all there.")
    gaps: list[GapView] = Field(description="By their start; they end at the first sample after them.")
    time_s: list[float] = Field(description="Seconds since the run started on its node.")
    value: list[float | None] = Field(description="In `unit`, one for each time.")
    next_start_s: float | None = Field(description="Give it as `start_s` for the next samples; null at the end.")


class Samples(SeriesInfo):
    """What has come to one series since the last event of it: the data of ``samples`` events."""

    attempt: int
    downsampled_from: int | None = Field(description="How many samples these stand for; null: they are all there.")
    time_s: list[float]
    value: list[float | None]
    gaps: list[GapView] = Field(description="Gaps that began or ended; one that is known by its start replaces that.")

    @classmethod
    def of(cls, head: SeriesHead, attempt: int, chunk: Chunk, gaps: Sequence[memory.Gap], told_of: int) -> Self:
        """Show the news of a stored series; ``told_of`` is how many samples the chunk stands for."""
        return cls(
            **about(head),
            attempt=attempt,
            downsampled_from=None if told_of == len(chunk) else told_of,
            **columns(chunk),
            gaps=[GapView.of(gap) for gap in gaps],
        )


class Restart(View):
    """The run begins anew, and its series with it: the data of ``restart`` events. What came before is void."""

    attempt: int = Field(description="The attempt whose samples follow.")


def about(head: SeriesHead) -> dict[str, Any]:
    """Return the members that say what a stored series is."""
    return {
        **_about_metric(head.metric),
        "absent": AbsenceView.of(head.absence),
        "thinned_from": head.thinned_from,
    }


def columns(chunk: Chunk) -> dict[str, list[float]]:
    """Return samples as two lists: seconds since the run started, and values."""
    return {"time_s": (chunk.time_ns / NS_PER_S).tolist(), "value": chunk.value.tolist()}


def is_simulated(run: Run) -> bool:
    """Tell whether the run's partition does not exist."""
    return run.partition_row is not None and run.partition_row.simulated


def _about_metric(metric: Metric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "unit": metric.unit,
        "scope": metric.scope,
        "source": metric.source,
        "kind": metric.kind,
        "period_ms": None if metric.period_ns is None else metric.period_ns / NS_PER_MS,
    }
