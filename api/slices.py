"""How the slices of a GPU are drawn: coordinates of an SVG whose units are memory units and compute slices to scale.

Above lie the GPU instances on the grid of memory units, below the compute slices that each has, beginning where its
memory does. Pure: what is free or leased is handed in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from migperf.gpus.placement import Placement

WIDTH = 336
"""Divisible by the 2, 4, 8 and 12 memory units that boards have."""
MEMORY_HEIGHT = 32
COMPUTE_TOP = 35
COMPUTE_HEIGHT = 13
HEIGHT = COMPUTE_TOP + COMPUTE_HEIGHT


class SliceState(StrEnum):
    """How a slice is shown: each has a colour, a pattern and a word."""

    PLACED = "placed"
    """Part of a layout that is only thought of."""
    FREE = "free"
    LEASED = "leased"
    CHANGING = "changing"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Grid:
    """The memory units and compute slices of a board."""

    units: int
    slices: int

    @property
    def unit_width(self) -> float:
        """Width of a memory unit."""
        return WIDTH / self.units

    @property
    def slice_width(self) -> float:
        """Width of a compute slice: that of its memory units. Of 8 units 7 slices leave the last one bare."""
        return max(1, self.units // self.slices) * self.unit_width


@dataclass(frozen=True, slots=True)
class ComputePart:
    """A compute instance: where it lies within its GPU instance, in compute slices, and how it stands."""

    placement: Placement
    state: SliceState


@dataclass(frozen=True, slots=True)
class InstancePart:
    """A GPU instance that is to be drawn."""

    profile: str
    placement: Placement
    slices: int
    compute: tuple[ComputePart, ...]
    state: SliceState
    link: str | None = None
    """Where a click on it leads."""
    says: str = ""
    """What a click does, or what the instance is for."""
    label: str = ""
    """What stands in its compute slices, as far as there is room."""
    kind: str = ""
    """A class of style that it is drawn in beside that of its state."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of one of the two rows."""

    left: float
    width: float
    state: SliceState

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.left + self.width

    @property
    def middle(self) -> float:
        """Where its text stands."""
        return round(self.left + self.width / 2, 2)


@dataclass(frozen=True, slots=True)
class Slice:
    """A GPU instance as it is drawn."""

    memory: Bar
    compute: tuple[Bar, ...]
    lines: tuple[str, ...]
    """Its profile in as many lines as there is room for."""
    title: str
    link: str | None
    label: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A GPU as it is drawn."""

    slices: tuple[Slice, ...]
    memory_grid: str
    """SVG path of the borders of memory units."""
    compute_grid: str
    width: int = WIDTH
    height: int = HEIGHT


def draw(grid: Grid, instances: Iterable[InstancePart]) -> Drawing:
    """Return the drawing of a GPU that is cut so."""
    ordered = sorted(instances, key=lambda instance: instance.placement)
    return Drawing(
        slices=tuple(_slice(grid, instance) for instance in ordered),
        memory_grid=_cells(grid.units, grid.unit_width, 0, MEMORY_HEIGHT),
        compute_grid=_cells(grid.slices, grid.slice_width, COMPUTE_TOP, COMPUTE_HEIGHT),
    )


def draw_whole(name: str, state: SliceState) -> Drawing:
    """Return the drawing of a device that is not cut."""
    return draw(Grid(1, 1), [whole_part(name, state, Grid(1, 1))])


def whole_part(name: str, state: SliceState, grid: Grid) -> InstancePart:
    """Return all of a device as one part of it."""
    computes = (ComputePart(Placement(0, grid.slices), state),)
    return InstancePart(name, Placement(0, grid.units), grid.slices, computes, state)


def _slice(grid: Grid, instance: InstancePart) -> Slice:
    left = round(instance.placement.start * grid.unit_width, 2)
    width = round(instance.placement.size * grid.unit_width, 2)
    return Slice(
        memory=Bar(left, width, instance.state),
        compute=tuple(
            Bar(
                round(left + part.placement.start * grid.slice_width, 2),
                round(part.placement.size * grid.slice_width, 2),
                part.state,
            )
            for part in instance.compute
        ),
        lines=_lines(instance.profile, width),
        title=_title(instance),
        link=instance.link,
        label=_clipped(instance.label, instance.slices * grid.slice_width),
        kind=instance.kind,
    )


_CHARACTER = 6
"""About the width of a character of the drawing's font."""


def _lines(profile: str, width: float) -> tuple[str, ...]:
    """Break a profile's name at its dot where it is too long for one line."""
    if len(profile) * _CHARACTER <= width or "." not in profile:
        return (profile,)
    slices, _, memory = profile.partition(".")
    return (slices, memory)


_FEWEST = 10
"""Characters of a label below which its beginning says less than its first word alone."""


def _clipped(label: str, width: float) -> str:
    """Return as much of a label as there is room for."""
    most = int(width / _CHARACTER) - 1
    if len(label) <= most:
        return label
    return label.partition(" ")[0] if most < _FEWEST else f"{label[: most - 1]}…"


def _title(instance: InstancePart) -> str:
    at = instance.placement
    units = f"memory unit {at.start}" if at.size == 1 else f"memory units {at.start} to {at.end - 1}"
    slices = f"{instance.slices} compute slice{'' if instance.slices == 1 else 's'}"
    states = ", ".join(dict.fromkeys(str(part.state) for part in instance.compute)) or "without compute instance"
    said = f"{instance.profile}, {units}, {slices}: {states}"
    return f"{said}. {instance.says}" if instance.says else said


def _cells(count: int, width: float, top: int, height: int) -> str:
    return "".join(f"M{round(i * width, 2)},{top}h{round(width, 2)}v{height}h{-round(width, 2)}z" for i in range(count))
