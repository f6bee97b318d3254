"""What stored runs say of a job: which of them speak for it, and what of their figures is relied on."""

from collections.abc import Sequence
from typing import Any

from migperf.analysis.advisor.demand import Demand
from migperf.analysis.advisor.evidence import Evidence, Rank
from migperf.analysis.advisor.stored import read_evidence
from migperf.measure.benchmark import Statistic
from migperf.store.database import Database
from migperf.store.states import RunState
from tests.analysis.advisor.measured_runs import A100, in_group, measured

BATCH_1 = {"parameters": {"batch_size": 1}}
AT_100 = {"load": {"rate_per_s": 100}, **BATCH_1}
SEARCH = {"search": {"kind": "max_rate", "percentile": 99, "limit_ms": 20}, **BATCH_1}


def demand(benchmark: dict[str, Any] | None = None, *, training: bool = False, **more: Any) -> Demand:
    spoken = {"workload": "resnet50", **(BATCH_1 if benchmark is None else benchmark)}
    job = {"name": "job", "benchmark": spoken}
    jobs = {"training": [{**job, "throughput_per_s": 1}]} if training else {"services": [{**job, "rate_per_s": 1}]}
    return Demand.model_validate({"migperf": 1, "gpus": [{"model": "a100-80gb", "count": 1}], **jobs, **more})


def said(database: Database, asked: Demand | None = None) -> Sequence[Evidence]:
    with database.read() as session:
        return read_evidence(session, asked or demand()).evidence["job"]


def test_a_server_run_says_its_throughput_and_its_latencies_at_the_cautious_end(database: Database) -> None:
    figures = {"throughput": (100.0, 98.0, 102.0), "latency_p99": (15.0, 14.0, 17.0), "latency_mean": 5.0}
    run = measured(database, figures=figures, **AT_100)
    (one,) = said(database)
    assert (one.board, one.profile, one.rank, one.runs) == (A100, "1g.10gb", Rank.SERVER, (run,))
    assert one.per_s == 98
    assert one.latency_ms == {Statistic.P99: 17, Statistic.MEAN: 5}


def test_of_several_runs_the_median_counts_and_of_two_the_worse(database: Database) -> None:
    for per_s, ms in ((100, 10), (110, 12), (90, 14)):
        measured(database, figures={"throughput": per_s, "latency_p99": ms}, **AT_100)
    (three,) = said(database)
    assert (three.per_s, three.latency_ms, len(three.runs)) == (100, {Statistic.P99: 12}, 3)
    for per_s, ms in ((100, 10), (110, 12)):
        measured(database, "2g.20gb", {"throughput": per_s, "latency_p99": ms}, **AT_100)
    (two,) = [one for one in said(database) if one.profile == "2g.20gb"]
    assert (two.per_s, two.latency_ms) == (100, {Statistic.P99: 12})
    assert "median of 2 runs" in two.says


def test_a_statistic_that_half_of_the_runs_lack_is_not_known(database: Database) -> None:
    measured(database, figures={"throughput": 100, "latency_p50": 3, "latency_p99": 9}, **AT_100)
    measured(database, figures={"throughput": 100, "latency_p50": 3}, **AT_100)
    (one,) = said(database)
    assert one.latency_ms == {Statistic.P50: 3}


def test_a_search_says_the_rate_in_samples_and_the_limit_that_it_keeps(database: Database) -> None:
    figures = {"max_rate": 40, "throughput": 320, "latency_p99": 19}
    run = measured(database, figures=figures, samples_per_step=8, **SEARCH | {"parameters": {"batch_size": 8}})
    found = {one.rank: one for one in said(database, demand({}))}
    assert found[Rank.MAX_RATE].per_s == 40 * 8
    assert found[Rank.MAX_RATE].latency_ms == {Statistic.P99: 20}
    assert found[Rank.MAX_RATE].runs == (run,)
    assert found[Rank.SERVER].latency_ms == {Statistic.P99: 19}


def test_a_search_that_found_no_rate_says_what_it_measured_at_the_lowest(database: Database) -> None:
    measured(database, figures={"throughput": 10, "latency_p99": 30}, **SEARCH)
    (one,) = said(database)
    assert (one.rank, one.per_s, one.latency_ms) == (Rank.SERVER, 10, {Statistic.P99: 30})


