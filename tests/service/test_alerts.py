"""Alerts through real processes: delivered by the scheduler, once, whatever fails or is killed in between."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.receiver import Receiver, ids, receiver
from tests.brokers import temporary_broker
from tests.databases import temporary_database
from tests.service.harness import Service, service

pytestmark = pytest.mark.e2e
RETRY_S, TIMEOUT_S = 0.2, 1.0


@pytest.fixture(scope="module", params=[("sqlite", "filesystem"), ("postgresql", "redis")], ids="+".join)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests of this file, which may send to this host."""
    folder = tmp_path_factory.mktemp("service")
    database, broker = request.param
    with (
        temporary_database(database, folder) as database_url,
        temporary_broker(broker) as broker_url,
        service(
            folder / "data",
            database_url=database_url,
            broker_url=broker_url,
            alert_allowed_hosts="127.0.0.1",
            alert_retry_s=RETRY_S,
            alert_timeout_s=TIMEOUT_S,
        ) as started,
    ):
        yield started


def raised(running: Service, target: Receiver) -> str:
    """Add a channel for the receiver and have an alert sent to it; return the alert's path."""
    body = {"kind": "webhook", "name": f"port {target.port}", "url": target.url}
    channel = running.http.post("/v1/channels", json=body)
    assert channel.status_code == 201, channel.text
    test = running.http.post(f"{channel.json()['url']}/test")
    assert test.status_code == 202, test.text
    return str(test.json()["url"])


def delivery(running: Service, alert: str) -> dict[str, Any]:
    (found,) = running.http.get(alert).json()["deliveries"]
    return dict(found)


def delivered(running: Service, alert: str, within_s: float = 20) -> dict[str, Any]:
    def is_there() -> bool:
        return str(delivery(running, alert)["state"]) == "delivered"

    running.until(is_there, within_s, lambda: f"{delivery(running, alert)}; {running.log('scheduler')}")
    return delivery(running, alert)


def test_a_receiver_that_fails_the_first_two_times_gets_it_once(running: Service) -> None:
    with receiver(503, 503) as target:
        assert delivered(running, raised(running, target))["attempts"] == 3
        assert len(target.received) == 3
        assert len(set(ids(target.received))) == 1


def test_killing_scheduler_and_worker_between_two_tries_loses_nothing_and_doubles_nothing(running: Service) -> None:
    with receiver(503, 503) as target:
        alert = raised(running, target)
        running.until(lambda: delivery(running, alert)["last_error"] is not None, 20, "not tried")
        for name in ("scheduler", "worker"):
            running.stop(name, signal.SIGKILL)
        running.start("scheduler", "worker")
        delivered(running, alert)
        assert len(target.received) == 3
        assert len(set(ids(target.received))) == 1


def test_a_scheduler_killed_while_it_sends_leaves_the_message_to_the_next_with_the_same_id(running: Service) -> None:
    with receiver() as target:
        target.held.clear()
        alert = raised(running, target)
        running.until(lambda: bool(target.received), 20, "not tried")
        running.stop("scheduler", signal.SIGKILL)
        target.held.set()
        running.start("scheduler")
        assert delivered(running, alert)["attempts"] == 2
        assert len(target.received) == 2, "at least once: the receiver knows the repeat by its id"
        assert len(set(ids(target.received))) == 1


def test_two_schedulers_send_each_alert_once(running: Service, tmp_path: Path) -> None:
    environment = {**os.environ, **running.settings.environment()}
    with (tmp_path / "second.log").open("wb") as log:
        second = subprocess.Popen([sys.executable, "-m", "migperf", "scheduler"], env=environment, stderr=log)
    first = running.process("scheduler")
    try:
        with receiver() as target:
            first.suspend()
            paths = [raised(running, target)]
            delivered(running, paths[0])
            first.resume()
            channel = delivery(running, paths[0])["channel_id"]
            paths += [running.http.post(f"/v1/channels/{channel}/test").json()["url"] for _ in range(20)]
            for path in paths:
                delivered(running, path)
            assert len(target.received) == len(set(ids(target.received))) == 21
    finally:
        first.resume()
        second.terminate()
        assert second.wait(20) == 0
