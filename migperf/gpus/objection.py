"""Why a layout, or an instance beside others, is not legal: the rule that it breaks, and where it does. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from migperf.gpus.placement import Placement


class Rule(StrEnum):
    """What every legal layout keeps to."""

    NO_MIG = "no_mig"
    """The GPU cannot be cut."""
    PROFILE = "profile"
    """A profile is one of those that the GPU has."""
    START = "start"
    """An instance begins at a memory unit that its profile has a place at."""
    OVERLAP = "overlap"
    """Instances share no memory unit."""
    MAX_COUNT = "max_count"
    """No profile comes more often than its maximum."""
    COMPUTE_SLICES = "compute_slices"
    """Compute slices add up to no more than there are."""
    MEDIA_ENGINES = "media_engines"
    """Media engines are given out once."""
    ARRANGEMENT = "arrangement"
    """There is a place for everything at once."""
    COMPUTE_INSTANCES = "compute_instances"
    """The compute instances of a GPU instance fit into it."""


@dataclass(frozen=True, slots=True)
class Objection:
    """One rule that is broken; as text, a sentence that says what is wrong and, where there is one, the way out."""

    rule: Rule
    says: str
    instance: str | None = None
    """The instance that cannot be had, such as ``3g.40gb@0``, or its profile where it has no place."""
    beside: str | None = None
    """The instance that it collides with, of those that collide the one that was found first."""
    units: Placement | None = None
    """The memory units that both want."""

    def __str__(self) -> str:
        return self.says
