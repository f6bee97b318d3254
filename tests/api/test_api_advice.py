"""Advice over HTTP: from stored runs, from the GPUs at hand, and helpful where there is neither."""

from datetime import UTC, datetime
from typing import Any

import pytest

from api.schemas.advice import AdviceView
from migperf.analysis.advisor.demand_example import DEMAND
from migperf.gpus.inventory import discover
from migperf.gpus.simulation.driver import open_in_memory
from migperf.store import gpus
from migperf.store.database import Database
from migperf.store.states import RunState
from tests.analysis.advisor.measured_runs import grouped, measured
from tests.api.serving import TestClient
from tests.api.steps import both_databases, row_counts
from tests.builders import inventory, register

A100 = [{"model": "A100-SXM4-80GB", "count": 2}]
SERVICE = {
    "name": "thumbnails",
    "benchmark": {"workload": "resnet50", "parameters": {"batch_size": 1}},
    "rate_per_s": 500,
    "latency": {"limit_ms": 20},
}
SEARCH = {"search": {"kind": "max_rate", "percentile": 99, "limit_ms": 20}, "parameters": {"batch_size": 1}}


def advised(client: TestClient, **demand: Any) -> dict[str, Any]:
    """The answer, which must be as documented."""
    answer = client.post("/v1/advice", json={"migperf": 1, "gpus": A100, "services": [SERVICE], **demand})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    assert AdviceView.model_validate(document).model_dump(mode="json") == document
    return document


def refused(client: TestClient, **demand: Any) -> dict[str, Any]:
    answer = client.post("/v1/advice", json={"migperf": 1, "gpus": A100, "services": [SERVICE], **demand})
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    return dict(error)


@both_databases
def test_runs_that_the_service_has_speak_for_the_services_of_a_demand(client: TestClient, database: Database) -> None:
    runs = [measured(database, figures={"max_rate": rate, "throughput": rate}, **SEARCH) for rate in (100, 101, 102)]
    found = advised(client)
    assert found["status"] == "optimal"
    assert [gpu["layout"] for gpu in found["gpus"]] == ["5x1g.10gb"]
    (job,) = found["jobs"]
    assert job["capacity_per_s"] == 505
    (evidence,) = job["evidence"]
    assert (evidence["runs"], evidence["queueing"]) == (runs, True)
    assert evidence["says"] == "101/s keep p99 of latency within 20 ms (median of 3 runs, max_rate)"


def test_runs_that_were_measured_together_tell_what_neighbours_cost(client: TestClient, database: Database) -> None:
    measured(database, figures={"max_rate": 100, "throughput": 100}, **SEARCH)
    asked = {"services": [{**SERVICE, "rate_per_s": 200, "latency": None}]}
    before = advised(client, **asked)
    (unknown,) = before["never_measured_together"]
    assert (unknown["job"], unknown["beside"]) == ("thumbnails", [{"job": "thumbnails", "profile": "1g.10gb"}])
    single = {"scenario": "single_stream", "parameters": {"batch_size": 1}}
    pair = [measured(database, figures={"throughput": 80}, gpu="GPU-0", **single) for _ in range(2)]
    apart = measured(database, figures={"throughput": 100}, **single)
    grouped(database, pair)
    grouped(database, [apart])
    found = advised(client, **asked)
    (known,) = found["interference"]
    assert (known["slowdown"], known["used"]) == (1.25, True)
    assert sorted(known["runs"]) == sorted([*pair, apart])
    assert found["never_measured_together"] == []
    assert [len(gpu["instances"]) for gpu in (*before["gpus"], *found["gpus"])] == [2, 3]
    by_hand = [{"of": "thumbnails", "beside": "thumbnails", "slowdown": 1}]
    assert [each["used"] for each in advised(client, **asked, interference=by_hand)["interference"]] == [True, False]


