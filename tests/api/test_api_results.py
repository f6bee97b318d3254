"""What a run leaves behind comes out as it went in."""

import numpy as np
import pytest

from migperf.metrics.series import Chunk
from migperf.store import results, series
from migperf.store.database import Database
from tests.api.serving import TestClient
from tests.api.steps import FIGURES, LATENCY, both_databases, measured, submitted


@both_databases
def test_figures_come_in_their_order_with_interval_or_reason(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    result = client.get(f"/v1/runs/{run_id}/result").json()
    assert (result["run_id"], result["state"], result["simulated"]) == (run_id, "succeeded", False)
    assert result["figures"] == [figure.model_dump(mode="json") for figure in FIGURES]


def test_a_simulated_partition_marks_the_result(client: TestClient, database: Database) -> None:
    run_id = measured(database, simulated=True)
    assert client.get(f"/v1/runs/{run_id}/result").json()["simulated"] is True
    assert client.get(f"/v1/runs/{run_id}").json()["partition"]["simulated"] is True


def test_a_run_without_a_result_has_no_figures(client: TestClient, database: Database) -> None:
    result = client.get(f"/v1/runs/{submitted(database)}/result").json()
    assert (result["state"], result["figures"]) == ("queued", [])


@both_databases
def test_series_are_listed_with_their_window_and_why_one_is_absent(client: TestClient, database: Database) -> None:
    listed = client.get(f"/v1/runs/{measured(database)}/series").json()
    assert listed["window"] == {"start_s": 2.0, "end_s": 7.0}
    assert [(s["name"], s["unit"], s["scope"], s["samples"], s["absent"]) for s in listed["items"]] == [
        ("latency", "ms", "process", 100, None),
        ("power", "W", "gpu", 0, "the instance has no power sensor"),
    ]


@both_databases
def test_a_series_has_times_in_seconds_since_the_run_started(client: TestClient, database: Database) -> None:
    shown = client.get(f"/v1/runs/{measured(database)}/series/latency").json()
    assert shown["time_s"] == [i / 10 for i in range(100)]
    assert (shown["value"][0], shown["value"][-1]) == (4.0, 5.0)
    assert (shown["unit"], shown["window"], shown["next_start_s"]) == ("ms", {"start_s": 2.0, "end_s": 7.0}, None)


def test_both_ends_of_the_asked_time_are_in_it(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    shown = client.get(f"/v1/runs/{run_id}/series/latency", params={"start_s": 2, "end_s": 2.3}).json()
    assert shown["time_s"] == [2.0, 2.1, 2.2, 2.3]
    beyond = client.get(f"/v1/runs/{run_id}/series/latency", params={"start_s": 1e9}).json()
    assert (beyond["time_s"], beyond["next_start_s"]) == ([], None)


@both_databases
@pytest.mark.parametrize("limit", [1, 3, 50])
def test_pages_of_a_series_neither_skip_nor_repeat_even_where_samples_share_a_time(
    client: TestClient, database: Database, limit: int
) -> None:
    run_id = submitted(database)
    times = np.repeat(np.array([1, 3, 3_000_000_007, 86_400_000_000_001, 604_800_000_000_003]), [1, 2, 5, 1, 3])
    with database.write() as session:
        for start in range(0, len(times), 4):
            part = slice(start, start + 4)
            values = np.arange(len(times), dtype=float)[part]
            series.append(session, run_id, LATENCY, Chunk(times[part], values), clock_zero_ns=0)
    values, query = [], {"limit": str(limit)}
    while True:
        page = client.get(f"/v1/runs/{run_id}/series/latency", params=query).json()
        values += page["value"]
        if page["next_start_s"] is None:
            break
        query["start_s"] = repr(page["next_start_s"])
    assert values == list(range(len(times)))


@pytest.mark.parametrize("query", ["limit=0", "limit=100001", "start_s=nan", "end_s=inf", "start_s=1e300", "from=2"])
def test_an_impossible_part_of_a_series_is_refused(client: TestClient, database: Database, query: str) -> None:
    answer = client.get(f"/v1/runs/{measured(database)}/series/latency?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, query.partition("=")[0])


def test_an_unknown_series_is_a_problem(client: TestClient, database: Database) -> None:
    answer = client.get(f"/v1/runs/{measured(database)}/series/nothing")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


@both_databases
def test_the_timeline_tells_every_state_and_phase_in_order(client: TestClient, database: Database) -> None:
    items = client.get(f"/v1/runs/{measured(database)}/timeline").json()["items"]
    assert [(i["kind"], i["name"], i["attempt"]) for i in items] == [
        ("state", "queued", 0),
        ("state", "placed", 0),
        ("state", "running", 1),
        ("state", "succeeded", 1),
    ]
    assert [i["id"] for i in items] == sorted(i["id"] for i in items)


def test_the_latest_log_is_shown_as_text_whatever_it_contains(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    with database.write() as session:
        results.store_log(session, run_id, 2, b"second\n", 7)
    latest = client.get(f"/v1/runs/{run_id}/log")
    assert (latest.text, latest.headers["Content-Type"]) == ("second\n", "text/plain; charset=utf-8")
    first = client.get(f"/v1/runs/{run_id}/log", params={"attempt": 1})
    assert first.content == b"<b>hello</b> \xff\n"
    assert first.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("query", ["", "?attempt=7"])
def test_a_log_that_is_not_there_is_a_problem(client: TestClient, database: Database, query: str) -> None:
    run_id = submitted(database) if not query else measured(database)
    answer = client.get(f"/v1/runs/{run_id}/log{query}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("attempt", ["0", "-1", "one", str(1 << 40)])
def test_an_impossible_attempt_is_refused(client: TestClient, database: Database, attempt: str) -> None:
    assert client.get(f"/v1/runs/{measured(database)}/log?attempt={attempt}").status_code == 422


@both_databases
def test_documents_are_listed_and_can_be_fetched_by_their_url(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    [item] = client.get(f"/v1/runs/{run_id}/artifacts").json()["items"]
    assert (item["name"], item["media_type"]) == ("trials.json", "application/json")
    document = client.get(item["url"])
    assert document.json() == [{"lr": 0.1}]
    assert len(document.content) == item["bytes"]
    assert document.headers["Content-Type"] == "application/json"
    assert "sandbox" in document.headers["Content-Security-Policy"]


def test_a_document_may_have_an_awkward_name(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    with database.write() as session:
        results.store_tables(session, run_id, {"a/b c?": 1})
    items = client.get(f"/v1/runs/{run_id}/artifacts").json()["items"]
    assert client.get(items[0]["url"]).json() == 1


def test_an_unknown_document_is_a_problem(client: TestClient, database: Database) -> None:
    answer = client.get(f"/v1/runs/{measured(database)}/artifacts/none.json")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
