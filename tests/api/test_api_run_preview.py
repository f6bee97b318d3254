"""Previewing a run: what is wrong, how long it takes, where it could be put now; nothing is stored."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migperf.store import leases, runs
from migperf.store.database import Database, now
from migperf.store.leases import Berth
from migperf.store.states import RunState
from tests import builders
from tests.api.gpu_host import GpuHost
from tests.api.serving import CountingPasses, TestClient
from tests.api.steps import REQUEST, both_databases, row_counts, submitted
from tests.databases import counted_statements


def previewed(client: TestClient, **document: object) -> dict[str, Any]:
    answer = client.post("/v1/runs/preview", json=document)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def registered(database: Database, *partitions: str, node: str = "node-1", **offered: str) -> None:
    with database.write() as session:
        found = [builders.partition(uuid) for uuid in partitions]
        builders.register(session, now(session), *found, node=node, environments=builders.environments(**offered))


@both_databases
def test_a_request_that_would_be_taken_is_told_in_full_and_stores_nothing(
    client: TestClient, database: Database, passes: CountingPasses
) -> None:
    registered(database, "CPU-1")
    before = row_counts(database)
    told = previewed(client, **REQUEST, parameters={"step_ms": 1.0, "samples": 2})
    assert told["problems"] == []
    assert told["benchmark"]["parameters"]["step_ms"] == 1.0
    assert told["outlook"]["why_none"] is None
    assert '"parameters": {"samples": 2}' in told["equivalents"]["body"], "defaults need not be said"
    assert (row_counts(database), passes.count) == (before, 0)
    run = client.post(
        "/v1/runs", content=told["equivalents"]["body"], headers={"Content-Type": "application/json"}
    ).json()
    assert run["fingerprint"] == told["fingerprint"]


def test_all_that_is_wrong_is_told_at_its_field_at_once(client: TestClient) -> None:
    told = previewed(client, **REQUEST, parameters={"samples": 0, "step": 1}, priority=1000, where={"kind": "tpu"})
    assert {problem["field"] for problem in told["problems"]} == {
        *("parameters.samples", "parameters.step", "priority", "where.kind")
    }
    assert (told["fingerprint"], told["takes"], told["outlook"], told["equivalents"]) == (None, None, None, None)
    assert [p["field"] for p in previewed(client, workload="resnet81", scenario="offline")["problems"]] == ["workload"]
    assert {p["field"] for p in previewed(client)["problems"]} == {"workload", "scenario"}


def test_where_it_can_run_is_told_before_all_is_right(client: TestClient, database: Database) -> None:
    registered(database, "CPU-1")
    told = previewed(client, **REQUEST, timeout_s=-1)
    assert [problem["field"] for problem in told["problems"]] == ["timeout_s"]
    assert [place["uuid"] for place in told["outlook"]["places"]] == ["CPU-1"]


@both_databases
def test_free_places_come_first_and_those_in_use_name_their_run(client: TestClient, database: Database) -> None:
    with database.write() as session:
        for number in (1, 2):
            builders.register(session, now(session), builders.partition(f"CPU-{number}"), node=f"node-{number}")
        held = builders.submit(session, now(session))
        builders.place(session, runs.lock(session, held.id), now(session))
    submitted(database, priority=5)
    submitted(database, priority=-5)
    outlook = previewed(client, **REQUEST)["outlook"]
    assert [(p["uuid"], p["free"], p["run"]) for p in outlook["places"]] == [
        ("CPU-2", True, None),
        ("CPU-1", False, held.id),
    ]
    assert outlook["places"][1]["page"] == f"/runs/{held.id}"
    assert (outlook["suitable"], outlook["free"], outlook["ahead"]) == (2, 1, 1)
    assert previewed(client, **REQUEST, priority=6)["outlook"]["ahead"] == 0


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"where": {"kind": "mig"}}, "no partition of a living node has kind=mig; there is cpu"),
        ({"where": {"node": "node-7"}}, "no partition of a living node has node=node-7; there is node-1"),
        ({"where": {"profile": "1g.10gb"}}, "no partition of a living node has profile=1g.10gb; there is none"),
        ({"where": {"gpu_model": "*H100*"}}, "gpu_model=*H100*; there is a processor"),
        ({"where": {"simulated": True}}, "no living node has simulated partitions"),
        ({"environment": "torch-3"}, "software environment torch-3; they offer default"),
        ({"layout": "2x3g.40gb"}, "no living node has a GPU, and only a GPU can be cut"),
    ],
)
def test_where_nothing_suits_the_condition_that_nothing_meets_is_named(
    client: TestClient, database: Database, more: dict[str, Any], why: str
) -> None:
    registered(database, "CPU-1")
    outlook = previewed(client, **REQUEST, **more)["outlook"]
    assert (outlook["places"], outlook["suitable"]) == ([], 0)
    assert why in outlook["why_none"]


def test_conditions_that_are_met_but_not_together_are_told(client: TestClient, database: Database) -> None:
    registered(database, "CPU-1", node="node-1")
    registered(database, "CPU-2", node="node-2")
    told = previewed(client, **REQUEST, where={"node": "node-1", "partition": "CPU-2"})["outlook"]["why_none"]
    assert "no partition meets all of node=node-1, partition=CPU-2" in told


def test_a_service_without_workers_says_how_to_start_one(client: TestClient) -> None:
    assert "migperf worker" in previewed(client, **REQUEST)["outlook"]["why_none"]


def test_a_layout_is_looked_for_among_gpus_that_can_be_cut_so(client: TestClient, host: GpuHost) -> None:
    simulated = {"where": {"simulated": True}}
    outlook = previewed(client, **REQUEST, **simulated, layout="2x3g.40gb")["outlook"]
    assert [(place["uuid"], place["free"]) for place in outlook["places"]] == [(host.gpu().uuid, True)]
    outlook = previewed(client, **REQUEST, **simulated, layout="8x1g.10gb")["outlook"]
    assert "H100 80GB HBM3 on gpu-node: " in outlook["why_none"], "the one that can be cut at all"
    outlook = previewed(client, **REQUEST, layout="2x3g.40gb")["outlook"]
    assert outlook["why_none"].startswith("no GPU of a living node meets simulated=false")


@both_databases
def test_who_is_in_the_way_is_who_a_submitted_run_waits_for(
    client: TestClient, database: Database, host: GpuHost
) -> None:
    host.cut("3g.40gb+1g.10gb")
    with database.write() as session:
        small, large = (builders.submit(session, now(session)).id for _ in range(2))
        for run_id, profile in ((small, "1g.10gb"), (large, "3g.40gb")):
            berth = Berth(node=host.node, partition=host.partition(profile), gpu=host.gpu().uuid)
            leases.grant(session, runs.lock(session, run_id), berth, now(session), 15)
    simulated = {**REQUEST, "where": {"simulated": True}}
    requests = {
        "a part": {**REQUEST, "where": {"simulated": True, "profile": "1g.10gb"}},
        "all of it": {**simulated, "layout": "7g.80gb"},
    }
    for name, request in requests.items():
        [place] = previewed(client, **request)["outlook"]["places"]
        waiting = client.post("/v1/runs", json=request).json()
        held_by = client.get(waiting["url"]).json()["wait"]["held_by"]
        assert {holder["run"] for holder in held_by} == ({small} if name == "a part" else {small, large})
        assert (place["free"], place["run"]) == (False, held_by[0]["run"])
        assert place["page"] == held_by[0]["page"]


def test_what_a_change_of_layout_waits_for_is_not_free(client: TestClient, host: GpuHost, h100: str) -> None:
    host.cut("3g.40gb+1g.10gb")
    holder = host.run_on(host.partition("1g.10gb"))
    request = {**REQUEST, "where": {"simulated": True, "kind": "mig"}}
    free = {place["profile"]: place["free"] for place in previewed(client, **request)["outlook"]["places"]}
    assert free == {"3g.40gb": True, "1g.10gb": False}
    assert client.put(f"{h100}/layout", json={"layout": "7g.80gb", "wait": True}).status_code == 202
    outlook = previewed(client, **request)["outlook"]
    assert (outlook["free"], outlook["suitable"]) == (0, 2)
    assert {place["profile"]: place["run"] for place in outlook["places"]} == {"3g.40gb": None, "1g.10gb": holder}


def test_where_all_is_simulated_that_is_said(client: TestClient, database: Database) -> None:
    with database.write() as session:
        builders.register(session, now(session), builders.partition("GPU-9", kind="gpu", simulated=True))
    assert "select simulated ones" in previewed(client, **REQUEST)["outlook"]["why_none"]
    assert previewed(client, **REQUEST, where={"simulated": True})["outlook"]["free"] == 1


def test_how_long_it_takes_is_what_earlier_runs_took(client: TestClient, database: Database) -> None:
    registered(database, "CPU-1")
    guessed = previewed(client, **REQUEST, timeout_s=60)["takes"]
    assert (guessed["seen"], guessed["longest_s"]) == (False, 60)
    with database.write() as session:
        run = builders.submit(session, now(session))
        token = builders.place(session, runs.lock(session, run.id), now(session)).id
        begun = datetime(2026, 3, 2, tzinfo=UTC)
        leases.claim(session, token, "node-1-a", begun, 1e9)
        leases.finish(session, token, RunState.SUCCEEDED, begun + timedelta(seconds=42), None)
    assert previewed(client, **REQUEST)["takes"] == {"expected_s": 42.0, "longest_s": 154.0, "seen": True}


def test_a_preview_takes_few_queries(client: TestClient, database: Database) -> None:
    registered(database, *(f"CPU-{number}" for number in range(40)))
    with counted_statements(client.app.state.database) as seen:  # type: ignore[attr-defined]
        outlook = previewed(client, **REQUEST)["outlook"]
    assert (len(outlook["places"]), outlook["suitable"], outlook["free"]) == (24, 40, 24)
    assert len(seen) <= 12
