"""What stored groups say of neighbours: which of them speak for a pair, and what of their figures is relied on."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.analysis.advisor.advising import advise
from migperf.analysis.advisor.boards import named_stock
from migperf.analysis.advisor.demand import Demand
from migperf.analysis.advisor.interference import Instances, Slowdown
from migperf.analysis.advisor.stored import read_evidence
from migperf.analysis.advisor.stored_interference import counted
from migperf.experiments.document import parse
from migperf.experiments.plan import make_plan
from migperf.experiments.target import Target
from migperf.gpus.inventory import discover
from migperf.gpus.partition import PartitionKind
from migperf.gpus.simulation.driver import open_in_memory
from migperf.store import experiments
from migperf.store.database import Database
from migperf.store.experiments import NewCell, NewExperiment
from migperf.store.states import GroupState
from tests.analysis.advisor.measured_runs import A100, NOW, figure_of, finish, grouped, measured
from tests.builders import partition

SINGLE = {"workload": "resnet50", "scenario": "single_stream", "parameters": {"batch_size": 1}}
SERVER = {**SINGLE, "scenario": "server", "load": {"rate_per_s": 50}}
TRAIN = {"workload": "resnet18", "scenario": "train", "parameters": {"batch_size": 8}}
SMALL, LARGE = "1g.10gb", "2g.20gb"


def demand(limit: dict[str, Any] | None = None, **more: Any) -> Demand:
    service = {"name": "thumbs", "benchmark": {"workload": "resnet50", "parameters": {"batch_size": 1}}}
    job = {"name": "tune", "benchmark": {"workload": "resnet18", "parameters": {"batch_size": 8}}}
    return Demand.model_validate(
        {
            "migperf": 1,
            "gpus": [{"model": "a100-80gb", "count": 1}],
            "services": [{**service, "rate_per_s": 1} | ({} if limit is None else {"latency": limit})],
            "training": [{**job, "throughput_per_s": 1}],
            **more,
        }
    )


def known(database: Database, asked: Demand | None = None) -> Sequence[Slowdown]:
    with database.read() as session:
        return read_evidence(session, asked or demand()).slowdowns


def alone(database: Database, per_s: float, repeat: int | None = 0, work: dict[str, Any] = SINGLE, **more: Any) -> str:
    """A run by itself: part of the experiment, or of none."""
    figures = {"throughput": per_s} | more.pop("figures", {})
    run = measured(database, more.pop("profile", SMALL), figures, **work, **more)
    if repeat is not None:
        grouped(database, [run], repeat=repeat)
    return run


def beside(
    database: Database,
    per_s: float,
    repeat: int = 0,
    *,
    work: dict[str, Any] = SINGLE,
    neighbours: Sequence[dict[str, Any]] = (TRAIN,),
    neighbour_profile: str = LARGE,
    figures: Mapping[str, float] = {},
    state: GroupState = GroupState.SUCCEEDED,
    **more: Any,
) -> str:
    """A client that was measured beside neighbours on the same GPU."""
    gpu = f"GPU-{repeat}"
    client = measured(database, SMALL, {"throughput": per_s, **figures}, gpu=gpu, **work, **more)
    others = [measured(database, neighbour_profile, {"throughput": 7}, gpu=gpu, **each) for each in neighbours]
    grouped(database, [client], others, repeat=repeat, state=state)
    return client


def test_the_slowdown_is_the_median_over_repeats_of_one_experiment(database: Database) -> None:
    runs = []
    for repeat, (apart, together) in enumerate(((100, 80), (110, 100), (120, 100))):
        runs += [beside(database, together, repeat), alone(database, apart, repeat)]
    alone(database, 1000, repeat=None)  # from another day, on a faster machine: the experiment's own go before it
    (one,) = known(database)
    assert (one.of, one.beside, one.on) == ("thumbs", "tune", Instances(A100, SMALL, LARGE))
    assert one.factor == 1.2
    assert set(one.runs) == set(runs)
    assert one.says == (
        "1.2 times as long as alone (throughput, median of 3 pairs of repeats; single_stream beside train; neighbours)"
    )


def test_of_two_repeats_the_worse_counts_and_is_rounded_up_to_whole_per_cents(database: Database) -> None:
    for repeat, together in enumerate((100, 97.3)):
        beside(database, together, repeat)
        alone(database, 100, repeat)
    (one,) = known(database)
    assert one.factor == 1.03
    assert one.says.startswith("1.028 times as long as alone, counted as 1.03 (")


def test_faster_than_alone_is_noise(database: Database) -> None:
    beside(database, 101)
    alone(database, 100)
    (one,) = known(database)
    assert one.factor == 1
    assert one.says.startswith("0.9901 times as long as alone, which is noise and counts as 1 (")


def test_where_the_experiment_has_none_alone_runs_from_elsewhere_are_compared_with_and_it_is_said(
    database: Database,
) -> None:
    beside(database, 80)
    assert known(database) == ()
    for per_s in (100, 104, 90):
        alone(database, per_s, repeat=None)
    alone(database, 500, repeat=None, profile=LARGE)
    alone(database, 500, repeat=None, model="NVIDIA H100 80GB HBM3")
    (one,) = known(database)
    assert one.factor == 1.25
    assert "1 beside it, 3 alone at another time" in one.says


def test_the_statistic_that_is_limited_counts_where_it_suffers_more(database: Database) -> None:
    beside(database, 90, figures={"latency_p99": 15})
    alone(database, 99, figures={"latency_p99": 10})
    assert [one.factor for one in known(database)] == [1.1]
    assert [one.factor for one in known(database, demand({"limit_ms": 50}))] == [1.5]
    assert [one.factor for one in known(database, demand({"statistic": "p50", "limit_ms": 50}))] == [1.1]


def test_servers_speak_by_their_latency_and_only_where_no_closed_loop_does(database: Database) -> None:
    beside(database, 50, work=SERVER, figures={"latency_p50": 30})
    alone(database, 50, work=SERVER, figures={"latency_p50": 10})
    assert [one.factor for one in known(database)] == [3]
    beside(database, 80, 1)
    alone(database, 100, 1)
    assert [one.factor for one in known(database)] == [1.25]


def test_the_mean_says_nothing_where_requests_got_no_answer(database: Database) -> None:
    beside(database, 50, work=SERVER, figures={"latency_mean": 11, "requests_dropped": 9})
    alone(database, 50, work=SERVER, figures={"latency_mean": 10})
    assert known(database, demand({"statistic": "mean", "limit_ms": 50})) == ()


def test_of_several_ways_to_drive_them_the_worst_counts(database: Database) -> None:
    beside(database, 95)
    alone(database, 100)
    beside(database, 150, 1, work={**SINGLE, "scenario": "offline"})
    alone(database, 300, 1, work={**SINGLE, "scenario": "offline"})
    assert [one.factor for one in known(database)] == [2]


def test_both_directions_are_known_where_both_were_clients(database: Database) -> None:
    beside(database, 80)
    alone(database, 100)
    client = measured(database, LARGE, {"throughput": 30}, gpu="GPU-back", **TRAIN)
    grouped(database, [client], [measured(database, SMALL, gpu="GPU-back", **SINGLE)], experiment="back")
    alone(database, 33, None, TRAIN, profile=LARGE)
    found = {(one.of, one.beside): (one.on, one.factor) for one in known(database)}
    assert found == {
        ("thumbs", "tune"): (Instances(A100, SMALL, LARGE), 1.25),
        ("tune", "thumbs"): (Instances(A100, LARGE, SMALL), 1.1),
    }


def test_clients_that_are_alike_are_neighbours_of_each_other_and_the_slowest_of_a_repeat_counts(
    database: Database,
) -> None:
    clients = [measured(database, SMALL, {"throughput": per_s}, gpu="GPU-0", **SINGLE) for per_s in (95, 80, 90)]
    grouped(database, clients)
    alone(database, 100)
    (one,) = known(database)
    assert (one.of, one.beside, one.on) == ("thumbs", "thumbs", Instances(A100, SMALL, SMALL))
    assert one.factor == 1.25
    assert "single_stream beside 2 of single_stream" in one.says


def test_neighbours_of_several_kinds_say_nothing_of_any(database: Database) -> None:
    alone(database, 100)
    beside(database, 50, neighbours=(TRAIN, SINGLE))
    assert known(database) == ()


def test_only_neighbours_that_do_the_work_of_a_job_count(database: Database) -> None:
    alone(database, 100)
    beside(database, 50, neighbours=({**TRAIN, "parameters": {"batch_size": 4}},))
    beside(database, 50, neighbours=({**TRAIN, "engine": {"precision": "bf16"}},))
    assert known(database) == ()


def test_tainted_clients_count_only_when_asked(database: Database) -> None:
    alone(database, 100)
    spoiled = beside(database, 50, taints=[{"rule": "throttled"}])
    with database.read() as session:
        read = read_evidence(session, demand())
    assert (read.slowdowns, read.tainted) == ((), 1)
    (one,) = known(database, demand(tainted=True))
    assert spoiled in one.runs


@pytest.mark.parametrize("state", [GroupState.FAILED, GroupState.OPEN, GroupState.DOES_NOT_FIT])
def test_a_group_that_did_not_succeed_says_nothing(database: Database, state: GroupState) -> None:
    alone(database, 100)
    beside(database, 50, state=state)
    assert known(database) == ()


def test_only_instances_of_one_real_gpu_tell_what_a_neighbour_costs(database: Database) -> None:
    alone(database, 100)
    beside(database, 50, simulated=True)
    apart = [measured(database, SMALL, {"throughput": 50}, gpu=gpu, **SINGLE) for gpu in ("GPU-a", "GPU-b")]
    grouped(database, apart)
    whole = [measured(database, None, {"throughput": 50}, gpu="GPU-c", **SINGLE) for _ in range(2)]
    grouped(database, whole)
    assert known(database) == ()


def test_the_experiment_that_is_offered_measures_what_was_unknown(database: Database) -> None:
    measured_alone = [
        {
            "of": of,
            "profile": profile,
            "throughput_per_s": 2,
            "latency": {"statistic": "p99", "ms": 5},
            "source": "a test",
        }
        for of, profile in (("thumbs", SMALL), ("tune", LARGE))
    ]
    asked = demand({"limit_ms": 50}, measured=measured_alone)
    boards = named_stock(() if isinstance(asked.gpus, str) else asked.gpus)
    offered = advise(asked, boards, {}).never_measured_together
    assert {(one.job, one.profile) for one in offered} == {("thumbs", SMALL), ("tune", LARGE)}
    for one in offered:
        perform(database, one.experiment or "")
    after = advise(asked, boards, {}, known(database, asked))
    assert after.never_measured_together == []
    assert {(one.job, one.beside, one.slowdown) for one in after.interference} == {
        ("thumbs", "tune", 1.25),
        ("tune", "thumbs", 1.25),
    }


def perform(database: Database, text: str) -> None:
    """Store an experiment and all that it measures: 100/s alone, 80/s beside another."""
    experiment = parse(text)
    (gpu,) = discover(open_in_memory(["a100-80gb"]), offer_cpu=False).gpus
    plan = make_plan(experiment, Target(gpu=gpu.model_copy(update={"simulated": False})))
    cells = [NewCell(coordinates=one.cell.coordinates, spec=one.spec, skipped=one.skipped) for one in plan.cells]
    new = NewExperiment(name=experiment.name, document={}, plan={}, cells=cells, order=plan.order)
    with database.write() as session:
        row = experiments.submit(session, new, NOW)
        for run in experiments.runs_of(session, row.id):
            group = run.group_row
            assert group is not None
            place = partition(
                f"MIG-{run.id}",
                kind=PartitionKind.MIG,
                model=A100,
                profile=run.benchmark["where"]["profile"],
                gpu_uuid=f"GPU-{group.id}",
            )
            finish(session, run, place, [figure_of("throughput", 80 if group.size > 1 else 100)])
        session.flush()
        experiments.settle(session, NOW)


@given(st.floats(0.01, 100))
def test_what_counts_is_never_less_than_what_was_measured_nor_more_than_a_per_cent_above(ratio: float) -> None:
    assert counted(ratio) >= 1
    assert counted(ratio) >= ratio - 1e-8
    assert counted(ratio) <= max(1, ratio + 0.01) + 1e-8
    assert counted(counted(ratio)) == counted(ratio)
