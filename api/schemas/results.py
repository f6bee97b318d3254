"""What a run leaves behind: figures and documents."""

from collections.abc import Sequence
from typing import Self

from pydantic import ConfigDict, Field

from api.links import Links
from api.schemas import examples
from api.schemas.series import is_simulated
from api.schemas.view import View
from migperf.measure.figures import ResultFigure
from migperf.store.models import Run
from migperf.store.results import ListedArtifact
from migperf.store.states import RunState


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
        return cls(run_id=run.id, state=run.state, simulated=is_simulated(run), figures=figures)


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
    def of(cls, artifacts: Sequence[ListedArtifact], links: Links) -> Self:
        """Show stored documents."""
        views = [
            ArtifactView(name=a.name, media_type=a.media_type, bytes=a.size_bytes, url=links.artifact(a.run_id, a.name))
            for a in artifacts
        ]
        return cls(items=views)
