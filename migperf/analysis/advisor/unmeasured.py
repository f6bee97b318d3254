"""What was never measured, and the experiments that would."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from migperf.analysis.advisor.advice import Unknown
from migperf.analysis.advisor.assigning import Assigned
from migperf.analysis.advisor.boards import BoardStock
from migperf.analysis.advisor.demand import Job, Service
from migperf.analysis.advisor.evidence import Unmeasured
from migperf.analysis.advisor.table import Table
from migperf.measure.benchmark import Statistic

REPEATS = 3
_LONGEST_NAME = 60
_SHOWN = 4


def unknowns(table: Table) -> list[Unknown]:
    """Return what was never measured, job by job and board by board, with an experiment where one can be made."""
    return [
        _unknown(job, board, profiles, why)
        for number, job in enumerate(table.demand.jobs)
        for place, board in enumerate(table.boards)
        for why, profiles in _by_reason(table, number, place).items()
    ]


def strangers(table: Table, assigned: Assigned) -> list[str]:
    """Say which jobs share a GPU although nobody has measured what one costs the other."""
    known = {(pair.of, pair.beside) for pair in table.demand.interference}
    names = [job.name for job in table.demand.jobs]
    met = {
        (names[each.cell.job], names[neighbour])
        for gpu in assigned.gpus
        for each in gpu.instances
        for neighbour in each.neighbours
    }
    unmeasured = sorted(met - known)
    if not unmeasured:
        return []
    pairs = "; ".join(f"{of} beside {beside}" for of, beside in unmeasured[:_SHOWN])
    more = f"; and {len(unmeasured) - _SHOWN} more" if len(unmeasured) > _SHOWN else ""
    return [f"never measured together, taken to cost each other nothing: {pairs}{more}"]


def experiment_of(job: Job, board: BoardStock, profiles: list[str]) -> dict[str, Any] | None:
    """Return the experiment that measures a job on profiles of a board; None for a job that names no workload."""
    if job.benchmark is None:
        return None
    name = re.sub(r"[^a-z0-9]+", "-", f"advice-{job.name}-{board.model}".lower())[:_LONGEST_NAME].strip("-")
    return {
        "migperf": 1,
        "name": name,
        "title": f"{job.name} on profiles of {board.model} that were never measured",
        "description": "Offered by the advisor.",
        "where": {"gpu_model": board.model},
        "benchmark": _benchmark(job),
        "matrix": {"partition": profiles},
        "repeats": REPEATS,
    }


def _by_reason(table: Table, job: int, board: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for cell in table.of_job(job):
        if cell.board == board and isinstance(cell.known, Unmeasured):
            found.setdefault(str(cell.known), []).append(cell.profile)
    return found


def _unknown(job: Job, board: BoardStock, profiles: list[str], why: str) -> Unknown:
    experiment = experiment_of(job, board, profiles)
    absent = "it names no benchmark, so there is nothing to measure; name its workload"
    return Unknown(
        job=job.name,
        model=board.model,
        profiles=profiles,
        why=why,
        experiment=None if experiment is None else yaml.safe_dump(experiment, sort_keys=False, allow_unicode=True),
        no_experiment=absent if experiment is None else None,
    )


def _benchmark(job: Job) -> dict[str, Any]:
    if job.benchmark is None:
        raise AssertionError("only a job with a benchmark has an experiment")
    said = job.benchmark.model_dump(mode="json", exclude_defaults=True)
    return {"workload": job.benchmark.workload, **dict(_scenario(job)), **said}


def _scenario(job: Job) -> Iterator[tuple[str, Any]]:
    """Yield how the job is driven, so that the result is the best evidence that there can be."""
    if not isinstance(job, Service):
        yield "scenario", "train"
    elif job.latency is None:
        yield "scenario", "offline"
    elif job.latency.statistic is Statistic.MEAN:
        yield "scenario", "single_stream"
    else:
        percentile = int(job.latency.statistic.removeprefix("p"))
        yield "scenario", "server"
        yield "search", {"kind": "max_rate", "percentile": percentile, "limit_ms": job.latency.limit_ms}
