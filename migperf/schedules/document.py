"""The document of a schedule: what is to be measured, and when. Version 1 of the format."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from migperf.experiments.document import Experiment
from migperf.histories.watch import Watch
from migperf.schedules.cron import checked_cron, checked_zone
from migperf.schedules.errors import ScheduleError
from migperf.strict_yaml import StrictYamlError, read_yaml

VERSION = 1
MAX_JITTER_S = 6 * 3600
MAX_GRACE_S = 86_400


class Overlap(StrEnum):
    """What becomes of a firing while what an earlier one submitted has not ended."""

    SKIP = "skip"
    """It is left out."""
    QUEUE = "queue"
    """It is submitted as well, and waits in the queue like every run."""


class Missed(StrEnum):
    """What becomes of firings that nobody saw to in time, as when the scheduler was down."""

    SKIP = "skip"
    """They are left out."""
    ONCE = "once"
    """The last of them is made up for, once, and stands for all."""


class Schedule(BaseModel):
    """A benchmark or an experiment that is to be submitted again and again."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "migperf": 1,
                    "name": "nightly-resnet",
                    "cron": "30 2 * * *",
                    "time_zone": "Europe/Berlin",
                    "benchmark": {"workload": "resnet18", "scenario": "offline", "where": {"kind": "cpu"}},
                    "jitter_s": 600,
                }
            ]
        },
    )

    migperf: Literal[1] = Field(description="Version of the format.")
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")] = Field(
        description="Small letters, digits and hyphens; no two schedules have the same. What it submits has it as the "
        "label `schedule`."
    )
    title: Annotated[str, StringConstraints(max_length=200)] = Field(default="", description="A line for people.")
    cron: Annotated[str, StringConstraints(max_length=200), AfterValidator(checked_cron)] = Field(
        description="Minute, hour, day of month, month, day of week, as Debian's cron reads them."
    )
    time_zone: Annotated[str, StringConstraints(max_length=64), AfterValidator(checked_zone)] = Field(
        default="UTC", description="Whose clock `cron` goes by: a name of the IANA database, such as Europe/Berlin."
    )
    benchmark: dict[str, JsonValue] | None = Field(
        default=None, description="The body of POST /v1/runs; either this or an experiment."
    )
    experiment: Experiment | None = Field(
        default=None, description="An experiment, as its file has it; either this or a benchmark."
    )
    jitter_s: Annotated[float, Field(ge=0, le=MAX_JITTER_S, allow_inf_nan=False)] = Field(
        default=0.0,
        description="Each firing is put off by up to so many seconds, and never up to the next one. By how many "
        "depends on schedule and firing alone.",
    )
    overlap: Overlap = Field(
        default=Overlap.SKIP,
        description="While what an earlier firing submitted has not ended: skip the firing, or queue it all the same.",
    )
    missed: Missed = Field(
        default=Missed.ONCE,
        description="When nobody saw to firings in time: skip them, or make up for them once.",
    )
    grace_s: Annotated[float, Field(ge=0, le=MAX_GRACE_S, allow_inf_nan=False)] = Field(
        default=300.0, description="A firing that is later than this is missed; else it is on time."
    )
    watch: Watch | None = Field(
        default_factory=Watch,
        description="How the histories of its runs are watched for changes; null: they are judged, and nobody is told.",
    )
    paused: bool = Field(default=False, description="While it is paused it does not fire, and nothing is missed.")

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.benchmark is None) == (self.experiment is None):
            told = "neither is there" if self.benchmark is None else "both are there"
            raise _refusal("benchmark", f"give either benchmark or experiment; {told}", self.benchmark)
        return self

    @property
    def subject(self) -> Literal["benchmark", "experiment"]:
        """What of the two it submits."""
        return "experiment" if self.benchmark is None else "benchmark"


def parse(text: str) -> Schedule:
    """Return the schedule that a file holds: YAML, of which JSON is a part. Raises ScheduleError."""
    try:
        document = read_yaml(text)
    except StrictYamlError as error:
        raise ScheduleError([(error.place, error.problem)]) from error
    return validate(document)


def validate(document: object) -> Schedule:
    """Return the schedule that a document describes. Raises ScheduleError."""
    if isinstance(document, dict) and document.get("migperf") not in (None, VERSION):
        raise ScheduleError([("migperf", f"this is version {document['migperf']!r} of the format; write {VERSION}")])
    try:
        return Schedule.model_validate(document)
    except ValidationError as error:
        raise ScheduleError.of(error) from error


def _refusal(place: str, message: str, given: object) -> ValidationError:
    detail = InitErrorDetails(
        type=PydanticCustomError("schedule", "{message}", {"message": message}), loc=(place,), input=given
    )
    return ValidationError.from_exception_data("Schedule", [detail])
