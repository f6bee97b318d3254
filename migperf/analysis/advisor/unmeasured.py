"""What was never measured, and the experiments that would."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from migperf.analysis.advisor.advice import Unknown
from migperf.analysis.advisor.boards import BoardStock
from migperf.analysis.advisor.demand import Job, Service
from migperf.analysis.advisor.evidence import Unmeasured
from migperf.analysis.advisor.table import Table
from migperf.measure.benchmark import Statistic

REPEATS = 3
_LONGEST_NAME = 60
_DIGITS_OF_HASH = 8
NO_BENCHMARK = "names no benchmark, so there is nothing to measure; name its workload"


def unknowns(table: Table) -> list[Unknown]:
    """Return what was never measured, job by job and board by board, with an experiment where one can be made."""
    return [
        _unknown(job, board, profiles, why)
        for number, job in enumerate(table.demand.jobs)
        for place, board in enumerate(table.boards)
        for why, profiles in _by_reason(table, number, place).items()
    ]


def experiment_of(job: Job, board: BoardStock, profiles: list[str]) -> dict[str, Any] | None:
    """Return the experiment that measures a job on profiles of a board; None for a job that names no workload."""
    if job.benchmark is None:
        return None
    return {
        "migperf": 1,
        "name": experiment_name(job.name, board.model),
        "title": f"{job.name} on profiles of {board.model} that were never measured",
        "description": "Offered by the advisor.",
        "where": {"gpu_model": board.model},
        "benchmark": benchmark_of(job, _scenario(job)),
        "matrix": {"partition": profiles},
        "repeats": REPEATS,
    }


def experiment_name(*parts: str) -> str:
    """Return the name of an experiment: what it is about, cut where that is too long, and told apart by a hash then."""
    name = re.sub(r"[^a-z0-9]+", "-", "-".join(("advice", *parts)).lower()).strip("-")
    if len(name) <= _LONGEST_NAME:
        return name
    tail = hashlib.sha256(name.encode()).hexdigest()[:_DIGITS_OF_HASH]
    return f"{name[: _LONGEST_NAME - len(tail) - 1].strip('-')}-{tail}"


def as_yaml(experiment: dict[str, Any]) -> str:
    """Return the file of an experiment."""
    return str(yaml.safe_dump(experiment, sort_keys=False, allow_unicode=True))


def _by_reason(table: Table, job: int, board: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for cell in table.of_job(job):
        if cell.board == board and isinstance(cell.known, Unmeasured):
            found.setdefault(str(cell.known), []).append(cell.profile)
    return found


def _unknown(job: Job, board: BoardStock, profiles: list[str], why: str) -> Unknown:
    experiment = experiment_of(job, board, profiles)
    return Unknown(
        job=job.name,
        model=board.model,
        profiles=profiles,
        why=why,
        experiment=None if experiment is None else as_yaml(experiment),
        no_experiment=f"it {NO_BENCHMARK}" if experiment is None else None,
    )


def benchmark_of(job: Job, driven: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return the benchmark of a job that names a workload, driven in some way, as an experiment file has it."""
    if job.benchmark is None:
        raise AssertionError("only a job with a benchmark has an experiment")
    said = job.benchmark.model_dump(mode="json", exclude_defaults=True)
    return {"workload": job.benchmark.workload, **dict(driven), **said}


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
