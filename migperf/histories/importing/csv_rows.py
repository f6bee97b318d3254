"""Results as a table of comma-separated values (RFC 4180), one figure a row: how any program can hand over its past."""

import csv
import difflib
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from migperf.histories.imported_metric import ImportedMetric
from migperf.histories.importing.errors import ImportingError
from migperf.histories.importing.imported import (
    MOST_METRICS,
    ForeignBenchmark,
    ImportedHistory,
    ImportedPoint,
    point_key,
    time_in_utc,
)
from migperf.histories.importing.json_text import UNSTORABLE, UNSTORABLE_TOLD
from migperf.histories.points import PointFigure
from migperf.histories.watched_metrics import better_of
from migperf.statistics.detection.metric_rule import Better

TOOL = "csv"
NEEDED = ("time", "benchmark", "metric", "value", "unit")
OPTIONAL = ("low", "high", "level", "better", "key", "commit", "hardware")
ENVIRONMENT = "env."
_INTERVAL = ("low", "high", "level")
_LONGEST = {"unit": 32}
_LONGEST_CELL = 200
_MOST_PROBLEMS = 20
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_METRIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}")


class _Cells:
    """The cells of one row by column, and where a problem lies."""

    def __init__(self, line: int, cells: Mapping[str, str]) -> None:
        self.line = line
        self._cells = cells

    def get(self, column: str) -> str | None:
        """Return what is in a column; None where that is empty, or the file has no such column."""
        return self._cells.get(column, "").strip() or None

    def environment(self) -> dict[str, str]:
        """Return the facts of the environment that the row has."""
        names = [column for column in self._cells if column.startswith(ENVIRONMENT)]
        return {name.removeprefix(ENVIRONMENT): value for name in names if (value := self.get(name)) is not None}

    def wrong(self, column: str, told: str) -> ImportingError:
        """Return the error for what is in a column."""
        return ImportingError([(f"line {self.line}, column {column}", told)])


@dataclass(slots=True)
class _Point:
    line: int
    at: datetime
    key: str
    commit: str | None
    environment: dict[str, JsonValue]
    figures: dict[str, PointFigure] = field(default_factory=dict)


@dataclass(slots=True)
class _History:
    metrics: dict[str, ImportedMetric] = field(default_factory=dict)
    points: dict[str, _Point] = field(default_factory=dict)


def read(text: str) -> tuple[ImportedHistory, ...]:
    """Return the histories of a table. Raises ImportingError with lines and columns, the first twenty of them."""
    if (found := UNSTORABLE.search(text)) is not None:
        line = text.count("\n", 0, found.start()) + 1
        raise ImportingError([(f"line {line}", UNSTORABLE_TOLD)])
    histories: dict[tuple[str, str], _History] = {}
    problems: list[tuple[str, str]] = []
    for row in _rows(text):
        try:
            _add(histories, row)
        except ImportingError as error:
            problems += error.problems
            if len(problems) >= _MOST_PROBLEMS:
                break
    if problems:
        raise ImportingError(problems)
    return tuple(_imported(name, hardware, history) for (name, hardware), history in histories.items())


def _rows(text: str) -> Iterator[_Cells]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = _checked_columns(next(reader, []))
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(columns):
                told = f"it has {len(row)} cells, and the first line {len(columns)}; put quotes around text with commas"
                raise ImportingError([(f"line {reader.line_num}", told)])
            yield _Cells(reader.line_num, dict(zip(columns, row, strict=True)))
    except csv.Error as error:
        raise ImportingError(
            [(f"line {reader.line_num}", f"this is no table of comma-separated values: {error}")]
        ) from error


def _checked_columns(row: Sequence[str]) -> list[str]:
    columns = [cell.strip() for cell in row]
    problems = []
    for column in columns:
        if columns.count(column) > 1:
            problems.append(f"column {column!r} is there {columns.count(column)} times")
        elif column not in (*NEEDED, *OPTIONAL) and not re.fullmatch(r"env\..{1,64}", column):
            near = difflib.get_close_matches(column, (*NEEDED, *OPTIONAL), n=1)
            hint = f"did you mean {near[0]}?" if near else "name facts of the environment env.NAME"
            problems.append(f"there is no column {column!r}; {hint}")
    problems += [f"column {name} is missing" for name in NEEDED if name not in columns]
    if problems:
        raise ImportingError([("line 1", problem) for problem in dict.fromkeys(problems[:_MOST_PROBLEMS])])
    return columns


