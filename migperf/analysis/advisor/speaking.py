"""Which stored runs speak for a service or a training job, and which of their figures is its latency."""

from collections.abc import Mapping
from typing import Any, Protocol

from migperf.analysis.advisor.demand import Job, Service
from migperf.measure.benchmark import Scenario, Statistic
from migperf.measure.engine import Engine
from migperf.store.figures_of_runs import EndedRun

BATCH_SIZE = "batch_size"
LOST = ("requests_dropped", "requests_given_up", "requests_unfinished")
_LATENCY = {Scenario.OFFLINE: "batch_time"}


class Benchmarked(Protocol):
    """What has done the work of a benchmark."""

    @property
    def benchmark(self) -> Mapping[str, Any]:
        """The benchmark as a run has it, defaults written out."""


def speaks_for(run: Benchmarked, job: Job) -> bool:
    """Tell whether a run did a job's work: workload, parameters and engine, whatever the load was."""
    if job.benchmark is None or run.benchmark["workload"] != job.benchmark.workload:
        return False
    if (scenario_of(run) is Scenario.TRAIN) == isinstance(job, Service):
        return False
    wanted = job.benchmark.as_benchmark(job.scenario).parameters
    free = {BATCH_SIZE} if isinstance(job, Service) and BATCH_SIZE not in job.benchmark.parameters else set()
    measured = run.benchmark.get("parameters") or {}
    return _without(measured, free) == _without(wanted, free) and _engine(run) == job.benchmark.engine


def scenario_of(run: Benchmarked) -> Scenario:
    """Return how a run was driven."""
    return Scenario(run.benchmark["scenario"])


def latency_figure(scenario: Scenario, statistic: Statistic) -> str:
    """Return the name of the figure that is a statistic of latency in a scenario."""
    return f"{_LATENCY.get(scenario, 'latency')}_{statistic}"


def lost_requests(run: EndedRun) -> bool:
    """Tell whether requests got no answer: they do not count in the mean."""
    return any(run.figures[name].value > 0 for name in LOST if name in run.figures)


def _without(parameters: Mapping[str, object], free: set[str]) -> dict[str, object]:
    return {name: value for name, value in parameters.items() if name not in free}


def _engine(run: Benchmarked) -> Engine:
    return Engine.model_validate(run.benchmark.get("engine") or {})
