"""Experiments on the real service: groups are placed in one step, measured together, tried again, cancelled, resumed.

The GPU is simulated; processes, databases and brokers are real.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from migperf.experiments.group import GroupSpec
from migperf.store import experiments
from migperf.store.database import now
from migperf.store.experiments import NewCell, NewExperiment
from migperf.store.models import ExperimentRow, Run
from migperf.store.states import GroupState, RunState
from tests.brokers import temporary_broker
from tests.databases import temporary_database
from tests.measure.supervised import QUICK
from tests.service.harness import Service, service

pytestmark = pytest.mark.e2e
SHORT = {**QUICK, "min_s": 0.3}
STEP = {"workload": "test-step", "scenario": "single_stream", "method": SHORT, "where": {"kind": "cpu"}}
BROKEN = {**STEP, "workload": "test-misbehave"}
TOO_LONG = {**STEP, "method": {**QUICK, "min_s": 90.0}}


@pytest.fixture(scope="module", params=[("sqlite", "filesystem"), ("postgresql", "redis")], ids="+".join)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests of this file, on a host with a simulated H100."""
    folder = tmp_path_factory.mktemp("service")
    database, broker = request.param
    with (
        temporary_database(database, folder) as database_url,
        temporary_broker(broker) as broker_url,
        service(
            folder / "data", database_url=database_url, broker_url=broker_url, gpus="simulated:h100-80gb"
        ) as started,
    ):
        yield started


def group(*benchmarks: dict[str, Any], **more: Any) -> GroupSpec:
    return GroupSpec.model_validate({"members": [{"benchmark": one} for one in benchmarks], **more})


def submit(running: Service, *specs: GroupSpec, repeats: int = 1, **more: Any) -> str:
    """Submit an experiment with a cell for each group; return its id."""
    cells = tuple(NewCell(coordinates={"cell": number}, spec=spec) for number, spec in enumerate(specs))
    order = [(cell, repeat) for repeat in range(repeats) for cell in range(len(specs))]
    new = NewExperiment(name="test", document={}, plan={}, cells=cells, order=order, **more)
    with running.database.write() as session:
        return experiments.submit(session, new, now(session)).id


def read(running: Service, experiment_id: str) -> tuple[ExperimentRow, list[Run]]:
    with running.database.read() as session:
        return experiments.get(session, experiment_id), list(experiments.runs_of(session, experiment_id))


def finish(running: Service, experiment_id: str) -> list[Run]:
    """Wait until the experiment has finished; return its runs."""
    running.until(
        lambda: read(running, experiment_id)[0].finished_at is not None,
        60,
        lambda: f"{[(r.id, r.state, r.reason) for r in read(running, experiment_id)[1]]} {running.log('worker')}",
    )
    return read(running, experiment_id)[1]


def states(running: Service, experiment_id: str) -> list[GroupState]:
    with running.database.read() as session:
        return [group.state for group in experiments.groups_of(session, experiment_id)]


def window_s(run: Run) -> tuple[float, float]:
    """The measured window on the clock of the node, which all runs of a node share."""
    zero = run.clock_zero_ns or 0
    return (zero + (run.window_start_ns or 0)) / 1e9, (zero + (run.window_end_ns or 0)) / 1e9


def test_two_runs_with_cores_of_their_own_are_measured_at_the_same_time(running: Service) -> None:
    made = finish(running, submit(running, group(STEP, STEP, sharing="pinned")))
    assert [run.state for run in made] == [RunState.SUCCEEDED] * 2, made[0].reason
    assert window_s(made[0]) == window_s(made[1])
    cores = [run.partition_row.description["cpus"] for run in made]
    assert set(cores[0]).isdisjoint(cores[1])
    assert [run.partition_row.kind for run in made] == ["cpu_share"] * 2
    assert len({run.fingerprint for run in made}) == 1


