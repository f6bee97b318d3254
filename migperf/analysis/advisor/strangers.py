"""What shares a GPU in an answer although it was never measured together, and the experiments that would measure it."""

from collections.abc import Iterator, Sequence
from typing import Any

from migperf.analysis.advisor.advice import UnknownCompany, UnknownNeighbour
from migperf.analysis.advisor.assigning import Assigned
from migperf.analysis.advisor.demand import Job, Service
from migperf.analysis.advisor.table import Cell, Table
from migperf.analysis.advisor.unmeasured import NO_BENCHMARK, REPEATS, as_yaml, benchmark_of, experiment_name
from migperf.measure.benchmark import Scenario


def strangers(table: Table, assigned: Assigned) -> list[UnknownCompany]:
    """Return, for each job on each profile, the neighbours in the answer of which nobody knows what they cost it."""
    met = {
        (_key(each.cell), _key(beside))
        for gpu in assigned.gpus
        for each in gpu.instances
        for beside in each.neighbours
        if table.slowdown(each.cell, beside) is None
    }
    found: dict[tuple[int, int, str], list[Cell]] = {}
    for of, beside in sorted(met):
        found.setdefault(of, []).append(table.cells[beside])
    return [one for of, neighbours in found.items() for one in _unknown(table, table.cells[of], neighbours)]


def _key(cell: Cell) -> tuple[int, int, str]:
    return cell.job, cell.board, cell.profile


def _unknown(table: Table, cell: Cell, neighbours: Sequence[Cell]) -> Iterator[UnknownCompany]:
    """Yield the neighbours that an experiment can measure, then those that none can."""
    jobs = table.demand.jobs
    silent = jobs[cell.job].benchmark is None
    measurable = [] if silent else [beside for beside in neighbours if jobs[beside.job].benchmark is not None]
    if measurable:
        yield _company(table, cell, measurable, experiment=as_yaml(_experiment(table, cell, measurable)))
    others = [beside for beside in neighbours if beside not in measurable]
    if others:
        who = [table.name(cell)] if silent else list(dict.fromkeys(map(table.name, others)))
        yield _company(table, cell, others, why=f"{' and '.join(who)} {NO_BENCHMARK}")


def _company(
    table: Table, cell: Cell, neighbours: Sequence[Cell], *, experiment: str | None = None, why: str | None = None
) -> UnknownCompany:
    return UnknownCompany(
        job=table.name(cell),
        model=table.boards[cell.board].model,
        profile=cell.profile,
        beside=[UnknownNeighbour(job=table.name(beside), profile=beside.profile) for beside in neighbours],
        experiment=experiment,
        no_experiment=why,
    )


def _experiment(table: Table, cell: Cell, neighbours: Sequence[Cell]) -> dict[str, Any]:
    """Return the experiment that measures a job alone and beside each neighbour, in turns, on instances of one GPU.

    The job is in a closed loop, whose throughput tells how many times as long everything takes; its neighbour does as
    much as it can.
    """
    job, model = table.demand.jobs[cell.job], table.boards[cell.board].model
    beside = {
        f"{table.name(each)} on {each.profile}": {
            "neighbours": [{"benchmark": _at_full_load(table.demand.jobs[each.job]), "partition": each.profile}]
        }
        for each in neighbours
    }
    return {
        "migperf": 1,
        "name": experiment_name("beside", cell.profile, job.name, model),
        "title": f"{job.name} on {cell.profile} of {model} beside neighbours that it was never measured with",
        "description": "Offered by the advisor.",
        "where": {"gpu_model": model},
        "benchmark": _in_closed_loop(job),
        "sharing": "mig",
        "partition": cell.profile,
        "matrix": {"neighbour": {"alone": {}, **beside}},
        "repeats": REPEATS,
        "order": "alternated",
    }


def _in_closed_loop(job: Job) -> dict[str, Any]:
    if isinstance(job, Service) and job.latency is not None:
        return benchmark_of(job, [("scenario", str(Scenario.SINGLE_STREAM))])
    return _at_full_load(job)


def _at_full_load(job: Job) -> dict[str, Any]:
    return benchmark_of(job, [("scenario", str(Scenario.OFFLINE if isinstance(job, Service) else Scenario.TRAIN))])
