"""The facts of hygiene are what was watched within the measured window; each that is not known has its reason."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migperf.gpus.host_cpu import cpu_partition
from migperf.gpus.inventory import discover
from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.simulation.driver import open_in_memory
from migperf.measure.benchmark import Benchmark, Scenario
from migperf.measure.company import Company
from migperf.measure.events import Finished
from migperf.measure.hygiene.examination import examine
from migperf.measure.hygiene.facts import Facts, Hygiene, Thresholds
from migperf.measure.hygiene.gathering import NOT_LISTED, gather
from migperf.measure.hygiene.isolation import NEIGHBOURS, Isolation, Report
from migperf.measure.hygiene.rules import judge
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Outcome
from migperf.measure.summary import summarise
from migperf.measure.supervisor import Supervisor
from migperf.measure.timing_log import timing_metric
from migperf.metrics import catalogue
from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.instruments import Instruments
from migperf.metrics.metric import Metric, Quantity, Scope
from migperf.metrics.series import Gap, Series
from tests.builders import partition
from tests.measure.test_rendezvous import together
from tests.measure.test_supervisor import LIMITS, QUICK, RecordingWatcher
from tests.metrics.made_series import every, made, ns

START_S, END_S = 10, 20
CPU = partition("CPU-1", cpus=(0, 1, 2, 3))
GPU = partition("GPU-1", PartitionKind.GPU, gpu_uuid="GPU-1")
MIG = partition("MIG-1", PartitionKind.MIG, gpu_uuid="GPU-1", profile="1g.10gb")
HOST = {"logical_cpus": 4, "load_average_1min": 1.5, "cpu_governor": "powersave", "cpu_scaling_driver": None}
NOT_COUNTED = Absence(AbsenceState.NOT_SUPPORTED, "the kernel does not count")


def told(quantity: Quantity, value: Callable[[float], float], period_s: float = 1.0) -> Series:
    times_s = every(period_s, 0, 30)
    return made(Metric.of(quantity, Scope.HOST, "test"), times_s, [value(t) for t in times_s])


def untold(quantity: Quantity) -> Series:
    return Series(metric=Metric.of(quantity, Scope.HOST, "test"), gaps=(Gap(0, None, NOT_COUNTED),))


def inside(value: float, outside: float) -> Callable[[float], float]:
    return lambda t: value if START_S <= t <= END_S else outside


def steps(window_ms: Callable[[int], float] = lambda _: 10.0, warmup_ms: Callable[[int], float] = lambda _: 10.0):
    """Steps every 20 ms from 0 to 20 s; what they took is told by their number, from 0 in warm-up and in the window."""
    noise = np.random.default_rng(5).normal(1, 0.003, 1000)
    took = [warmup_ms(i) for i in range(500)] + [window_ms(i) for i in range(500)]
    return made(timing_metric(Scenario.OFFLINE), [0.02 * i for i in range(1000)], noise * took)


def finished(warmup: str = "steady", measuring: str = "precision") -> Finished:
    return Finished(
        window_start_ns=ns(START_S),
        window_end_ns=ns(END_S),
        samples_per_step=1,
        sample_unit="sample",
        warmup_ended_by=warmup,
        measuring_ended_by=measuring,
    )


def known(
    *series: Series,
    on: Partition = CPU,
    report: Report | None = None,
    warmup: str = "steady",
    measuring: str = "precision",
    environment: dict[str, Any] | None = None,
    company: Sequence[Series] | None = None,
    **method: object,
) -> Facts:
    """Gather the facts of a run that was watched so, its figures computed as they are."""
    benchmark = Benchmark.model_validate({"workload": "test-step", "scenario": "offline", "method": method})
    others = None if company is None else Company(group="g", members=len(company) + 1, measured=True)
    job = Job(run_id="test", benchmark=benchmark, partition=on, timeout_s=60, company=others)
    end = finished(warmup, measuring)
    timed = () if any(one.metric.source == "timer" for one in series) else (steps(),)
    listed = (*series, *timed)
    figures = summarise(benchmark, end, listed, whole_board=on.kind is PartitionKind.GPU)
    place = HOST if environment is None else environment
    outcome = Outcome(ending=Ending.SUCCEEDED, finished=end, series=listed, figures=figures, environment=place)
    return gather(job, end, outcome, report or Report(), company or ())


def test_others_are_what_kept_the_hosts_processors_busy_less_the_run_itself() -> None:
    facts = known(told(catalogue.HOST_CPU, inside(3.5, 0)), told(catalogue.CPU, inside(2.0, 4), 0.1))
    assert facts.host_cpu_cores == pytest.approx(3.5)
    assert facts.others_cpu_cores == pytest.approx(1.5)
    assert facts.has_all_processors
    assert facts.processors == 4


def test_a_run_that_seems_to_have_used_more_than_the_host_leaves_nothing_to_others() -> None:
    facts = known(told(catalogue.HOST_CPU, lambda _: 1.98), told(catalogue.CPU, lambda _: 2.0))
    assert facts.others_cpu_cores == 0


def cpu(cores: float) -> Series:
    """What a process tree used within the window; three times as much outside of it."""
    return told(catalogue.CPU, inside(cores, 3 * cores), 0.1)


@pytest.mark.parametrize("on", [CPU, GPU, CPU.model_copy(update={"cpus": (0, 1)})], ids=["cpu", "gpu", "two cores"])
def test_what_the_other_runs_of_a_group_use_is_not_others_work(on: Partition) -> None:
    facts = known(told(catalogue.HOST_CPU, inside(3.5, 0)), cpu(1.0), on=on, company=[cpu(0.5), cpu(1.25)])
    assert facts.company_cpu_cores == pytest.approx(1.75)
    assert facts.others_cpu_cores == pytest.approx(0.75)
    assert facts.host_cpu_cores == pytest.approx(3.5)


@settings(max_examples=40, deadline=None)
@given(own=st.floats(0, 4), company=st.lists(st.floats(0, 2), min_size=1, max_size=15), stranger=st.floats(0, 3))
def test_a_stranger_taints_a_run_in_company_as_it_does_a_lone_one_and_companions_do_not(
    own: float, company: list[float], stranger: float
) -> None:
    timed = steps()
    lone = known(told(catalogue.HOST_CPU, lambda _: own + stranger), cpu(own), timed)
    busy = own + sum(company) + stranger
    beside = known(told(catalogue.HOST_CPU, lambda _: busy), cpu(own), timed, company=[cpu(one) for one in company])
    assert beside.others_cpu_cores == pytest.approx(lone.others_cpu_cores, abs=1e-6)
    if abs(stranger - Thresholds().others_cpu_cores) > 1e-6:
        taints = [{taint.rule for taint in judge(facts).taints} for facts in (lone, beside)]
        assert ("busy_neighbours" in taints[0]) == ("busy_neighbours" in taints[1]) == (stranger > 0.25)


def test_where_a_companion_did_not_tell_what_it_used_others_are_not_judged() -> None:
    seen = told(catalogue.HOST_CPU, lambda _: 4.0), cpu(1.0)
    short = made(Metric.of(catalogue.CPU, Scope.PROCESS_TREE, "test"), [9, 12, 13, 14], [1.0] * 4)
    silent = untold(catalogue.CPU)
    for company, why in (([cpu(1), silent], "the kernel does not count"), ([short], "20% of the window")):
        facts = known(*seen, company=company)
        assert (facts.others_cpu_cores, facts.company_cpu_cores) == (None, None)
        assert why in facts.absent["others_cpu_cores"]
        assert why in judge(facts).not_checked["busy_neighbours"]


def test_a_mean_over_little_of_the_window_is_no_fact() -> None:
    short = made(Metric.of(catalogue.HOST_CPU, Scope.HOST, "test"), [9, 12, 13, 14], [1.0] * 4)
    facts = known(short, told(catalogue.CPU, lambda _: 1.0))
    assert facts.others_cpu_cores is None
    assert "20% of the window" in facts.absent["others_cpu_cores"]


@pytest.mark.parametrize(
    ("on", "all_of_them"),
    [
        (CPU, True),
        (partition("CPU-1", cpus=(0, 1)), False),
        (GPU, False),
        (GPU.model_copy(update={"simulated": True}), True),
    ],
)
def test_a_run_has_all_processors_if_it_computes_on_them_and_may_use_each(on: Partition, all_of_them: bool) -> None:
    assert known(on=on).has_all_processors is all_of_them


def test_what_nobody_could_read_is_absent_with_the_reason_and_not_zero() -> None:
    shares = ("cpu_pressure_share", "memory_pressure_share", "io_pressure_share", "swapped_mib_per_s")
    quantities = (
        catalogue.HOST_PRESSURE_CPU,
        catalogue.HOST_PRESSURE_MEMORY,
        catalogue.HOST_PRESSURE_IO,
        catalogue.HOST_SWAPPED,
    )
    facts = known(*map(untold, quantities))
    for name in shares:
        assert getattr(facts, name) is None
        assert facts.absent[name] == "the kernel does not count"
    facts = known(*(told(quantity, inside(0.25, 1)) for quantity in quantities))
    assert [getattr(facts, name) for name in shares] == [0.25] * 4
    assert known().absent["others_cpu_cores"] == "host_cpu was not watched"


def test_the_governor_matters_to_what_computes_on_the_cpu() -> None:
    assert known().cpu_governor == "powersave"
    assert known(on=GPU).cpu_governor is None
    assert known(on=GPU).load_average_1min == 1.5


def gpu_run(**more: Series) -> dict[str, Series]:
    return {
        "power_cap": told(catalogue.THROTTLE_POWER_CAP, inside(0, 1), 0.1),
        "thermal": told(catalogue.THROTTLE_SW_THERMAL, lambda t: float(14 <= t < 15), 0.1),
        "clock": told(catalogue.CLOCK_SM, lambda t: 1900 if 14 <= t < 15 else 2000, 0.1),
        "processes": told(catalogue.PROCESSES, inside(1, 3)),
        **more,
    }


def test_throttling_clocks_and_processes_are_those_of_the_window() -> None:
    facts = known(*gpu_run().values(), on=GPU)
    assert facts.throttled_share == pytest.approx(0.1, abs=0.02)
    assert facts.throttled_by == ("sw thermal",)
    assert facts.clock_sm_spread_rel == pytest.approx(100 / 1990, rel=0.01)
    assert facts.device_processes == 1
    assert facts.used_instances is None
    assert "used_instances" not in facts.absent, "a whole GPU has no instances"


def test_a_driver_that_does_not_even_list_the_runs_own_process_tells_nothing_of_others() -> None:
    facts = known(*gpu_run(processes=told(catalogue.PROCESSES, lambda _: 0)).values(), on=GPU)
    assert facts.device_processes is None
    assert facts.absent["device_processes"] == NOT_LISTED


@pytest.mark.parametrize(("listed", "checked"), [(0, False), (1, True)])
def test_isolation_rests_on_a_driver_that_lists_the_run_itself(listed: int, checked: bool) -> None:
    """A look that finds nobody means nothing where nobody is ever found."""
    driver = open_in_memory(["h100-80gb"])
    (mine,) = discover(driver, offer_cpu=False).partitions
    job = Job(
        run_id="test",
        benchmark=Benchmark.model_validate({"workload": "test-step", "scenario": "offline"}),
        partition=mine.model_copy(update={"simulated": False}),
        timeout_s=60,
    )
    looks = Isolation(driver, job.partition)
    looks.before()
    watched = (told(catalogue.PROCESSES, lambda _: listed), steps())
    outcome = examine(Outcome(ending=Ending.SUCCEEDED, finished=finished(), series=watched), job, looks)
    assert outcome.ending is Ending.SUCCEEDED
    not_checked = Hygiene.model_validate(outcome.environment["hygiene"]).not_checked
    assert not_checked.get("isolation") == (None if checked else f"isolation not checked: processes: {NOT_LISTED}")


def test_a_gpu_whose_meters_are_silent_has_absent_facts_and_a_simulated_one_none() -> None:
    assert {"throttled_share", "clock_sm_spread_rel", "device_processes"} <= known(on=GPU).absent.keys()
    simulated = known(on=GPU.model_copy(update={"simulated": True}))
    assert not {"throttled_share", "clock_sm_spread_rel", "device_processes"} & simulated.absent.keys()
    assert not {"throttled_share", "clock_sm_spread_rel", "device_processes"} & known().absent.keys()


def test_neighbours_on_the_board_are_counted_unless_nobody_could_look() -> None:
    assert known(on=MIG, report=Report(neighbours=frozenset({"MIG-2", "MIG-3"}))).used_instances == 2
    assert known(on=MIG).used_instances == 0
    facts = known(on=MIG, report=Report(not_checked={NEIGHBOURS: "no permission"}))
    assert (facts.used_instances, facts.absent["used_instances"]) == (None, "no permission")
    assert known(on=MIG, report=Report(recut="off, then on")).board_recut == "off, then on"


def test_neighbours_whose_activity_is_known_are_judged_by_that_alone() -> None:
    active = told(catalogue.NEIGHBOURS_SM_ACTIVE, inside(0.25, 90))
    facts = known(active, on=MIG, report=Report(neighbours=frozenset({"MIG-2"})))
    assert facts.neighbours_sm_active_pct == 0.25
    assert facts.used_instances is None, "a process that does nothing disturbs nobody"
    assert "used_instances" not in facts.absent
    unknown = known(untold(catalogue.NEIGHBOURS_SM_ACTIVE), on=MIG, report=Report(neighbours=frozenset({"MIG-2"})))
    assert (unknown.neighbours_sm_active_pct, unknown.used_instances) == (None, 1)


def test_a_steady_window_is_steady_whatever_its_warm_up_was() -> None:
    facts = known(steps(warmup_ms=lambda i: 10 + i / 50))
    assert facts.steadiness == "steady"
    assert facts.warmup_steadiness is None, "it ended since it was steady"


def test_a_window_that_drifts_or_changes_is_told_with_what_was_found() -> None:
    drifting = known(steps(lambda i: 10 + i / 250))
    assert drifting.steadiness in ("drifting", "changing")
    assert drifting.steadiness_why
    assert known(steps(lambda i: 10 if i < 400 else 12)).steadiness == "changing"


def test_a_warm_up_that_ran_out_of_time_is_judged_too() -> None:
    facts = known(steps(warmup_ms=lambda i: 10 if i < 400 else 12), warmup="warmup_max_s")
    assert (facts.warmup_steadiness, facts.steadiness) == ("changing", "steady")


def test_steps_that_are_too_few_or_too_noisy_show_nothing() -> None:
    noisy = known(steps(lambda i: 10 * (1 + i % 7)), steady_within=0.001)
    assert noisy.steadiness is None
    assert "drifts by" in noisy.absent["steadiness"]
    few = made(timing_metric(Scenario.OFFLINE), [11, 12, 13], [1.0, 2.0, 3.0])
    assert "needs at least" in known(few).absent["steadiness"]


def test_where_steadiness_was_not_asked_for_or_is_not_the_payloads_way_it_does_not_matter() -> None:
    for facts in (known(steady_within=None), known(measuring="completed")):
        assert facts.steadiness is None
        assert "steadiness" not in facts.absent


def test_the_sampler_is_as_late_as_its_readings_can_tell() -> None:
    late = told(catalogue.SAMPLER_LATENESS, lambda t: 150.0 if t % 5 < 1 else 0.5, 0.1)
    facts = known(late)
    assert (facts.sampler_period_ms, facts.sampler_lateness_ms) == (100, 150)
    gpu_late = told(catalogue.GPU_SAMPLER_LATENESS, lambda _: 200.0, 0.1)
    assert known(late, gpu_late, on=GPU).sampler_lateness_ms == 200
    assert "percentile" in known(told(catalogue.SAMPLER_LATENESS, lambda _: 1.0)).absent["sampler_lateness_ms"]


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with Launcher() as warm:
        warm.wait_until_warm()
        yield warm


@contextmanager
def spinning() -> Iterator[None]:
    """Somebody keeps a processor busy."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def measured(launcher: Launcher, log: Path) -> Outcome:
    benchmark = {
        "workload": "test-step",
        "scenario": "single_stream",
        "parameters": {"step_ms": 5},
        "method": {**QUICK, "min_s": 3.2, "sample_hz": 20, "steady_within": 0.5, "warmup_max_s": 1.0},
    }
    job = Job(run_id="test", benchmark=Benchmark.model_validate(benchmark), partition=cpu_partition(), timeout_s=60)
    return Supervisor(launcher, Instruments(), job, RecordingWatcher(), log, LIMITS).run()


