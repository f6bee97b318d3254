"""The facts of hygiene of a run that has measured to its end, from what was watched, its timings and both looks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from migperf.gpus.partition import Partition, PartitionKind
from migperf.measure.benchmark import Scenario
from migperf.measure.company import Company
from migperf.measure.events import Finished
from migperf.measure.figures import ResultFigure
from migperf.measure.hygiene.facts import Facts
from migperf.measure.hygiene.isolation import NEIGHBOURS, Report
from migperf.measure.job import Job
from migperf.measure.observed import Observation, Observed
from migperf.measure.outcome import Outcome
from migperf.measure.summary import measured_window
from migperf.measure.timing_log import TIMING_NAME, part_metric
from migperf.metrics import catalogue
from migperf.metrics.metric import Quantity
from migperf.metrics.series import Chunk, Series
from migperf.metrics.summary import SeriesSummary, Window
from migperf.statistics.steady_state import Steadiness, find_steady_state

MS_PER_S = 1000
LEAST_COVERED = 0.5
"""Of the window: a mean over less of it may tell of another time."""
NOT_LISTED = "the driver lists no process here, not even the run's own; a container may have to share the host's pids"
_UNDECIDED = (Steadiness.TOO_FEW, Steadiness.TOO_NOISY)


@dataclass(slots=True)
class _Found:
    """Facts that are being gathered, by name, and why others are absent."""

    facts: dict[str, Any] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: object, why_not: str | None) -> None:
        if value is None:
            self.absent[name] = why_not or "it was not read"
        else:
            self.facts[name] = value


def gather(job: Job, finished: Finished, outcome: Outcome, report: Report, companions: Sequence[Series] = ()) -> Facts:
    """Return what is known of how a run was measured. Pure: everything was read before.

    ``companions`` are the ``cpu`` series of the other runs of its group, one of each.
    """
    found, window = _Found(), measured_window(finished)
    observed, figures = Observed.of(outcome.series, window), {figure.name: figure for figure in outcome.figures}
    if job.partition.gpu_uuid is not None:
        _of_the_board(found, observed, job.partition, report)
        if not job.partition.simulated:
            _of_the_gpu(found, observed, figures)
    _of_the_host(found, observed, job.partition, outcome.environment)
    _of_the_timings(found, job, finished, outcome.series)
    if job.benchmark.scenario is Scenario.SERVER:
        _of_the_arrivals(found, figures)
    _of_the_sampler(found, observed, job.benchmark.method.sample_hz)
    if job.company is not None:
        _leave_out_the_company(found)
        _tell_the_company_from_others(found, job.company, companions, window)
    return Facts(**found.facts, absent=found.absent)


_OF_COMPANY = ("neighbours_sm_active_pct", "used_instances", "device_processes")
MEANT = "the runs of its group are there to be beside it, and cannot be told from others"


def _leave_out_the_company(found: _Found) -> None:
    """Do not judge what the other runs of the group are meant to do to this one."""
    for name in _OF_COMPANY:
        if found.facts.pop(name, None) is not None:
            found.absent[name] = MEANT


def _tell_the_company_from_others(
    found: _Found, company: Company, companions: Sequence[Series], window: Window
) -> None:
    """Take what the process trees of the group's other runs used off what is not the run's own."""
    means = [_mean(Observed.of([series], window), catalogue.CPU) for series in companions]
    cores = [mean for mean, _ in means if mean is not None]
    if len(cores) == company.members - 1:
        found.facts["company_cpu_cores"] = sum(cores)
        if (beside := found.facts.get("others_cpu_cores")) is not None:
            found.facts["others_cpu_cores"] = max(0.0, beside - sum(cores))
        return
    why = next((why for mean, why in means if mean is None), "not all of them told what they used")
    found.add("company_cpu_cores", None, f"what the other runs of its group used is not known: {why}")
    if found.facts.pop("others_cpu_cores", None) is not None:
        found.absent["others_cpu_cores"] = found.absent["company_cpu_cores"]


def _of_the_board(found: _Found, observed: Observed, partition: Partition, report: Report) -> None:
    """Say what others did on the rest of the board: how active they were, else whether they were there at all."""
    found.facts["board_recut"] = report.recut
    if partition.kind is not PartitionKind.MIG:
        return
    active, _ = _summary(observed, catalogue.NEIGHBOURS_SM_ACTIVE)
    if active is not None:
        found.facts["neighbours_sm_active_pct"] = active.mean
        return
    unknown = report.not_checked.get(NEIGHBOURS)
    found.add("used_instances", None if unknown else len(report.neighbours), unknown)


def _of_the_gpu(found: _Found, observed: Observed, figures: Mapping[str, ResultFigure]) -> None:
    throttled = figures.get("throttled")
    found.add("throttled_share", throttled and throttled.value, throttled.absent if throttled else None)
    found.facts["throttled_by"] = tuple(_reasons(figures.values()))
    clock, why = _summary(observed, catalogue.CLOCK_SM)
    found.add("clock_sm_spread_rel", clock and _spread_rel(clock), why)
    processes, why = _summary(observed, catalogue.PROCESSES)
    most = processes and processes.maximum
    found.add("device_processes", round(most) if most else None, why or NOT_LISTED)


def _reasons(figures: Iterable[ResultFigure]) -> Iterator[str]:
    for figure in figures:
        if figure.value and figure.name.startswith("throttle_"):
            yield figure.name.removeprefix("throttle_").removesuffix("_share").replace("_", " ")


def _spread_rel(summary: SeriesSummary) -> float | None:
    if not summary.mean or summary.maximum is None or summary.minimum is None:
        return None
    return (summary.maximum - summary.minimum) / summary.mean


def _of_the_host(found: _Found, observed: Observed, partition: Partition, environment: Mapping[str, JsonValue]) -> None:
    processors = environment.get("logical_cpus")
    on_cpu = partition.device == "cpu"
    found.facts |= {
        "processors": processors,
        "has_all_processors": on_cpu and (partition.cpus is None or len(partition.cpus) == processors),
        "load_average_1min": environment.get("load_average_1min"),
    }
    if on_cpu:
        found.facts |= {name: environment.get(name) for name in ("cpu_governor", "cpu_scaling_driver")}
    host, why = _mean(observed, catalogue.HOST_CPU)
    own, why_not_own = _mean(observed, catalogue.CPU)
    found.add("host_cpu_cores", host, why)
    others = None if host is None or own is None else max(0.0, host - own)
    found.add("others_cpu_cores", others, why or why_not_own)
    for name, quantity in _SHARES.items():
        found.add(name, *_mean(observed, quantity))


_SHARES = {
    "cpu_pressure_share": catalogue.HOST_PRESSURE_CPU,
    "memory_pressure_share": catalogue.HOST_PRESSURE_MEMORY,
    "io_pressure_share": catalogue.HOST_PRESSURE_IO,
    "swapped_mib_per_s": catalogue.HOST_SWAPPED,
}


def _of_the_timings(found: _Found, job: Job, finished: Finished, series: Iterable[Series]) -> None:
    """Judge the series as its warm-up was; a payload with an end of its own may change on the way as it likes."""
    within, name = job.benchmark.method.steady_within, TIMING_NAME[job.benchmark.scenario]
    if job.benchmark.scenario is Scenario.SERVER:
        name = part_metric("compute").name  # latencies go up and down with the queue, as they should
    if within is None or finished.measuring_ended_by == "completed":
        return
    timed = next((one.chunk for one in series if one.metric.name == name), Chunk.of([], []))
    parts = {"steadiness": timed.between(finished.window_start_ns, finished.window_end_ns)}
    if finished.warmup_ended_by == "warmup_max_s":
        parts["warmup_steadiness"] = timed.between(0, finished.window_start_ns - 1)
    for fact, part in parts.items():
        verdict = find_steady_state(part.value, within)
        known = verdict.state not in _UNDECIDED
        found.add(fact, str(verdict.state) if known else None, f"{verdict.why}; nothing can be said")
        found.facts[f"{fact}_why"] = verdict.why


def _of_the_arrivals(found: _Found, figures: Mapping[str, ResultFigure]) -> None:
    names = {
        "utilisation": "utilisation",
        "offered_per_s": "offered_rate",
        "generator_honest_per_s": "generator_honest_rate",
    }
    for fact, name in names.items():
        figure = figures.get(name)
        found.add(fact, figure and figure.value, figure.absent if figure else None)


def _of_the_sampler(found: _Found, observed: Observed, hz: float) -> None:
    late_ms = []
    for seen in observed.find(catalogue.SAMPLER_LATENESS, catalogue.GPU_SAMPLER_LATENESS):
        percentiles = (seen.summary.p99, seen.summary.p95, seen.summary.p90)
        late_ms += [next((value for value in percentiles if value is not None), None)]
    known = [value for value in late_ms if value is not None]
    found.facts["sampler_period_ms"] = MS_PER_S / hz
    found.add("sampler_lateness_ms", max(known, default=None), "too few readings for a percentile; raise min_s")


def _mean(observed: Observed, quantity: Quantity) -> tuple[float | None, str | None]:
    """Return the mean over the window if enough of that was read, else why not."""
    summary, why = _summary(observed, quantity)
    if summary is None:
        return None, why
    if (summary.covered or 0.0) < LEAST_COVERED:
        return None, f"{quantity.name} was read over {summary.covered or 0:.0%} of the window only; raise min_s"
    return summary.mean, None


def _summary(observed: Observed, quantity: Quantity) -> tuple[SeriesSummary | None, str | None]:
    found: list[Observation] = observed.find(quantity)
    if not found:
        return None, f"{quantity.name} was not watched"
    summary = found[0].summary
    return (None, summary.absent) if summary.absent else (summary, None)
