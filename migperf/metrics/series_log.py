"""One series that comes in chunks rather than rows."""

from migperf.metrics.absence import Absence
from migperf.metrics.metric import Metric
from migperf.metrics.recording import Gaps
from migperf.metrics.series import Chunk, Series, SeriesUpdate


class SeriesLog:
    """One series that grows by whole chunks: timings, events, and what a child tells of itself."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._chunks: list[Chunk] = []
        self._taken = 0
        self._told = 0
        self._gaps = Gaps()

    def extend(self, chunk: Chunk) -> None:
        """Add samples."""
        if len(chunk):
            self._chunks.append(chunk)

    def end(self, now_ns: int, absence: Absence) -> None:
        """Say that from now on there will be no samples, and why."""
        if self._gaps.open is None:
            self._gaps.begin(now_ns, absence)

    def take(self) -> list[SeriesUpdate]:
        """Return what was added since the last call: one update, or none."""
        start, self._taken = self._taken, len(self._chunks)
        gaps, self._told = tuple(self._gaps.log[self._told :]), len(self._gaps.log)
        update = SeriesUpdate(self.metric, Chunk.joined(self._chunks[start:]), gaps)
        return [update] if len(update.chunk) or update.gaps else []

    def series(self) -> list[Series]:
        """Return everything, as a list of one."""
        return [Series(metric=self.metric, chunk=Chunk.joined(self._chunks), gaps=tuple(self._gaps.log))]
