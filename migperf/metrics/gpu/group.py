"""The smallest part of a source that can fail by itself: one call of the driver, and the columns that it fills.

Readings happen beside the payload that is measured, up to a hundred times a second: while all is well they make
nothing anew; what is said about failures is only worked out when there is one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from migperf.gpus.driver import ClocksEventReason, Device, Meter
from migperf.gpus.nvml_errors import NvmlError
from migperf.metrics.absence import Absence, AbsenceState, absence_of
from migperf.metrics.cells import cells_of
from migperf.metrics.gpu.asking import ask_again_ns, is_blank, no_data
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.metric import Metric
from migperf.metrics.source import Row


@dataclass(frozen=True, slots=True)
class Column:
    """A metric, and how many of the driver's units make one of the metric's."""

    metric: Metric
    per: int = 1


class Group(ABC):
    """One call and its columns. ``absences`` says why each has no value; None where it has one, or it is too early."""

    def __init__(self, handle: Handle, metrics: Sequence[Metric]) -> None:
        self.handle = handle
        self.metrics = tuple(metrics)
        self.absences: list[Absence | None] = [None] * len(self.metrics)
        self.complete = False
        """Whether every metric got a value the last time."""
        self.unchanged = False
        """Whether the last time changed nothing but values: the same metrics have none, for the same reasons."""
        self._cells = cells_of(np.full(len(self.metrics), np.nan))

    @property
    @abstractmethod
    def meters(self) -> Sequence[Meter]:
        """What it is read from on a reel, a number each; nothing where it can only be read by ``take``."""

    @abstractmethod
    def look(self, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the values, (readings, metrics), that numbers of its meters, (readings, meters), stand for."""

    @abstractmethod
    def call_of(self, index: int) -> str:
        """Return the call that a metric is read by, as reasons name it."""

    def fill_into(self, row: Row) -> None:
        """Write values to ``row`` from now on, float64 of shape (metrics,): a part of the source's row."""
        row.fill(np.nan)
        self._cells = cells_of(row)

    @abstractmethod
    def take(self, now_ns: int) -> None:
        """Read, if it is time to; NaN in the columns that get no value."""

    def _miss(self, index: int, absence: Absence) -> None:
        self._cells[index] = np.nan
        self.absences[index] = absence
        if absence.state is AbsenceState.LOST:
            self.handle.forget()


class CallGroup(Group):
    """A call whose answers come together or not at all; single ones can still be blank."""

    def __init__(
        self,
        handle: Handle,
        call: str,
        columns: Sequence[Column],
        ask: Callable[[Device], Sequence[float]],
        meter: Meter | None = None,
    ) -> None:
        """``ask`` returns one number a column; ``call`` names it in reasons. ``meter`` tells the same, if it is one."""
        super().__init__(handle, [column.metric for column in columns])
        self._call = call
        self._per = [column.per for column in columns]
        self._ask = ask
        self._ask_ns = 0
        self._meter = meter

    @property
    def meters(self) -> Sequence[Meter]:
        """See Group."""
        return () if self._meter is None else (self._meter,)

    def look(self, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """See Group."""
        return numbers / self._per

    def call_of(self, index: int) -> str:  # noqa: ARG002
        """See Group."""
        return self._call

    def take(self, now_ns: int) -> None:
        """See Group."""
        if now_ns < self._ask_ns:
            self.unchanged = True
            return
        self.unchanged = self.complete
        try:
            self._store(self._ask(self.handle.device()))
        except NvmlError as error:
            self._fail(absence_of(error), now_ns)

    def _store(self, values: Sequence[float]) -> None:
        if not self.complete:
            self.absences = [None] * len(self.metrics)
            self.complete = True
        cells, per = self._cells, self._per
        for index, value in enumerate(values):
            if is_blank(value):
                self.complete = self.unchanged = False
                self._miss(index, no_data(self._call))
            else:
                cells[index] = value / per[index]

    def _fail(self, absence: Absence, now_ns: int) -> None:
        self.complete = self.unchanged = False
        self._ask_ns = ask_again_ns(absence, now_ns)
        for index in range(len(self.metrics)):
            self._miss(index, absence)


class FlagGroup(CallGroup):
    """Flags that are bits of one answer. They seldom change, so they are only written when one does."""

    def __init__(
        self, handle: Handle, call: str, flags: Sequence[tuple[Metric, int]], ask: Callable[[Device], int]
    ) -> None:
        """``flags`` are metrics with the bit of each; ``ask`` returns all bits."""
        columns = [Column(metric) for metric, _ in flags]
        super().__init__(handle, call, columns, lambda device: (ask(device),), ClocksEventReason)
        self._bits = [bit for _, bit in flags]
        self._last: int | None = None

    def look(self, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """See Group."""
        known = ~np.isnan(numbers)
        bits = np.where(known, numbers, 0).astype(np.uint64) & np.array(self._bits, np.uint64)
        return np.where(known, bits != 0, np.nan)

    def _store(self, values: Sequence[float]) -> None:
        given = int(values[0])
        if self.complete and given == self._last:
            return
        # A blank has every bit set, which would read as if everything held at once.
        super()._store([given if is_blank(given) else float(bool(given & bit)) for bit in self._bits])
        self._last = given
