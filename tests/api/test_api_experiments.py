"""Experiments over REST: planned and submitted for a device, listed, shown, cancelled, taken up again, deleted."""

import io
from typing import Any

import pyarrow.parquet
import pytest
from fastapi import FastAPI

from api.schemas.compatibility import Compatibility
from api.schemas.experiments import ExperimentDetail, ExperimentPlan, ExperimentView
from migperf.measure.figures import ResultFigure
from migperf.metrics.metric import Scope
from migperf.store import experiments, leases, results, runs
from migperf.store.database import Database, now
from migperf.store.states import RunState
from tests import builders
from tests.analysis.experiments.made_experiments import Ending, cell, made
from tests.analysis.experiments.made_probes import not_installed, probe_cell, works
from tests.api.gpu_host import GpuHost
from tests.api.serving import CountingPasses, TestClient
from tests.api.steps import both_databases
from tests.databases import counted_statements

FILE: dict[str, Any] = {
    "migperf": 1,
    "name": "steps",
    "title": "By length of a step",
    "where": {"kind": "cpu"},
    "benchmark": {"workload": "test-step", "scenario": "single_stream", "method": {"min_s": 1, "precision": None}},
    "matrix": {"benchmark.parameters.step_ms": [1, 2]},
    "repeats": 2,
    "labels": {"night": "7"},
}


@pytest.fixture
def cpu(database: Database) -> None:
    """A node with a CPU of four cores."""
    with database.write() as session:
        builders.register(session, now(session), builders.partition(cpus=(0, 1, 2, 3)))


def submitted(client: TestClient, **more: Any) -> dict[str, Any]:
    answer = client.post("/v1/experiments", json=FILE | more)
    assert answer.status_code == 202, answer.text
    document: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == document["url"]
    assert ExperimentView.model_validate(document).model_dump(mode="json") == document
    return document


def shown(client: TestClient, experiment_id: str) -> dict[str, Any]:
    answer = client.get(f"/v1/experiments/{experiment_id}")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    assert ExperimentDetail.model_validate(document).model_dump(mode="json") == document
    return document


@both_databases
@pytest.mark.usefixtures("cpu")
def test_an_experiment_becomes_queued_runs_in_its_order(client: TestClient, passes: CountingPasses) -> None:
    brief = submitted(client)
    assert (brief["state"], brief["cells"], brief["repeats"]) == ("running", 2, {"open": 4})
    document = shown(client, brief["id"])
    assert [cell["coordinates"] for cell in document["cell_list"]] == [{"step_ms": 1}, {"step_ms": 2}]
    queued = client.get("/v1/runs", params={"sort": "created_at"}).json()["items"]
    made = [run for run in queued if run["labels"].get("experiment") == "steps"]
    assert [run["labels"] for run in made] == [{"experiment": "steps", "night": "7"}] * 4
    cells = {run["id"]: cell["number"] for cell in document["cell_list"] for a in cell["attempts"] for run in a["runs"]}
    assert [cells[run["id"]] for run in made] == [cell for cell, _ in document["plan"]["order"]]
    assert passes.count == 1


@pytest.mark.usefixtures("cpu")
def test_a_plan_tells_what_would_be_done_and_stores_nothing(client: TestClient) -> None:
    answer = client.post("/v1/experiments/plan", json=FILE | {"matrix": {"clients": [1, 2, 9]}, "sharing": "pinned"})
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert ExperimentPlan.model_validate(document).model_dump(mode="json") == document
    assert [cell["runs"] for cell in document["cells"]] == [1, 2, None]
    assert "9 runs cannot have cores of their own" in document["cells"][2]["skipped"]
    assert (document["runs"], len(document["order"])) == (6, 4)
    assert client.get("/v1/experiments").json()["items"] == []


def test_a_gpu_is_chosen_by_where_and_cells_get_layouts(client: TestClient, host: GpuHost) -> None:
    where = {"gpu_model": "*H100*", "simulated": host.gpu().simulated}
    more = {"where": where, "sharing": "mig", "matrix": {"clients": [2, 7]}}
    plan = client.post("/v1/experiments/plan", json=FILE | more).json()
    assert sorted(plan["layouts"]) == ["2x3g.40gb", "7x1g.10gb"]


