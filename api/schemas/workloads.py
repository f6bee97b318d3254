"""The catalogue of payloads."""

from typing import Self

from pydantic import ConfigDict, Field, JsonValue

from api.links import Links
from api.schemas import examples
from api.schemas.view import View
from migperf.measure.benchmark import Scenario
from migperf.measure.engines.offer import refusals
from workloads.base import Card, EngineOffer, Task


class EngineOfferView(View):
    """What a workload's model can be executed by, in and with."""

    runtimes: list[str]
    precisions: list[str]
    channels_last: bool = Field(description="Whether channels can be innermost in memory.")
    refused: dict[str, str] = Field(description="Why each runtime, precision or layout that is missing is not offered.")

    @classmethod
    def of(cls, offer: EngineOffer) -> Self:
        """Show what a card offers."""
        return cls(
            runtimes=list(offer.runtimes),
            precisions=list(offer.precisions),
            channels_last=offer.channels_last,
            refused=refusals(offer),
        )


class WorkloadView(View):
    """A benchmark payload."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WORKLOAD]})

    name: str
    title: str
    summary: str
    tasks: list[Task]
    scenarios: list[Scenario] = Field(description="The scenarios that it can run.")
    paper: str | None
    facts: dict[str, str] = Field(description="Published figures worth showing beside a measurement.")
    engines: EngineOfferView
    url: str

    @classmethod
    def of(cls, card: Card, links: Links) -> Self:
        """Show the card of a workload."""
        return cls.model_validate(_shown(card, links))


class WorkloadDetail(WorkloadView):
    """A benchmark payload with its parameters."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **examples.WORKLOAD,
                    "parameters": {
                        "type": "object",
                        "properties": {"batch_size": {"type": "integer", "minimum": 1, "default": 32}},
                        "additionalProperties": False,
                    },
                }
            ]
        }
    )

    parameters: dict[str, JsonValue] = Field(description="JSON Schema of `parameters` in a request.")

    @classmethod
    def of(cls, card: Card, links: Links) -> Self:
        """Show the card of a workload with the schema of its parameters."""
        return cls.model_validate({**_shown(card, links), "parameters": card.parameters.model_json_schema()})


class WorkloadList(View):
    """The catalogue, by name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.WORKLOAD]}]})

    items: list[WorkloadView]


def _shown(card: Card, links: Links) -> dict[str, object]:
    return {
        "name": card.name,
        "title": card.title,
        "summary": card.summary,
        "tasks": sorted(card.tasks),
        "scenarios": [scenario for scenario in Scenario if scenario.task in card.tasks],
        "paper": card.paper,
        "facts": dict(card.facts),
        "engines": EngineOfferView.of(card.engines),
        "url": links.workload(card.name),
    }
