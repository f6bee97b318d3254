"""What the page of a comparison shows at once: the runs and their figures side by side. Comparing them takes longer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from sqlalchemy.orm import Session

from api.links import Links
from api.schemas.runs import RunView
from migperf.measure.figures import ResultFigure
from migperf.store import results, runs


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure of all runs, in their order; None where a run does not have it."""

    name: str
    scope: str
    figures: Sequence[ResultFigure | None]


@dataclass(frozen=True, slots=True)
class ComparePage:
    """The sides of a comparison, the baseline first, and the figures of their runs."""

    MOST_RUNS: ClassVar[int] = 32

    sides: Sequence[Sequence[RunView]]
    rows: Sequence[FigureRow]

    @classmethod
    def of(cls, session: Session, sides: Sequence[Sequence[str]], links: Links) -> Self:
        """Gather it. Raises NotFoundError."""
        shown = [[RunView.of(runs.get(session, run_id), links) for run_id in side] for side in sides]
        ids = [run.id for side in shown for run in side]
        known = {run_id: {f.name: f for f in found} for run_id, found in results.read_figures_of(session, ids).items()}
        names = {name: figure.scope for run_id in ids for name, figure in known[run_id].items()}
        rows = [
            FigureRow(name, str(scope), [known[run_id].get(name) for run_id in ids]) for name, scope in names.items()
        ]
        return cls(shown, rows)

    @property
    def runs(self) -> Sequence[RunView]:
        """All runs, side by side."""
        return [run for side in self.sides for run in side]
