"""The catalogue of payloads."""

from typing import Self

from pydantic import ConfigDict, Field, JsonValue

from api.links import Links
from api.schemas import examples
from api.schemas.view import View
from migperf.measure.benchmark import Scenario
from workloads.base import Card, Task


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
        "url": links.workload(card.name),
    }
