"""What a source has said: rows as growing columns, and each metric's gaps with their reasons."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from migperf.metrics.absence import Absence
from migperf.metrics.cells import Cells, cells_of
from migperf.metrics.metric import Metric
from migperf.metrics.series import Gap
from migperf.metrics.source import Row

Columns = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
WhyNot = Callable[[int], Absence | None]
ALL = slice(None)
_FIRST_ROWS = 256


class Gaps:
    """The gaps of one metric in order, as a log: one that ends replaces the entry of the same start."""

    def __init__(self) -> None:
        self.log: list[Gap] = []
        self.open: Gap | None = None
        self._ended_ns: int | None = None

    def begin(self, start_ns: int, absence: Absence) -> None:
        """Open a gap; it begins no earlier than where the one before has ended."""
        start_ns = start_ns if self._ended_ns is None else max(start_ns, self._ended_ns)
        self.open = Gap(start_ns, None, absence)
        self.log.append(self.open)

    def end(self, end_ns: int) -> None:
        """Close the gap that is open, if one is."""
        if self.open is not None:
            self.add(replace(self.open, end_ns=end_ns))
            self.open = None

    def add(self, gap: Gap) -> None:
        """Add a gap that is over."""
        self.log.append(gap)
        self._ended_ns = gap.end_ns


class Recording:
    """The rows of one source. One thread appends; readers need the same lock as appending.

    Eight bytes a sample, and eight a row for its time, stay in memory until nobody reads them any more. Gaps are only
    kept of metrics that somebody reads.
    """

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.metrics = tuple(metrics)
        self.gaps = [Gaps() for _ in self.metrics]
        self.last_ns: int | None = None
        """When the last row was appended, whether it had values or not."""
        self.last_turn_ns = 0
        """How long the turn lasted in which it was."""
        self._time_ns = np.empty(_FIRST_ROWS, np.int64)
        self._rows = np.empty((_FIRST_ROWS, len(self.metrics)))
        self._dropped = 0
        self._kept = 0
        self._readers = np.zeros(len(self.metrics), np.int64)
        self._has_gap = np.zeros(len(self.metrics), np.bool_)
        self.has_news = True
        """Whether the next row has to be looked at, whatever its source says of it."""
        self._look_into()

    def __len__(self) -> int:
        """How many rows there have been, those that were dropped included."""
        return self._dropped + self._kept

    def begin_reading(self, columns: slice) -> None:
        """Say that one more reads these columns; of what nobody has read so far, gaps begin anew."""
        for index in range(*columns.indices(len(self.metrics))):
            if not self._readers[index]:
                self.gaps[index] = Gaps()
                self._has_gap[index] = False
        self._readers[columns] += 1
        self.has_news = True

    def end_reading(self, columns: slice) -> None:
        """Say that one less reads these columns."""
        self._readers[columns] -= 1

    def append(self, time_ns: int, row: "Row | Cells", why_not: WhyNot, *, steady: bool = False) -> None:
        """Add a row, contiguous float64; where a value is missing, ``why_not`` of its index is what makes it a gap.

        ``steady``: the same values are missing as in the row before, for the same reasons.
        """
        at, width = self._kept, len(self.metrics)
        if at == len(self._time_ns):
            self._grow()
        # Through memoryviews: numpy's own ways are slow where the CPU has done something else since the last turn.
        self._times[at] = self.last_ns = time_ns
        self._cells[at * width : (at + 1) * width] = row if isinstance(row, memoryview) else cells_of(row)
        self._kept = at + 1
        if self.has_news or not steady:
            self._look_closer(time_ns, self._rows[at], why_not)

    def extend(self, time_ns: npt.NDArray[np.int64], rows: Row) -> None:
        """Add rows (rows, metrics) at their times, with values of the same metrics as the row before them."""
        if not len(time_ns):
            return
        while self._kept + len(time_ns) > len(self._time_ns):
            self._grow()
        new = slice(self._kept, self._kept + len(time_ns))
        self._time_ns[new], self._rows[new] = time_ns, rows
        self._kept = new.stop
        self.last_ns = int(time_ns[-1])

    def stall(self, end_ns: int, absence: Absence) -> None:
        """Make the time since the last row a gap of every metric that had a value then."""
        if self.last_ns is None:
            return
        had_value = ~np.isnan(self._rows[self._kept - 1]) & ~self._has_gap & (self._readers > 0)
        for index in np.flatnonzero(had_value).tolist():
            self.gaps[index].add(Gap(self.last_ns, end_ns, absence))

    def columns(self, start: int, columns: slice = ALL) -> Columns:
        """Return times (rows,) and values (rows, metrics) from row ``start`` on, not copied; NaN where none is."""
        first = max(0, start - self._dropped)
        return self._time_ns[first : self._kept], self._rows[first : self._kept, columns]

    def drop_before(self, row: int) -> None:
        """Forget the rows before this one; at once only where that frees as much as it costs."""
        surplus = row - self._dropped
        if surplus * 2 < self._kept or surplus < _FIRST_ROWS:
            return
        time_ns, rows = self.columns(row)
        self._time_ns, self._rows = time_ns.copy(), rows.copy()
        self._dropped, self._kept = row, len(time_ns)
        self._look_into()

    def _grow(self) -> None:
        room = max(_FIRST_ROWS, self._kept)
        self._time_ns = np.concatenate([self._time_ns, np.empty(room, np.int64)])
        self._rows = np.concatenate([self._rows, np.empty((room, len(self.metrics)))])
        self._look_into()

    def _look_into(self) -> None:
        self._times: memoryview[int] = self._time_ns.data
        self._cells: Cells = cells_of(self._rows.reshape(-1))

    def _look_closer(self, time_ns: int, row: Row, why_not: WhyNot) -> None:
        """Begin and end gaps. Unless the source says otherwise, the reason for one can change with any row."""
        self.has_news = False
        finite = np.isfinite(row)
        row[~finite] = np.nan
        concerned = (self._readers > 0) & (~finite | self._has_gap)
        for index in np.flatnonzero(concerned).tolist():
            gaps = self.gaps[index]
            if finite[index]:
                gaps.end(time_ns)
            elif (absence := why_not(index)) is not None:
                self._miss(index, gaps, time_ns, absence)
            self._has_gap[index] = gaps.open is not None

    def _miss(self, index: int, gaps: Gaps, time_ns: int, absence: Absence) -> None:
        if gaps.open is None:
            gaps.begin(self._last_value_ns(index, time_ns), absence)
        elif gaps.open.absence.state is not absence.state:
            gaps.end(time_ns)
            gaps.begin(time_ns, absence)

    def _last_value_ns(self, index: int, otherwise_ns: int) -> int:
        present = np.flatnonzero(~np.isnan(self._rows[: self._kept, index]))
        return int(self._time_ns[present[-1]]) if len(present) else otherwise_ns
