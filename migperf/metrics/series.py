"""One metric of one run over time, in memory: an append-only column of times and one of values."""

from array import array
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from migperf.metrics.metric import Metric


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some consecutive samples: times (int64, CLOCK_MONOTONIC, ns) and values (float64) of equal length."""

    time_ns: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]

    @classmethod
    def of(cls, time_ns: npt.ArrayLike, value: npt.ArrayLike) -> Self:
        """Build a chunk from anything that numpy takes."""
        return cls(np.asarray(time_ns, dtype=np.int64), np.asarray(value, dtype=np.float64))

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(slots=True)
class Series:
    """The samples of one metric, and the part of them that nobody has taken yet.

    ``absent`` says why there is none; a metric that stops being readable keeps its samples and gains a reason.
    """

    metric: Metric
    absent: str | None = None
    _time_ns: "array[int]" = field(default_factory=lambda: array("q"))
    _value: "array[float]" = field(default_factory=lambda: array("d"))
    _taken: int = 0

    def __len__(self) -> int:
        return len(self._time_ns)

    def append(self, time_ns: int, value: float) -> None:
        """Add one sample."""
        self._time_ns.append(time_ns)
        self._value.append(value)

    def extend(self, chunk: Chunk) -> None:
        """Add many samples."""
        self._time_ns.frombytes(chunk.time_ns.astype(np.int64).tobytes())
        self._value.frombytes(chunk.value.astype(np.float64).tobytes())

    def all(self) -> Chunk:
        """Return every sample, copied."""
        return self._between(0, len(self))

    def take(self) -> Chunk:
        """Return the samples added since the last call, copied."""
        start, self._taken = self._taken, len(self)
        return self._between(start, self._taken)

    def within(self, start_ns: int, end_ns: int) -> npt.NDArray[np.float64]:
        """Return the values whose times lie in the window, both ends included."""
        chunk = self.all()
        return chunk.value[(chunk.time_ns >= start_ns) & (chunk.time_ns <= end_ns)]

    def _between(self, start: int, end: int) -> Chunk:
        return Chunk(np.array(self._time_ns[start:end], np.int64), np.array(self._value[start:end], np.float64))
