"""MIG profiles: their names, and one profile as the driver describes it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from migperf.gpus.placement import Placement

_NAME = re.compile(
    r"(?:(?P<compute>[1-9]\d?)c\.)?(?P<slices>[1-9]\d?)g\.(?P<gb>\d+)gb(?P<attributes>(?:[+-](?:me\.all|me|gfx)){0,3})"
)


class Media(StrEnum):
    """What an instance takes of the GPU's media engines (decoder, encoder, JPEG, optical flow)."""

    PLAIN = ""
    ONE_SET = "+me"
    """The optical-flow engine is there once, so at most one instance of a GPU has this or ``+me.all``."""
    ALL = "+me.all"
    """While it exists, only instances without media engines fit beside it."""
    NONE = "-me"


@dataclass(frozen=True, slots=True)
class ProfileName:
    """A name such as ``1c.3g.40gb`` or ``1g.10gb+me``, taken apart (section 1.3 of the MIG naming scheme)."""

    slices: int
    """Compute slices of the GPU instance."""
    memory_gb: int
    attributes: tuple[str, ...] = ()
    compute_slices: int | None = None
    """Compute slices of the compute instance; None where it fills its GPU instance."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name. Raises ValueError that says how one looks."""
        match = _NAME.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no MIG profile; one looks like 1g.10gb, 2g.20gb+me or 1c.3g.40gb")
        attributes = tuple(re.findall(r"[+-][a-z.]+", match["attributes"]))
        compute = int(match["compute"]) if match["compute"] else None
        return cls(int(match["slices"]), int(match["gb"]), attributes, compute)

    @property
    def media(self) -> Media:
        """What it takes of the media engines."""
        return next(
            (media for media in (Media.ALL, Media.ONE_SET, Media.NONE) if media in self.attributes), Media.PLAIN
        )

    def __str__(self) -> str:
        compute = "" if self.compute_slices is None else f"{self.compute_slices}c."
        return f"{compute}{self.slices}g.{self.memory_gb}gb{''.join(self.attributes)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One way to cut an instance, as the driver describes it: what it is called, what it gets, where it may lie."""

    name: str
    id: int
    """The driver's id of it; differs between boards, so it is never stored without the GPU that it belongs to."""
    slices: int
    """Compute slices that it uses."""
    max_count: int
    """How many of it an empty GPU can hold."""
    sm_count: int | None
    memory_mib: int | None
    placements: tuple[Placement, ...]

    @property
    def media(self) -> Media:
        """What it takes of the media engines."""
        return ProfileName.parse(self.name).media if "g." in self.name else Media.PLAIN
