"""The main job end to end, through real processes, on both databases and both brokers."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from migperf.jobs.celery_app import SUPERVISE, queue_of, sender_app
from migperf.jobs.dispatch import Dispatcher
from migperf.settings import load_settings
from migperf.store import runs
from migperf.store.database import now
from migperf.store.models import Lease, ResultRow, Run, RunEvent
from migperf.store.requests import RunRequest
from tests.brokers import temporary_broker
from tests.databases import temporary_database
from tests.service.harness import Service, service

pytestmark = pytest.mark.e2e
AS_TOLD = {"steady_within": None, "precision": None}
"""Phases end by steps and time."""
LONG: dict[str, Any] = {"method": {**AS_TOLD, "min_s": 2.5, "warmup_s": 0.1}, "parameters": {"step_ms": 5}}
SHORT: dict[str, Any] = {"method": {**AS_TOLD, "min_s": 0.3, "warmup_s": 0}, "parameters": {"step_ms": 1}}


@pytest.fixture(scope="module", params=[("sqlite", "filesystem"), ("postgresql", "redis")], ids="+".join)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests of this file; a test that kills a process starts it again."""
    folder = tmp_path_factory.mktemp("service")
    database, broker = request.param
    with (
        temporary_database(database, folder) as database_url,
        temporary_broker(broker) as broker_url,
        service(folder / "data", database_url=database_url, broker_url=broker_url) as started,
    ):
        yield started


def leases_of(running: Service, run_id: str) -> list[Lease]:
    with running.database.read() as session:
        return list(session.scalars(select(Lease).where(Lease.run_id == run_id).order_by(Lease.id)))


def count(running: Service, table: type[Run | ResultRow | RunEvent], *conditions: Any) -> int:
    with running.database.read() as session:
        return session.scalars(select(func.count()).select_from(table).where(*conditions)).one()


def assert_completed_once(running: Service, run_id: str, attempt: int) -> None:
    """The run is there once, has one result, and its last attempt alone succeeded."""
    run = running.finish(run_id)
    timeline = running.http.get(f"/v1/runs/{run_id}/timeline").json()["items"]
    story = "\n".join(f"{e['at']} {e['attempt']} {e['name']} {e['detail'] or ''}" for e in timeline)
    assert (run["state"], run["attempt"]) == ("succeeded", attempt), f"{story}\n{running.log('worker')}"
    assert count(running, Run, Run.id == run_id) == 1
    assert count(running, ResultRow, ResultRow.run_id == run_id, ResultRow.name == "latency_mean") == 1
    succeeded = RunEvent.name == "succeeded"
    assert count(running, RunEvent, RunEvent.run_id == run_id, succeeded) == 1
    assert [lease.outcome for lease in leases_of(running, run_id)][-1] == "succeeded"
    assert all(lease.released_at is not None for lease in leases_of(running, run_id))
    series = running.http.get(f"/v1/runs/{run_id}/series/latency", params={"limit": 100_000}).json()
    assert series["time_s"] == sorted(series["time_s"]), "samples of a lost attempt are not mixed in"


def test_a_submitted_run_is_measured_stored_and_queried(running: Service) -> None:
    run_id = running.submit(**LONG, labels={"suite": "e2e"})
    run = running.finish(run_id)
    assert run["state"] == "succeeded", run
    assert run["partition"]["kind"] == "cpu"
    assert run["environment"]["torch"]
    result = running.http.get(f"/v1/runs/{run_id}/result").json()
    figures = {figure["name"]: figure for figure in result["figures"]}
    assert 5 <= figures["latency_p50"]["value"] < 20
    assert figures["latency_mean"]["unit"] == "ms"
    assert figures["latency_mean"]["scope"] == "process"
    assert not result["simulated"]
    names = {item["name"] for item in running.http.get(f"/v1/runs/{run_id}/series").json()["items"]}
    assert {"cpu", "rss", "latency"} <= names
    assert "sleeping payload" in running.http.get(f"/v1/runs/{run_id}/log").text
    assert running.http.get(f"/v1/runs/{run_id}/artifacts/facts.json").json()["steps"] > 100
    states = [
        e["name"] for e in running.http.get(f"/v1/runs/{run_id}/timeline").json()["items"] if e["kind"] == "state"
    ]
    assert states == ["queued", "placed", "running", "succeeded"]


