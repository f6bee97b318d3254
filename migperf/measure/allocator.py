"""The series of what the framework's allocator holds, as the child tells of itself about once a second."""

from migperf.measure.events import AllocatorState
from migperf.metrics import catalogue
from migperf.metrics.metric import Metric, Scope
from migperf.metrics.series import Chunk, Series, SeriesUpdate
from migperf.metrics.series_log import SeriesLog


class AllocatorLog:
    """Three series of a child on a GPU; none of a child that never says anything, as on the CPU."""

    def __init__(self) -> None:
        self._allocated, self._reserved, self._retries = self._logs = tuple(
            SeriesLog(Metric.of(quantity, Scope.PROCESS, "torch"))
            for quantity in (catalogue.ALLOCATED, catalogue.RESERVED, catalogue.ALLOCATION_RETRIES)
        )
        self._heard = False

    def add(self, state: AllocatorState) -> None:
        """Record what the child said."""
        self._heard = True
        readings = (state.allocated_mib, state.reserved_mib, state.retries)
        for log, value in zip(self._logs, readings, strict=True):
            log.extend(Chunk.of([state.at_ns], [value]))

    def take(self) -> list[SeriesUpdate]:
        """Return what was added since the last call."""
        return [update for log in self._logs for update in log.take()]

    def series(self) -> list[Series]:
        """Return everything."""
        return [series for log in self._logs for series in log.series()] if self._heard else []
