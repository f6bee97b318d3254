"""A source made of groups: what is read of one device at the same intervals."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from migperf.gpus.nvml_errors import NvmlError
from migperf.metrics.absence import Absence
from migperf.metrics.film import Film, Usual
from migperf.metrics.gpu.asking import answered
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
        """See SteadySource."""
        self._groups = tuple(groups)
        ends = np.cumsum([len(group.meters) for group in groups]).tolist()
        self._of_group = [slice(end - len(group.meters), end) for end, group in zip(ends, groups, strict=True)]
        self._columns = [(group, index) for group in groups for index in range(len(group.metrics))]
        self._row: Row = np.full(len(self.metrics), np.nan)
        start = 0
        for group in groups:
            group.fill_into(self._row[start : start + len(group.metrics)])
            start += len(group.metrics)

    def read(self, now_ns: int) -> Row:
        """See Source."""
        steady = True
        for group in self._groups:
            group.take(now_ns)
            steady = steady and group.unchanged
        self.steady = steady
        return self._row

    def why_not(self, index: int) -> Absence | None:
        """See Source."""
        group, column = self._columns[index]
        return group.absences[column]

    def film(self) -> Film | None:
        """See FilmedSource."""
        if not all(group.complete and group.meters for group in self._groups):
            return None
        handle = self._groups[0].handle
        try:
            reel = handle.driver.reel(handle.device(), [meter for group in self._groups for meter in group.meters])
        except NvmlError:
            return None
        if reel is None:
            return None
        nothing = Usual(np.zeros(len(self.metrics), np.bool_), np.zeros(self._of_group[-1].stop, np.int32))
        return Film(reel, self._look, self._why, nothing)

    def close(self) -> None:
        """See Source: handles of devices are not given back."""

    def _look(self, values: npt.NDArray[np.float64], codes: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        numbers = np.where(codes == 0, values, np.nan)
        parts = zip(self._groups, self._of_group, strict=True)
        return np.concatenate([group.look(numbers[:, columns]) for group, columns in parts], axis=1)

    def _why(self, index: int, codes: npt.NDArray[np.int32]) -> Absence | None:
        group, column = self._columns[index]
        own = codes[self._of_group[self._groups.index(group)]]
        # A meter that is alone in its group tells of all its metrics.
        code = int(own[column if len(own) > 1 else 0])
        return answered(code, group.call_of(column), group.handle.uuid)
