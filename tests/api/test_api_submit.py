"""Submitting: what is accepted becomes one queued run; what is refused leaves nothing behind."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi import FastAPI

from migperf.store.database import Database
from tests.api.serving import CountingPasses, TestClient, served
from tests.api.steps import REQUEST, both_databases, row_counts

JSON = {"Content-Type": "application/json"}


@both_databases
def test_a_submitted_run_is_queued_with_every_default_written_out(client: TestClient) -> None:
    answer = client.post("/v1/runs", json={**REQUEST, "labels": {"b": "2", "a": "1"}, "priority": 5})
    run = answer.json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == run["url"] == f"/v1/runs/{run['id']}"
    assert run["page"] == f"/runs/{run['id']}"
    assert (run["state"], run["version"], run["attempt"], run["partition"]) == ("queued", 1, 0, None)
    assert run["labels"] == {"a": "1", "b": "2"}
    assert run["benchmark"]["method"]["warmup_steps"] == 3
    assert run["created_at"].endswith("Z")
    read = client.get(run["url"]).json()
    assert read.pop("wait")["kind"] == "nowhere", "why it waits is only worked out for who reads it"
    assert read == run


def test_a_benchmark_can_be_read_without_being_run(
    client: TestClient, database: Database, passes: CountingPasses
) -> None:
    """What a check asks before it submits anything: the fingerprint is that of the run to be."""
    submission = {**REQUEST, "labels": {"commit": "4f1"}, "seed": 7}
    answer = client.post("/v1/benchmark", json=submission)
    assert answer.status_code == 200
    assert row_counts(database)["runs"] == passes.count == 0
    run = client.post("/v1/runs", json=submission).json()
    assert answer.json() == {"fingerprint": run["fingerprint"], "benchmark": run["benchmark"]}
    refused = client.post("/v1/benchmark", json={**REQUEST, "method": {"min_sec": 3}})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "method.min_sec")


@pytest.mark.parametrize("workload", ["resnet18", "vit-c-1gf"])
def test_shipped_workloads_can_be_submitted(client: TestClient, workload: str) -> None:
    request = {"workload": workload, "scenario": "train", "parameters": {"batch_size": 2}}
    assert client.post("/v1/runs", json=request).status_code == 202


def test_placement_follows_a_stored_run_and_no_refused_or_replayed_one(
    client: TestClient, passes: CountingPasses
) -> None:
    client.post("/v1/runs", json={**REQUEST, "scenario": "nonsense"})
    assert passes.count == 0
    client.post("/v1/runs", json=REQUEST, headers={"Idempotency-Key": "k"})
    assert passes.count == 1
    client.post("/v1/runs", json=REQUEST, headers={"Idempotency-Key": "k"})
    assert passes.count == 1


REFUSED = {
    "unknown workload": ({**REQUEST, "workload": "vit-c-1g"}, "workload", "nearest: vit-c-1gf"),
    "unknown field": ({**REQUEST, "priorty": 3}, "priorty", "unknown field"),
    "unknown parameter": (
        {"workload": "resnet18", "scenario": "train", "parameters": {"batchsize": 3}},
        "parameters.batchsize",
        "unknown field",
    ),
    "unknown method": ({**REQUEST, "method": {"min_sec": 3}}, "method.min_sec", "unknown field"),
    "value out of range": (
        {"workload": "resnet18", "scenario": "train", "parameters": {"batch_size": 0}},
        "parameters.batch_size",
        "greater than or equal to 1",
    ),
    "priority out of range": ({**REQUEST, "priority": 101}, "priority", "less than or equal to 100"),
    "wrong type": ({**REQUEST, "timeout_s": "soon"}, "timeout_s", "valid number"),
    "missing field": ({"workload": "test-step"}, "scenario", "required"),
    "scenario that the workload does not offer": (
        {"workload": "vit-stem-stability", "scenario": "offline"},
        "scenario",
        "scenarios that it can run: train",
    ),
    "times that contradict each other": ({**REQUEST, "method": {"min_s": 9, "max_s": 3}}, "method", "lower one"),
    "selector that cannot be read": ({**REQUEST, "where": "mig"}, "where", "name=value"),
    "label that is no name": ({**REQUEST, "labels": {"": "x"}}, "labels", "pattern"),
    "seed beyond 64 bits": ({**REQUEST, "seed": 1 << 63}, "seed", "less than"),
    "huge number": ({**REQUEST, "seed": 10**300}, "seed", "less than"),
    "list instead of an object": ([REQUEST], "body", "valid dictionary"),
    "null": (None, "body", ""),
}


@pytest.mark.parametrize(("body", "field", "detail"), REFUSED.values(), ids=REFUSED.keys())
def test_an_invalid_request_is_refused_by_field_and_nothing_is_stored(
    client: TestClient, database: Database, body: object, field: str, detail: str
) -> None:
    before = row_counts(database)
    answer = client.post("/v1/runs", content=json.dumps(body), headers={**JSON, "Idempotency-Key": "k"})
    problem = answer.json()
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == "/problems/validation"
    assert problem["instance"] == "/v1/runs"
    assert problem["errors"][0]["field"].startswith(field)
    assert detail in problem["errors"][0]["detail"]
    assert row_counts(database) == before


def test_every_wrong_field_is_named_at_once_with_what_was_given(client: TestClient) -> None:
    body = {"workload": "resnet18", "scenario": "train", "parameters": {"batch_size": -1, "image_size": 5}}
    errors = client.post("/v1/runs", json=body).json()["errors"]
    given = {error["field"]: error["given"] for error in errors}
    assert given == {"parameters.batch_size": -1, "parameters.image_size": 5}


def test_what_was_given_is_shown_shortened(client: TestClient) -> None:
    for value in ("x" * 10_000, ["y" * 50] * 1000, {f"k{i}": i for i in range(1000)}):
        problem = client.post("/v1/runs", json={**REQUEST, "priority": value}).json()
        assert len(json.dumps(problem)) < 1_500
        assert problem["errors"][0]["given"].endswith("…")


def test_thousands_of_errors_are_answered_by_the_first_few(client: TestClient) -> None:
    problem = client.post("/v1/runs", json={**REQUEST, **{f"unknown{i}": 1 for i in range(3000)}}).json()
    assert 0 < len(problem["errors"]) <= 20
    assert "2999 more" in problem["detail"]


@both_databases
def test_a_repeated_key_returns_the_same_run_and_says_so(client: TestClient, database: Database) -> None:
    headers = {"Idempotency-Key": "nightly-17"}
    first = client.post("/v1/runs", json={**REQUEST, "labels": {"a": "1", "b": "2"}}, headers=headers)
    again = client.post("/v1/runs", json={"labels": {"b": "2", "a": "1"}, **REQUEST}, headers=headers)
    assert "Idempotent-Replayed" not in first.headers
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert row_counts(database)["runs"] == 1


def test_a_default_written_out_is_the_same_request(client: TestClient) -> None:
    headers = {"Idempotency-Key": "k"}
    client.post("/v1/runs", json=REQUEST, headers=headers)
    again = client.post("/v1/runs", json={**REQUEST, "priority": 0, "seed": 0}, headers=headers)
    assert again.headers["Idempotent-Replayed"] == "true"


@both_databases
def test_a_key_with_another_body_is_refused(client: TestClient, database: Database) -> None:
    headers = {"Idempotency-Key": "nightly-17"}
    client.post("/v1/runs", json=REQUEST, headers=headers)
    before = row_counts(database)
    answer = client.post("/v1/runs", json={**REQUEST, "seed": 1}, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/idempotency-mismatch")
    assert row_counts(database) == before


@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "é"])
def test_a_key_that_is_not_visible_ascii_is_refused(client: TestClient, database: Database, key: str) -> None:
    answer = client.post("/v1/runs", json=REQUEST, headers=[(b"Idempotency-Key", key.encode("latin-1"))])
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert row_counts(database)["runs"] == 0


def test_a_key_is_free_again_when_its_run_is_deleted(client: TestClient) -> None:
    headers = {"Idempotency-Key": "k"}
    url = client.post("/v1/runs", json=REQUEST, headers=headers).json()["url"]
    client.post(f"{url}/cancel")
    client.delete(url)
    again = client.post("/v1/runs", json=REQUEST, headers=headers)
    assert "Idempotent-Replayed" not in again.headers
    assert again.json()["url"] != url


@both_databases
def test_one_key_from_many_clients_at_once_makes_one_run(app: FastAPI, database: Database) -> None:
    clients, keys = 4, 8
    barrier = threading.Barrier(clients, timeout=20)

    def submit_all(url: str) -> list[tuple[str, bool]]:
        with httpx.Client(base_url=url, trust_env=False) as http:
            answers = []
            for key in range(keys):
                barrier.wait()
                answers.append(http.post("/v1/runs", json=REQUEST, headers={"Idempotency-Key": f"k{key}"}))
            return [(a.json()["id"], "Idempotent-Replayed" in a.headers) for a in answers]

    with served(app) as url, ThreadPoolExecutor(clients) as pool:
        by_client = [future.result() for future in [pool.submit(submit_all, url) for _ in range(clients)]]
    for answers in zip(*by_client, strict=True):
        assert len({run_id for run_id, _ in answers}) == 1
        assert sorted(replayed for _, replayed in answers) == [False] + [True] * (clients - 1)
    assert row_counts(database)["runs"] == keys
