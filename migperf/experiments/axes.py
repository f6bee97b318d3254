"""From the matrix of an experiment to its cells: the product of the axes, less what is excluded."""

from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from pydantic import JsonValue, ValidationError

from migperf.experiments.document import Experiment, Settings
from migperf.experiments.errors import ExperimentError

MAX_CELLS = 2000
MAX_RUNS = 20_000
"""Of all cells and repeats: they are stored in one transaction, which nobody else may write beside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One combination of the axes' values."""

    number: int
    coordinates: Mapping[str, JsonValue]
    """Value or choice by axis, under the axes' short names."""
    settings: Settings

    def __str__(self) -> str:
        return ", ".join(f"{axis} = {value}" for axis, value in self.coordinates.items()) or "the only cell"


def expand(experiment: Experiment) -> tuple[Cell, ...]:
    """Return the cells of the experiment, the first axis the slowest. Raises ExperimentError."""
    _check_axes(experiment)
    names = short_names(tuple(experiment.matrix))
    cells = [
        (
            {names[axis]: label for axis, (label, _) in chosen.items()},
            _settings(experiment, chosen),
        )
        for chosen in _combinations(experiment)
        if not _is_excluded(experiment, chosen, names)
    ]
    if not cells:
        raise ExperimentError([("exclude", "no cell is left; exclude fewer")])
    runs = experiment.repeats * sum(settings.runs for _, settings in cells)
    if runs > MAX_RUNS:
        many = f"{runs} runs are more than {MAX_RUNS}; repeat less often, or divide the file"
        raise ExperimentError([("repeats", many)])
    return tuple(
        Cell(number=number, coordinates=coordinates, settings=settings)
        for number, (coordinates, settings) in enumerate(cells)
    )


def short_names(axes: tuple[str, ...]) -> dict[str, str]:
    """Return for each axis the last part of its path, or the whole path where another axis ends alike."""
    last = Counter(axis.rpartition(".")[2] for axis in axes)
    return {axis: end if last[end := axis.rpartition(".")[2]] == 1 else axis for axis in axes}


Chosen = dict[str, tuple[JsonValue, JsonValue]]
"""For each axis the label of what was chosen, and the value or patch itself."""


def _combinations(experiment: Experiment) -> Iterator[Chosen]:
    axes = {
        axis: list(values.items()) if isinstance(values, dict) else [(_label(value), value) for value in values]
        for axis, values in experiment.matrix.items()
    }
    for combination in product(*axes.values()):
        yield dict(zip(axes, combination, strict=True))


def _label(value: JsonValue) -> JsonValue:
    """Return what a value is called in tables: an object by its parts."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return str(value) if isinstance(value, list) else value


def _settings(experiment: Experiment, chosen: Chosen) -> Settings:
    cell = experiment.settings()
    for axis, (label, value) in chosen.items():
        if isinstance(experiment.matrix[axis], dict) and isinstance(value, dict):
            cell = merged(cell, value)
        else:
            _put(cell, axis, value)
        try:
            Settings.model_validate(cell)
        except ValidationError as error:
            raise ExperimentError.of(error, f"matrix.{axis} ({label})") from error
    return Settings.model_validate(cell)


def merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return the base with the patch laid over it: objects are merged, everything else is replaced."""
    result = dict(base)
    for name, value in patch.items():
        here = result.get(name)
        result[name] = merged(here, value) if isinstance(here, Mapping) and isinstance(value, Mapping) else value
    return deepcopy(result)


def _put(cell: dict[str, Any], path: str, value: JsonValue) -> None:
    *folders, last = path.split(".")
    for folder in folders:
        if not isinstance(cell.get(folder), dict):
            cell[folder] = {}
        cell = cell[folder]
    cell[last] = value


def _is_excluded(experiment: Experiment, chosen: Chosen, names: Mapping[str, str]) -> bool:
    given = {axis: label for axis, (label, _) in chosen.items()}
    given |= {names[axis]: label for axis, label in given.items()}
    return any(all(given.get(axis) == value for axis, value in rule.items()) for rule in experiment.exclude)


def _check_axes(experiment: Experiment) -> None:
    count = prod(len(values) for values in experiment.matrix.values())
    if count > MAX_CELLS:
        raise ExperimentError([("matrix", f"{count} cells are more than {MAX_CELLS}; measure fewer values")])
    problems = [
        (f"matrix.{axis}", f"no cell has {axis.partition('.')[0]!r}; a path begins with {', '.join(_ROOTS)}")
        for axis, values in experiment.matrix.items()
        if isinstance(values, list) and axis.partition(".")[0] not in _ROOTS
    ]
    known = {*experiment.matrix, *short_names(tuple(experiment.matrix)).values()}
    problems += [
        (f"exclude.{number}", f"there is no axis {axis!r}; there are {', '.join(sorted(known)) or 'none'}")
        for number, rule in enumerate(experiment.exclude)
        for axis in rule
        if axis not in known
    ]
    problems += [(f"exclude.{number}", "an empty rule would exclude every cell") for number, rule in _empty(experiment)]
    if problems:
        raise ExperimentError(problems)


def _empty(experiment: Experiment) -> Iterator[tuple[int, dict[str, JsonValue]]]:
    return ((number, rule) for number, rule in enumerate(experiment.exclude) if not rule)


_ROOTS = tuple(Settings.model_fields)
