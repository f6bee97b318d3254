"""The stream of one run: everything once and in order, resumable, ended by the end."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi import FastAPI
from httpx_sse import ServerSentEvent, connect_sse

from api.links import Links
from api.watch import RunWatch
from migperf.store import leases, runs
from migperf.store.database import Database, now
from migperf.store.states import RunState
from tests.api.serving import TestClient, served
from tests.api.steps import begun, both_databases, entered, finished, measured, progressed, submitted

PATIENCE_S = 20.0


@pytest.fixture
def http(app: FastAPI) -> Iterator[httpx.Client]:
    """A client of the application, served over HTTP."""
    with served(app) as url, httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False) as client:
        yield client


def follow(http: httpx.Client, run_id: str, last_id: str | None = None) -> Iterator[ServerSentEvent]:
    headers = {"Last-Event-ID": last_id} if last_id is not None else {}
    with connect_sse(http, "GET", f"/v1/runs/{run_id}/events", headers=headers) as source:
        yield from source.iter_sse()


def changes(events: list[ServerSentEvent]) -> list[tuple[str, str]]:
    return [(event.event, event.json()["name"]) for event in events if event.event in ("state", "phase")]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@both_databases
def test_a_watcher_sees_every_change_in_order_and_then_the_run(http: httpx.Client, database: Database) -> None:
    run_id = submitted(database)
    connected = threading.Event()

    def live() -> None:
        connected.wait(PATIENCE_S)
        token = begun(database, run_id)
        for phase in ("preparing", "warming_up", "measuring"):
            entered(database, run_id, phase)
            progressed(database, run_id, 0.5)
            time.sleep(0.25)
        finished(database, token)

    seen = []
    with ThreadPoolExecutor(1) as pool:
        life = pool.submit(live)
        for event in follow(http, run_id):
            connected.set()
            seen.append(event)
        life.result()
    assert changes(seen) == [
        ("state", "queued"),
        ("state", "placed"),
        ("state", "running"),
        ("phase", "preparing"),
        ("phase", "warming_up"),
        ("phase", "measuring"),
        ("state", "succeeded"),
    ]
    ids = [int(event.id) for event in seen if event.event in ("state", "phase")]
    assert ids == sorted(set(ids))
    assert seen[-1].event == "end"
    assert seen[-1].json() | {"wait": None} == http.get(f"/v1/runs/{run_id}").json()
    progress = [event.json() for event in seen if event.event == "progress"]
    assert {"state": "running", "phase": "measuring", "progress": 0.5}.items() <= progress[-1].items()
    versions = [step["version"] for step in progress]
    assert versions == sorted(set(versions))
    timeline = http.get(f"/v1/runs/{run_id}/timeline").json()["items"]
    assert [event.json() for event in seen if event.event in ("state", "phase")] == timeline


@both_databases
def test_a_watcher_that_comes_again_gets_what_it_missed_and_nothing_twice(
    http: httpx.Client, database: Database
) -> None:
    run_id = submitted(database)
    token = begun(database, run_id)
    before: list[ServerSentEvent] = []
    for event in follow(http, run_id):
        before.append(event)
        if event.event == "progress":
            break
    last_id = max((event.id for event in before if event.event != "progress"), key=int)
    entered(database, run_id, "measuring")
    finished(database, token)
    after = list(follow(http, run_id, last_id))
    assert changes(before) == [("state", "queued"), ("state", "placed"), ("state", "running")]
    assert changes(after) == [("phase", "measuring"), ("state", "succeeded")]
    assert after[-1].event == "end"


def test_a_run_that_has_ended_is_told_from_its_beginning(client: TestClient, database: Database) -> None:
    answer = client.get(f"/v1/runs/{measured(database)}/events")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert [line for line in answer.text.splitlines() if line.startswith("event: ")] == [
        *["event: state"] * 4,
        "event: end",
    ]


def test_a_watcher_who_knows_all_of_a_finished_run_gets_only_its_end(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    last = client.get(f"/v1/runs/{run_id}/timeline").json()["items"][-1]["id"]
    answer = client.get(f"/v1/runs/{run_id}/events", headers={"Last-Event-ID": str(last)})
    assert answer.text.count("event: ") == 1
    assert json.loads(answer.text.split("data: ")[1])["id"] == run_id


@both_databases
def test_a_run_deleted_while_watched_ends_the_stream(http: httpx.Client, database: Database) -> None:
    run_id = submitted(database)
    seen = []
    for event in follow(http, run_id):
        if not seen:
            with database.write() as session:
                runs.request_cancel(session, run_id, now(session))
                runs.delete(session, run_id)
        seen.append(event)
    assert seen[-1].event == "gone"
    assert seen[-1].json() == {"run_id": run_id}


def test_a_run_queued_again_goes_on_in_the_same_stream(http: httpx.Client, database: Database) -> None:
    run_id = submitted(database)
    token = begun(database, run_id)
    seen = []
    for event in follow(http, run_id):
        if not seen:
            with database.write() as session:
                leases.hand_back(session, token, now(session), "the worker was stopped")
                runs.request_cancel(session, run_id, now(session))
        seen.append(event)
    assert changes(seen)[-2:] == [("state", "queued"), ("state", "cancelled")]
    assert seen[-1].json()["state"] == RunState.CANCELLED


@pytest.mark.parametrize("last_id", ["x", "-1", str(1 << 63)])
def test_an_event_id_that_was_never_given_out_is_refused(client: TestClient, database: Database, last_id: str) -> None:
    answer = client.get(f"/v1/runs/{submitted(database)}/events", headers={"Last-Event-ID": last_id})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Last-Event-ID")


@pytest.mark.alone
def test_watchers_hold_no_connection_while_they_wait_and_are_forgotten_when_they_leave(
    app: FastAPI, http: httpx.Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    look = app.state.database.read
    monkeypatch.setattr(app.state.database, "read", lambda: looks.append(time.monotonic()) or look())
    run_id = submitted(database)
    watchers = [follow(http, run_id) for _ in range(5)]
    for watcher in watchers:
        next(watcher)
    pool = app.state.database.engine.pool
    wait_until(lambda: pool.checkedout() == 0)
    assert max(pool.checkedout() for _ in range(200) if not time.sleep(0.001)) <= 1
    for watcher in watchers:
        watcher.close()
    wait_until(lambda: not looks or time.monotonic() - looks[-1] > 1.0)


def test_a_look_at_a_run_that_stands_still_finds_nothing(database: Database) -> None:
    run_id = submitted(database)
    watch = RunWatch(database, Links(""), run_id, last_event_id=0)
    assert [event.event for event in watch.look()] == ["state", "progress"]
    assert watch.look() == []
    progressed(database, run_id, 0.5)
    assert [event.event for event in watch.look()] == ["progress"]
    assert watch.look() == []


def test_a_silent_stream_gives_signs_of_life(
    http: httpx.Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.1)
    run_id = submitted(database)
    with http.stream("GET", f"/v1/runs/{run_id}/events") as answer:
        for line in answer.iter_lines():
            if line.startswith(":"):
                break
