"""What a source of metrics is: it names its metrics, and reads them all at once."""

from collections.abc import Mapping
from typing import Protocol

from migperf.metrics.metric import Metric


class SourceError(Exception):
    """A source cannot be read any more; the message says why. Its metrics become absent, the run goes on."""


class Source(Protocol):
    """One place that metrics come from."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that this source offers."""
        ...

    def read(self, now_ns: int) -> Mapping[str, float]:
        """Return the values that can be had now, by metric name; a name left out has no value at this time.

        Raises SourceError when the source is gone for good.
        """
        ...

    def close(self) -> None:
        """Let go of what was opened for reading; called once, when nothing will be read any more."""
        ...
