"""When warm-up and measuring end. A rule looks at steps, time and timings, and names what it decided by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from migperf.statistics.precision import PrecisionMonitor, QuantilePrecision
from migperf.statistics.samples import Samples
from migperf.statistics.steady_state import SteadyState

NS_PER_S = 1_000_000_000
PORTION = 20
LOST_MS = 1e300
"""What a request without an answer took: more than any other, and finite, so that quantiles can be computed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A phase is over: the name of the criterion that ended it, and what the rule found in the series, if it looked.

    ``reached`` tells whether the rule's aim was reached, None where it had none but steps and time.
    """

    by: str
    note: str | None = None
    reached: bool | None = None


class StopRule(Protocol):
    """Decides after every step whether a phase is over."""

    def take(self, times_ms: Sequence[float]) -> None:
        """Take in what the steps that have ended took, in their order, ms."""
        ...

    def lose(self, requests: int) -> None:
        """Take note of requests that will never be answered: they are slower than all others."""
        ...

    def ended(self, steps: int, elapsed_ns: int) -> Ended | None:
        """Return what ends the phase now, or None to go on."""
        ...

    def fraction(self, steps: int, elapsed_ns: int) -> float:
        """Return how far the phase has come, 0 to 1, for people who wait."""
        ...


class Portions:
    """Hands samples on in portions that grow with what was handed on, so that fast steps do not each pay for it."""

    def __init__(self, hand_on: Callable[[Samples], None]) -> None:
        self._hand_on = hand_on
        self._waiting: list[float] = []
        self._handed_on = 0

    def take(self, samples: Sequence[float]) -> None:
        """Take in samples; hand on what waits when that is a twentieth of what was handed on."""
        self._waiting.extend(samples)
        if len(self._waiting) * PORTION >= self._handed_on:
            self.hand_on()

    def hand_on(self) -> None:
        """Hand on what waits."""
        if self._waiting:
            self._handed_on += len(self._waiting)
            self._hand_on(np.asarray(self._waiting))
            self._waiting.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLeast:
    """Goes on until both a number of steps and a time are reached, but not beyond ``max_s``.

    Ended by ``steps_and_time`` when both were reached, ``max_s`` when time ran out first.
    """

    steps: int
    s: float
    max_s: float

    def take(self, times_ms: Sequence[float]) -> None:
        """See StopRule."""

    def lose(self, requests: int) -> None:
        """See StopRule."""

    def ended(self, steps: int, elapsed_ns: int) -> Ended | None:
        """See StopRule."""
        if self.reached(steps, elapsed_ns):
            return Ended("steps_and_time")
        return Ended("max_s") if self.out_of_time(elapsed_ns) else None

    def fraction(self, steps: int, elapsed_ns: int) -> float:
        """See StopRule."""
        by_steps = steps / self.steps if self.steps else 1.0
        by_time = elapsed_ns / (self.s * NS_PER_S) if self.s else 1.0
        return min(1.0, max(min(by_steps, by_time), self.of_time(elapsed_ns)))

    def reached(self, steps: int, elapsed_ns: int) -> bool:
        """Whether both the steps and the time are reached."""
        return steps >= self.steps and elapsed_ns >= self.s * NS_PER_S

    def out_of_time(self, elapsed_ns: int) -> bool:
        """Whether ``max_s`` is over."""
        return elapsed_ns >= self.max_s * NS_PER_S

    def of_time(self, elapsed_ns: int) -> float:
        """Return the part of ``max_s`` that is over."""
        return elapsed_ns / (self.max_s * NS_PER_S) if self.max_s else 1.0


class UntilSteady:
    """Goes on until the series is shown to be steady and the limits of ``least`` are reached, but not beyond its max_s.

    Ended by ``steady``, or by ``warmup_max_s``.
    """

    def __init__(self, least: AtLeast, monitor: SteadyState) -> None:
        self._least, self._monitor, self._portions = least, monitor, Portions(monitor.add)

    def take(self, times_ms: Sequence[float]) -> None:
        """See StopRule."""
        self._portions.take(times_ms)

    def lose(self, requests: int) -> None:
        """See StopRule."""

    def ended(self, steps: int, elapsed_ns: int) -> Ended | None:
        """See StopRule."""
        if self._least.out_of_time(elapsed_ns):
            self._portions.hand_on()
            verdict = self._monitor.verdict(now=True)
            return Ended("warmup_max_s", verdict.why, reached=verdict.steady_from is not None)
        if not self._least.reached(steps, elapsed_ns):
            return None
        verdict = self._monitor.verdict()
        return None if verdict.steady_from is None else Ended("steady", verdict.why, reached=True)

    def fraction(self, steps: int, elapsed_ns: int) -> float:  # noqa: ARG002 - nobody knows when it will be steady
        """See StopRule."""
        return min(1.0, self._least.of_time(elapsed_ns))


class UntilPrecise:
    """Goes on until the statistic is known as precisely as asked and the limits of ``least`` are reached.

    Not beyond its max_s. Ended by ``precision``, or by ``max_s``.
    """

    def __init__(self, least: AtLeast, monitor: PrecisionMonitor) -> None:
        self._least, self._monitor, self._portions = least, monitor, Portions(monitor.add)
        self._of_quantile = isinstance(monitor, QuantilePrecision)

    def take(self, times_ms: Sequence[float]) -> None:
        """See StopRule."""
        self._portions.take(times_ms)

    def lose(self, requests: int) -> None:
        """See StopRule. No mean can count them."""
        if self._of_quantile:
            self._portions.take([LOST_MS] * requests)

    def ended(self, steps: int, elapsed_ns: int) -> Ended | None:
        """See StopRule."""
        reached, out = self._least.reached(steps, elapsed_ns), self._least.out_of_time(elapsed_ns)
        if not reached and not out:
            return None
        decision = self._monitor.decide()
        if decision.converged:
            return Ended("precision", decision.why, reached=True)
        return Ended("max_s", decision.why, reached=False) if out else None

    def fraction(self, steps: int, elapsed_ns: int) -> float:  # noqa: ARG002 - nobody knows how many it will take
        """See StopRule."""
        return min(1.0, self._least.of_time(elapsed_ns))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exactly:
    """Goes on for a number of steps: for payloads that have an end. Ended by ``completed``."""

    steps: int

    def take(self, times_ms: Sequence[float]) -> None:
        """See StopRule."""

    def lose(self, requests: int) -> None:
        """See StopRule."""

    def ended(self, steps: int, elapsed_ns: int) -> Ended | None:  # noqa: ARG002 - time does not matter here
        """See StopRule."""
        return Ended("completed") if steps >= self.steps else None

    def fraction(self, steps: int, elapsed_ns: int) -> float:  # noqa: ARG002
        """See StopRule."""
        return min(1.0, steps / self.steps) if self.steps else 1.0
