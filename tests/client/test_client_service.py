"""The client against the real API: what the one says, the other understands."""

import json
import threading
from collections.abc import Callable

import numpy as np
import pytest

import migperf
from migperf.client import (
    ApiConflictError,
    ApiNotFoundError,
    Client,
    EndEvent,
    PhaseEvent,
    ProgressEvent,
    RequestRefusedError,
    StateEvent,
)
from migperf.measure.benchmark import Scenario
from migperf.store.database import Database
from migperf.store.requests import RunRequest
from migperf.store.states import RunState
from tests.api import steps

pytestmark = pytest.mark.timeout(60)


def test_a_runs_life_is_seen_from_submission_to_deletion(client: Client, database: Database) -> None:
    run = client.submit({**steps.REQUEST, "labels": {"commit": "4f1c2d7"}, "priority": 3})
    assert (run.state, run.priority, run.labels) == (RunState.QUEUED, 3, {"commit": "4f1c2d7"})

    def live(_: StateEvent) -> None:
        token = steps.begun(database, run.id)
        steps.entered(database, run.id, "measuring")
        steps.progressed(database, run.id, 0.5)
        steps.finished(database, token)

    seen = list(_acting(client, run.id, live))
    assert [e.name for e in seen if isinstance(e, StateEvent)] == ["queued", "placed", "running", "succeeded"]
    assert [e.name for e in seen if isinstance(e, PhaseEvent)] == ["measuring"]
    assert isinstance(seen[-1], EndEvent)
    assert seen[-1].run == client.run(run.id)
    assert client.wait(run.id, timeout_s=5).state is RunState.SUCCEEDED
    client.delete(run.id)
    with pytest.raises(ApiNotFoundError):
        client.run(run.id)


def _acting(client: Client, run_id: str, act: Callable[[StateEvent], None]) -> list[object]:
    """Watch a run and act, once, in another thread when its first event has arrived."""
    seen: list[object] = []
    for event in client.watch(run_id, timeout_s=20):
        seen.append(event)
        if len(seen) == 1 and isinstance(event, StateEvent):
            acting = threading.Thread(target=act, args=(event,))
            acting.start()
    acting.join()
    return seen


def test_progress_arrives_while_a_run_is_under_way(client: Client, database: Database) -> None:
    run_id = steps.submitted(database)
    token = steps.begun(database, run_id)
    steps.entered(database, run_id, "warming_up")
    steps.progressed(database, run_id, 0.25)
    for event in client.watch(run_id, timeout_s=20):
        if isinstance(event, ProgressEvent):
            assert (event.state, event.phase, event.progress) == (RunState.RUNNING, "warming_up", 0.25)
            steps.finished(database, token, RunState.FAILED, "it broke")
    assert isinstance(event, EndEvent)
    assert (event.run.state, event.run.reason) == (RunState.FAILED, "it broke")


def test_a_result_keeps_units_scopes_intervals_and_reasons(client: Client, database: Database) -> None:
    run_id = steps.measured(database)
    result = client.result(run_id)
    assert (result.state, result.simulated) == (RunState.SUCCEEDED, False)
    assert [f.model_dump() for f in result.figures] == [f.model_dump() for f in steps.FIGURES]
    measured = client.run(run_id).measured
    assert measured is not None
    assert (measured.window_s, measured.warmup_ended_by, measured.measuring_ended_by) == (5.0, "steps", "min_s")


def test_series_come_as_arrays_with_their_window(client: Client, database: Database) -> None:
    run_id = steps.measured(database)
    listed = client.series_list(run_id)
    assert {(s.name, s.samples, s.absent is None) for s in listed.items} >= {
        ("latency", 100, True),
        ("power", 0, False),
    }
    series = client.series(run_id, "latency")
    np.testing.assert_allclose(series.time_s, np.arange(100) / 10)
    np.testing.assert_allclose(series.value, np.linspace(4.0, 5.0, 100))
    assert series.window == listed.window
    part = client.series(run_id, "latency", start_s=1.0, end_s=2.0)
    np.testing.assert_allclose(part.time_s, np.arange(10, 21) / 10)
    assert len(client.series(run_id, "power")) == 0


def test_log_timeline_and_documents_can_be_fetched(client: Client, database: Database) -> None:
    run_id = steps.measured(database)
    assert client.log(run_id).startswith("<b>hello</b>")
    assert [item.name for item in client.timeline(run_id)] == ["queued", "placed", "running", "succeeded"]
    (table,) = client.artifacts(run_id)
    assert json.loads(client.artifact(run_id, table.name)) == [{"lr": 0.1}]
    with pytest.raises(ApiNotFoundError):
        client.log(run_id, attempt=9)


def test_every_page_of_a_listing_is_read_and_filters_hold(client: Client, database: Database) -> None:
    ids = [steps.submitted(database, labels={"n": str(n % 2)}) for n in range(7)]
    assert {run.id for run in client.runs()} == set(ids)
    assert {run.id for run in client.runs(labels={"n": "1"}, state=["queued"])} == set(ids[1::2])
    assert [run.id for run in client.runs(sort="created_at", limit=3)] == ids[:3]
    with pytest.raises(RequestRefusedError):
        list(client.runs(sort="colour"))


def test_the_same_key_makes_one_run_and_another_request_under_it_is_refused(client: Client) -> None:
    request = RunRequest(workload="test-step", scenario=Scenario.OFFLINE)
    first, second = client.submit(request, "key-1"), client.submit(request, "key-1")
    assert first.id == second.id
    assert (first.replayed, second.replayed) == (False, True)
    with pytest.raises(RequestRefusedError, match="key-1"):
        client.submit({"workload": "test-step", "scenario": "train"}, "key-1")


def test_a_refused_benchmark_names_the_parameter_and_what_was_given(client: Client) -> None:
    with pytest.raises(RequestRefusedError) as caught:
        client.submit({**steps.REQUEST, "parameters": {"step_ms": -3}})
    (error,) = caught.value.errors
    assert (error.field, error.given) == ("parameters.step_ms", -3)


def test_cancelling_ends_a_queued_run_and_conflicts_with_one_that_has_ended(client: Client, database: Database) -> None:
    queued = steps.submitted(database)
    with pytest.raises(ApiConflictError):
        client.delete(queued)
    assert client.cancel(queued).state is RunState.CANCELLED
    assert client.cancel(queued).state is RunState.CANCELLED
    with pytest.raises(ApiConflictError):
        client.cancel(steps.measured(database))


def test_the_catalogue_partitions_nodes_and_health_can_be_read(client: Client, database: Database) -> None:
    steps.begun(database, steps.submitted(database))
    assert "resnet18" in {one.name for one in client.workloads()}
    detail = client.workload("resnet18")
    assert "batch_size" in detail.parameters["properties"]  # type: ignore[operator]
    (partition,) = client.partitions()
    assert partition.kind == "cpu"
    assert [node.name for node in client.nodes()] == [partition.node]
    assert client.health().version == migperf.__version__
    ready = client.ready()
    assert (ready.status, ready.database) == ("ready", "sqlite")
    assert ready.schema_revision
