"""When warm-up and measuring end. A rule looks at the steps done and the time passed, and names what it decided by."""

from dataclasses import dataclass
from typing import Protocol

NS_PER_S = 1_000_000_000


class StopRule(Protocol):
    """Decides after every step whether a phase is over."""

    def ended_by(self, steps: int, elapsed_ns: int) -> str | None:
        """Return the name of the criterion that ends the phase now, or None to go on."""
        ...

    def fraction(self, steps: int, elapsed_ns: int) -> float:
        """Return how far the phase has come, 0 to 1, for people who wait."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLeast:
    """Goes on until both a number of steps and a time are reached, but not beyond ``max_s``.

    Ended by ``steps_and_time`` when both were reached, ``max_s`` when time ran out first.
    """

    steps: int
    s: float
    max_s: float

    def ended_by(self, steps: int, elapsed_ns: int) -> str | None:
        """See StopRule."""
        if steps >= self.steps and elapsed_ns >= self.s * NS_PER_S:
            return "steps_and_time"
        return "max_s" if elapsed_ns >= self.max_s * NS_PER_S else None

    def fraction(self, steps: int, elapsed_ns: int) -> float:
        """See StopRule."""
        by_steps = steps / self.steps if self.steps else 1.0
        by_time = elapsed_ns / (self.s * NS_PER_S) if self.s else 1.0
        return min(1.0, max(min(by_steps, by_time), elapsed_ns / (self.max_s * NS_PER_S)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exactly:
    """Goes on for a number of steps: for payloads that have an end. Ended by ``completed``."""

    steps: int

    def ended_by(self, steps: int, elapsed_ns: int) -> str | None:  # noqa: ARG002 - time does not matter here
        """See StopRule."""
        return "completed" if steps >= self.steps else None

    def fraction(self, steps: int, elapsed_ns: int) -> float:  # noqa: ARG002
        """See StopRule."""
        return min(1.0, steps / self.steps) if self.steps else 1.0