def test_closed_loops_are_told_from_open_ones(database: Database) -> None:
    measured(database, figures={"throughput": 190, "latency_p99": 6}, scenario="single_stream", **BATCH_1)
    measured(database, "2g.20gb", {"throughput": 200, "batch_time_p99": 5}, scenario="offline", **BATCH_1)
    found = {one.profile: one for one in said(database)}
    assert {one.rank for one in found.values()} == {Rank.CLOSED_LOOP}
    assert found["1g.10gb"].latency_ms == {Statistic.P99: 6}
    assert found["2g.20gb"].latency_ms == {Statistic.P99: 5}


def test_requests_that_got_no_answer_leave_the_mean_unknown(database: Database) -> None:
    lost = {"throughput": 90, "latency_mean": 5, "latency_p50": 4, "requests_dropped": 3}
    measured(database, figures=lost, **AT_100)
    (one,) = said(database)
    assert one.latency_ms == {Statistic.P50: 4}


def test_arrivals_at_even_times_say_nothing_of_requests_that_come_by_themselves(database: Database) -> None:
    even = {"load": {"rate_per_s": 100, "arrivals": "constant"}, **BATCH_1}
    measured(database, figures={"throughput": 100, "latency_p99": 3}, **even)
    assert said(database) == ()


def test_what_does_not_fit_is_known_unless_it_fitted_another_time(database: Database) -> None:
    big = {"parameters": {"batch_size": 256}, "scenario": "offline"}
    run = measured(database, state=RunState.DOES_NOT_FIT, **big)
    (one,) = said(database, demand({"parameters": {"batch_size": 256}}))
    assert (one.per_s, one.runs) == (None, (run,))
    assert one.says == "does not fit into the memory at batch size 256 (1 run)"
    measured(database, figures={"throughput": 420, "peak_allocated": 5000, "peak_reserved": 5600}, **big)
    (fits,) = said(database, demand({"parameters": {"batch_size": 256}}))
    assert (fits.per_s, fits.memory_mib) == (420, 5000)


def test_only_runs_of_the_same_work_speak(database: Database) -> None:
    measured(
        database, figures={"throughput": 1, "latency_p99": 1}, load={"rate_per_s": 1}, parameters={"batch_size": 2}
    )
    other = {**AT_100, "parameters": {"batch_size": 1, "image_size": 64}}
    measured(database, figures={"throughput": 2, "latency_p99": 1}, **other)
    measured(database, figures={"throughput": 3, "latency_p99": 1}, **AT_100, engine={"precision": "bf16"})
    measured(database, figures={"throughput": 4, "latency_p99": 1}, **AT_100 | {"workload": "resnet18"})
    measured(database, figures={"throughput": 5}, scenario="train", **BATCH_1)
    assert said(database) == ()
    assert [one.per_s for one in said(database, demand({}))] == [1]
    assert [one.per_s for one in said(database, demand({**BATCH_1, "engine": {"precision": "bf16"}}))] == [3]
    (training,) = said(database, demand(training=True))
    assert (training.per_s, training.rank) == (5, Rank.TRAINING)
    assert said(database, demand({}, training=True)) == ()


def test_simulated_shared_and_failed_runs_never_speak_and_tainted_ones_only_when_asked(database: Database) -> None:
    figures = {"throughput": 100, "latency_p99": 3}
    measured(database, figures=figures, simulated=True, **AT_100)
    measured(database, state=RunState.FAILED, **AT_100)
    spoiled = measured(database, figures=figures, taints=[{"rule": "throttled"}], **AT_100)
    with database.read() as session:
        read = read_evidence(session, demand())
        assert (read.evidence["job"], read.tainted) == ((), 1)
    (one,) = said(database, demand(tainted=True))
    assert one.runs == (spoiled,)


def test_a_run_of_an_experiment_speaks_unless_it_had_company_or_a_share(database: Database) -> None:
    figures = {"throughput": 100, "latency_p99": 3}
    alone, beside, shared = (measured(database, figures=figures, **AT_100) for _ in range(3))
    in_group(database, alone)
    in_group(database, beside, size=2)
    in_group(database, shared, shares=2)
    (one,) = said(database)
    assert one.runs == (alone,)


def test_a_gpu_that_is_not_cut_is_a_choice_too(database: Database) -> None:
    measured(database, None, {"throughput": 500, "latency_p99": 3}, **AT_100)
    (one,) = said(database)
    assert one.profile == "whole"


def test_jobs_without_a_benchmark_ask_for_nothing(database: Database) -> None:
    asked = Demand.model_validate(
        {"migperf": 1, "gpus": [{"model": "a30", "count": 1}], "services": [{"name": "job", "rate_per_s": 1}]}
    )
    with database.read() as session:
        assert read_evidence(session, asked).evidence == {}
