"""How many times as long a job takes beside a neighbour on the same GPU, as far as that is known, and from where.

Pure: what stored runs or the demand say has been read already. What a demand gives by hand holds for every profile of
every board; what was measured holds for the profiles and the board that it was measured on, and for nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from migperf.analysis.advisor.boards import same_board
from migperf.analysis.advisor.demand import Demand, Interference


class Instances(NamedTuple):
    """Two instances of one GPU: the profile of the job that is slowed down, and that of its neighbour."""

    board: str
    profile: str
    beside: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowdown:
    """What one job costs another. ``on`` is None where that holds for every profile of every board.

    ``factor`` is the time beside the neighbour over the time alone, 1 or more.
    """

    of: str
    beside: str
    factor: float
    says: str
    on: Instances | None = None
    runs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slowdowns:
    """All that is known of neighbours. What is given by hand wins, and ``overruled`` is what it wins over."""

    by_hand: Mapping[tuple[str, str], Slowdown]
    measured: tuple[Slowdown, ...]
    overruled: tuple[Slowdown, ...]

    @classmethod
    def of(cls, demand: Demand, measured: Iterable[Slowdown]) -> Self:
        """Return what a demand gives by hand, and what was measured of all other pairs."""
        by_hand = {(known.of, known.beside): _given(known) for known in demand.interference}
        found = tuple(measured)
        return cls(
            by_hand,
            measured=tuple(known for known in found if (known.of, known.beside) not in by_hand),
            overruled=tuple(known for known in found if (known.of, known.beside) in by_hand),
        )

    @property
    def used(self) -> tuple[Slowdown, ...]:
        """All that counts."""
        return (*self.by_hand.values(), *self.measured)

    def on_board(self, model: str) -> Mapping[tuple[str, str, str, str], Slowdown]:
        """Return what was measured on a board, by job, its profile, the neighbour's job and its profile."""
        return {
            (known.of, known.on.profile, known.beside, known.on.beside): known
            for known in self.measured
            if known.on is not None and same_board(known.on.board, model)
        }


def _given(known: Interference) -> Slowdown:
    source = "" if known.source is None else f" ({known.source})"
    return Slowdown(
        of=known.of, beside=known.beside, factor=known.slowdown, says=f"given by hand: {known.slowdown:g}{source}"
    )
