"""Each cell of an experiment: its figures over repeats, or why it has none. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from migperf.analysis.experiments.observations import FigureKey, Observation, headline_of, observe
from migperf.analysis.experiments.reasons import by_reason
from migperf.analysis.experiments.results import ExperimentResults, PlannedCell, Repeat
from migperf.analysis.experiments.values import CellFigure, over_repeats
from migperf.experiments.group import GroupSpec, Role
from migperf.store.states import GroupState, RunState


class CellState(StrEnum):
    """How much of a cell there is."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    """Some of its repeats have figures."""
    OPEN = "open"
    """No repeat has figures so far, and some have not ended."""
    MISSING = "missing"
    """No repeat has figures, and none is under way."""
    SKIPPED = "skipped"
    """It was never to be run, for the reason given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """A cell: its figures over the repeats that succeeded, and what is missing of it and why."""

    number: int
    coordinates: Mapping[str, Any]
    spec: GroupSpec | None
    state: CellState
    why: tuple[str, ...]
    """Each reason why repeats have no figures, and which; for a skipped cell why it was skipped."""
    repeats: tuple[Repeat, ...]
    """Those that have figures."""
    wanted: int
    figures: Mapping[FigureKey, CellFigure]

    @property
    def clients(self) -> int:
        """How many runs are measured at the same time."""
        members = () if self.spec is None else self.spec.members
        return sum(member.role is Role.CLIENT for member in members)

    @property
    def neighbours(self) -> int:
        """How many runs load the device beside them."""
        return 0 if self.spec is None else len(self.spec.members) - self.clients

    @property
    def taints(self) -> tuple[str, ...]:
        """The rules that were broken in the repeats that have figures, each once."""
        return tuple(dict.fromkeys(rule for repeat in self.repeats for rule in repeat.tainted_by))

    @property
    def is_simulated(self) -> bool:
        """Whether any of its runs was on a partition that does not exist."""
        return any(run.is_simulated for repeat in self.repeats for run in repeat.runs)

    @property
    def names(self) -> tuple[str, ...]:
        """The figures that its clients have, in the order of their results."""
        return tuple(dict.fromkeys(f.name for repeat in self.repeats for run in repeat.clients for f in run.figures))

    def headline(self, name: str) -> CellFigure | None:
        """Return the value of a figure that stands for the cell; None where its runs have no such figure."""
        of = headline_of(name, self.clients)
        return next((figure for key, figure in self.figures.items() if (key.name, key.of) == (name, of)), None)


def cell_results(results: ExperimentResults, *, keep_tainted: bool = True) -> tuple[CellResult, ...]:
    """Return every cell by its number. Without ``keep_tainted``, tainted repeats are left out, and said to be."""
    return tuple(_cell(cell, results.repeats_of(cell.number), keep_tainted=keep_tainted) for cell in results.cells)


def _cell(cell: PlannedCell, repeats: Sequence[Repeat], *, keep_tainted: bool) -> CellResult:
    reasons = {repeat.repeat: _why_without(repeat, keep_tainted=keep_tainted) for repeat in repeats}
    counting = tuple(repeat for repeat in repeats if reasons[repeat.repeat] is None)
    lacking = [(repeat, reason) for repeat, reason in reasons.items() if reason is not None]
    return CellResult(
        number=cell.number,
        coordinates=cell.coordinates,
        spec=cell.spec,
        state=_state(cell, repeats, counting),
        why=by_reason(lacking) if cell.skipped is None else (cell.skipped,),
        repeats=counting,
        wanted=len(repeats),
        figures=dict(_figures(counting)),
    )


def _figures(repeats: Sequence[Repeat]) -> Iterator[tuple[FigureKey, CellFigure]]:
    found: dict[FigureKey, list[Observation]] = {}
    for repeat in repeats:
        for key, observation in observe(repeat).items():
            found.setdefault(key, []).append(observation)
    for key, observations in found.items():
        yield key, over_repeats(key, observations)


def _state(cell: PlannedCell, repeats: Sequence[Repeat], counting: Sequence[Repeat]) -> CellState:
    if cell.skipped is not None:
        return CellState.SKIPPED
    if counting:
        return CellState.COMPLETE if len(counting) == len(repeats) else CellState.PARTIAL
    return CellState.OPEN if any(repeat.state is GroupState.OPEN for repeat in repeats) else CellState.MISSING


def _why_without(repeat: Repeat, *, keep_tainted: bool) -> str | None:
    """Say why a repeat does not count; None if it does."""
    if repeat.state is GroupState.SUCCEEDED:
        left_out = bool(repeat.tainted_by) and not keep_tainted
        return f"left out, since it is tainted ({', '.join(repeat.tainted_by)})" if left_out else None
    if repeat.state is GroupState.OPEN:
        states = ", ".join(dict.fromkeys(str(run.state) for run in repeat.runs if not run.state.is_final))
        return f"has not ended ({states})" if states else "has not ended"
    telling = next((run for run in repeat.runs if run.state == RunState(repeat.state)), None)
    reason = None if telling is None else telling.reason
    tries = f" after {repeat.attempt} attempts" if repeat.attempt > 1 else ""
    return f"{repeat.state}{tries}: {reason}" if reason else f"{repeat.state}{tries}, without a reason"
