"""What a source of metrics is: it names its metrics, and reads them all at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from migperf.metrics.absence import Absence
from migperf.metrics.film import Film
from migperf.metrics.metric import Metric

Row = npt.NDArray[np.float64]


class SourceEndedError(Exception):
    """There is nothing to read any more, as is to be expected at the end: the process that was watched has ended."""


class Source(Protocol):
    """One place that metrics come from."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that this source offers, in the order of its rows. It never changes."""
        ...

    @property
    def period_ns(self) -> int:
        """The least time between two readings that makes sense, ns; 0 where every reading is a new one."""
        ...

    def read(self, now_ns: int) -> Row:
        """Return the values that can be had at ``now_ns`` (CLOCK_MONOTONIC), float64 of shape (metrics,).

        NaN stands for what has no value; ``why_not`` tells why. The row may be used again by the next reading.
        Raises SourceEndedError when it was the last one; any other exception counts as a failure of this reading.
        """
        ...

    def why_not(self, index: int) -> Absence | None:
        """Return why the metric at ``index`` had no value in the last reading; None if it is merely too early."""
        ...

    def close(self) -> None:
        """Let go of what was opened for reading; called once, when nothing will be read any more."""
        ...


class JointSource(Source, Protocol):
    """A source that can read for many runs at once what each would have had a source of its own for."""

    def join(self, source: Source) -> slice | None:
        """Read from now on what ``source`` would: return its columns here; None where that is not known here.

        Columns that nobody has joined have no values.
        """
        ...

    def leave(self, columns: slice) -> None:
        """One run less wants these columns."""
        ...


@runtime_checkable
class SteadySource(Source, Protocol):
    """A source that tells where there is nothing to look at but its values."""

    @property
    def steady(self) -> bool:
        """Whether the last reading had finite values of the same metrics as the one before.

        The same reasons then hold for those that have none.
        """
        ...


@runtime_checkable
class FilmedSource(SteadySource, Protocol):
    """A steady source that can be read now and looked at later."""

    def film(self) -> Film | None:
        """Return a new film for the readings to come, after one that was steady; None where there can be none.

        The source ends it itself when it is to read something else.
        """
        ...


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event: which of the source's metrics (by index), when (CLOCK_MONOTONIC, ns), and its value."""

    index: int
    time_ns: int
    value: float


class EventSource(Protocol):
    """A place that events come from: metrics of kind EVENT, read without waiting."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that this source offers. It never changes."""
        ...

    @property
    def period_ns(self) -> int:
        """How often it is worth looking, ns."""
        ...

    def poll(self, now_ns: int) -> Sequence[Occurrence]:
        """Return what happened since the last look, in order."""
        ...

    def why_not(self, index: int) -> Absence | None:
        """Return why such events cannot be told; None where they can."""
        ...

    def close(self) -> None:
        """Let go of what was opened; called once."""
        ...
