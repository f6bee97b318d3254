"""One place that events come from, as the sampler holds it: looked at seldom, and never the end of a run."""

import logging
from collections.abc import Sequence

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.source import EventSource, Occurrence
from migperf.metrics.station import NEVER_NS

_log = logging.getLogger(__name__)


class EventStation:
    """An event source that is polled by the sampler's thread alone. One that fails is not polled again."""

    def __init__(self, source: EventSource) -> None:
        self.source = source
        self.failure: Absence | None = None
        self.due_ns = 0

    def poll(self, now_ns: int) -> Sequence[Occurrence]:
        """Return what has happened since the last look, if it is time for one."""
        if self.failure is not None or now_ns < self.due_ns:
            return ()
        self.due_ns = now_ns + self.source.period_ns
        try:
            return self.source.poll(now_ns)
        except Exception as error:  # noqa: BLE001 - a broken source must not end the runs that it watches
            _log.warning("%s failed and is not looked at any more", type(self.source).__name__, exc_info=True)
            self.due_ns = NEVER_NS
            self.failure = Absence(AbsenceState.FAILED, f"{type(error).__name__}: {error}")
            return ()

    def why_not(self, index: int) -> Absence | None:
        """Return why such events cannot be told; None where they can."""
        return self.failure or self.source.why_not(index)

    def close(self) -> None:
        """Close the source; one that cannot even be closed is of no interest any more."""
        try:
            self.source.close()
        except Exception:  # noqa: BLE001
            _log.warning("%s could not be closed", type(self.source).__name__, exc_info=True)
