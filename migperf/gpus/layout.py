"""A layout as people write it: ``3g.40gb+2x2g.20gb``, with places and compute instances where they matter.

3g.40gb+2x2g.20gb        profiles and how many of each; where they lie is left to migperf
3g.40gb@4+1g.10gb@0      memory units at which they begin
7g.80gb(3c+4c)           compute instances inside a GPU instance; without them one fills it
3g.40gb()                a GPU instance without a compute instance, which nothing can use
empty                    MIG is on, nothing is cut
off                      MIG is off: the GPU is whole
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import AfterValidator, Field

from migperf.gpus.profile import ProfileName

OFF, EMPTY = "off", "empty"
MAX_INSTANCES = 16
_INSTANCE = re.compile(
    r"(?:(?P<count>[1-9]\d?)x)?(?P<profile>\d+g\.\d+gb(?:[+-](?:me\.all|me|gfx))*)"
    r"(?:@(?P<start>\d{1,2}))?(?:\((?P<compute>[^()]*)\))?(?P<more>\+|$)"
)
_COMPUTE = re.compile(r"(?:(?P<count>[1-9])x)?(?P<slices>[1-9])c(?P<more>\+|$)")


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """A GPU instance that is wanted."""

    profile: str
    start: int | None = None
    """Memory unit at which it begins; None where it does not matter."""
    compute: tuple[int, ...] | None = None
    """Compute slices of each compute instance, largest first; None: one that fills it."""

    def __str__(self) -> str:
        start = "" if self.start is None else f"@{self.start}"
        compute = "" if self.compute is None else f"({_counted(f'{slices}c' for slices in self.compute)})"
        return f"{self.profile}{start}{compute}"

    @property
    def partition_profiles(self) -> tuple[str, ...]:
        """The profiles of its partitions: its own where one compute instance fills it."""
        whole = ProfileName.parse(self.profile).slices
        slices = (whole,) if self.compute is None else self.compute
        return tuple(self.profile if size == whole else f"{size}c.{self.profile}" for size in slices)

    @property
    def order(self) -> tuple[int, int, str, int, bool, tuple[int, ...]]:
        """Largest first; two specs rank the same only if they are equal."""
        name = ProfileName.parse(self.profile)
        start = -1 if self.start is None else self.start
        return (-name.slices, -name.memory_gb, self.profile, start, self.compute is not None, self.compute or ())


@dataclass(frozen=True, slots=True)
class Layout:
    """What a GPU is, or is to be, cut into. Equal layouts are written the same: ``str`` is canonical."""

    instances: tuple[InstanceSpec, ...] = ()
    mig: bool = True
    """False: MIG is off, and there are no instances."""

    @classmethod
    def of(cls, instances: Iterable[InstanceSpec]) -> Self:
        """Return the layout of these instances, in canonical order."""
        return cls(tuple(sorted(instances, key=lambda spec: spec.order)))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a layout. Raises LayoutSyntaxError that says where it stops making sense."""
        stripped = text.strip()
        if stripped == OFF:
            return cls(mig=False)
        if stripped == EMPTY:
            return cls()
        layout = cls.of(_instances(stripped))
        places = Counter(spec.start for spec in layout.instances if spec.start is not None)
        if (twice := next((start for start, count in places.items() if count > 1), None)) is not None:
            raise LayoutSyntaxError(text, 0, f"puts two instances at the same place {twice}")
        if len(layout.instances) > MAX_INSTANCES:
            raise LayoutSyntaxError(text, 0, f"names {len(layout.instances)} instances; no GPU holds so many")
        return layout

    def __str__(self) -> str:
        if not self.mig:
            return OFF
        return _counted(str(spec) for spec in self.instances) if self.instances else EMPTY

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles of the GPU instances, largest first."""
        return tuple(spec.profile for spec in self.instances)

    @property
    def partition_profiles(self) -> tuple[str, ...]:
        """The profiles of the partitions that come of it, largest first; a whole GPU has none."""
        return tuple(profile for spec in self.instances for profile in spec.partition_profiles)

    def without_places(self) -> Self:
        """Return the same layout with the starts left open."""
        return type(self)(tuple(InstanceSpec(s.profile, None, s.compute) for s in self.instances), self.mig)


class LayoutSyntaxError(ValueError):
    """A layout cannot be read."""

    def __init__(self, text: str, position: int, why: str | None = None) -> None:
        rest = text[position : position + 30]
        problem = why or f"cannot be read at {rest!r}"
        super().__init__(
            f"layout {text[:80]!r} {problem}; write profiles joined by +, such as 3g.40gb+2x2g.20gb, 3g.40gb@4 or "
            f"7g.80gb(3c+4c), or {EMPTY} or {OFF}"
        )


def _canonical(text: str) -> str:
    return str(Layout.parse(text))


LayoutText = Annotated[
    str,
    Field(max_length=512, examples=["3g.40gb+2x2g.20gb"], description="MIG layout, such as 3g.40gb+2x2g.20gb."),
    AfterValidator(_canonical),
]
"""A layout in a document: read, and written in its canonical form."""


def _instances(text: str) -> Iterator[InstanceSpec]:
    position = 0
    more = True
    while more:
        match = _INSTANCE.match(text, position)
        if match is None:
            raise LayoutSyntaxError(text, position)
        start = None if match["start"] is None else int(match["start"])
        compute = None if match["compute"] is None else _compute(text, match)
        ProfileName.parse(match["profile"])
        count = int(match["count"] or 1)
        if start is not None and count > 1:
            raise LayoutSyntaxError(text, position, f"puts {count} instances at the same place {start}")
        yield from [InstanceSpec(match["profile"], start, compute)] * count
        position, more = match.end(), match["more"] == "+"


def _compute(text: str, instance: re.Match[str]) -> tuple[int, ...]:
    inner, position = instance["compute"], 0
    slices: list[int] = []
    more = bool(inner)
    while more:
        match = _COMPUTE.match(inner, position)
        if match is None:
            raise LayoutSyntaxError(text, instance.start("compute") + position)
        slices += [int(match["slices"])] * int(match["count"] or 1)
        position, more = match.end(), match["more"] == "+"
    return tuple(sorted(slices, reverse=True))


def _counted(names: Iterable[str]) -> str:
    """Write equal neighbours once, with their number."""
    counts = Counter(names)
    return "+".join(name if count == 1 else f"{count}x{name}" for name, count in counts.items())
