"""The error distribution function: which share of random settings comes how close to the best of them."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDistribution:
    """EDF(t) = 1/n x the number of trials whose error is at most t above the best; diverged trials never are.

    ``deltas`` holds the converged trials' distances from the best, sorted, in the unit of the errors; ``trials`` is n
    and counts the diverged ones too, so the function ends at the share of trials that converged.
    """

    deltas: tuple[float, ...]
    trials: int

    def at(self, threshold: float) -> float:
        """Return EDF(threshold), between 0 and 1."""
        return bisect_right(self.deltas, threshold) / self.trials

    @property
    def fractions(self) -> tuple[float, ...]:
        """The function's value at each of ``deltas``."""
        return tuple(self.at(delta) for delta in self.deltas)


def error_distribution(errors: Sequence[float | None]) -> ErrorDistribution:
    """Return the EDF of the errors of one stem and optimiser, None standing for a diverged trial."""
    if not errors:
        raise ValueError("an error distribution needs at least one trial")
    converged = sorted(error for error in errors if error is not None)
    return ErrorDistribution(deltas=tuple(error - converged[0] for error in converged), trials=len(errors))
