"""The experiment file: what is to be measured, over which axes, how often, in which order. Version 1 of the format."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from migperf.experiments.errors import ExperimentError
from migperf.experiments.group import MAX_MEMBERS
from migperf.gpus.layout import OFF, LayoutText
from migperf.gpus.selector import Selector
from migperf.gpus.sharing import Sharing, SharingMode
from migperf.strict_yaml import StrictYamlError, read_yaml

VERSION = 1
MAX_REPEATS = 100
Values = Annotated[list[JsonValue], Field(min_length=1, max_length=200)]
Choices = Annotated[dict[str, dict[str, JsonValue]], Field(min_length=1, max_length=200)]


def _unquoted_off(given: object) -> object:
    """YAML reads a plain ``off`` as false."""
    return OFF if given is False else given


PartitionText = Annotated[
    str,
    StringConstraints(
        max_length=64, pattern=r"^(whole|[1-9]\d?[gc]|([1-9]\d?c\.)?[1-9]\d?g\.\d+gb([+-](me\.all|me|gfx))*)$"
    ),
]
"""What a run gets of a GPU: slices, a profile, or whole."""


class Order(StrEnum):
    """In which order the cells are performed."""

    SHUFFLED = "shuffled"
    """Each repeat is a block of all cells in a random order of its own."""
    ALTERNATED = "alternated"
    """Each repeat is a block whose order is balanced against the others': every cell follows every other one alike."""


class Neighbour(BaseModel):
    """Runs that load the device while the clients are measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmark: dict[str, JsonValue] = Field(description="What they do; as in a cell, without where and layout.")
    count: Annotated[int, Field(ge=0, le=MAX_MEMBERS)] = Field(default=1, description="How many of them.")
    partition: PartitionText | None = Field(
        default=None, description="With sharing = mig: the profile of each; null: that of the clients."
    )


class Settings(BaseModel):
    """What a cell is made of; an experiment gives what its cells have in common, its axes the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmark: dict[str, JsonValue] = Field(
        default_factory=dict, description="Fields of a benchmark; where and layout come from the experiment."
    )
    partition: PartitionText | None = Field(
        default=None,
        description="What a run gets of a GPU: slices (2g), a profile (2g.20gb, 1c.3g.40gb), or whole.",
    )
    layout: Annotated[LayoutText | None, BeforeValidator(_unquoted_off)] = Field(
        default=None, description="MIG layout that the GPU is cut into; null: only what the cell uses."
    )
    clients: Annotated[int, Field(ge=1, le=MAX_MEMBERS)] = Field(
        default=1, description="Copies of the benchmark that are measured at the same time."
    )
    sharing: Sharing | None = Field(default=None, description="How the runs of a cell share the device.")
    shares: Annotated[int, Field(ge=1, le=MAX_MEMBERS)] | None = Field(
        default=None, description="Into how many equal shares the device is divided; null: one for each run."
    )
    neighbours: Annotated[list[Neighbour], Field(max_length=MAX_MEMBERS)] = Field(
        default_factory=list, description="Runs that load the device meanwhile."
    )

    @property
    def runs(self) -> int:
        """How many runs are measured together: clients and neighbours."""
        return self.clients + sum(neighbour.count for neighbour in self.neighbours)

    @property
    def share_count(self) -> int:
        """Into how many equal shares the device is divided."""
        return self.shares or self.runs

    @property
    def mode(self) -> SharingMode | None:
        """The sharing mode; None where a run has a partition as it is."""
        return None if self.sharing is None else self.sharing.mode


class Experiment(Settings):
    """An experiment as a user writes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "migperf": 1,
                    "name": "batch-size",
                    "where": {"kind": "cpu"},
                    "benchmark": {"workload": "resnet18", "scenario": "offline", "method": {"min_s": 2}},
                    "matrix": {"benchmark.parameters.batch_size": [1, 2, 4]},
                    "repeats": 3,
                }
            ]
        }
    )

    migperf: Literal[1] = Field(description="Version of the format.")
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")] = Field(
        description="Small letters, digits and hyphens."
    )
    title: Annotated[str, StringConstraints(max_length=200)] = Field(default="", description="A line for people.")
    description: Annotated[str, StringConstraints(max_length=10_000)] = Field(default="", description="Why it is made.")
    where: Selector = Field(default_factory=Selector, description="Which device all of it is measured on.")
    matrix: Annotated[dict[str, Values | Choices], Field(max_length=12)] = Field(
        default_factory=dict,
        description="Axes, the first the slowest: a dotted path with its values, or a name with choices that are "
        "merged into the cell.",
    )
    exclude: Annotated[list[dict[str, JsonValue]], Field(max_length=200)] = Field(
        default_factory=list, description="Cells left out: those whose coordinates are all as given."
    )
    repeats: Annotated[int, Field(ge=1, le=MAX_REPEATS)] = Field(default=3, description="How often each cell is run.")
    order: Order = Field(default=Order.SHUFFLED, description="In which order.")
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = Field(default=0, description="Of the order, and of the runs.")
    priority: Annotated[int, Field(ge=-100, le=100)] = Field(default=0, description="Priority of its runs.")
    timeout_s: Annotated[float, Field(gt=0, le=7 * 86_400)] = Field(default=3600.0, description="Of each of its runs.")
    retry_failed: Annotated[int, Field(ge=0, le=5)] = Field(
        default=1, description="How often a repeat that failed is tried again; what does not fit has not failed."
    )
    labels: Annotated[
        dict[
            Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$")],
            Annotated[str, StringConstraints(max_length=255)],
        ],
        Field(max_length=31),
    ] = Field(default_factory=dict, description="Labels of its runs.")

    def settings(self) -> dict[str, Any]:
        """Return what its cells have in common."""
        return self.model_dump(mode="json", include=set(Settings.model_fields))


def parse(text: str) -> Experiment:
    """Return the experiment that a file holds: YAML, of which JSON is a part. Raises ExperimentError."""
    try:
        document = read_yaml(text)
    except StrictYamlError as error:
        raise ExperimentError([(error.place, error.problem)]) from error
    return validate(document)


def validate(document: object) -> Experiment:
    """Return the experiment that a document describes. Raises ExperimentError."""
    if isinstance(document, dict) and document.get("migperf") not in (None, VERSION):
        raise ExperimentError([("migperf", f"this is version {document['migperf']!r} of the format; write {VERSION}")])
    try:
        return Experiment.model_validate(document)
    except ValidationError as error:
        raise ExperimentError.of(error) from error