def test_a_neighbour_that_keeps_a_processor_busy_taints_a_run_on_the_cpu(launcher: Launcher, tmp_path: Path) -> None:
    with spinning():
        outcome = measured(launcher, tmp_path / "log")
    assert outcome.figures, "tainted figures are kept"
    assert outcome.taints is not None
    seen = {taint.rule: taint.seen for taint in outcome.taints}
    assert "processors busy" in seen["busy_neighbours"]
    facts = Hygiene.model_validate(outcome.environment["hygiene"]).facts
    assert facts is not None
    assert facts.others_cpu_cores is not None
    assert facts.others_cpu_cores > 0.25, "a processor, less what others on this host take from it"
    assert facts.load_average_1min is not None
    assert facts.sampler_lateness_ms is not None
    assert facts.sampler_period_ms == 50
    assert facts.steadiness is not None or "steadiness" in facts.absent


def test_a_companion_that_computes_is_told_from_a_stranger(launcher: Launcher, tmp_path: Path) -> None:
    """Two real runs on one CPU, one of which keeps a processor busy, and somebody else who does so too."""
    method = {**QUICK, "min_s": 3.2, "sample_hz": 20}
    busy = {"workload": "matrix-product", "parameters": {"size": 256}, "method": method}
    with spinning():
        asleep, computing = together(launcher, tmp_path, {"method": method}, busy)
    assert (asleep.ending, computing.ending) == (Ending.SUCCEEDED, Ending.SUCCEEDED), (asleep, computing)
    used, facts = {}, {}
    for name, outcome in (("asleep", asleep), ("computing", computing)):
        used[name] = next(figure.value for figure in outcome.figures if figure.name == "cpu_mean")
        facts[name] = Hygiene.model_validate(outcome.environment["hygiene"]).facts
        assert facts[name].others_cpu_cores == pytest.approx(
            facts[name].host_cpu_cores - used[name] - facts[name].company_cpu_cores
        )
        assert "busy_neighbours" in {taint.rule for taint in outcome.taints}
    assert facts["asleep"].company_cpu_cores == pytest.approx(used["computing"])
    assert facts["computing"].company_cpu_cores == pytest.approx(used["asleep"])
    assert used["computing"] > 0.2 > used["asleep"]
