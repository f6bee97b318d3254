"""The axes of an experiment, worked out from the coordinates of its cells: what was varied, and over which values."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migperf.experiments.axes import short_names

_LONGEST_LABEL = 40
_LEAST_VALUES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis. ``path`` is its key among the coordinates, ``name`` is short and unique; ``values`` as they were given.

    Numbers are sorted, other values are in the order of the file.
    """

    path: str
    name: str
    values: tuple[Any, ...]

    @property
    def is_numeric(self) -> bool:
        """Whether every value is a number."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)

    @property
    def varies(self) -> bool:
        """Whether there is more than one value."""
        return len(self.values) >= _LEAST_VALUES

    @property
    def doubles(self) -> bool:
        """Whether each number is the one before it times a power of two, as with batch sizes."""
        if not self.is_numeric or not self.varies or min(self.values) <= 0:
            return False
        steps = (math.log2(high / low) for low, high in zip(self.values, self.values[1:], strict=False))
        return all(step == round(step) for step in steps)

    @property
    def labels(self) -> tuple[str, ...]:
        """The values as people read them."""
        return tuple(label(value) for value in self.values)

    def index(self, coordinates: Mapping[str, Any]) -> int:
        """Return the place of a cell on this axis."""
        return [key(value) for value in self.values].index(key(coordinates.get(self.path)))


def axes_of(coordinates: Sequence[Mapping[str, Any]]) -> tuple[Axis, ...]:
    """Return the axes of cells given in the order of their numbers, the one that changes slowest first.

    The order of keys is not used: a database may forget it, and the numbers of the cells tell the same.
    """
    paths = sorted({path for cell in coordinates for path in cell})
    changes = {path: _first_change([key(cell.get(path)) for cell in coordinates]) for path in paths}
    names = short_names(tuple(paths))
    ordered = sorted(paths, key=lambda path: (-changes[path], path))
    return tuple(
        Axis(path=path, name=names[path], values=_values([cell.get(path) for cell in coordinates])) for path in ordered
    )


def label(value: object, longest: int | None = _LONGEST_LABEL) -> str:
    """Return a coordinate as people read it; what is neither text nor number is shortened to ``longest`` characters."""
    if isinstance(value, str):
        return value
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    text = json.dumps(value, sort_keys=True)
    return text if longest is None or len(text) <= longest else f"{text[: longest - 1]}…"


def key(value: object) -> str:
    """Return what tells a coordinate from others; JSON tells 1 from true, which Python does not."""
    return json.dumps(value, sort_keys=True)


def cell_label(axes: Iterable[Axis], coordinates: Mapping[str, Any]) -> str:
    """Return a cell's place on those axes, such as ``partition 1g, batch_size 4``; empty without axes."""
    return ", ".join(f"{axis.name} {label(coordinates.get(axis.path))}" for axis in axes)


def _first_change(values: Sequence[str]) -> int:
    """Return the number of the first cell that differs from the first; 0 where none does."""
    return next((number for number, value in enumerate(values) if value != values[0]), 0)


def _values(given: Iterable[Any]) -> tuple[Any, ...]:
    axis = Axis(path="", name="", values=tuple({key(value): value for value in given}.values()))
    return tuple(sorted(axis.values)) if axis.is_numeric else axis.values
