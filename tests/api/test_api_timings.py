"""What charts are drawn from: the distribution of a run's steps, a figure of an experiment's cells, Plotly's script."""

import gzip

import pytest

from api.plotly_script import plotly_version
from migperf.store.database import Database
from migperf.store.states import RunState
from tests.analysis.experiments.made_experiments import Ending, cell, made, throughput
from tests.api.serving import TestClient
from tests.api.steps import both_databases, measured, submitted


@both_databases
def test_the_steps_of_the_window_alone_are_counted(client: TestClient, database: Database) -> None:
    found = client.get(f"/v1/runs/{measured(database)}/timings/histogram", params={"bins": 10}).json()
    assert (found["name"], found["unit"], found["samples"]) == ("latency", "ms", 51)
    assert len(found["edges"]) == len(found["counts"]) + 1 == 11
    assert sum(found["counts"]) == 51
    assert found["edges"][0] == pytest.approx(4 + 20 / 99)
    told = {one["probability"]: one["value"] for one in found["quantiles"]}
    assert told[0.5] == pytest.approx(4 + 45 / 99)
    assert told[0.99] is None, "so few steps cannot tell"


def test_a_run_that_measured_nothing_has_no_distribution(client: TestClient, database: Database) -> None:
    answer = client.get(f"/v1/runs/{submitted(database)}/timings/histogram")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    assert "no measured steps" in answer.json()["detail"]
    refused = client.get(f"/v1/runs/{measured(database)}/timings/histogram", params={"bins": 401})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "bins")


@both_databases
def test_each_cell_has_its_value_or_why_not_and_its_runs(client: TestClient, database: Database) -> None:
    def ending(_run: object, _group: object, coordinates: dict[str, object]) -> Ending:
        if coordinates == {"size": 1}:
            return Ending(reason="out of memory", state=RunState.DOES_NOT_FIT)
        return Ending(figures=[throughput(100.0)])

    cells = [cell(size=1), cell(size=2)]
    found = client.get(f"/v1/experiments/{made(database, cells, ending, repeats=2)}/values").json()
    assert [axis["values"] for axis in found["axes"]] == [[1, 2]]
    assert "throughput" in [one["name"] for one in found["figures"]]
    lacking, there = found["cells"]
    assert (lacking["value"], lacking["state"], lacking["at"]) == (None, "missing", [0])
    assert "out of memory" in lacking["words"]
    assert there["value"] is not None
    assert there["words"].startswith(f"{there['shown']} {found['unit']}")
    assert len(there["runs"]) == 2
    assert client.get(there["runs"][0]["page"]).status_code == 200


def test_plotly_comes_from_the_package_and_is_kept_for_good(client: TestClient) -> None:
    path = f"/plotly/{plotly_version()}.js"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "immutable" in plain.headers["Cache-Control"]
    assert plain.headers["Content-Type"].startswith("text/javascript")
    compressed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert compressed.content in (plain.content, gzip.compress(plain.content))
    assert compressed.headers["ETag"] != plain.headers["ETag"], "they are other bytes"
    again = client.get(path, headers={"Accept-Encoding": "gzip", "If-None-Match": compressed.headers["ETag"]})
    assert again.status_code == 304
    assert client.get("/plotly/0.0.js").status_code == 404
