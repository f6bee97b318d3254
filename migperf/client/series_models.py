"""What the service answers about series: what each one is and came to, samples, gaps, and events of their stream."""

from typing import Annotated, Literal

from pydantic import Field

from migperf.client.models import EndEvent, GoneEvent, WindowView
from migperf.client.view import View


class AbsenceView(View):
    """That a series has no value at its end, or never had one: the kind of reason, and the reason in words."""

    state: str
    reason: str


class GapView(View):
    """A time without values, seconds since the run started; ``end_s`` None: there is none after it (yet)."""

    start_s: float
    end_s: float | None = None
    state: str
    reason: str


class SummaryView(View):
    """What a series comes to within the measured window, in its unit; None is what makes no sense for its kind.

    ``covered`` is the share of the window that lies in no gap, ``share`` of the covered time that in which a flag was
    set, ``total`` a counter's growth or an integral, in ``total_unit``. ``absent`` says why there is nothing at all.
    """

    samples: int
    covered: float | None = None
    mean: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    total: float | None = None
    total_unit: str | None = None
    share: float | None = None
    events: int | None = None
    absent: str | None = None


class SeriesInfo(View):
    """One metric of a run. ``period_ms`` is how often its source has a new value at best, None: at every reading."""

    name: str
    unit: str
    scope: str
    source: str
    kind: str
    period_ms: float | None = None
    absent: AbsenceView | None = None
    thinned_from: int | None = None
    """How many samples there were before old ones were thinned; None: they are all there."""


class SeriesView(SeriesInfo):
    """One metric of a run: what it is, how many samples there are, and what it came to."""

    samples: int
    summary: SummaryView | None = None


class SeriesList(View):
    """Every metric of a run, and the window that was measured."""

    items: tuple[SeriesView, ...]
    window: WindowView | None = None
    simulated: bool = False


class SeriesPage(SeriesInfo):
    """Some samples of a series; ``next_start_s`` is where the next page begins, None on the last."""

    window: WindowView | None = None
    simulated: bool = False
    downsampled_from: int | None = None
    method: str | None = None
    gaps: tuple[GapView, ...] = ()
    time_s: tuple[float, ...]
    value: tuple[float | None, ...]
    next_start_s: float | None = None


class SamplesEvent(SeriesInfo):
    """What has come to one series: samples, and gaps that began or ended (known by their start).

    ``downsampled_from`` is how many samples these stand for, None: they are all there.
    """

    event: Literal["samples"] = "samples"
    attempt: int
    downsampled_from: int | None = None
    time_s: tuple[float, ...]
    value: tuple[float | None, ...]
    gaps: tuple[GapView, ...] = ()


class RestartEvent(View):
    """The run begins anew, and its series with it: what came before is void."""

    event: Literal["restart"] = "restart"
    attempt: int


SeriesEvent = Annotated[SamplesEvent | RestartEvent | EndEvent | GoneEvent, Field(discriminator="event")]