def test_progress_can_be_followed_to_the_end(running: Service) -> None:
    run_id = running.submit(**LONG)
    kinds, progress = [], []
    with running.http.stream("GET", f"/v1/runs/{run_id}/events", timeout=30) as stream:
        for line in stream.iter_lines():
            if line.startswith("event:"):
                kinds.append(line.removeprefix("event:").strip())
            elif kinds and kinds[-1] == "progress" and line.startswith("data:"):
                progress.append(line)
    assert kinds[-1] == "end"
    assert kinds.count("phase") == 5
    assert progress


def test_runs_on_one_partition_follow_each_other_by_priority(running: Service) -> None:
    first = running.submit(**LONG)
    running.measuring(first)
    low, high = running.submit(**SHORT, priority=0), running.submit(**SHORT, priority=5)
    started = {run_id: running.finish(run_id)["started_at"] for run_id in (first, low, high)}
    assert started[first] < started[high] < started[low]


def test_a_run_under_way_can_be_cancelled(running: Service) -> None:
    run_id = running.submit(method={"min_s": 60})
    running.measuring(run_id)
    assert running.http.post(f"/v1/runs/{run_id}/cancel").status_code == 202
    run = running.finish(run_id, within_s=10)
    assert (run["state"], run["reason"]) == ("cancelled", "cancelled on request")


def test_a_run_over_its_time_is_stopped_and_says_so(running: Service) -> None:
    run_id = running.submit(method={"min_s": 60}, timeout_s=1)
    assert running.finish(run_id, within_s=15)["state"] == "timed_out"


def test_a_payload_that_raises_is_a_failed_run_with_the_end_of_its_log(running: Service) -> None:
    run = running.finish(running.submit(workload="test-misbehave", parameters={"how": "raise"}))
    assert run["state"] == "failed"
    assert run["reason"].startswith("ValueError: the payload is unwell")
    assert "Traceback" in run["reason"]


def test_memory_that_does_not_suffice_is_a_result(running: Service) -> None:
    run = running.finish(running.submit(workload="test-misbehave", parameters={"how": "out_of_memory"}))
    figures = running.http.get(f"/v1/runs/{run['id']}/result").json()["figures"]
    assert (run["state"], figures[0]["name"]) == ("does_not_fit", "peak_rss")


def test_a_worker_killed_in_the_middle_costs_an_attempt_not_the_run(running: Service) -> None:
    run_id = running.submit(**LONG)
    running.measuring(run_id)
    child = running.child()
    running.stop("worker", signal.SIGKILL)
    running.until(lambda: not child.is_running(), 5, "the child outlived its worker")
    running.start("worker")
    assert_completed_once(running, run_id, attempt=2)


def test_a_worker_that_does_not_come_back_loses_its_lease_in_time(running: Service) -> None:
    run_id = running.submit(**LONG)
    running.measuring(run_id)
    running.stop("worker", signal.SIGKILL)
    run = running.wait_for(run_id, lambda run: run["state"] == "queued", within_s=15)
    assert "was not renewed" in run["reason"]
    running.start("worker")
    assert_completed_once(running, run_id, attempt=2)


def test_a_child_killed_in_the_middle_costs_an_attempt_not_the_run(running: Service) -> None:
    run_id = running.submit(**LONG)
    running.measuring(run_id)
    running.child().kill()
    assert_completed_once(running, run_id, attempt=2)


def test_a_child_killed_again_and_again_ends_as_lost(running: Service) -> None:
    run_id = running.submit(workload="test-misbehave", parameters={"how": "killed"}, retry_limit=1)
    run = running.finish(run_id)
    assert (run["state"], run["attempt"]) == ("lost", 2)
    assert "retry_limit = 1" in run["reason"]


