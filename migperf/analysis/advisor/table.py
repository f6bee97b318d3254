"""What is known of every job on every profile of every board: capacities, exclusions, and what was never measured."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from migperf.analysis.advisor.boards import BoardStock, matches_board, same_board
from migperf.analysis.advisor.demand import Demand, GivenFigure, Job, LatencyLimit, Loop, Service
from migperf.analysis.advisor.errors import AdviceError
from migperf.analysis.advisor.evidence import (
    Capacity,
    Evidence,
    Known,
    Rank,
    Unmeasured,
    capacity_of,
    expected_not_to_fit,
    slowed,
)
from migperf.analysis.advisor.interference import Slowdown, Slowdowns
from migperf.gpus.profile import ProfileName
from migperf.measure.benchmark import Statistic

Stored = Mapping[str, Sequence[Evidence]]
"""By the name of a job, what measured runs say of it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One job on one profile of one board, and all that is known of it there."""

    job: int
    board: int
    profile: str
    known: Known
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Table:
    """All cells, and what is known of neighbours.

    ``unused`` says which figures given by hand are about none of the boards.
    """

    demand: Demand
    boards: tuple[BoardStock, ...]
    cells: Mapping[tuple[int, int, str], Cell]
    neighbours: Slowdowns
    unused: tuple[str, ...] = ()

    def name(self, cell: Cell) -> str:
        """Return the name of a cell's job."""
        return self.demand.jobs[cell.job].name

    def slowdown(self, cell: Cell, beside: Cell) -> Slowdown | None:
        """Return what is known of an instance of one cell beside one of another, on one GPU; None if nothing is."""
        of, neighbour = self.name(cell), self.name(beside)
        by_hand = self.neighbours.by_hand.get((of, neighbour))
        if by_hand is not None:
            return by_hand
        return self._measured[cell.board].get((of, cell.profile, neighbour, beside.profile))

    def factor(self, cell: Cell, beside: Cell) -> float:
        """Return how many times as long everything takes beside a neighbour: 1 where that is not known."""
        known = self.slowdown(cell, beside)
        return 1.0 if known is None else known.factor

    @cached_property
    def _measured(self) -> tuple[Mapping[tuple[str, str, str, str], Slowdown], ...]:
        return tuple(self.neighbours.on_board(board.model) for board in self.boards)

    def of_job(self, job: int) -> tuple[Cell, ...]:
        """Return the cells of a job."""
        return tuple(cell for cell in self.cells.values() if cell.job == job)

    def capacity(self, cell: Cell, slowdown: float = 1.0) -> float:
        """Return what an instance can be relied on to do beside neighbours, less the reserve, samples a second."""
        if not isinstance(cell.known, Capacity):
            return 0.0
        limit = limit_of(self.demand.jobs[cell.job])
        return slowed(cell.evidence, limit, cell.known, slowdown) * (1 - self.demand.reserve)


def limit_of(job: Job) -> LatencyLimit | None:
    """Return the latency limit of a job; None where it has none."""
    return job.latency if isinstance(job, Service) else None


def table_of(
    demand: Demand, boards: tuple[BoardStock, ...], stored: Stored, slowdowns: Iterable[Slowdown] = ()
) -> Table:
    """Put together what is known. Raises AdviceError for a given figure that cannot be."""
    given, unused = _given(demand, boards)
    cells: dict[tuple[int, int, str], Cell] = {}
    for number, job in enumerate(demand.jobs):
        found = [*stored.get(job.name, ()), *given[job.name]]
        for place, board in enumerate(boards):
            for cell in _cells(number, job, place, board, [e for e in found if same_board(e.board, board.model)]):
                cells[number, place, cell.profile] = cell
    return Table(demand, boards, cells, Slowdowns.of(demand, slowdowns), unused)


def _cells(number: int, job: Job, place: int, board: BoardStock, found: Sequence[Evidence]) -> Iterator[Cell]:
    for profile in board.profiles:
        here = tuple(each for each in found if each.profile == profile)
        if not here and _is_variant(profile):
            continue
        known = capacity_of(here, limit_of(job))
        if isinstance(known, Unmeasured) and not here:
            known = Unmeasured(expected_not_to_fit(found, board.memory_of(profile)) or known)
        yield Cell(number, place, profile, known, here)


def _is_variant(profile: str) -> bool:
    """Tell whether a profile differs from another only in media engines or graphics."""
    return "g." in profile and bool(ProfileName.parse(profile).attributes)


def _given(demand: Demand, boards: Iterable[BoardStock]) -> tuple[Mapping[str, list[Evidence]], tuple[str, ...]]:
    found: defaultdict[str, list[Evidence]] = defaultdict(list)
    unused: list[str] = []
    known = tuple(boards)
    for position, figure in enumerate(demand.measured):
        meant = [board for board in known if figure.model is None or matches_board(figure.model, board.model)]
        if not meant:
            unused.append(f"measured.{position}: no GPU that may be used is a {figure.model}")
        for board in meant:
            if figure.profile not in board.profiles:
                message = f"{board.model} has no profile {figure.profile}; it has {', '.join(board.profiles)}"
                raise AdviceError(("measured", position, "profile"), figure.profile, message)
            found[figure.of].append(_as_evidence(figure, board, service=_is_service(demand, figure.of)))
    return found, tuple(unused)


def _is_service(demand: Demand, name: str) -> bool:
    return any(service.name == name for service in demand.services)


def _as_evidence(figure: GivenFigure, board: BoardStock, *, service: bool) -> Evidence:
    latency: dict[Statistic, float] = {}
    if figure.latency is not None:
        latency[figure.latency.statistic] = figure.latency.ms
    open_loop = figure.loop is Loop.OPEN or not service
    return Evidence(
        board=board.model,
        profile=figure.profile,
        rank=Rank.GIVEN_OPEN if open_loop else Rank.GIVEN_CLOSED,
        says=_saying(figure),
        per_s=figure.throughput_per_s,
        latency_ms=latency,
        memory_mib=figure.memory_mib,
    )


def _saying(figure: GivenFigure) -> str:
    if figure.throughput_per_s is None:
        return f"does not fit into the memory ({figure.source})"
    latency = "" if figure.latency is None else f", {figure.latency.statistic} of latency {figure.latency.ms:g} ms"
    return f"given by hand: {figure.throughput_per_s:g}/s{latency} ({figure.source})"
