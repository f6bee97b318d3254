"""The names in questions and answers. Imports nothing heavy: who only asks or reads needs no statistics."""

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


class Per(StrEnum):
    """What the values of a comparison are of."""

    STEP = "step"
    SAMPLE = "sample"
    """Steps are of different size, so they are divided by their samples."""


class Aspect(StrEnum):
    """What a difference is one of."""

    WORK = "work"
    """Another step is timed: the ratio is not that of one thing done faster or slower."""
    METHOD = "method"
    """The same step, measured by other rules or from another seed."""
    ENVIRONMENT = "environment"
    """Software, host and settings."""
    PARTITION = "partition"
    """What hardware it ran on, and which piece of it."""
