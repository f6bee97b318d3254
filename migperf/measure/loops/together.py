"""A rule within a group: a phase that a run is done with goes on until every run of the group is done with it."""

from collections.abc import Sequence
from typing import Protocol

from migperf.measure.company import Stage
from migperf.measure.loops.stopping import Ended, StopRule

NOT_MEASURED = Ended("group", "a neighbour, which goes on for as long as the others are measured")


class Meeting(Protocol):
    """Where the runs of a group wait for each other."""

    def reach(self, stage: Stage) -> None:
        """Say that this run has come so far."""
        ...

    def is_open(self, stage: Stage) -> bool:
        """Tell whether all have."""
        ...


class Together:
    """Ends as ``rule`` ended, when the whole group has reached ``stage``. Without a rule it has reached it at once."""

    def __init__(self, rule: StopRule | None, meeting: Meeting, stage: Stage) -> None:
        self._rule, self._meeting, self._stage = rule, meeting, stage
        self._own: Ended | None = None

    def take(self, times_ms: Sequence[float]) -> None:
        """See StopRule."""
        if self._rule is not None and self._own is None:
            self._rule.take(times_ms)

    def lose(self, requests: int) -> None:
        """See StopRule."""
        if self._rule is not None and self._own is None:
            self._rule.lose(requests)

    def ended(self, steps: int, elapsed_ns: int) -> Ended | None:
        """See StopRule."""
        if self._own is None:
            self._own = NOT_MEASURED if self._rule is None else self._rule.ended(steps, elapsed_ns)
            if self._own is None:
                return None
            self._meeting.reach(self._stage)
        return self._own if self._meeting.is_open(self._stage) else None

    def fraction(self, steps: int, elapsed_ns: int) -> float:
        """See StopRule."""
        return 1.0 if self._rule is None or self._own is not None else self._rule.fraction(steps, elapsed_ns)
