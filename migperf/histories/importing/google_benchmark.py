"""What Google Benchmark wrote, by ``--benchmark_out`` or ``--benchmark_format=json``.

The format is what its ``JSONReporter`` prints; other fields of it are not read.
"""

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from migperf.histories.imported_metric import ImportedMetric
from migperf.histories.importing.errors import ImportingError
from migperf.histories.importing.imported import (
    ForeignBenchmark,
    ImportedHistory,
    ImportedPoint,
    LeftOut,
    metric_of,
    point_key,
    time_in_utc,
)
from migperf.histories.points import PointFigure
from migperf.statistics.detection.metric_rule import Better

TOOL = "google-benchmark"
METRICS = {name: ImportedMetric(unit="s", better=Better.LOWER) for name in ("real_time", "cpu_time")}
"""Rates (``items_per_second``) are made of them, and say nothing else."""
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_MIDDLES = ("median", "mean")
"""What stands for repetitions that are not in the file themselves, the better first."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Context(_Part):
    date: datetime
    host_name: str | None = None
    num_cpus: int | None = None
    version: str | None = Field(default=None, alias="library_version")
    build_type: str | None = Field(default=None, alias="library_build_type")
    cpu_scaling_enabled: bool | None = None
    commit: str | None = None
    """Given by ``--benchmark_context=commit=…``."""


class _Row(_Part):
    name: str = Field(min_length=1)
    run_name: str | None = None
    run_type: str = "iteration"
    aggregate_name: str | None = None
    error_occurred: bool = False
    error_message: str | None = None
    real_time: float | None = None
    cpu_time: float | None = None
    time_unit: str = "ns"

    def seconds(self, metric: str) -> float | None:
        """Return one of its times; None where it is none of which a relative change can be told."""
        value = self.real_time if metric == "real_time" else self.cpu_time
        known = value is not None and math.isfinite(value) and value > 0
        return value * _SECONDS[self.time_unit] if value is not None and known else None


class _File(_Part):
    context: _Context
    benchmarks: tuple[_Row, ...]


def read(document: Mapping[str, JsonValue]) -> tuple[ImportedHistory, ...]:
    """Return a history of one point for each benchmark; repetitions are one point. Raises ImportingError."""
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        raise ImportingError.of(error) from error
    by_name: dict[str, list[tuple[str, _Row]]] = {}
    for index, row in enumerate(file.benchmarks):
        if row.time_unit not in _SECONDS:
            told = f"{row.time_unit!r} is no unit of Google Benchmark's: {', '.join(_SECONDS)}"
            raise ImportingError([(f"benchmarks.{index}.time_unit", told)])
        by_name.setdefault(row.run_name or row.name, []).append((f"benchmarks.{index}", row))
    return tuple(_history(file.context, name, rows) for name, rows in by_name.items())


def _history(context: _Context, name: str, rows: Sequence[tuple[str, _Row]]) -> ImportedHistory:
    at = time_in_utc(context.date, "context.date")
    figures = dict(_figures([row for _, row in rows if not row.error_occurred]))
    point = ImportedPoint(at=at, key=point_key(at, context.commit), figures=figures, environment=_environment(context))
    named = ForeignBenchmark(tool=TOOL, name=name, hardware=_hardware(context))
    points = [point] if figures else []
    return ImportedHistory.foreign(named, metric_of(METRICS, figures), points, list(_left_out(rows, figures)))


def _figures(rows: Sequence[_Row]) -> Iterator[tuple[str, PointFigure]]:
    """Yield the metrics that rows of one benchmark have.

    Repetitions follow each other in one process, so how well they agree is no measure of how well the value is known.
    """
    for metric in METRICS:
        values = [value for row in _speaking(rows) if (value := row.seconds(metric)) is not None]
        if values:
            yield metric, PointFigure(value=statistics.geometric_mean(values), unit="s")


def _speaking(rows: Sequence[_Row]) -> Iterable[_Row]:
    """Return the rows that stand for a benchmark: its repetitions, or else one aggregate of them."""
    repetitions = [row for row in rows if row.run_type == "iteration"]
    if repetitions:
        return repetitions
    by_aggregate = {row.aggregate_name: row for row in rows}
    return [by_aggregate[name] for name in _MIDDLES if name in by_aggregate][:1]


def _left_out(rows: Sequence[tuple[str, _Row]], figures: Mapping[str, PointFigure]) -> Iterator[LeftOut]:
    for place, row in rows:
        if row.error_occurred:
            yield LeftOut(place, f"it failed: {row.error_message or 'it does not say why'}")
    failed = any(row.error_occurred for _, row in rows)
    for metric in METRICS.keys() - figures.keys() if not failed else ():
        yield LeftOut(
            f"{rows[0][0]}.{metric}", "there is no positive number, and of others no relative change can be told"
        )


def _hardware(context: _Context) -> dict[str, JsonValue]:
    """Return what tells machines apart: the file does not name the processor, so it has to be the host's name."""
    facts: dict[str, JsonValue] = {"host": context.host_name, "logical_cpus": context.num_cpus}
    return {name: value for name, value in facts.items() if value}


def _environment(context: _Context) -> dict[str, JsonValue]:
    facts: dict[str, JsonValue] = {
        "google_benchmark": context.version,
        "library_build_type": context.build_type,
        "cpu_scaling_enabled": context.cpu_scaling_enabled,
        "label.commit": context.commit,
    }
    return {name: value for name, value in facts.items() if value is not None}
