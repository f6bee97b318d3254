"""What stored runs say of the jobs of a demand.

Runs of one benchmark on one profile of a board speak together: the capacity is the median over them of the lower end of
each run's interval, latency the median of the upper ends. An even number has no middle: the worse of the two counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_high, median_low

from sqlalchemy.orm import Session

from migperf.analysis.advisor.demand import WHOLE, Demand
from migperf.analysis.advisor.evidence import Evidence, Rank
from migperf.analysis.advisor.interference import Slowdown
from migperf.analysis.advisor.speaking import BATCH_SIZE, LOST, latency_figure, lost_requests, scenario_of, speaks_for
from migperf.analysis.advisor.stored_interference import read_slowdowns
from migperf.analysis.advisor.wording import number
from migperf.analysis.measured import samples_per_step
from migperf.gpus.partition import PartitionKind
from migperf.measure.benchmark import Scenario, Statistic
from migperf.measure.figures import ResultFigure
from migperf.measure.load import Arrivals
from migperf.metrics.metric import Scope
from migperf.metrics.summary import Window
from migperf.store.figures_of_runs import EndedRun, runs_of_workloads

_MEMORY = ("peak_reserved", "peak_allocated")
_FIGURES = (
    "throughput",
    "max_rate",
    *LOST,
    *_MEMORY,
    *(f"{name}_{statistic}" for name in ("latency", "batch_time") for statistic in Statistic),
)
_KINDS = (PartitionKind.GPU, PartitionKind.MIG)


@dataclass(frozen=True, slots=True)
class Read:
    """What was read: evidence by the name of the job, slowdowns, and how many tainted runs were left out."""

    evidence: Mapping[str, Sequence[Evidence]]
    slowdowns: tuple[Slowdown, ...]
    tainted: int


def read_evidence(session: Session, demand: Demand) -> Read:
    """Return what stored runs on real GPUs say of the jobs that name a benchmark, alone and beside each other."""
    workloads = {job.benchmark.workload for job in demand.jobs if job.benchmark is not None}
    if not workloads:
        return Read({}, (), 0)
    found = runs_of_workloads(session, workloads, _KINDS, _FIGURES)
    meant = {job.name: [run for run in found if speaks_for(run, job)] for job in demand.jobs}
    tainted = {run.id for runs in meant.values() for run in runs if run.tainted and not demand.tainted}
    alone = {name: [run for run in runs if run.id not in tainted] for name, runs in meant.items()}
    beside = read_slowdowns(session, demand, alone)
    evidence = {name: tuple(_evidence(runs)) for name, runs in alone.items()}
    return Read(evidence, beside.slowdowns, len(tainted | beside.tainted))


def _evidence(runs: Iterable[EndedRun]) -> Iterator[Evidence]:
    groups: defaultdict[tuple[str, str, str], list[EndedRun]] = defaultdict(list)
    for run in runs:
        groups[run.fingerprint, run.partition.model, run.partition.profile or WHOLE].append(run)
    for (_, board, profile), alike in groups.items():
        measured = [run for run in alike if run.fits]
        if not measured:
            yield _does_not_fit(board, profile, alike)
            continue
        found = (_max_rate(board, profile, measured), _sustained(board, profile, measured))
        yield from (one for one in found if one is not None)


def _does_not_fit(board: str, profile: str, runs: Sequence[EndedRun]) -> Evidence:
    size = (runs[0].benchmark.get("parameters") or {}).get(BATCH_SIZE)
    at = "" if size is None else f" at batch size {size}"
    return Evidence(
        board=board,
        profile=profile,
        rank=Rank.SERVER,
        says=f"does not fit into the memory{at} ({_count(runs)})",
        runs=tuple(run.id for run in runs),
    )


def _max_rate(board: str, profile: str, runs: Sequence[EndedRun]) -> Evidence | None:
    """Return the highest rate that searches found to keep a limit; None where none was searched for or found."""
    search = runs[0].benchmark.get("search") or {}
    rates = [rate for run in runs if (rate := _rate_found(run)) is not None]
    if not rates or 2 * len(rates) <= len(runs) or _even(runs[0]):
        return None
    per_s, percentile, limit_ms = median_low(rates), search["percentile"], float(search["limit_ms"])
    return Evidence(
        board=board,
        profile=profile,
        rank=Rank.MAX_RATE,
        says=f"{number(per_s)}/s keep p{percentile} of latency within {limit_ms:g} ms ({_count(runs)}, max_rate)",
        per_s=per_s,
        latency_ms={Statistic(f"p{percentile}"): limit_ms},
        memory_mib=_memory(runs),
        runs=tuple(run.id for run in runs),
    )


def _rate_found(run: EndedRun) -> float | None:
    """Return the rate that a search found, in samples a second; None where it found none."""
    rate, per_request = run.figures.get("max_rate"), _samples_per_request(run)
    return None if rate is None or per_request is None else rate.value * per_request


def _samples_per_request(run: EndedRun) -> int | None:
    throughput = run.figures.get("throughput")
    if throughput is None or run.window_ns is None:
        return None
    figure = ResultFigure(
        name="throughput", unit=throughput.unit, scope=Scope.PROCESS, value=throughput.value, samples=throughput.samples
    )
    return samples_per_step(figure, Window(*run.window_ns))


def _sustained(board: str, profile: str, runs: Sequence[EndedRun]) -> Evidence | None:
    """Return the throughput that runs had, with their latencies; None where they have none."""
    throughputs = [run.figures["throughput"].low for run in runs if "throughput" in run.figures]
    if not throughputs or _even(runs[0]):
        return None
    per_s, scenario = max(0.0, median_low(throughputs)), scenario_of(runs[0])
    return Evidence(
        board=board,
        profile=profile,
        rank=_rank(scenario),
        says=f"{number(per_s)}/s ({_count(runs)}, {scenario})",
        per_s=per_s,
        latency_ms=_latencies(scenario, runs),
        memory_mib=_memory(runs),
        runs=tuple(run.id for run in runs),
    )


def _rank(scenario: Scenario) -> Rank:
    if scenario is Scenario.TRAIN:
        return Rank.TRAINING
    return Rank.SERVER if scenario is Scenario.SERVER else Rank.CLOSED_LOOP


def _even(run: EndedRun) -> bool:
    """Tell whether requests arrived at even times, which makes less queueing than requests that come by themselves."""
    load = run.benchmark.get("load") or {}
    return scenario_of(run) is Scenario.SERVER and load.get("arrivals") == Arrivals.CONSTANT


def _latencies(scenario: Scenario, runs: Sequence[EndedRun]) -> dict[Statistic, float]:
    """Return the statistics that more than half of the runs have, ms."""
    found: dict[Statistic, float] = {}
    for statistic in Statistic:
        name = latency_figure(scenario, statistic)
        counted = [run for run in runs if statistic is not Statistic.MEAN or not lost_requests(run)]
        highs = [run.figures[name].high for run in counted if name in run.figures]
        if 2 * len(highs) > len(runs):
            found[statistic] = median_high(highs)
    return found


def _memory(runs: Sequence[EndedRun]) -> float | None:
    taken = [run.figures[name].value for run in runs for name in _MEMORY if name in run.figures]
    return min(taken, default=None)


def _count(runs: Sequence[EndedRun]) -> str:
    return "1 run" if len(runs) == 1 else f"median of {len(runs)} runs"