def test_without_a_device_nothing_is_stored_and_the_remedy_is_told(client: TestClient) -> None:
    answer = client.post("/v1/experiments", json=FILE)
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("no living node has a device with kind=cpu; start a worker")


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"matrix": {"benchmark.parameters.step_ms": [-1]}}, "cell step_ms = -1: benchmark.parameters.step_ms"),
        ({"clients": 2}, "cell step_ms = 1: sharing"),
        ({"repeats": 0}, "repeats"),
        ({"unheard": 1}, "unheard"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place(client: TestClient, change: dict[str, Any], field: str) -> None:
    answer = client.post("/v1/experiments", json=FILE | change)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert client.get("/v1/runs").json()["items"] == []


@both_databases
@pytest.mark.usefixtures("cpu")
def test_an_experiment_is_cancelled_taken_up_again_and_deleted_with_its_runs(
    client: TestClient, database: Database
) -> None:
    path = submitted(client)["url"]
    assert client.delete(path).status_code == 409
    assert client.post(f"{path}/resume").status_code == 409
    assert client.post(f"{path}/cancel").json()["repeats"] == {"cancelled": 4}
    assert client.post(f"{path}/resume").json() == {"queued": 4}
    document = client.get(path).json()
    assert (document["state"], document["repeats"]) == ("running", {"open": 4})
    assert [a["attempt"] for a in document["cell_list"][0]["attempts"]] == [1, 1, 2, 2]
    run = document["cell_list"][0]["attempts"][0]["runs"][0]["url"]
    assert client.delete(run).status_code == 409, "figures of the experiment rest on it"
    client.post(f"{path}/cancel")
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.get("/v1/runs").json()["items"] == []


@both_databases
@pytest.mark.usefixtures("cpu")
def test_what_fails_is_tried_again_and_what_does_not_fit_is_a_result(client: TestClient, database: Database) -> None:
    experiment = submitted(client, repeats=1, retry_failed=1)
    for state in (RunState.FAILED, RunState.DOES_NOT_FIT, RunState.FAILED):
        with database.write() as session:
            run = next(r for r in experiments.runs_of(session, experiment["id"]) if r.state is RunState.QUEUED)
            token = builders.place(session, runs.lock(session, run.id), now(session)).id
            leases.claim(session, token, "node-1-a", now(session), 15)
            leases.finish(session, token, state, now(session))
            experiments.settle(session, now(session))
    document = shown(client, experiment["id"])
    assert document["state"] == "finished"
    assert document["repeats"] in ({"failed": 1, "does_not_fit": 1}, {"does_not_fit": 1, "failed": 1})
    assert sorted(len(cell["attempts"]) for cell in document["cell_list"]) == [1, 2]


@pytest.mark.usefixtures("cpu")
def test_experiments_are_listed_page_by_page_the_newest_first(client: TestClient) -> None:
    ids = [submitted(client, name=f"e{number}")["id"] for number in range(3)]
    first = client.get("/v1/experiments", params={"limit": 2}).json()
    assert [one["id"] for one in first["items"]] == ids[:0:-1]
    rest = client.get("/v1/experiments", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert ([one["id"] for one in rest["items"]], rest["next_cursor"]) == (ids[:1], None)


@both_databases
@pytest.mark.usefixtures("cpu")
def test_a_page_of_experiments_takes_as_many_statements_as_one_of_them(app: FastAPI, client: TestClient) -> None:
    """The experiments, their repeats, their cells."""
    for number in range(3):
        submitted(client, name=f"e{number}")
    taken = []
    for limit in (1, 3):
        with counted_statements(app.state.database) as seen:
            items = client.get("/v1/experiments", params={"limit": limit}).json()["items"]
        assert [(one["cells"], one["repeats"]) for one in items] == [(2, {"open": 4})] * limit
        taken.append(len(seen))
    assert taken == [3, 3]


@pytest.mark.usefixtures("cpu")
def test_report_and_results_tell_what_there_is_by_now(client: TestClient, database: Database) -> None:
    experiment = submitted(client, repeats=1)
    with database.write() as session:
        run = experiments.runs_of(session, experiment["id"])[0]
        token = builders.place(session, runs.lock(session, run.id), now(session)).id
        leases.claim(session, token, "node-1-a", now(session), 15)
        figure = ResultFigure(name="throughput", unit="request/s", scope=Scope.PROCESS, value=512.5)
        results.store_figures(session, run.id, (figure,))
        leases.finish(session, token, RunState.SUCCEEDED, now(session))
        experiments.settle(session, now(session))
    report = client.get(experiment["report"])
    assert report.status_code == 200
    assert report.headers["Content-Type"].startswith("text/html")
    assert "By length of a step" in report.text
    table = client.get(f"{experiment['url']}/results")
    assert table.headers["Content-Type"].startswith("text/csv")
    assert "512.5" in table.text
    parquet = client.get(f"{experiment['url']}/results", params={"format": "parquet"})
    read = pyarrow.parquet.read_table(io.BytesIO(parquet.content))
    assert 512.5 in read["value"].to_pylist()
    assert client.get("/v1/experiments/nothing/report").status_code == 404
    assert client.get(f"{experiment['url']}/results", params={"format": "xlsx"}).status_code == 422


YAML_FILE = """\
migperf: 1
name: steps
title: By length of a step
where: {kind: cpu}
benchmark:
  workload: test-step
  scenario: single_stream
  method: {min_s: 1, precision: null}
matrix:
  benchmark.parameters.step_ms: [1, 2]
repeats: 2
labels: {night: "7"}
"""


@pytest.mark.parametrize("media_type", ["application/yaml", "application/yaml; charset=utf-8", "text/yaml"])
@pytest.mark.usefixtures("cpu")
def test_a_file_is_taken_as_it_is_and_means_what_its_json_means(client: TestClient, media_type: str) -> None:
    headers = {"Content-Type": media_type}
    planned = client.post("/v1/experiments/plan", content=YAML_FILE, headers=headers)
    assert planned.status_code == 200, planned.text
    assert planned.json() == client.post("/v1/experiments/plan", json=FILE).json()
    stored = client.post("/v1/experiments", content=YAML_FILE, headers=headers)
    assert stored.status_code == 202, stored.text
    assert shown(client, stored.json()["id"])["document"] == shown(client, submitted(client)["id"])["document"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"name: [1, 2", "line 1, column"),
        (b"name: a\nname: b\n", "line 2, column 1: this is not YAML: the key 'name' is there twice"),
        (b"name: \xff", "byte 6 is not UTF-8"),
        (b'name: "\\0"', "U+0000"),
        (b"[" * 70 + b"]" * 70, "nested more than 64 deep"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_place(client: TestClient, content: bytes, says: str) -> None:
    answer = client.post("/v1/experiments/plan", content=content, headers={"Content-Type": "application/yaml"})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (400, "malformed-yaml")
    assert says in answer.json()["detail"]


def test_a_file_of_another_type_or_compressed_is_refused(client: TestClient) -> None:
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/yaml", "Content-Encoding": "gzip"}):
        answer = client.post("/v1/experiments/plan", content=YAML_FILE, headers=headers)
        assert answer.status_code == 415, headers
        assert answer.json()["type"].endswith("/problems/not-json")


def test_runs_are_submitted_as_json_alone(client: TestClient) -> None:
    answer = client.post("/v1/runs", content="workload: test-step", headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 415


def test_the_matrix_of_probes_is_given_out_and_is_empty_without_any(client: TestClient, database: Database) -> None:
    probes = [probe_cell("jax", "training"), probe_cell("tensorflow", "training")]
    experiment = made(database, probes, lambda _, __, at: works(at) if at["framework"] == "jax" else not_installed(at))
    answer = client.get(f"/v1/experiments/{experiment}/compatibility")
    assert answer.status_code == 200
    document = answer.json()
    assert Compatibility.model_validate(document).model_dump(mode="json") == document
    assert document["columns"] == [{"partition": "cpu", "simulated": False}]
    jax, tensorflow = (row["cells"][0] for row in document["rows"])
    assert (jax["verdict"], jax["version"], jax["companions"]) == ("works", "1.2.3", {"cuda": "13.0"})
    assert (tensorflow["verdict"], tensorflow["reason"]) == ("not_installed", "tensorflow is not installed here")
    nothing = client.get(f"/v1/experiments/{made(database, [cell(n=1)], lambda *_: Ending())}/compatibility").json()
    assert nothing == {"columns": [], "rows": []}
    assert client.get("/v1/experiments/nothing/compatibility").status_code == 404