def test_a_service_that_was_never_measured_is_answered_with_the_experiment_that_would(client: TestClient) -> None:
    found = advised(client)
    assert (found["status"], found["gpus"]) == ("infeasible", [])
    assert found["headline"] == "cannot be served: thumbnails"
    (unknown,) = found["never_measured"]
    assert "whole" in unknown["profiles"]
    assert "kind: max_rate" in unknown["experiment"]


def test_what_does_not_fit_and_what_is_tainted_is_said(client: TestClient, database: Database) -> None:
    measured(database, "1g.10gb", state=RunState.DOES_NOT_FIT, **SEARCH)
    measured(database, "7g.80gb", {"max_rate": 900, "throughput": 900}, taints=[{"rule": "throttled"}], **SEARCH)
    found = advised(client)
    assert found["jobs"][0]["excluded"][0]["why"] == "does not fit into the memory at batch size 1 (1 run)"
    assert "1 tainted runs were left out (tainted: true uses them)" in found["remarks"]
    assert [gpu["layout"] for gpu in advised(client, tainted=True)["gpus"]] == ["7g.80gb"]


def test_the_gpus_at_hand_are_those_that_the_service_knows(client: TestClient, database: Database) -> None:
    assert "knows no GPU; name boards" in refused(client, gpus="at_hand")["detail"]
    now = datetime.now(UTC)
    simulated = discover(open_in_memory(["a100-80gb"] * 2)).gpus
    with database.write() as session:
        register(session, now)
        gpus.store(session, "node-1", inventory(gpus=simulated), now)
    error = refused(client, gpus="at_hand")
    assert (error["field"], error["given"]) == ("gpus", "at_hand")
    assert "simulated GPUs only" in error["detail"]
    with database.write() as session:
        real = tuple(gpu.model_copy(update={"simulated": False}) for gpu in simulated)
        gpus.store(session, "node-1", inventory(gpus=real), now)
    measured(database, figures={"max_rate": 100, "throughput": 100}, **SEARCH)
    found = advised(client, gpus="at_hand")
    assert found["at_hand"] == [{"model": "NVIDIA A100-SXM4-80GB", "count": 2}]
    assert len(found["gpus"]) == 1


@pytest.mark.parametrize(
    ("demand", "field", "said"),
    [
        ({"gpus": [{"model": "V100", "count": 1}]}, "gpus.0.model", "no board known here; there are"),
        ({"gpus": [{"model": "A100-SXM4-80GB", "count": 0}]}, "gpus.0.count", "greater than or equal to 1"),
        ({"gpus": [{"count": 1}]}, "gpus.0.model", "required, but missing"),
        ({"gpus": "mine"}, "gpus", "say at_hand, or name boards"),
        ({"services": []}, "services", "name at least one"),
        ({"services": [{**SERVICE, "benchmark": {"workload": "nothing"}}]}, "services.0.benchmark.workload", "nothing"),
        (
            {"measured": [{"of": "x", "profile": "1g.10gb", "throughput_per_s": 1, "source": "x"}]},
            "measured.0.of",
            "thumb",
        ),
        (
            {"measured": [{"of": "thumbnails", "profile": "1g.5gb", "throughput_per_s": 1, "source": "x"}]},
            "measured.0.profile",
            "it has whole, 7g.80gb",
        ),
        ({"goal": "cheapest"}, "goal", "fewest_gpus"),
        ({"hurry": True}, "hurry", "unknown field"),
        ({"time_limit_s": 1000}, "time_limit_s", "less than"),
    ],
)
def test_a_demand_that_makes_no_sense_is_refused_at_its_field(
    client: TestClient, demand: dict[str, Any], field: str, said: str
) -> None:
    error = refused(client, **demand)
    assert error["field"] == field
    assert said in error["detail"]


def test_nothing_is_stored(client: TestClient, database: Database) -> None:
    before = row_counts(database)
    assert client.post("/v1/advice", json=DEMAND).status_code == 200
    assert row_counts(database) == before
