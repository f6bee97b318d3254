"""What a placement means in samples a second: which instance of which GPU serves whom, beside whom, and how much."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migperf.analysis.advisor.problem import Placement, Problem, Used
from migperf.analysis.advisor.table import Cell, Table


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance. ``capacity_per_s`` is what it can do beside its neighbours, ``share_per_s`` what it gets to do."""

    cell: Cell
    slowdown: float
    neighbours: tuple[Cell, ...]
    """Of the other instances on its GPU, one for each."""
    capacity_per_s: float
    share_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AssignedGpu:
    """A GPU that is used."""

    board: int
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class Assigned:
    """All GPUs that are used, and what each job can get from them, samples a second."""

    gpus: tuple[AssignedGpu, ...]
    capacity_per_s: tuple[float, ...]

    def instances(self, job: int) -> tuple[Instance, ...]:
        """Return the instances of a job."""
        return tuple(each for gpu in self.gpus for each in gpu.instances if each.cell.job == job)


def assign(table: Table, problem: Problem, placement: Placement) -> Assigned:
    """Return the placement in samples a second. A job's rate is split in proportion to its instances' capacities."""
    cells = [table.cells[option.job, option.kind, option.profile] for option in problem.options]
    gpus = [AssignedGpu(used.kind, tuple(_instances(table, cells, used))) for used in placement]
    capacity = [
        sum(each.capacity_per_s for gpu in gpus for each in gpu.instances if each.cell.job == job)
        for job in range(len(table.demand.jobs))
    ]
    loads = [_load(table, job, capacity[job]) for job in range(len(capacity))]
    shared = tuple(AssignedGpu(gpu.board, tuple(_shared(each, loads) for each in gpu.instances)) for gpu in gpus)
    return Assigned(shared, tuple(capacity))


def _instances(table: Table, cells: Sequence[Cell], used: Used) -> Iterator[Instance]:
    for number, count in used.instances:
        cell = cells[number]
        neighbours = tuple(cells[other] for other, there in used.beside(number) for _ in range(there))
        slowdown = max((table.factor(cell, neighbour) for neighbour in neighbours), default=1.0)
        capacity = table.capacity(cell, slowdown)
        yield from [Instance(cell, slowdown, neighbours, capacity)] * count


def _load(table: Table, job: int, capacity_per_s: float) -> float:
    """Return what part of its instances' capacities a job uses: all of it where nothing says how much it needs."""
    required = table.demand.jobs[job].required_per_s
    weighted = table.demand.jobs[job].weight is not None
    return 1.0 if required is None or weighted or not capacity_per_s else required / capacity_per_s


def _shared(instance: Instance, loads: list[float]) -> Instance:
    share = instance.capacity_per_s * loads[instance.cell.job]
    return Instance(instance.cell, instance.slowdown, instance.neighbours, instance.capacity_per_s, share)
