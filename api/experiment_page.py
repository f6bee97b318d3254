"""What an experiment's page shows, gathered from the store: the whole in brief, and a stretch of its cells."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import ValidationError
from sqlalchemy.orm import Session

from api.links import Links
from api.schemas.experiments import Attempt, Cell, ExperimentPlan, ExperimentView, cells_with_attempts
from migperf.analysis.experiments.axes import axes_of, cell_label
from migperf.store import experiments
from migperf.store.experiment_counts import counts, open_repeats
from migperf.store.models import ExperimentRow
from migperf.store.states import GroupState

MOST_CELLS = 100
MOST_RUNS = 1500
"""So many cells are on a page, and about so many runs at most: where repeats have many runs, fewer cells."""
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Progress:
    """How many repeats of cells are wanted, and what has become of them."""

    repeats: Mapping[GroupState, int]

    @property
    def wanted(self) -> int:
        """How many there will be."""
        return sum(self.repeats.values())

    @property
    def ended(self) -> int:
        """How many have ended, whatever they came to."""
        return self.wanted - self.repeats.get(GroupState.OPEN, 0)

    @property
    def failed(self) -> int:
        """How many have ended without a result, and might have one if they were tried again."""
        return sum(count for state, count in self.repeats.items() if state.is_worth_another_try)

    @property
    def can_go_on(self) -> bool:
        """Whether taking the experiment up again would queue anything."""
        return self.failed > 0 or self.repeats.get(GroupState.CANCELLED, 0) > 0


@dataclass(frozen=True, slots=True)
class ShownRepeat:
    """A repeat of a cell: its last attempt, which counts, and those before it."""

    last: Attempt
    earlier: tuple[Attempt, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not as it was wanted, each reason once: its runs have them in full."""
        if self.last.state is GroupState.SUCCEEDED:
            return ()
        told = (run.reason.strip().partition("\n")[0] for run in self.last.runs if run.reason)
        return tuple(dict.fromkeys(_clipped(reason) for reason in told))


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A cell by its place on the axes, and its repeats."""

    label: str
    cell: Cell
    repeats: tuple[ShownRepeat, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which cells are on a page, by their numbers, of how many; and where the pages before and after it begin."""

    numbers: range
    of: int

    @classmethod
    def holding(cls, first: int, row: ExperimentRow, of: int) -> Self:
        """Return the page that has the cell of this number; the last page for a number that is too large."""
        runs_of_cell = _most_runs(row.plan) * int(row.document.get("repeats") or 1)
        size = max(1, min(MOST_CELLS, MOST_RUNS // runs_of_cell))
        start = max(0, min(first, of - 1)) // size * size
        return cls(range(start, min(start + size, of)), of)

    @property
    def earlier(self) -> int | None:
        """The first cell of the page before; None on the first page."""
        # The last page may be shorter than the others, and any cell of the page before finds it.
        return self.numbers.start - 1 if self.numbers.start else None

    @property
    def later(self) -> int | None:
        """The first cell of the page after; None on the last page."""
        return self.numbers.stop if self.numbers.stop < self.of else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentPage:
    """Everything that is told about one experiment."""

    experiment: ExperimentView
    description: str
    plan: ExperimentPlan | None
    """None where another version of the service has made it."""
    progress: Progress
    left_s: float | None
    """How long what is left of it will take if it takes as long as was expected; None where nobody knows."""
    cells: tuple[ShownCell, ...]
    stretch: Stretch

    @classmethod
    def of(cls, session: Session, experiment_id: str, first: int, links: Links) -> Self:
        """Gather it, with the cells of the page that has cell number ``first``. Raises NotFoundError."""
        row = experiments.get(session, experiment_id)
        counted = counts(session, row.id)
        plan = _plan(row.plan)
        stretch = Stretch.holding(first, row, counted.cells)
        return cls(
            experiment=ExperimentView.of(row, counted, links),
            description=row.document.get("description") or "",
            plan=plan,
            progress=Progress(counted.repeats),
            left_s=None if plan is None else _left_s(plan, open_repeats(session, row.id)),
            cells=tuple(_shown(session, row, plan, stretch, links)),
            stretch=stretch,
        )

    @property
    def has_ended(self) -> bool:
        """Whether none of its runs is queued or going on."""
        return self.experiment.finished_at is not None

    @property
    def can_cancel(self) -> bool:
        """Whether there is something to cancel that has not been cancelled."""
        return not self.has_ended and self.experiment.cancelled_at is None

    @property
    def can_resume(self) -> bool:
        """Whether taking it up again is possible and would do something."""
        return self.has_ended and self.progress.can_go_on


def _shown(
    session: Session, row: ExperimentRow, plan: ExperimentPlan | None, stretch: Stretch, links: Links
) -> Iterator[ShownCell]:
    stored = experiments.cells_of(session, row.id, stretch.numbers)
    groups = experiments.groups_of(session, row.id, stretch.numbers)
    runs = experiments.runs_of(session, row.id, stretch.numbers)
    cells = cells_with_attempts(stored, groups, runs, links)
    # All cells, as those of one page need not tell which axes there are.
    axes = axes_of([cell.coordinates for cell in (cells if plan is None else plan.cells)])
    for cell in cells:
        yield ShownCell(cell_label(axes, cell.coordinates) or "the only cell", cell, tuple(_repeats(cell)))


def _repeats(cell: Cell) -> Iterator[ShownRepeat]:
    attempts: dict[int, list[Attempt]] = {}
    for attempt in cell.attempts:
        attempts.setdefault(attempt.repeat, []).append(attempt)
    for _, (*earlier, last) in sorted(attempts.items()):
        yield ShownRepeat(last, tuple(earlier))


def _plan(stored: Mapping[str, Any]) -> ExperimentPlan | None:
    try:
        return ExperimentPlan.model_validate(stored)
    except ValidationError:
        return None


def _most_runs(plan: Mapping[str, Any]) -> int:
    """How many runs the largest group has."""
    return max((cell.get("runs") or 1 for cell in plan.get("cells", ())), default=1)


def _left_s(plan: ExperimentPlan, still_open: Mapping[int, int]) -> float | None:
    """The part of the expected time that falls to repeats which have not ended, cuts of the GPU shared out evenly."""
    expected_s = [cell.expected_s or 0.0 for cell in plan.cells]
    of_all_s = sum(expected_s[cell] for cell, _ in plan.order)
    if not of_all_s:
        return None
    return plan.expected_s * sum(expected_s[cell] * count for cell, count in still_open.items()) / of_all_s


def _clipped(reason: str) -> str:
    return reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 1]}…"
