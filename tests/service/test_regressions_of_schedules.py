"""A schedule whose payload becomes slower: one regression, confirmed by runs, told once, over when it is fast again.

The payload is slower by what a file says, so that one benchmark is measured before and after.
"""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from migperf.store import regressions
from migperf.store.history_tables import HistoryRow, PointRow, RegressionRow
from migperf.store.models import FiringRow
from tests.alerts.receiver import Receiver, ids, receiver
from tests.brokers import temporary_broker
from tests.databases import temporary_database
from tests.measure.supervised import QUICK
from tests.service.harness import Service, service

pytestmark = pytest.mark.e2e
BEFORE, FACTOR = 20, 1.5
WATCH = {"metrics": {"latency_p50": {"minimum_effect": 0.05}}, "tainted": "judge"}
"""Tests run beside others, and a sleeping payload does not mind."""


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path / "data", alert_allowed_hosts="127.0.0.1", alert_retry_s=0.2, alert_timeout_s=2.0) as started:
        yield started


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Service]:
    with (
        temporary_database("postgresql", tmp_path) as database_url,
        temporary_broker("redis") as broker_url,
        service(
            tmp_path / "data",
            database_url=database_url,
            broker_url=broker_url,
            alert_allowed_hosts="127.0.0.1",
            alert_retry_s=0.2,
            alert_timeout_s=2.0,
        ) as started,
    ):
        yield started


class Watched:
    """A schedule on a running service, and what came of it."""

    def __init__(self, running: Service, slowed_by: Path, target: Receiver, cron: str) -> None:
        self.running, self.slowed_by = running, slowed_by
        benchmark = {
            "workload": "test-step",
            "scenario": "single_stream",
            "parameters": {"step_ms": 20, "slowed_by": str(slowed_by)},
            "method": {**QUICK, "min_steps": 15},
            "where": {"kind": "cpu"},
        }
        schedule = {"migperf": 1, "name": "nightly", "cron": cron, "benchmark": benchmark, "watch": WATCH}
        channel = {"kind": "webhook", "name": "receiver", "url": target.url}
        for path, body in (("/v1/channels", channel), ("/v1/schedules", schedule | {"paused": True})):
            answer = running.http.post(path, json=body)
            assert answer.status_code == 201, answer.text
        self.path = str(answer.json()["url"])

    def fire(self, times: int) -> None:
        """Fire by hand, so many times, and wait until the results are judged."""
        for _ in range(times):
            known = self.points()
            answer = self.running.http.post(f"{self.path}/fire")
            assert answer.status_code in {201, 202}, answer.text
            self.wait(lambda known=known: self.points() > known, "the result is not judged")

    def points(self) -> int:
        """How many points were judged."""
        with self.running.database.read() as session:
            return sum(session.scalars(select(HistoryRow.points)))

    def regressions(self) -> list[RegressionRow]:
        with self.running.database.read() as session:
            return list(session.scalars(select(RegressionRow).order_by(RegressionRow.id)).unique())

    def numbers(self) -> dict[int, int | None]:
        with self.running.database.read() as session:
            return {row.id: row.number for row in session.scalars(select(PointRow))}

    def wait(self, condition: Callable[[], bool], complaint: str, within_s: float = 60) -> None:
        self.running.until(condition, within_s, lambda: f"{complaint}: {self.running.log('scheduler')}")

    def slow(self, factor: float) -> None:
        self.slowed_by.write_text(str(factor))


def becomes_slow_and_fast_again(watched: Watched, target: Receiver, take: Callable[[int], None]) -> None:
    """Go through the story, points being taken as ``take`` says."""
    running = watched.running
    assert watched.regressions() == []
    watched.slow(FACTOR)
    take(3)
    (regression,) = watched.regressions()
    assert watched.numbers()[regression.first_bad_id] == BEFORE, "within three runs, and at the right place"
    watched.wait(lambda: len(target.received) >= 1, "nobody is told")
    running.stop("worker", signal.SIGKILL)
    running.start("worker")
    watched.wait(lambda: len(target.received) >= 3, "it is not tried again")
    take(2)
    watched.slow(1.0)
    take(3)
    watched.wait(lambda: watched.regressions()[0].resolution == "recovered", "it is not resolved")
    (regression,) = watched.regressions()
    with running.database.read() as session:
        record = [entry.kind for entry in regressions.get(session, regression.id).entries]
        (confirmation,) = regressions.get(session, regression.id).confirmations
    assert confirmation.state == "confirmed"
    assert len(confirmation.runs) == 3
    assert record.count("opened") == record.count("alerted") == record.count("recovered") == 1
    assert watched.numbers()[regression.over_id or 0] == BEFORE + 5
    time.sleep(1)
    assert len(target.received) == 3, "two tries that failed, and the one that was taken"
    assert len(set(ids(target.received))) == 1
    assert b"latency_p50 +5" in target.received[-1].body or b"latency_p50 +4" in target.received[-1].body


def test_a_payload_that_becomes_slow_opens_one_regression_and_sends_one_webhook(
    embedded: Service, tmp_path: Path
) -> None:
    with receiver(503, 503) as target:
        watched = Watched(embedded, tmp_path / "factor", target, "0 0 1 1 *")
        watched.fire(BEFORE)
        becomes_slow_and_fast_again(watched, target, watched.fire)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["embedded", "cluster"])
def test_a_schedule_of_every_minute_does_so_by_itself(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    running: Service = request.getfixturevalue(kind)
    with receiver(503, 503) as target:
        watched = Watched(running, tmp_path / "factor", target, "* * * * *")
        watched.fire(BEFORE)
        running.http.patch(watched.path, json={"paused": False})

        def minutes(count: int) -> None:
            until = watched.points() + count
            watched.wait(lambda: watched.points() >= until, "it does not fire", 60 * count + 60)

        becomes_slow_and_fast_again(watched, target, minutes)
        with running.database.read() as session:
            made = session.scalars(select(FiringRow).where(~FiringRow.by_hand)).all()
        assert len({row.due_at for row in made}) == len(made) >= 8


def test_a_schedule_that_measured_nothing_says_so_once(embedded: Service, tmp_path: Path) -> None:
    with receiver() as target:
        watched = Watched(embedded, tmp_path / "factor", target, "0 0 1 1 *")
        watched.slow(1.0)
        watched.fire(1)
        (tmp_path / "factor").write_text("no number")
        for number in (1, 2):
            embedded.http.post(f"{watched.path}/fire")
            watched.wait(lambda number=number: silent(embedded) == number, "it is not heard of")
        watched.wait(lambda: len(target.received) == 1, "nobody is told")
        time.sleep(1)
        assert len(target.received) == 1
        assert b"schedule nightly measured nothing" in target.received[0].body
        assert watched.regressions() == []


def silent(running: Service) -> int:
    """How many firings measured nothing."""
    with running.database.read() as session:
        rows: list[Any] = list(session.scalars(select(FiringRow)))
    assert all("could not convert" in (row.silence or "") for row in rows if row.measured == 0)
    return sum(row.measured == 0 for row in rows)
