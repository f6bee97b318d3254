"""What a run leaves behind: figures, series, documents."""

from collections.abc import Iterable, Sequence
from typing import Self

from pydantic import ConfigDict, Field

from api.links import Links
from api.schemas import examples
from api.schemas.view import View
from migperf.measure.figures import ResultFigure
from migperf.store.models import Artifact, Run, SeriesRow
from migperf.store.series import SeriesPage
from migperf.store.states import RunState

NS_PER_S = 1_000_000_000


class ResultView(View):
    """The figures of a run, in the order in which they are to be shown."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run_id": examples.RUN_ID,
                    "state": "succeeded",
                    "simulated": False,
                    "figures": examples.FIGURES,
                }
            ]
        }
    )

    run_id: str
    state: RunState
    simulated: bool = Field(description="True when the partition is simulated: the figures say nothing of real boards.")
    figures: list[ResultFigure] = Field(description="Empty until there is a result.")

    @classmethod
    def of(cls, run: Run, figures: list[ResultFigure]) -> Self:
        """Show the stored figures of a run."""
        simulated = run.partition_row is not None and run.partition_row.simulated
        return cls(run_id=run.id, state=run.state, simulated=simulated, figures=figures)


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


class SeriesHead(View):
    """What a series is, without its samples."""

    name: str
    unit: str
    scope: str = Field(description="What the numbers are about, such as `process` or `gpu`.")
    source: str = Field(description="Where they were read.")
    samples: int
    absent: str | None = Field(description="Why nothing could be read, from some time on or at all.")


class SeriesList(View):
    """The series of a run."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [{**examples.SERIES, "samples": 1214}], "window": examples.WINDOW}]}
    )

    items: list[SeriesHead]
    window: Window | None

    @classmethod
    def of(cls, run: Run, rows: Iterable[tuple[SeriesRow, int]]) -> Self:
        """Show the stored series of a run."""
        heads = [
            SeriesHead(
                name=row.name, unit=row.unit, scope=row.scope, source=row.source, samples=samples, absent=row.absent
            )
            for row, samples in rows
        ]
        return cls(items=heads, window=Window.of(run))


class SeriesView(View):
    """Some samples of a series, in order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **examples.SERIES,
                    "window": examples.WINDOW,
                    "time_s": [2.51, 2.514],
                    "value": [4.11, 4.09],
                    "next_start_s": 2.518,
                }
            ]
        }
    )

    name: str
    unit: str
    scope: str
    source: str
    absent: str | None
    window: Window | None
    time_s: list[float] = Field(description="Seconds since the run started on its node.")
    value: list[float | None] = Field(description="In `unit`, one for each time.")
    next_start_s: float | None = Field(description="Give it as `start_s` for the next samples; null at the end.")

    @classmethod
    def of(cls, run: Run, row: SeriesRow, page: SeriesPage) -> Self:
        """Show some stored samples."""
        return cls(
            name=row.name,
            unit=row.unit,
            scope=row.scope,
            source=row.source,
            absent=row.absent,
            window=Window.of(run),
            time_s=(page.chunk.time_ns / NS_PER_S).tolist(),
            value=page.chunk.value.tolist(),
            next_start_s=None if page.next_ns is None else page.next_ns / NS_PER_S,
        )


class ArtifactView(View):
    """A document that a run left behind."""

    name: str
    media_type: str
    bytes: int
    url: str


class ArtifactList(View):
    """The documents of a run, by name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "name": "trials.json",
                            "media_type": "application/json",
                            "bytes": 18_223,
                            "url": f"/v1/runs/{examples.RUN_ID}/artifacts/trials.json",
                        }
                    ]
                }
            ]
        }
    )

    items: list[ArtifactView]

    @classmethod
    def of(cls, artifacts: Sequence[Artifact], links: Links) -> Self:
        """Show stored documents."""
        views = [
            ArtifactView(name=a.name, media_type=a.media_type, bytes=len(a.data), url=links.artifact(a.run_id, a.name))
            for a in artifacts
        ]
        return cls(items=views)