def test_an_api_killed_in_the_middle_does_not_disturb_the_run(running: Service) -> None:
    run_id = running.submit(**LONG)
    running.measuring(run_id)
    running.stop("api", signal.SIGKILL)
    running.start("api")
    assert_completed_once(running, run_id, attempt=1)


def test_a_killed_scheduler_is_missed_by_nobody_but_lost_leases(running: Service) -> None:
    running.stop("scheduler", signal.SIGKILL)
    run_id = running.submit(**SHORT)
    assert_completed_once(running, run_id, attempt=1)
    running.start("scheduler")


def test_a_stopped_worker_hands_its_run_back(running: Service) -> None:
    run_id = running.submit(**LONG)
    running.measuring(run_id)
    assert running.stop("worker", signal.SIGTERM, within_s=10) == 0
    run = running.run(run_id)
    assert (run["state"], run["losses"]) == ("queued", 0)
    running.start("worker")
    assert_completed_once(running, run_id, attempt=2)


def test_a_lost_wake_up_is_sent_again(running: Service, tmp_path: Path) -> None:
    """The message goes to a broker that nobody listens to; the scheduler's pass notices that nobody began."""
    elsewhere = running.settings.model_copy(update={"broker_url": "filesystem://", "data_dir": tmp_path})
    elsewhere.__dict__.pop("broker_dir", None)
    dispatcher = Dispatcher(running.database, elsewhere)
    running.stop("scheduler")
    with running.database.write() as session:
        request = RunRequest.model_validate({"workload": "test-step", "scenario": "single_stream", **SHORT})
        run_id = runs.submit(session, request, now(session)).id
    dispatcher.run_pass()
    dispatcher.close()
    assert running.run(run_id)["state"] == "placed"
    running.start("scheduler")
    assert_completed_once(running, run_id, attempt=1)


def test_a_wake_up_that_comes_often_starts_the_run_once(running: Service) -> None:
    run_id = running.submit(**LONG)
    running.measuring(run_id)
    (lease,) = leases_of(running, run_id)
    celery = sender_app(running.settings)
    for _ in range(5):
        celery.send_task(SUPERVISE, args=(lease.id,), queue=queue_of("test-node"), ignore_result=True)
    celery.close()
    assert_completed_once(running, run_id, attempt=1)
    assert len(leases_of(running, run_id)) == 1


def test_two_workers_of_one_name_on_one_host_are_refused(running: Service) -> None:
    environment = {**os.environ, **running.settings.environment()}
    command = [sys.executable, "-m", "migperf", "worker"]
    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode != 0
    assert "is running already on this host" in second.stderr
    assert "Traceback" not in second.stderr
    assert running.finish(running.submit(**SHORT))["state"] == "succeeded"


def test_a_broker_that_is_down_does_not_hold_up_a_submission(running: Service, tmp_path: Path) -> None:
    settings = load_settings(
        data_dir=tmp_path, database_url=running.settings.sqlalchemy_url, broker_url="redis://127.0.0.1:9/0"
    )
    running.stop("scheduler")
    with running.database.write() as session:
        request = RunRequest.model_validate({"workload": "test-step", "scenario": "single_stream", **SHORT})
        run_id = runs.submit(session, request, now(session)).id
    dispatcher = Dispatcher(running.database, settings)
    dispatcher.run_pass()
    dispatcher.close()
    running.start("scheduler")
    assert_completed_once(running, run_id, attempt=1)


def test_a_deleted_run_is_gone_with_all_that_belongs_to_it(running: Service) -> None:
    run_id = running.submit(**SHORT)
    running.finish(run_id)
    assert running.http.delete(f"/v1/runs/{run_id}").status_code == 204
    assert running.http.get(f"/v1/runs/{run_id}").status_code == 404
    assert count(running, ResultRow, ResultRow.run_id == run_id) == 0
    assert httpx.get(f"{running.settings.api_url}/v1/runs/{run_id}/result").status_code == 404
