"""What of each run's steps can be compared, by name. Imports nothing heavy: who only asks needs no statistics."""

from enum import StrEnum


class StatisticName(StrEnum):
    """What of a run's steps is compared."""

    MEAN = "mean"
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"

    @property
    def quantile(self) -> float | None:
        """The quantile that it is, 0 to 1; None for the mean."""
        return None if self is StatisticName.MEAN else int(self.removeprefix("p")) / 100
