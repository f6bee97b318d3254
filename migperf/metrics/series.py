"""One metric of one run over time, in memory: samples as two columns, and the gaps between them with their reasons."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from migperf.metrics.absence import Absence
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

    @classmethod
    def joined(cls, parts: Iterable["Chunk"]) -> Self:
        """Return consecutive chunks as one; without any, an empty one."""
        listed = list(parts)
        if not listed:
            return cls(np.empty(0, np.int64), np.empty(0))
        return cls(np.concatenate([c.time_ns for c in listed]), np.concatenate([c.value for c in listed]))

    def __len__(self) -> int:
        return len(self.time_ns)

    def between(self, start_ns: int, end_ns: int) -> "Chunk":
        """Return the samples whose times lie in the window, both ends included; times must be in order."""
        first = int(np.searchsorted(self.time_ns, start_ns, side="left"))
        last = int(np.searchsorted(self.time_ns, end_ns, side="right"))
        return Chunk(self.time_ns[first:last], self.value[first:last])


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without values: after the last sample before it, until the first one after it; ``end_ns`` None: no more.

    Nothing is known of what the metric did meanwhile, so nothing may be drawn across it.
    """

    start_ns: int
    end_ns: int | None
    absence: Absence


@dataclass(frozen=True, slots=True)
class SeriesUpdate:
    """What has come to a series since the last update: samples, and gaps that began or ended (known by their start)."""

    metric: Metric
    chunk: Chunk
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A whole series. A gap without an end says why there is no value any more, or why there never was one."""

    metric: Metric
    chunk: Chunk = field(default_factory=lambda: Chunk.joined(()))
    gaps: tuple[Gap, ...] = ()

    def __len__(self) -> int:
        return len(self.chunk)

    @property
    def absence(self) -> Absence | None:
        """Why there is no value at the end; None where there is one, or nothing is known to be wrong."""
        return self.gaps[-1].absence if self.gaps and self.gaps[-1].end_ns is None else None
