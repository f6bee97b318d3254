"""A source made of groups: what is read of one device at the same intervals."""

from collections.abc import Sequence

import numpy as np

from migperf.metrics.absence import Absence
from migperf.metrics.gpu.group import Group
from migperf.metrics.metric import Metric
from migperf.metrics.source import Row


class GroupSource:
    """A ``Source``. A group that fails leaves its own columns empty; the others go on."""

    def __init__(self, groups: Sequence[Group], period_ns: int) -> None:
        """``period_ns`` is the least time between two readings that makes sense."""
        self.metrics: tuple[Metric, ...] = tuple(metric for group in groups for metric in group.metrics)
        self.period_ns = period_ns
        self.steady = False
        """See SteadySource. Where something is missing, it has to be looked at each time."""
        self._complete = False
        self._groups = tuple(groups)
        self._columns = [(group, index) for group in groups for index in range(len(group.metrics))]
        self._row: Row = np.full(len(self.metrics), np.nan)
        start = 0
        for group in groups:
            group.fill_into(self._row[start : start + len(group.metrics)])
            start += len(group.metrics)

    def read(self, now_ns: int) -> Row:
        """See Source."""
        complete = True
        for group in self._groups:
            group.take(now_ns)
            complete = complete and group.complete
        self.steady = complete and self._complete
        self._complete = complete
        return self._row

    def why_not(self, index: int) -> Absence | None:
        """See Source."""
        group, column = self._columns[index]
        return group.absences[column]

    def close(self) -> None:
        """See Source: handles of devices are not given back."""
