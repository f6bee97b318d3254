"""Drawing how a GPU is cut, to scale, in plain characters: a row of memory units, and below it one of compute slices.

    memory  |3g.40gb------------------------|2g.20gb--------|.......|.......|
    compute |3c---------------------|.......|2c-------------|.......|

A dot is free; ``unused`` is part of a GPU instance in which no compute instance lies. The driver does not say which
compute slices of the GPU an instance has, so they are drawn as far below its memory as their number allows.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from rich.console import Console
from rich.text import Text

from migperf.gpus.geometry import Geometry, Wish, compute_geometry, compute_profile
from migperf.gpus.gpu import Gpu
from migperf.gpus.layout import Layout
from migperf.gpus.placement import Placement
from migperf.gpus.profile import ProfileName

MOST_COLUMNS = 100
MEMORY, COMPUTE, WHOLE = "memory  ", "compute ", "GPU     "
UNUSED = ("unused", "-")
_COLOURS = ("black on green", "black on cyan", "black on yellow", "black on magenta", "white on blue", "black on red")
_LEAST_CELL = 2
"""A border and one character."""


@dataclass(frozen=True, slots=True)
class DrawnInstance:
    """A GPU instance as it is drawn."""

    profile: str
    placement: Placement
    slices: int
    compute: tuple[Placement, ...]
    """Its compute instances, in its own compute slices, by their starts."""


@dataclass(frozen=True, slots=True)
class Pen:
    """How things are drawn: so wide, and with colours or without."""

    width: int
    coloured: bool = False

    @classmethod
    def of(cls, console: Console, indent: int = 0) -> "Pen":
        """Return the pen for a console, where each line begins after so many columns."""
        coloured = console.color_system is not None and not console.no_color
        return cls(min(console.width, MOST_COLUMNS) - indent, coloured)


@dataclass(frozen=True, slots=True)
class _Block:
    """Neighbouring units of a row that belong together. Without names they are free; ``owner`` gives the colour."""

    units: int
    names: tuple[str, ...] = ()
    owner: int = 0


def draw_gpu(gpu: Gpu, pen: Pen) -> list[Text]:
    """Draw a GPU as it is cut now; nothing where this process may not see that."""
    if gpu.mig is None or not gpu.mig.enabled or gpu.geometry is None:
        return [_whole(pen)]
    if any(instance.placement is None for instance in gpu.instances):
        return []
    return _rows(gpu.geometry, tuple(_instances_of(gpu)), pen)


def draw_layout(geometry: Geometry, layout: Layout, pen: Pen) -> list[Text]:
    """Draw a layout in which every place is given, such as a plan ends with."""
    return _rows(geometry, tuple(_instances_in(geometry, layout)), pen) if layout.mig else [_whole(pen)]


def draw_memory(geometry: Geometry, layout: Layout, pen: Pen) -> Text:
    """Draw the memory row of a layout alone, without its label."""
    instances = tuple(_instances_in(geometry, layout))
    return _row("", _memory_blocks(geometry, instances), _cell(geometry, pen.width), pen)


def short_names(profile: str) -> tuple[str, ...]:
    """Return a profile's name and what it can be abbreviated to, the longest first, down to its compute slices."""
    name = ProfileName.parse(profile)
    attributes = "".join(name.attributes)
    size = f"{name.slices}g"
    return profile, f"{size}{attributes}", f"{size}{attributes[:1]}", size, str(name.slices)


def _instances_of(gpu: Gpu) -> Iterator[DrawnInstance]:
    for instance in gpu.instances:
        places = [Placement(c.placement.start, c.slices) for c in instance.compute_instances if c.placement]
        if instance.placement is not None:
            yield DrawnInstance(instance.profile, instance.placement, instance.slices, tuple(sorted(places)))


def _instances_in(geometry: Geometry, layout: Layout) -> Iterator[DrawnInstance]:
    drawn = []
    for spec in layout.instances:
        profile = geometry.by_name[spec.profile]
        place = next(place for place in profile.placements if place.start == spec.start)
        slices = (profile.slices,) if spec.compute is None else spec.compute
        drawn.append(DrawnInstance(spec.profile, place, profile.slices, _arranged(profile.slices, slices)))
    yield from sorted(drawn, key=lambda instance: instance.placement)


def _arranged(whole: int, slices: Sequence[int]) -> tuple[Placement, ...]:
    """Return where compute instances that are yet to be created will lie."""
    made = compute_geometry(whole).arrange([Wish(compute_profile(size)) for size in slices]) or ()
    return tuple(sorted(placed.placement for placed in made))


def _rows(geometry: Geometry, instances: Sequence[DrawnInstance], pen: Pen) -> list[Text]:
    cell = _cell(geometry, pen.width - len(MEMORY))
    units_a_slice = max(1, geometry.units // geometry.slices)
    return [
        _row(MEMORY, _memory_blocks(geometry, instances), cell, pen),
        _row(COMPUTE, _compute_blocks(geometry, instances), cell * units_a_slice, pen),
    ]


def _cell(geometry: Geometry, width: int) -> int:
    """Return the columns of one memory unit, its left border among them; one more closes the row."""
    return max(_LEAST_CELL, (width - 1) // geometry.units)


def _memory_blocks(geometry: Geometry, instances: Sequence[DrawnInstance]) -> Iterator[_Block]:
    position = 0
    for owner, instance in enumerate(instances):
        yield from _free(instance.placement.start - position)
        yield _Block(instance.placement.size, short_names(instance.profile), owner)
        position = instance.placement.end
    yield from _free(geometry.units - position)


def _compute_blocks(geometry: Geometry, instances: Sequence[DrawnInstance]) -> Iterator[_Block]:
    position, left = 0, sum(instance.slices for instance in instances)
    for owner, instance in enumerate(instances):
        below = ceil(instance.placement.start * geometry.slices / geometry.units)
        start = max(position, min(below, geometry.slices - left))
        yield from _free(start - position)
        yield from _inside(instance, owner)
        left -= instance.slices
        position = start + instance.slices
    yield from _free(geometry.slices - position)


def _inside(instance: DrawnInstance, owner: int) -> Iterator[_Block]:
    """Yield the compute instances of a GPU instance, and what they leave of it."""
    position = 0
    for place in instance.compute:
        if place.start > position:
            yield _Block(place.start - position, UNUSED, owner)
        yield _Block(place.size, (f"{place.size}c", str(place.size)), owner)
        position = place.end
    if position < instance.slices:
        yield _Block(instance.slices - position, UNUSED, owner)


def _free(units: int) -> Iterator[_Block]:
    return (_Block(1) for _ in range(units))


def _whole(pen: Pen) -> Text:
    width = pen.width - len(WHOLE) - 1
    return _row(WHOLE, [_Block(1, ("whole GPU", "whole", "1"))], width, pen)


def _row(label: str, blocks: Iterable[_Block], cell: int, pen: Pen) -> Text:
    drawn = Text(label, no_wrap=True)
    for block in blocks:
        drawn.append("|")
        columns = block.units * cell - 1
        if not block.names:
            drawn.append("." * columns, "dim")
            continue
        name = next((name for name in block.names if len(name) <= columns), block.names[-1])
        style = _COLOURS[block.owner % len(_COLOURS)] if pen.coloured else ""
        drawn.append(name.ljust(columns, " " if pen.coloured else "-"), style)
    return drawn.append("|")
