"""What the form of a submission asks: fields of the workload and of the method, and where a run may go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from pydantic import ValidationError
from sqlalchemy.orm import Session

from api import fleet
from api.form_fields import FormField, form_fields
from api.minimal_request import minimal_request, request_of
from migperf.gpus.partition import PartitionKind
from migperf.measure.benchmark import Method, Scenario
from migperf.measure.load import Load
from migperf.measure.search import MaxBatch, MaxRate
from migperf.software_environment import DEFAULT
from migperf.store.models import Run
from migperf.store.requests import RunRequest
from workloads.base import Card
from workloads.registry import card

FIRST = "resnet18"
"""What the form begins with where nothing else is asked for."""
_BURSTY, _TRACED = "arrivals=bursty", "arrivals=trace"
_SHOWN_FOR = {"burst_factor": _BURSTY, "burst_share": _BURSTY, "burst_s": _BURSTY, "trace_s": _TRACED}
_TREATMENT = ("priority", "timeout_s", "retry_limit", "taint_retry_limit", "seed")
_CHOICES_OF_KIND = tuple(kind for kind in PartitionKind if not kind.is_share)
Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitForm:
    """The fields, each with what it begins with."""

    card: Card
    scenarios: Sequence[Scenario]
    given: Given
    """The request that it begins with, without what is at its default."""
    stale: bool = False
    """Whether what was to be filled in is of another version, so that it is missing."""

    @classmethod
    def of_workload(cls, name: str, scenario: str | None = None) -> Self:
        """Begin with a workload, in a scenario if it offers that. Raises UnknownWorkloadError."""
        found = card(name)
        offered = [one for one in Scenario if one.task in found.tasks]
        chosen = scenario if scenario in offered else offered[0]
        return cls(card=found, scenarios=offered, given={"workload": name, "scenario": str(chosen)})

    @classmethod
    def of_run(cls, run: Run) -> Self:
        """Begin with what a run was submitted with."""
        try:
            given = minimal_request(RunRequest.model_validate(request_of(run)))
        except ValidationError:
            empty = cls.of_workload(FIRST)
            return cls(card=empty.card, scenarios=empty.scenarios, given=empty.given, stale=True)
        found = card(run.workload)
        return cls(card=found, scenarios=[one for one in Scenario if one.task in found.tasks], given=given)

    def of(self, part: str) -> Given:
        """Return what is given of a part of the request, such as ``where``."""
        return cast("Given", self.given.get(part, {}))

    @property
    def parameters(self) -> tuple[FormField, ...]:
        """The workload's own."""
        return form_fields(self.card.parameters.model_json_schema(), "parameters", self.of("parameters"))

    @property
    def method(self) -> tuple[FormField, ...]:
        """How it is measured."""
        return form_fields(Method.model_json_schema(), "method", self.of("method"))

    @property
    def load(self) -> tuple[tuple[FormField, str], ...]:
        """Details of the load, each with what it is asked for only."""
        found = form_fields(Load.model_json_schema(), "load", self.of("load"))
        return tuple(
            (one, _SHOWN_FOR.get(one.name, "" if one.name == "streams" else "scenario=server")) for one in found
        )

    @property
    def searches(self) -> Mapping[str, tuple[FormField, ...]]:
        """The fields of each kind of search."""
        given = self.of("search")
        kinds: Mapping[str, type[MaxBatch | MaxRate]] = {"max_batch": MaxBatch, "max_rate": MaxRate}
        return {
            name: tuple(
                one
                for one in form_fields(kind.model_json_schema(), "search", given if given.get("kind") == name else {})
                if one.name != "kind"
            )
            for name, kind in kinds.items()
        }

    @property
    def treatment(self) -> tuple[FormField, ...]:
        """How the run is treated."""
        return form_fields(RunRequest.model_json_schema(), "", self.given, _TREATMENT)

    @property
    def labels(self) -> str:
        """The labels, one a line."""
        return "".join(f"{name}={value}\n" for name, value in self.of("labels").items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What there is to choose among by the fields that say where a run may go."""

    kinds: Sequence[str]
    profiles: Sequence[tuple[str, str]]
    models: Sequence[tuple[str, str]]
    nodes: Sequence[tuple[str, str]]
    partitions: Sequence[tuple[str, str]]
    """Like the three before: what can be entered, and words for it, empty where it speaks for itself."""
    environments: Sequence[str]

    @classmethod
    def of(cls, session: Session, stale_s: float) -> Self:
        """Gather it from the nodes that are alive."""
        partitions = [one for one in fleet.partition_list(session, stale_s).items if one.node_alive]
        usable = [one.name for _, one in fleet.environments(session, stale_s) if one.problem is None]
        return cls(
            kinds=[str(kind) for kind in _CHOICES_OF_KIND],
            profiles=[(name, "") for name in _sorted(one.profile for one in partitions)],
            models=[(name, "") for name in _sorted(one.model for one in partitions)],
            nodes=[(name, "") for name in _sorted(one.node for one in partitions)],
            partitions=[(one.uuid, f"{one.profile or one.kind} of {one.model} on {one.node}") for one in partitions],
            environments=[name for name in _sorted(usable) if name != DEFAULT],
        )


def _sorted(values: Any) -> list[str]:  # noqa: ANN401 - texts, of which some are missing
    return sorted({value for value in values if value})
