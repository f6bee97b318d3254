"""From what is known to the problem of whole numbers that the solver gets."""

from collections.abc import Sequence
from decimal import Decimal

from migperf.analysis.advisor import scaling
from migperf.analysis.advisor.demand import Goal
from migperf.analysis.advisor.evidence import Capacity
from migperf.analysis.advisor.problem import Kind, Option, Problem, Wanted
from migperf.analysis.advisor.table import Cell, Table


def problem_of(table: Table) -> Problem:
    """Return the problem; capacities are rounded down and requirements up (see ``scaling``)."""
    worth_unit = worth_unit_of(table)
    usable = usable_cells(table)
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
        options=tuple(_option(table, cell, worth_unit) for cell in usable),
        seeks_worth=table.demand.goal is Goal.MOST_THROUGHPUT,
    )


def usable_cells(table: Table) -> tuple[Cell, ...]:
    """Return the cells in which an instance can do something, in the order of the problem's options."""
    return tuple(cell for cell in table.cells.values() if isinstance(cell.known, Capacity))


def slowdown_levels(table: Table, job: int) -> tuple[float, ...]:
    """Return the slowdowns that a job's instances can have, smallest first: 1, then those that are known."""
    return (1.0, *sorted(set(table.slowdowns[job].values())))


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
    job, levels = table.demand.jobs[number], slowdown_levels(table, number)
    most = None if job.at_most_per_s is None else (job.weight or 0.0) * job.at_most_per_s
    return Wanted(
        required=0 if job.required_per_s is None else scaling.ceiling(job.required_per_s, _unit(table, number)),
        most_worth=None if most is None else scaling.floor(most, worth_unit),
        slowed_by={other: levels.index(slowdown) for other, slowdown in table.slowdowns[number].items()},
    )


def _option(table: Table, cell: Cell, worth_unit: Decimal) -> Option:
    job = table.demand.jobs[cell.job]
    capacities = [table.capacity(cell, slowdown) for slowdown in slowdown_levels(table, cell.job)]
    return Option(
        job=cell.job,
        kind=cell.board,
        profile=cell.profile,
        slices=table.boards[cell.board].slices_of(cell.profile),
        capacity=_floors(capacities, _unit(table, cell.job)),
        worth=_floors([(job.weight or 0.0) * capacity for capacity in capacities], worth_unit),
    )


def _floors(values: Sequence[float], unit: Decimal) -> tuple[int, ...]:
    return tuple(scaling.floor(value, unit) for value in values)
