"""Where something that was cut out lies: a run of consecutive units of a grid."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Placement:
    """``size`` units beginning at ``start``: memory units of a GPU, or compute slices of a GPU instance."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """The unit after the last one."""
        return self.start + self.size

    def overlaps(self, other: "Placement") -> bool:
        """Tell whether the two share a unit."""
        return self.start < other.end and other.start < self.end

    def shared_with(self, other: "Placement") -> "Placement":
        """Return the units that the two share; they must overlap."""
        start = max(self.start, other.start)
        return Placement(start, min(self.end, other.end) - start)

    def __str__(self) -> str:
        return f"{self.start}:{self.size}"