def test_a_cpu_that_a_group_shares_takes_nothing_else_and_is_free_afterwards(running: Service) -> None:
    shared = submit(running, group(TOO_LONG, TOO_LONG, sharing="unrestricted"))
    running.until(lambda: all(r.phase == "measuring" for r in read(running, shared)[1]), 30, "the group never measures")
    behind = running.submit(where={"kind": "cpu"}, method=SHORT)
    another = submit(running, group(STEP, STEP, sharing="time_slicing"))
    running.http.get("/v1/ready")
    assert running.run(behind)["state"] == "queued"
    assert {run.state for run in read(running, another)[1]} == {RunState.QUEUED}
    with running.database.write() as session:
        experiments.cancel(session, shared, now(session))
    assert running.finish(behind)["state"] == "succeeded"
    assert {run.state for run in finish(running, another)} == {RunState.SUCCEEDED}
    assert {run.state for run in finish(running, shared)} == {RunState.CANCELLED}


def test_a_group_that_fails_is_tried_again_as_often_as_asked_and_a_company_of_a_failure_is_void(
    running: Service,
) -> None:
    made = submit(running, group(BROKEN, STEP, sharing="pinned"), group(STEP), retry_failed=1)
    runs = finish(running, made)
    assert states(running, made) == [GroupState.FAILED, GroupState.SUCCEEDED, GroupState.FAILED]
    left = [run for run in runs if run.workload == "test-step" and run.state is not RunState.SUCCEEDED]
    assert len(left) == 2
    assert all("its group broke up" in (run.reason or "") for run in left), [run.reason for run in left]


def test_a_cancelled_experiment_is_taken_up_again_where_it_was(running: Service) -> None:
    made = submit(running, group(STEP), group(TOO_LONG), group(STEP))
    running.until(lambda: read(running, made)[1][1].phase == "measuring", 40, "the second cell never measures")
    with running.database.write() as session:
        experiments.cancel(session, made, now(session))
    finish(running, made)
    assert states(running, made) == [GroupState.SUCCEEDED, GroupState.CANCELLED, GroupState.CANCELLED]
    with running.database.write() as session:
        assert experiments.resume(session, made, now(session)) == 2
        assert experiments.get(session, made).finished_at is None
    running.until(lambda: read(running, made)[1][3].phase == "measuring", 40, "what is taken up never measures")
    with running.database.write() as session:
        experiments.cancel(session, made, now(session))
    finish(running, made)


def simulated(**where: Any) -> dict[str, Any]:
    return {**STEP, "where": {"simulated": True, **where}}


def test_a_gpu_is_cut_for_a_group_and_each_run_gets_an_instance_of_its_own(running: Service) -> None:
    half = simulated(kind="mig", profile="3g.40gb") | {"layout": "2x3g.40gb"}
    made = finish(running, submit(running, group(half, half)))
    assert [run.state for run in made] == [RunState.SUCCEEDED] * 2, [run.reason for run in made]
    assert len({run.partition for run in made}) == 2
    assert {run.partition_row.profile for run in made} == {"3g.40gb"}
    assert window_s(made[0]) == window_s(made[1])


@pytest.mark.parametrize("sharing", ["time_slicing", "mps"])
def test_the_runs_of_a_group_share_one_instance(running: Service, sharing: str) -> None:
    whole = simulated(kind="mig") | {"layout": "7g.80gb"}
    made = finish(running, submit(running, group(whole, whole, sharing=sharing)))
    assert [run.state for run in made] == [RunState.SUCCEEDED] * 2, [run.reason for run in made]
    shares = [run.partition_row.description["share"] for run in made]
    assert len({share["of"] for share in shares}) == 1
    assert [share["index"] for share in shares] == [0, 1]
    assert {share["thread_pct"] for share in shares} == {50 if sharing == "mps" else None}


def test_a_group_that_loses_its_worker_is_measured_again_as_a_whole(running: Service) -> None:
    made = submit(running, group(STEP | {"method": {**QUICK, "min_s": 3.0}}, STEP, sharing="pinned"))
    running.until(lambda: all(r.phase == "measuring" for r in read(running, made)[1]), 30, "the group never measures")
    running.stop("worker", 9)
    running.start("worker")
    runs = finish(running, made)
    assert [(run.state, run.attempt) for run in runs] == [(RunState.SUCCEEDED, 2)] * 2, [run.reason for run in runs]
    assert window_s(runs[0]) == window_s(runs[1])
