"""What a run leaves behind comes out as it went in."""

import gzip

import pytest

from migperf.measure.events import Document
from migperf.measure.profiling.summary import TRACE_NAME
from migperf.store import results
from migperf.store.database import Database
from tests.api.serving import TestClient
from tests.api.steps import FIGURES, both_databases, measured, submitted


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


def test_a_profile_is_sent_as_the_compressed_file_that_it_is(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    data = gzip.compress(b"{}")
    with database.write() as session:
        results.store_documents(session, run_id, [Document.of(TRACE_NAME, "application/gzip", data)])
    (item, _) = client.get(f"/v1/runs/{run_id}/artifacts").json()["items"]
    assert (item["name"], item["bytes"]) == (TRACE_NAME, len(data))
    answer = client.get(item["url"])
    assert (answer.content, answer.headers["Content-Type"]) == (data, "application/gzip")
    assert "Content-Encoding" not in answer.headers, "a browser would unpack it and keep its name"
