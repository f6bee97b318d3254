"""Which figures of a result are watched unless somebody chooses others, and in which direction figures improve."""

from collections.abc import Collection

from migperf.histories.imported_metric import NONE_IMPORTED, ImportedMetrics
from migperf.statistics.detection.metric_rule import Better

USUAL = (
    "throughput",
    "latency_p50",
    "latency_p99",
    "step_time_p50",
    "step_time_p99",
    "batch_time_p50",
    "batch_time_p99",
    "energy_per_sample",
    "max_batch",
    "max_rate",
)
"""The middle and the tail of what was timed, how much was done, and what it took; each where a run has it."""
_HIGHER = frozenset({"throughput", "max_batch", "max_rate"})
_LOWER = ("latency_", "step_time_", "batch_time_", "data_time_", "energy", "host_energy", "peak_", "power_")


def usual(figures: Collection[str], imported: ImportedMetrics = NONE_IMPORTED) -> tuple[str, ...]:
    """Return the figures among these that are watched unless somebody chooses others: of what was imported, all."""
    return tuple(name for name in imported or USUAL if name in figures)


def better_of(name: str, imported: ImportedMetrics = NONE_IMPORTED) -> Better | None:
    """Return in which direction a figure improves; None for one that is not known, as a payload's own."""
    if name in imported:
        return imported[name].better
    if name in _HIGHER:
        return Better.HIGHER
    return Better.LOWER if name.startswith(_LOWER) else None