def _add(histories: dict[tuple[str, str], _History], row: _Cells) -> None:
    name, metric = _text(row, "benchmark"), _metric_name(row)
    hardware = _optional(row, "hardware") or ""
    at, commit = _time(row), _optional(row, "commit")
    figure = _figure(row)
    history = histories.setdefault((name, hardware), _History())
    _add_metric(history, row, metric, figure.unit)
    key = point_key(at, _optional(row, "key") or commit)
    point = history.points.setdefault(key, _Point(row.line, at, key, commit, dict(row.environment())))
    if metric in point.figures:
        told = f"{metric} of {name} at that time is in line {point.line} or below it already; tell them apart by `key`"
        raise row.wrong("metric", told)
    _add_environment(point, row, commit)
    point.figures[metric] = figure


def _add_metric(history: _History, row: _Cells, name: str, unit: str) -> None:
    given = row.get("better")
    known = history.metrics.get(name)
    if given is not None and given not in {*Better}:
        raise row.wrong("better", f"{given!r} is neither lower nor higher")
    if known is None:
        better = Better(given) if given else better_of(name)
        if better is None:
            raise row.wrong("better", f"is {name} better lower or higher? Write it into a column `better`")
        if len(history.metrics) == MOST_METRICS:
            raise row.wrong("metric", f"a benchmark has at most {MOST_METRICS} metrics; leave some out")
        history.metrics[name] = ImportedMetric(unit=unit, better=better)
    elif known.unit != unit:
        raise row.wrong("unit", f"{name} is in {known.unit} above and in {unit} here; one unit for all")
    elif given is not None and known.better != given:
        raise row.wrong("better", f"{name} is better {known.better} above and {given} here")


def _add_environment(point: _Point, row: _Cells, commit: str | None) -> None:
    if commit != point.commit:
        raise row.wrong("commit", f"it is not that of line {point.line}, which is of the same result")
    for name, value in row.environment().items():
        if point.environment.setdefault(name, value) != value:
            told = f"it is {point.environment[name]!r} in line {point.line}, which is of the same result"
            raise row.wrong(f"{ENVIRONMENT}{name}", told)


def _text(row: _Cells, column: str) -> str:
    found = _optional(row, column)
    if found is None:
        raise row.wrong(column, "it is empty")
    return found


def _optional(row: _Cells, column: str) -> str | None:
    found = row.get(column)
    longest = _LONGEST.get(column, _LONGEST_CELL)
    if found is not None and len(found) > longest:
        raise row.wrong(column, f"it is longer than {longest} characters")
    return found


def _metric_name(row: _Cells) -> str:
    name = _text(row, "metric")
    if not _METRIC.fullmatch(name):
        raise row.wrong("metric", f"{name[:64]!r} is no name of a metric: letters, digits and _ . : / -, at most 64")
    return name


def _time(row: _Cells) -> datetime:
    text = _text(row, "time")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise row.wrong("time", f"{text[:64]!r} is no time; write it as 2026-01-31T12:00:00Z") from None
    if found.tzinfo is None:
        raise row.wrong("time", f"{text!r} has no time zone; put Z behind it for UTC, or an offset such as +01:00")
    return time_in_utc(found, f"line {row.line}, column time")


def _number(row: _Cells, column: str) -> float:
    text = _text(row, column)
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise row.wrong(column, f"{text[:64]!r} is no number; write it as 12.5 or 1.25e1, without a unit")
    return value


def _figure(row: _Cells) -> PointFigure:
    value = _number(row, "value")
    if value <= 0:
        raise row.wrong("value", f"it is {value:g}; changes are relative, so leave rows out that are not positive")
    given = [column for column in _INTERVAL if row.get(column) is not None]
    if given and len(given) < len(_INTERVAL):
        raise row.wrong(given[0], "an interval has low, high and level; give all of them or none")
    low, high, level = (_number(row, column) for column in _INTERVAL) if given else (None, None, None)
    if level is not None and not 0 < level < 1:
        raise row.wrong("level", f"{level:g} does not lie between 0 and 1; write 0.95 for 95 %")
    if low is not None and high is not None and not low <= value <= high:
        raise row.wrong("value", f"{value:g} does not lie from {low:g} to {high:g}")
    return PointFigure(value=value, unit=_text(row, "unit"), low=low, high=high, level=level)


def _imported(name: str, hardware: str, history: _History) -> ImportedHistory:
    points = [
        ImportedPoint(
            at=point.at,
            key=point.key,
            figures=point.figures,
            environment=point.environment
            if point.commit is None
            else point.environment | {"label.commit": point.commit},
        )
        for point in history.points.values()
    ]
    named = ForeignBenchmark(tool=TOOL, name=name, hardware={"hardware": hardware} if hardware else {})
    return ImportedHistory.foreign(named, history.metrics, points)
