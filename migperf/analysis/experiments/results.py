"""What an experiment has left in the database, read once: its cells, and of each repeat the runs that count."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from migperf.analysis.experiments.places import Place, Places
from migperf.experiments.group import GroupSpec, Role
from migperf.measure.figures import ResultFigure
from migperf.measure.hygiene.facts import Taint
from migperf.store import experiments, results
from migperf.store.models import CellRow, GroupRow, Run
from migperf.store.states import GroupState, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run that counts: of the last attempt at its repeat. ``taints`` is None where nobody has looked."""

    id: str
    cell: int
    coordinates: Mapping[str, Any]
    repeat: int
    attempt: int
    member: int
    role: Role
    state: RunState
    reason: str | None
    place: Place | None
    taints: tuple[Taint, ...] | None
    environment: Mapping[str, Any]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    figures: tuple[ResultFigure, ...]

    @property
    def is_simulated(self) -> bool:
        """Whether its partition does not exist."""
        return self.place is not None and self.place.partition.simulated


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """The last attempt at one repeat of a cell, with its runs in the order of their places."""

    cell: int
    repeat: int
    attempt: int
    state: GroupState
    runs: tuple[RunRow, ...]

    @property
    def clients(self) -> tuple[RunRow, ...]:
        """The runs that are measured."""
        return tuple(run for run in self.runs if run.role is Role.CLIENT)

    @property
    def tainted_by(self) -> tuple[str, ...]:
        """The rules that its clients broke, each once."""
        return tuple(dict.fromkeys(taint.rule for run in self.clients for taint in run.taints or ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCell:
    """A cell as it was asked for: what is to be run, or why nothing is."""

    number: int
    coordinates: Mapping[str, Any]
    spec: GroupSpec | None
    skipped: str | None


@dataclass(frozen=True, kw_only=True)
class ExperimentResults:
    """An experiment, its cells by number, and the repeats that count in the order in which they were queued."""

    id: str
    name: str
    created_at: datetime
    finished_at: datetime | None
    cancelled_at: datetime | None
    document: Mapping[str, Any]
    plan: Mapping[str, Any]
    cells: tuple[PlannedCell, ...]
    repeats: tuple[Repeat, ...]

    @cached_property
    def runs(self) -> tuple[RunRow, ...]:
        """Every run that counts, in the order in which they were queued."""
        return tuple(run for repeat in self.repeats for run in repeat.runs)

    @property
    def is_simulated(self) -> bool:
        """Whether any of its runs was on a partition that does not exist."""
        return any(run.is_simulated for run in self.runs)

    @property
    def title(self) -> str:
        """Its title, or its name where it has none."""
        return str(self.document.get("title") or self.name)

    def repeats_of(self, cell: int) -> tuple[Repeat, ...]:
        """Return the repeats of a cell by their number."""
        return self._by_cell.get(cell, ())

    @cached_property
    def _by_cell(self) -> Mapping[int, tuple[Repeat, ...]]:
        found: dict[int, tuple[Repeat, ...]] = {}
        for one in sorted(self.repeats, key=lambda one: one.repeat):
            found[one.cell] = (*found.get(one.cell, ()), one)
        return found


def experiment_results(
    session: Session, experiment_id: str, figures: Collection[str] | None = None
) -> ExperimentResults:
    """Return what an experiment has left so far; it need not have finished. Raises NotFoundError.

    With ``figures`` its runs have only those that are called so, which is much quicker to read.
    """
    row = experiments.get(session, experiment_id)
    cells = tuple(_planned(cell) for cell in row.cells)
    groups = experiments.last_attempts(session, experiment_id)
    return ExperimentResults(
        id=row.id,
        name=row.name,
        created_at=row.created_at,
        finished_at=row.finished_at,
        cancelled_at=row.cancelled_at,
        document=row.document,
        plan=row.plan,
        cells=cells,
        repeats=_Reader(session, {cell.number: cell for cell in cells}).repeats(experiment_id, groups, figures),
    )


def _planned(row: CellRow) -> PlannedCell:
    spec = None if row.spec is None else GroupSpec.model_validate(row.spec)
    return PlannedCell(number=row.number, coordinates=row.coordinates, spec=spec, skipped=row.skipped)


class _Reader:
    """Makes rows of the runs of an experiment."""

    def __init__(self, session: Session, cells: Mapping[int, PlannedCell]) -> None:
        self._session, self._cells = session, cells
        self._places = Places(session)

    def repeats(
        self, experiment_id: str, groups: Sequence[GroupRow], names: Collection[str] | None
    ) -> tuple[Repeat, ...]:
        wanted = {group.id for group in groups}
        runs = [run for run in experiments.runs_of(self._session, experiment_id) if run.group_id in wanted]
        figures = results.read_figures_of(self._session, [run.id for run in runs], names)
        members: dict[str, list[Run]] = {group.id: [] for group in groups}
        for run in runs:
            members[str(run.group_id)].append(run)
        return tuple(
            Repeat(
                cell=group.cell,
                repeat=group.repeat,
                attempt=group.attempt,
                state=group.state,
                runs=tuple(
                    self._run(group, run, figures[run.id])
                    for run in sorted(members[group.id], key=lambda run: run.member or 0)
                ),
            )
            for group in groups
        )

    def _run(self, group: GroupRow, run: Run, figures: Sequence[ResultFigure]) -> RunRow:
        return RunRow(
            id=run.id,
            cell=group.cell,
            coordinates=self._cells[group.cell].coordinates,
            repeat=group.repeat,
            attempt=group.attempt,
            member=run.member or 0,
            role=Role(run.role or Role.CLIENT),
            state=run.state,
            reason=run.reason,
            place=self._places.of(run.partition_row),
            taints=None if run.taints is None else tuple(Taint.model_validate(taint) for taint in run.taints),
            environment=run.environment or {},
            created_at=run.created_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            figures=tuple(figures),
        )
