"""migperf's own format of histories: whatever somebody can put into it, a history can have."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from migperf.histories.imported_metric import ImportedMetric
from migperf.histories.importing.errors import ImportingError
from migperf.histories.importing.imported import (
    MOST_METRICS,
    ForeignBenchmark,
    ImportedHistory,
    ImportedPoint,
    metric_of,
    point_key,
    time_in_utc,
)
from migperf.histories.importing.json_text import require_finite
from migperf.histories.points import PointFigure
from migperf.histories.watch import MetricName

FORMAT, VERSION = "migperf-histories", 1
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
ToolName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_. /-]{0,47}$")]
FactName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Facts = Annotated[dict[FactName, JsonValue], Field(max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FileFigure(_Part):
    """A figure, with its interval where it has one."""

    value: float = Field(gt=0)
    low: float | None = None
    high: float | None = None
    level: float | None = Field(default=None, gt=0, lt=1, description="Probability with which such intervals cover.")

    @model_validator(mode="after")
    def _interval_is_whole(self) -> Self:
        if len({bound is None for bound in (self.low, self.high, self.level)}) > 1:
            raise ValueError("an interval has low, high and level; give all of them or none")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"the value {self.value:g} does not lie from {self.low:g} to {self.high:g}")
        return self

    def with_unit(self, unit: str) -> PointFigure:
        """Return it as a history has it."""
        return PointFigure(unit=unit, **self.model_dump())


class FilePoint(_Part):
    """A result: when it was measured and what it came to. ``key`` tells results of one time and commit apart."""

    time: AwareDatetime
    figures: Annotated[dict[MetricName, FileFigure], Field(min_length=1, max_length=MOST_METRICS)]
    key: Name | None = None
    commit: Name | None = None
    environment: Facts = {}


class FileHistory(_Part):
    """The results of one benchmark on one kind of hardware."""

    name: Name
    metrics: Annotated[dict[MetricName, ImportedMetric], Field(min_length=1, max_length=MOST_METRICS)]
    points: tuple[FilePoint, ...]
    parameters: Facts = {}
    hardware: Facts = {}


class HistoriesFile(_Part):
    """A file of histories. ``tool`` measured them."""

    format: Literal["migperf-histories"]
    version: Literal[1]
    tool: ToolName
    histories: tuple[FileHistory, ...]


def read(document: Mapping[str, JsonValue]) -> tuple[ImportedHistory, ...]:
    """Return the histories of a file. Raises ImportingError."""
    require_finite(dict(document))
    try:
        file = HistoriesFile.model_validate(document)
    except ValidationError as error:
        raise ImportingError.of(error) from error
    found = [_history(file.tool, each, f"histories.{index}") for index, each in enumerate(file.histories)]
    firsts: dict[tuple[str, str], int] = {}
    for index, history in enumerate(found):
        first = firsts.setdefault((history.fingerprint, history.hardware_key), index)
        if first != index:
            told = f"it is of the same benchmark and hardware as histories.{first}; put the points into one"
            raise ImportingError([(f"histories.{index}", told)])
    return tuple(found)


def _history(tool: str, history: FileHistory, place: str) -> ImportedHistory:
    problems = list(_problems(history, place))
    if problems:
        raise ImportingError(problems[:20])
    names = {name for point in history.points for name in point.figures}
    points = [_point(history, point, f"{place}.points.{index}") for index, point in enumerate(history.points)]
    named = ForeignBenchmark(tool=tool, name=history.name, parameters=history.parameters, hardware=history.hardware)
    return ImportedHistory.foreign(named, metric_of(history.metrics, names), points)


def _problems(history: FileHistory, place: str) -> Iterator[tuple[str, str]]:
    firsts: dict[str, int] = {}
    for index, point in enumerate(history.points):
        here = f"{place}.points.{index}"
        for name in point.figures.keys() - history.metrics.keys():
            known = ", ".join(history.metrics)
            yield f"{here}.figures.{name}", f"metrics of the history has no {name}; there are {known}"
        first = firsts.setdefault(_key(point, here), index)
        if first != index:
            yield here, f"it has time and key of points.{first}; tell them apart by `key`, or leave one out"


def _key(point: FilePoint, place: str) -> str:
    return point_key(time_in_utc(point.time, f"{place}.time"), point.key or point.commit)


def _point(history: FileHistory, point: FilePoint, place: str) -> ImportedPoint:
    commit: dict[str, JsonValue] = {} if point.commit is None else {"label.commit": point.commit}
    return ImportedPoint(
        at=time_in_utc(point.time, f"{place}.time"),
        key=_key(point, place),
        figures={name: figure.with_unit(history.metrics[name].unit) for name, figure in point.figures.items()},
        environment={**point.environment, **commit},
    )
