"""What of a metric counts as worse, and how much of it is worth an alarm."""

from dataclasses import dataclass
from enum import StrEnum

from migperf.statistics.conventions import MARGIN


class Better(StrEnum):
    """In which direction a metric improves."""

    LOWER = "lower"
    """As durations and energies."""
    HIGHER = "higher"
    """As throughputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRule:
    """How a metric is judged: its good direction, and the least relative change that matters (0.01: one per cent).

    ValueError if the least change does not lie between 0 and 1, both excluded: with 0 every rounding error matters.
    """

    better: Better
    minimum_effect: float = MARGIN

    def __post_init__(self) -> None:
        if not 0 < self.minimum_effect < 1:
            raise ValueError(
                f"minimum_effect is relative and must lie between 0 and 1, such as 0.01 for one per cent; "
                f"it is {self.minimum_effect:g}"
            )

    def is_worse(self, log_shift: float) -> bool:
        """Tell whether a change of the logarithm of the metric by so much is a change for the worse."""
        return (log_shift > 0) == (self.better is Better.LOWER)
