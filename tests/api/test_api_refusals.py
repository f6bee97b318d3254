"""Whatever is wrong with a request, the answer is a problem document of the right kind, and nothing is stored."""

import logging

import pytest
from fastapi import FastAPI

from api.json_body import MAX_DEPTH
from migperf.store.database import Database
from tests.api.serving import TestClient
from tests.api.steps import REQUEST, both_databases, row_counts, submitted

JSON = {"Content-Type": "application/json"}
GOOD = b'{"workload": "test-step", "scenario": "single_stream"'
MALFORMED = {
    "truncated": (GOOD, "line 1, column 54"),
    "position in a later line": (b'{\n  "workload": "a"\n  "scenario": 1}', "line 3, column 3"),
    "empty": (b"", "line 1, column 1"),
    "not JSON at all": (b"workload=test-step", "line 1, column 1"),
    "NaN": (GOOD + b', "timeout_s": NaN}', "NaN"),
    "Infinity": (GOOD + b', "timeout_s": -Infinity}', "-Infinity"),
    "a number that overflows": (GOOD + b', "timeout_s": 1e999}', "1e999"),
    "endless digits": (GOOD + b', "seed": ' + b"9" * 5000 + b"}", "digits"),
    "bytes that are not UTF-8": (b'{"workload": "\xff\xfe"}', "byte 14"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "UTF-8"),
    "character that cannot be stored": (GOOD + b', "labels": {"a": "\\u0000"}}', "U+0000"),
    "half a surrogate pair": (GOOD + b', "labels": {"a": "\\ud800"}}', "surrogate"),
    "half a surrogate pair as a name": (GOOD + b', "\\ud800": 1}', "surrogate"),
    "bottomless nesting": (b"[" * 100_000, "deep"),
    "deep nesting": (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "deep"),
}


@pytest.mark.parametrize(("body", "detail"), MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_not_json_is_refused_with_its_position(
    client: TestClient, database: Database, body: bytes, detail: str
) -> None:
    answer = client.post("/v1/runs", content=body, headers=JSON)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (400, "/problems/malformed-json")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert detail in problem["detail"]
    assert row_counts(database)["runs"] == 0


def test_duplicate_names_and_harmless_nesting_are_accepted(client: TestClient) -> None:
    body = GOOD + b', "seed": 1, "seed": 2}'
    assert client.post("/v1/runs", content=body, headers=JSON).json()["benchmark"]["seed"] == 2
    nested = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert client.post("/v1/runs", content=nested, headers=JSON).status_code == 422


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/jsonx"},
        {**JSON, "Content-Encoding": "gzip"},
    ],
)
def test_another_type_than_json_is_refused(client: TestClient, database: Database, headers: dict[str, str]) -> None:
    answer = client.post("/v1/runs", content=GOOD + b"}", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/not-json")
    assert "application/json" in answer.json()["detail"]
    assert row_counts(database)["runs"] == 0


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"])
def test_any_spelling_of_json_is_read(client: TestClient, media_type: str) -> None:
    answer = client.post("/v1/runs", content=GOOD + b"}", headers={"Content-Type": media_type})
    assert answer.status_code == 202


@pytest.mark.parametrize("path", ["/v1/nothing", "/v2/runs", "/v1/runs/", "/static/none.css"])
def test_an_unknown_path_is_a_problem(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["instance"] == path


def test_a_wrong_method_is_a_problem_that_names_the_right_ones(client: TestClient) -> None:
    answer = client.put("/v1/workloads")
    assert (answer.status_code, answer.json()["status"]) == (405, 405)
    assert answer.headers["Allow"] == "GET"


RUN_ROUTES = ("", "/result", "/series", "/series/latency", "/timeline", "/events", "/log", "/artifacts", "/artifacts/x")


@both_databases
def test_an_unknown_run_is_a_problem_everywhere(client: TestClient) -> None:
    answers = [client.get(f"/v1/runs/unknown{route}") for route in RUN_ROUTES]
    answers += [client.post("/v1/runs/unknown/cancel"), client.delete("/v1/runs/unknown")]
    for answer in answers:
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found"), answer.url
        assert "unknown" in answer.json()["detail"]


@both_databases
def test_a_character_that_no_name_has_is_refused_in_urls(client: TestClient) -> None:
    for path in ("/v1/runs/%00", "/v1/runs?workload=%00", "/v1/partitions/a%00b", "/v1/runs?label=a=%00", "/runs/%00"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-url"), path


@both_databases
def test_odd_names_in_urls_are_never_our_fault(client: TestClient) -> None:
    for path in ("/v1/runs/%ff", "/v1/runs?workload=%ff%fe", "/v1/runs/" + "x" * 5000):
        assert client.get(path).status_code in (200, 404, 422), path


def test_an_unexpected_error_tells_nothing_but_where_it_was_logged(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/v1/broken")
    def broken() -> None:
        raise RuntimeError("the password is sesame")

    with caplog.at_level(logging.ERROR), TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/v1/broken")
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (500, "/problems/unexpected")
    assert "sesame" not in answer.text
    assert "RuntimeError" not in answer.text
    logged = next(record for record in caplog.records if problem["incident"] in record.getMessage())
    assert logged.exc_info is not None
    assert "sesame" in str(logged.exc_info[1])


def test_a_defect_in_our_own_answer_is_ours_and_not_the_clients(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = submitted(database)
    monkeypatch.setattr("api.schemas.runs.RunView.of", lambda *_: {"id": 1})
    assert client.get(f"/v1/runs/{run_id}").status_code == 500


def test_answers_are_not_to_be_guessed_at_by_browsers(client: TestClient) -> None:
    for answer in (client.get("/v1/health"), client.get("/nothing"), client.get("/static/style.css")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_of_each_kind_of_problem_explains_it(client: TestClient) -> None:
    problem = client.post("/v1/runs", json={**REQUEST, "priority": 1000}).json()
    page = client.get(problem["type"])
    assert page.status_code == 200
    assert problem["title"] in page.text
    assert "<code>errors</code> names each one" in page.text
    assert client.get("/problems/unheard-of").status_code == 404
