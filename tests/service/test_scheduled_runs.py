"""A schedule on the real service: fired by the scheduler's loop under a fast clock, measured by the worker."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from migperf.jobs.dispatch import Dispatcher
from migperf.jobs.firing import Timekeeper
from migperf.jobs.retention import Retention
from migperf.jobs.scheduler import Passes, keep_time
from migperf.store.database import Database
from tests.brokers import temporary_broker
from tests.databases import temporary_database
from tests.measure.supervised import QUICK
from tests.service.harness import Service, service

pytestmark = pytest.mark.e2e
MINUTE_S = 1.0
"""A minute of the schedule takes so long."""
BEGAN = datetime.now(UTC)
SCHEDULE = {
    "migperf": 1,
    "name": "every-minute",
    "cron": "* * * * *",
    "benchmark": {
        "workload": "test-step",
        "scenario": "single_stream",
        "method": {**QUICK, "min_s": 0.1},
        "where": {"kind": "cpu"},
    },
}


@pytest.fixture(params=[("sqlite", "filesystem"), ("postgresql", "redis")], ids="+".join)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose scheduler is the test's."""
    folder = tmp_path_factory.mktemp("service")
    database, broker = request.param
    with (
        temporary_database(database, folder) as database_url,
        temporary_broker(broker) as broker_url,
        service(folder / "data", database_url=database_url, broker_url=broker_url) as started,
    ):
        started.stop("scheduler")
        yield started


def fast(session: Session) -> datetime:
    """The time by a clock whose minutes are short; it was right when these tests were read."""
    return BEGAN + (datetime.now(UTC) - BEGAN) * (60 / MINUTE_S)


def test_what_a_schedule_fires_is_measured_and_two_schedulers_fire_it_once(running: Service) -> None:
    stop, opened, loops = threading.Event(), [], []
    for _ in range(2):
        database = Database(running.settings.sqlalchemy_url)
        dispatcher = Dispatcher(database, running.settings)
        passes = Passes((dispatcher.run_pass, Retention(database, running.settings).step), 0.3)
        keeper = Timekeeper(database, running.settings.node_stale_s, fast)
        opened += [database, dispatcher]
        loops.append(threading.Thread(target=keep_time, args=(keeper, passes, stop)))
    added = running.http.post("/v1/schedules", json=SCHEDULE | {"paused": True})
    assert added.status_code == 201, added.text
    path = added.json()["url"]
    for loop in loops:
        loop.start()
    try:
        running.http.patch(path, json={"paused": False})
        running.until(lambda: len(submitted(running, path)) >= 3, 60, lambda: str(running.http.get(path).json()))
        running.http.patch(path, json={"paused": True})
        for run_id in submitted(running, path):
            run = running.finish(run_id)
            assert (run["state"], run["labels"]) == ("succeeded", {"schedule": "every-minute"}), run["reason"]
    finally:
        stop.set()
        for loop in loops:
            loop.join(20)
        for one in reversed(opened):
            one.close()
    firings = running.http.get(path).json()["firings"]
    due = [datetime.fromisoformat(firing["due_at"]) for firing in firings]
    assert len(set(due)) == len(due)
    assert all(at.second == 0 for at in due)
    assert max(due) - min(due) >= timedelta(minutes=2)
    listed = running.http.get("/v1/runs", params={"label": "schedule=every-minute"}).json()["items"]
    assert len(listed) == len(submitted(running, path)), "a run for each firing that submitted one, and no other"


def submitted(running: Service, path: str) -> list[str]:
    """The runs of the schedule's firings."""
    return [firing["run_id"] for firing in running.http.get(path).json()["firings"] if firing["run_id"]]
