"""From what is known to the problem of whole numbers that the solver gets."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import permutations, product

from migperf.analysis.advisor import scaling
from migperf.analysis.advisor.boards import Content
from migperf.analysis.advisor.demand import Goal
from migperf.analysis.advisor.evidence import Capacity
from migperf.analysis.advisor.problem import Kind, Option, Problem, Wanted
from migperf.analysis.advisor.table import Cell, Table


def problem_of(table: Table) -> Problem:
    """Return the problem; capacities are rounded down and requirements up (see ``scaling``)."""
    worth_unit = worth_unit_of(table)
    usable = usable_cells(table)
    beside = _slowing(table, usable)
    kinds = tuple(
        Kind(
            count=board.count,
            contents=board.contents({cell.profile for cell in usable if cell.board == number}),
        )
        for number, board in enumerate(table.boards)
    )
    return Problem(
        kinds=kinds,
        jobs=tuple(_wanted(table, number, worth_unit) for number in range(len(table.demand.jobs))),
        options=tuple(_option(table, cell, beside[number], worth_unit) for number, cell in enumerate(usable)),
        seeks_worth=table.demand.goal is Goal.MOST_THROUGHPUT,
    )


def usable_cells(table: Table) -> tuple[Cell, ...]:
    """Return the cells in which an instance can do something, in the order of the problem's options."""
    return tuple(cell for cell in table.cells.values() if isinstance(cell.known, Capacity))


def _slowing(table: Table, usable: Sequence[Cell]) -> list[dict[int, float]]:
    """Return, of each option, which others on its GPU slow it down, and how many times."""
    found: list[dict[int, float]] = [{} for _ in usable]
    for place, board in enumerate(table.boards):
        here = [(number, cell) for number, cell in enumerate(usable) if cell.board == place]
        together = _together(board.contents({cell.profile for _, cell in here}))
        for (number, cell), (other, beside) in product(here, here):
            if (cell.profile, beside.profile) in together and (factor := table.factor(cell, beside)) > 1:
                found[number][other] = factor
    return found


def _together(contents: Iterable[Content]) -> set[tuple[str, str]]:
    """Return the pairs of profiles that there is room for on one GPU."""
    return {pair for content in contents for pair in permutations([p for p, n in content for _ in range(n)], 2)}


def worth_unit_of(table: Table) -> Decimal:
    """Return the unit that worth is counted in: seven or eight digits for the most that one instance is worth."""
    weights = [job.weight or 0.0 for job in table.demand.jobs]
    return scaling.unit_of(scaling.largest(weights[c.job] * table.capacity(c) for c in usable_cells(table)))


def _unit(table: Table, job: int) -> Decimal:
    required = table.demand.jobs[job].required_per_s
    if required is not None:
        return scaling.unit_of(required)
    return scaling.unit_of(scaling.largest(table.capacity(cell) for cell in table.of_job(job)))


def _wanted(table: Table, number: int, worth_unit: Decimal) -> Wanted:
    job = table.demand.jobs[number]
    most = None if job.at_most_per_s is None else (job.weight or 0.0) * job.at_most_per_s
    return Wanted(
        required=0 if job.required_per_s is None else scaling.ceiling(job.required_per_s, _unit(table, number)),
        most_worth=None if most is None else scaling.floor(most, worth_unit),
    )


def _option(table: Table, cell: Cell, slowing: Mapping[int, float], worth_unit: Decimal) -> Option:
    job, levels = table.demand.jobs[cell.job], (1.0, *sorted(set(slowing.values())))
    capacities = [table.capacity(cell, slowdown) for slowdown in levels]
    return Option(
        job=cell.job,
        kind=cell.board,
        profile=cell.profile,
        slices=table.boards[cell.board].slices_of(cell.profile),
        capacity=_floors(capacities, _unit(table, cell.job)),
        worth=_floors([(job.weight or 0.0) * capacity for capacity in capacities], worth_unit),
        slowed_by={other: levels.index(slowdown) for other, slowdown in slowing.items()},
    )


def _floors(values: Sequence[float], unit: Decimal) -> tuple[int, ...]:
    return tuple(scaling.floor(value, unit) for value in values)
