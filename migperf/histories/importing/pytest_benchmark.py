"""What pytest-benchmark wrote, by ``--benchmark-json`` or into its storage (``.benchmarks``).

The format is what its ``BenchmarkSession`` and ``Metadata.as_dict`` produce; other fields of it are not read.
"""

import math
from collections.abc import Mapping
from datetime import datetime

import numpy as np
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
from migperf.statistics.samples import Interval, Samples

TOOL = "pytest-benchmark"
METRICS = {name: ImportedMetric(unit="s", better=Better.LOWER) for name in ("median", "mean", "min")}
"""The rate (``ops``) is one over the mean, and says nothing else."""
_UNKNOWN_COMMIT, _UNKNOWN_BRANCH = "unversioned", "(unknown)"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Processor(_Part):
    brand_raw: str | None = None
    brand: str | None = None
    """Until py-cpuinfo 5."""
    count: int | None = None


class _Machine(_Part):
    node: str | None = None
    machine: str | None = None
    system: str | None = None
    release: str | None = None
    python_implementation: str | None = None
    python_version: str | None = None
    cpu: _Processor = _Processor()


class _Commit(_Part):
    id: str | None = None
    branch: str | None = None
    dirty: bool | None = None


class _Benchmark(_Part):
    name: str = Field(min_length=1)
    fullname: str | None = None
    params: dict[str, JsonValue] | None = None
    stats: dict[str, JsonValue]


class _File(_Part):
    machine_info: _Machine = _Machine()
    commit_info: _Commit = _Commit()
    taken_at: datetime = Field(alias="datetime")
    benchmarks: tuple[_Benchmark, ...]
    version: str | None = None


def read(document: Mapping[str, JsonValue]) -> tuple[ImportedHistory, ...]:
    """Return a history of one point for each benchmark and its parameters. Raises ImportingError."""
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        raise ImportingError.of(error) from error
    at = time_in_utc(file.taken_at, "datetime")
    known: set[str] = set()
    found = []
    for index, benchmark in enumerate(file.benchmarks):
        history = _history(file, benchmark, f"benchmarks.{index}", at)
        if history.fingerprint in known:
            raise ImportingError([(f"benchmarks.{index}", f"{history.name} is there twice; keep one of them")])
        known.add(history.fingerprint)
        found.append(history)
    return tuple(found)


def _history(file: _File, benchmark: _Benchmark, place: str, at: datetime) -> ImportedHistory:
    figures, left_out = {}, []
    rounds = _rounds(benchmark.stats)
    for name in METRICS:
        value = _number(benchmark.stats.get(name))
        if value is None or not (math.isfinite(value) and value > 0):
            said = "it is not there" if value is None else f"it is {value:g}, of which no relative change can be told"
            left_out.append(LeftOut(f"{place}.stats.{name}", said))
        else:
            figures[name] = _figure(name, value, rounds)
    point = ImportedPoint(at=at, key=point_key(at, _commit(file)), figures=figures, environment=_environment(file))
    named = ForeignBenchmark(
        tool=TOOL,
        name=benchmark.fullname or benchmark.name,
        parameters=benchmark.params or {},
        hardware=_hardware(file.machine_info),
    )
    return ImportedHistory.foreign(named, metric_of(METRICS, figures), [point] if figures else [], left_out)


def _number(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _rounds(stats: Mapping[str, JsonValue]) -> Samples | None:
    """Return the time of each round in the order of time, s; None where the file has them not."""
    given = stats.get("data")
    if not isinstance(given, list):
        return None
    rounds = [_number(value) for value in given]
    if any(value is None or not math.isfinite(value) for value in rounds):
        return None
    return np.array(rounds, dtype=np.float64)


def _figure(name: str, value: float, rounds: Samples | None) -> PointFigure:
    """Return a figure with the interval that its rounds support, neighbours being allowed to resemble each other.

    Mean and deviation alone support none: they do not tell how much the rounds resemble each other.
    """
    with np.errstate(all="ignore"):  # rounds that no clock showed support no interval
        interval = None if rounds is None else _interval(name, rounds)
    if interval is None or not interval.low <= value <= interval.high:
        return PointFigure(value=value, unit="s")
    return PointFigure(value=value, unit="s", low=interval.low, high=interval.high, level=interval.level)


def _interval(name: str, rounds: Samples) -> Interval | None:
    from migperf.statistics.intervals import mean_interval
    from migperf.statistics.quantiles import quantile_interval

    match name:
        case "mean":
            found = mean_interval(rounds)
        case "median":
            found = quantile_interval(rounds, 0.5)
        case _:
            found = None
    return found if found is not None and math.isfinite(found.low) and math.isfinite(found.high) else None


def _hardware(machine: _Machine) -> dict[str, JsonValue]:
    """Return what decides how fast the machine is, as far as the file says it. Equal machines are one, wherever."""
    brand = machine.cpu.brand_raw or machine.cpu.brand
    facts: dict[str, JsonValue] = {"processor": brand, "logical_cpus": machine.cpu.count, "machine": machine.machine}
    return {name: value for name, value in facts.items() if value}


def _commit(file: _File) -> str | None:
    return None if file.commit_info.id == _UNKNOWN_COMMIT else file.commit_info.id


def _environment(file: _File) -> dict[str, JsonValue]:
    machine, commit = file.machine_info, file.commit_info
    facts: dict[str, JsonValue] = {
        "node": machine.node,
        "system": machine.system,
        "kernel": machine.release,
        "python_implementation": machine.python_implementation,
        "python": machine.python_version,
        "pytest_benchmark": file.version,
        "label.commit": _commit(file),
        "label.branch": None if commit.branch == _UNKNOWN_BRANCH else commit.branch,
        "dirty": commit.dirty,
    }
    return {name: value for name, value in facts.items() if value is not None}
