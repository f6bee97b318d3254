"""One run's part of a recording: what a GPU's runs share is recorded once, and each run reads its own part."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from migperf.metrics.absence import Absence
from migperf.metrics.recording import ALL, Columns, Gaps, Recording
from migperf.metrics.series import Chunk, Gap, Series, SeriesUpdate


@dataclass(slots=True)
class _Position:
    """How far a reader has come: the next row of its own, and the next entry of each metric's log of gaps."""

    row: int
    gaps: list[int]


@dataclass(frozen=True, slots=True)
class _End:
    """Where a reader's view ends: rows and entries that came later are not its own."""

    rows: int
    gaps: list[int]
    time_ns: int
    absence: Absence | None


class RecordingReader:
    """One run's view of a recording, or of some columns of it, from when the run began until it is closed."""

    def __init__(self, recording: Recording, since_ns: int, columns: slice = ALL) -> None:
        recording.begin_reading(columns)
        self.recording = recording
        self.first_row = len(recording)
        self._of = columns
        self._metrics, self._gaps = recording.metrics[columns], recording.gaps[columns]
        self._since_ns = since_ns
        self._first_gaps = [_first_entry(gaps) for gaps in self._gaps]
        self._position = _Position(0, list(self._first_gaps))
        self._end: _End | None = None
        self._kept: Columns | None = None

    @property
    def seen(self) -> int:
        """How many rows there are in the view."""
        return len(self.recording) - self.first_row if self._end is None else self._end.rows

    def close(self, now_ns: int, absence: Absence | None) -> None:
        """End the view; with an absence, that is why no metric has a value any more."""
        logged = [len(gaps.log) for gaps in self._gaps]
        self._kept = self._columns()
        self._end = _End(self.seen, logged, now_ns, absence)
        self.recording.end_reading(self._of)

    def take(self) -> list[SeriesUpdate]:
        """Return what has come since the last call, metric by metric."""
        at, (time_ns, rows) = self._position, self._columns()
        if len(time_ns) == at.row and at.gaps == [len(gaps.log) for gaps in self._gaps]:
            return []
        new_ns, new = time_ns[at.row :], rows[at.row :]
        updates = [
            SeriesUpdate(metric, chunk, self._gaps_from(index, at.gaps[index]))
            for index, (metric, chunk) in enumerate(zip(self._metrics, _chunks(new_ns, new), strict=True))
        ]
        self._position = _Position(len(time_ns), [len(gaps.log) for gaps in self._gaps])
        return [update for update in updates if len(update.chunk) or update.gaps]

    def series(self) -> list[Series]:
        """Return everything in the view."""
        chunks = _chunks(*self._columns())
        return [
            Series(metric=metric, chunk=chunk, gaps=self._gaps_from(index, self._first_gaps[index]))
            for index, (metric, chunk) in enumerate(zip(self._metrics, chunks, strict=True))
        ]

    def _columns(self) -> Columns:
        """Return the rows of the view. Those of a closed one stay as they are, whatever becomes of the recording."""
        return self.recording.columns(self.first_row, self._of) if self._kept is None else self._kept

    def _gaps_from(self, index: int, entry: int) -> tuple[Gap, ...]:
        """Return a metric's gaps from an entry of its log on, each as it is now."""
        end, log = self._end, self._gaps[index].log
        if end is None and entry == len(log):
            return ()
        latest = {gap.start_ns: gap for gap in log[entry : None if end is None else end.gaps[index]]}
        gaps = [replace(gap, start_ns=max(gap.start_ns, self._since_ns)) for gap in latest.values()]
        if end is not None and end.absence is not None and not self._is_open(index, end):
            gaps.append(Gap(self._last_value_ns(index, end.time_ns), None, end.absence))
        return tuple(gaps)

    def _is_open(self, index: int, end: _End) -> bool:
        """Tell whether the metric was absent already when the view ended."""
        seen = self._gaps[index].log[: end.gaps[index]]
        return bool(seen) and seen[-1].end_ns is None

    def _last_value_ns(self, index: int, otherwise_ns: int) -> int:
        time_ns, rows = self._columns()
        present = np.flatnonzero(~np.isnan(rows[:, index]))
        return int(time_ns[present[-1]]) if len(present) else otherwise_ns


def _first_entry(gaps: Gaps) -> int:
    """Return where a new reader's gaps begin: with the one that is open, which concerns it as well."""
    return len(gaps.log) - (gaps.open is not None)


def _chunks(time_ns: npt.NDArray[np.int64], rows: npt.NDArray[np.float64]) -> list[Chunk]:
    """Return a chunk for each column: what it has values of."""
    absent = np.isnan(rows)
    copied_ns, copied = time_ns.copy(), rows.T.copy()
    if not absent.any():
        return [Chunk(copied_ns, column) for column in copied]
    present = ~absent
    complete = present.sum(axis=0) == len(rows)
    columns = zip(present.T, copied, complete.tolist(), strict=True)
    return [
        Chunk(copied_ns, column) if everywhere else Chunk(time_ns[where], column[where])
        for where, column, everywhere in columns
    ]
