"""The stream of a run's series: every sample once and in order, gaps when they begin and end, whatever is dropped."""

import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from httpx_sse import ServerSentEvent, connect_sse

from api.links import Links
from api.series_watch import SeriesWatch, Wanted
from migperf.metrics.series import Chunk, SeriesUpdate
from migperf.settings import Settings, load_settings
from migperf.store import runs, series
from migperf.store.database import Database, now
from tests.api.serving import TestClient, served
from tests.api.steps import (
    GRACT,
    LATENCY,
    LOST,
    NO_SENSOR,
    POWER,
    STALLED,
    begun,
    both_databases,
    finished,
    gap,
    measured,
    requeued,
    submitted,
    watched,
)

PATIENCE_S = 20.0


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings under which samples are looked for often."""
    return load_settings(
        data_dir=settings.data_dir, database_url=settings.database_url, node_name="test-node", samples_every_s=0.02
    )


@pytest.fixture
def http(app: FastAPI) -> Iterator[httpx.Client]:
    """A client of the application, served over HTTP."""
    with served(app) as url, httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False) as client:
        yield client


def follow(http: httpx.Client, run_id: str, last_id: str | None = None, **query: Any) -> Iterator[ServerSentEvent]:
    headers = {"Last-Event-ID": last_id} if last_id is not None else {}
    with connect_sse(http, "GET", f"/v1/runs/{run_id}/series/events", headers=headers, params=query) as source:
        yield from source.iter_sse()


class Seen:
    """What a client that keeps to the rules knows after some events."""

    def __init__(self) -> None:
        self.samples: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.gaps: dict[str, dict[float, float | None]] = defaultdict(dict)
        self.last_id: str | None = None
        self.events: list[str] = []

    def take(self, event: ServerSentEvent) -> None:
        """Learn from one event."""
        self.events.append(event.event)
        self.last_id = event.id or self.last_id
        news = event.json()
        if event.event == "restart":
            self.samples.clear()
            self.gaps.clear()
        if event.event == "samples":
            self.samples[news["name"]] += zip(news["time_s"], news["value"], strict=True)
            self.gaps[news["name"]] |= {g["start_s"]: g["end_s"] for g in news["gaps"]}


def write_while_running(database: Database, run_id: str, token: int, looks: int) -> None:
    """Write to two series as a worker does, with a gap now and then, then end the run."""
    for look in range(looks):
        times = np.arange(10) * 10_000_000 + look * 200_000_000
        later = Chunk.of(times + 100_000_000, times + 0.5)
        gaps = [gap(times[-1] / 1e9, None, STALLED)] if look % 3 == 0 else []
        with database.write() as session:
            updates = [SeriesUpdate(POWER, Chunk.of(times, times + 0.25), tuple(gaps)), SeriesUpdate(GRACT, later)]
            series.append(session, run_id, updates, clock_zero_ns=0)
        if gaps:
            end_s = (look + 1) * 0.2
            with database.write() as session:
                ended = gap(gaps[0].start_ns / 1e9, end_s, STALLED)
                series.append(session, run_id, [SeriesUpdate(POWER, Chunk.joined(()), (ended,))], clock_zero_ns=0)
        time.sleep(0.01)
    finished(database, token)


@both_databases
def test_a_watcher_whose_connection_drops_again_and_again_gets_every_sample_once(
    http: httpx.Client, database: Database
) -> None:
    run_id = submitted(database)
    token = begun(database, run_id)
    seen, connections = Seen(), 0
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write_while_running, database, run_id, token, 60)
        while "end" not in seen.events:
            connections += 1
            with closing(follow(http, run_id, seen.last_id)) as events:
                for count, event in enumerate(events):
                    seen.take(event)
                    if count >= connections % 4:
                        break
        writing.result()
    assert connections > 5
    assert set(seen.events) == {"samples", "end"}
    for name in ("power", "gract"):
        shown = http.get(f"/v1/runs/{run_id}/series/{name}").json()
        assert seen.samples[name] == list(zip(shown["time_s"], shown["value"], strict=True))
        assert len(seen.samples[name]) == 600
        assert seen.gaps[name] == {g["start_s"]: g["end_s"] for g in shown["gaps"]}
    assert len(seen.gaps["power"]) == 20


@both_databases
def test_one_event_tells_what_a_series_is_and_what_has_come_to_it(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    token = begun(database, run_id)
    watched(database, run_id, GRACT, {0.5: 90.0, 0.6: 91.0}, gap(0.6, 0.9, LOST))
    watched(database, run_id, POWER, {}, gap(0, None, NO_SENSOR))
    finished(database, token)
    events = parsed(client.get(f"/v1/runs/{run_id}/series/events").text)
    assert [event.event for event in events] == ["samples", "samples", "end"]
    by_name = {event.json()["name"]: event.json() for event in events[:2]}
    assert by_name["gract"] == {
        "name": "gract",
        "unit": "%",
        "scope": "instance",
        "source": "gpm",
        "kind": "average",
        "period_ms": 100.0,
        "absent": None,
        "thinned_from": None,
        "attempt": 1,
        "downsampled_from": None,
        "time_s": [0.5, 0.6],
        "value": [90.0, 91.0],
        "gaps": [{"start_s": 0.6, "end_s": 0.9, "state": "lost", "reason": LOST.reason}],
    }
    assert by_name["power"]["time_s"] == []
    assert by_name["power"]["gaps"][0]["reason"] == NO_SENSOR.reason
    assert events[-1].json() | {"wait": None} == client.get(f"/v1/runs/{run_id}").json()


def parsed(text: str) -> list[ServerSentEvent]:
    events = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        events.append(ServerSentEvent(fields.get("event"), fields.get("data"), fields.get("id")))
    return events


def test_only_the_named_series_are_told(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    watched(database, run_id, GRACT, {0.5: 90.0})
    events = parsed(client.get(f"/v1/runs/{run_id}/series/events?name=gract&name=not_there_yet").text)
    assert [event.json().get("name") for event in events] == ["gract", None]


def test_a_late_watcher_gets_the_past_downsampled_and_is_told_so(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    value = np.zeros(50_000)
    value[31_000] = 7.0
    with database.write() as session:
        chunk = Chunk.of(np.arange(50_000) * 1_000_000, value)
        series.append(session, run_id, [SeriesUpdate(POWER, chunk)], clock_zero_ns=0)
    finished(database, begun(database, run_id))
    past, end = parsed(client.get(f"/v1/runs/{run_id}/series/events?points=100").text)
    news = past.json()
    assert len(news["time_s"]) <= 100
    assert (news["downsampled_from"], max(news["value"])) == (50_000, 7.0)
    again = parsed(client.get(f"/v1/runs/{run_id}/series/events", headers={"Last-Event-ID": past.id}).text)
    left = [event.json() for event in again if event.event == "samples"]
    assert sum(len(one["time_s"]) for one in left) < 1000, "what was downsampled away does not come again"
    assert end.event == "end"


def test_a_run_queued_again_begins_its_series_anew(http: httpx.Client, database: Database) -> None:
    run_id = submitted(database)
    token = begun(database, run_id)
    watched(database, run_id, POWER, {5.0: 1.0})
    seen = Seen()
    for event in follow(http, run_id):
        seen.take(event)
        if seen.events == ["samples"]:
            requeued(database, token)
        if event.event == "restart":
            assert event.json() == {"attempt": 2}
            with database.write() as session:
                runs.request_cancel(session, run_id, now(session))
    assert seen.events == ["samples", "restart", "end"]
    assert seen.samples == {}


@both_databases
def test_a_watcher_that_missed_the_second_beginning_is_told_of_it(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    token = begun(database, run_id)
    watched(database, run_id, POWER, {5.0: 1.0})
    watch = SeriesWatch(database, Links(""), run_id, Wanted(points=100))
    [first] = watch.look()
    requeued(database, token)
    token = begun(database, run_id)
    watched(database, run_id, POWER, {1.0: 2.0})
    finished(database, token)
    events = parsed(client.get(f"/v1/runs/{run_id}/series/events", headers={"Last-Event-ID": str(first.id)}).text)
    assert [event.event for event in events] == ["restart", "samples", "end"]
    assert events[1].json()["time_s"] == [1.0]
    assert [event.event for event in watch.look()] == ["restart", "samples", "end"]


def test_a_run_cancelled_while_it_waited_again_has_no_series_left(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    token = begun(database, run_id)
    watched(database, run_id, POWER, {5.0: 1.0})
    [first] = SeriesWatch(database, Links(""), run_id, Wanted(points=100)).look()
    requeued(database, token)
    with database.write() as session:
        runs.request_cancel(session, run_id, now(session))
    events = parsed(client.get(f"/v1/runs/{run_id}/series/events", headers={"Last-Event-ID": str(first.id)}).text)
    assert [event.event for event in events] == ["restart", "end"]


def test_a_run_deleted_while_watched_ends_the_stream(http: httpx.Client, database: Database) -> None:
    run_id = submitted(database)
    watched(database, run_id, POWER, {0.5: 1.0})
    seen = []
    for event in follow(http, run_id):
        if not seen:
            with database.write() as session:
                runs.request_cancel(session, run_id, now(session))
                runs.delete(session, run_id)
        seen.append(event)
    assert seen[-1].event == "gone"
    assert seen[-1].json() == {"run_id": run_id}


def test_a_look_at_series_that_stand_still_finds_nothing(database: Database) -> None:
    run_id = submitted(database)
    begun(database, run_id)
    watch = SeriesWatch(database, Links(""), run_id, Wanted(points=100))
    assert watch.look() == []
    watched(database, run_id, POWER, {0.5: 1.0}, gap(0.5, None, LOST))
    assert [event.data.time_s for event in watch.look()] == [[0.5]]
    assert watch.look() == []
    watched(database, run_id, LATENCY, {0.1: 4.0})
    assert [event.data.name for event in watch.look()] == ["latency"]
    assert watch.look() == []


@pytest.mark.parametrize("last_id", ["x", "0", "eJwDAAAAAAE", "~" * 10, "A" * 9000])
def test_an_event_id_that_was_never_given_out_is_refused(client: TestClient, database: Database, last_id: str) -> None:
    path = f"/v1/runs/{submitted(database)}/series/events"
    answer = client.get(path, headers={"Last-Event-ID": last_id})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Last-Event-ID")


@pytest.mark.parametrize("query", ["points=1", "points=20001", "names=power", "name=" + "a" * 129])
def test_an_impossible_wish_is_refused_before_the_stream_begins(
    client: TestClient, database: Database, query: str
) -> None:
    answer = client.get(f"/v1/runs/{submitted(database)}/series/events?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].partition(".")[0] == query.partition("=")[0]
    assert client.get("/v1/runs/unknown/series/events").status_code == 404


def test_watchers_hold_no_connection_while_they_wait(app: FastAPI, http: httpx.Client, database: Database) -> None:
    run_id = submitted(database)
    watched(database, run_id, POWER, {0.5: 1.0})
    watchers = [follow(http, run_id) for _ in range(5)]
    for watcher in watchers:
        next(watcher)
    pool = app.state.database.engine.pool
    assert min(pool.checkedout() for _ in range(200) if not time.sleep(0.001)) == 0
    for watcher in watchers:
        watcher.close()
