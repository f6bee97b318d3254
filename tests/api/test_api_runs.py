"""One run: shown as it is, cancelled, deleted."""

import pytest

from migperf.store.database import Database
from migperf.store.states import RunState
from tests.api.serving import CountingPasses, TestClient
from tests.api.steps import begun, both_databases, entered, finished, measured, progressed, row_counts, submitted


@both_databases
def test_a_running_run_shows_where_it_is_and_how_far(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    begun(database, run_id)
    entered(database, run_id, "measuring")
    progressed(database, run_id, 0.25)
    run = client.get(f"/v1/runs/{run_id}").json()
    assert (run["state"], run["phase"], run["progress"], run["attempt"]) == ("running", "measuring", 0.25, 1)
    assert run["started_at"] == "2026-03-02T09:15:01Z"
    assert run["partition"] == {
        "uuid": f"CPU-{run_id}",
        "kind": "cpu",
        "model": "a processor",
        "profile": None,
        "gpu_uuid": None,
        "placement": None,
        "architecture": None,
        "driver_version": None,
        "node": f"node-{run_id[-8:]}",
        "simulated": False,
    }
    assert run["measured"] is None


def test_a_finished_run_shows_what_was_measured_and_under_which_conditions(
    client: TestClient, database: Database
) -> None:
    run = client.get(f"/v1/runs/{measured(database)}").json()
    assert (run["state"], run["phase"], run["finished_at"]) == ("succeeded", None, "2026-03-02T09:15:09Z")
    assert run["measured"] == {
        "window_s": 5.0,
        "warmup_ended_by": "steps",
        "warmup_note": None,
        "measuring_ended_by": "min_s",
        "measuring_note": None,
        "converged": None,
    }
    assert run["environment"] == {"host": "gpu-node-3", "torch": "2.11.0", "cpu_governor": None}


def test_a_run_of_a_workload_that_is_no_longer_installed_can_still_be_read(
    client: TestClient, database: Database
) -> None:
    from migperf.store import runs

    run_id = measured(database)
    with database.write() as session:
        run = runs.lock(session, run_id)
        run.workload = "gone"
        run.benchmark = {**run.benchmark, "workload": "gone", "method": {"min_s": -1}}
    assert client.get(f"/v1/runs/{run_id}").json()["benchmark"]["method"] == {"min_s": -1}
    assert client.get(f"/runs/{run_id}").status_code == 200


@both_databases
def test_a_queued_run_is_cancelled_at_once_and_twice_is_the_same(
    client: TestClient, database: Database, passes: CountingPasses
) -> None:
    run_id = submitted(database)
    answer = client.post(f"/v1/runs/{run_id}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
    assert client.post(f"/v1/runs/{run_id}/cancel").json() == answer.json()
    assert passes.count == 2


@both_databases
def test_a_running_run_is_asked_to_end(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    token = begun(database, run_id)
    answer = client.post(f"/v1/runs/{run_id}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    assert answer.json()["cancel_requested_at"] is not None
    finished(database, token, RunState.CANCELLED)
    assert client.post(f"/v1/runs/{run_id}/cancel").status_code == 202


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.FAILED, RunState.TIMED_OUT])
def test_a_run_that_ended_otherwise_cannot_be_cancelled(
    client: TestClient, database: Database, state: RunState, passes: CountingPasses
) -> None:
    run_id = submitted(database)
    finished(database, begun(database, run_id), state)
    answer = client.post(f"/v1/runs/{run_id}/cancel")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert state in answer.json()["detail"]
    assert passes.count == 0


@both_databases
def test_a_finished_run_is_deleted_with_all_that_belongs_to_it(
    client: TestClient, database: Database, passes: CountingPasses
) -> None:
    kept = measured(database)
    before = row_counts(database)
    run_id = measured(database, labels={"a": "b"})
    answer = client.delete(f"/v1/runs/{run_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert passes.count == 1
    after = row_counts(database)
    assert after == {**before, "nodes": 2, "partitions": 2}, "hardware is kept, for it has a history"
    assert client.get(f"/v1/runs/{run_id}").status_code == 404
    assert client.get(f"/v1/runs/{kept}").status_code == 200


@both_databases
def test_a_run_that_has_not_ended_is_not_deleted(client: TestClient, database: Database) -> None:
    queued, running = submitted(database), submitted(database)
    begun(database, running)
    for run_id in (queued, running):
        answer = client.delete(f"/v1/runs/{run_id}")
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
        assert "cancel it" in answer.json()["detail"]
    assert row_counts(database)["runs"] == 2
