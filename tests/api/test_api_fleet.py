"""Nodes, partitions, workloads, health: what there is, told truly."""

from datetime import timedelta

import pytest
from fastapi import FastAPI

import migperf
from migperf.gpus.partition import PartitionKind
from migperf.settings import Settings
from migperf.store import leases, nodes, schema
from migperf.store.database import Database, now
from tests import builders
from tests.api.serving import TestClient
from tests.api.steps import both_databases, submitted

MIG = {"profile": "1g.10gb", "gpu_uuid": "GPU-1", "memory_mib": 9856, "sm_count": 16}


@both_databases
def test_partitions_tell_what_they_are_and_who_holds_them(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    with database.write() as session:
        time = now(session)
        mig = builders.partition("MIG-1", PartitionKind.MIG, **MIG)
        builders.register(session, time, mig, builders.partition("CPU-1", cpus=(0, 1)))
        builders.place(session, session.get_one(leases.Run, run_id), time, "MIG-1")
    cpu, mig_view = client.get("/v1/partitions").json()["items"]
    assert {key: mig_view[key] for key in MIG} == MIG
    assert (mig_view["node"], mig_view["node_alive"], mig_view["run"]) == ("node-1", True, run_id)
    assert (cpu["cpus"], cpu["run"], cpu["memory_mib"], cpu["retired_at"]) == ([0, 1], None, None, None)
    assert client.get("/v1/partitions/MIG-1").json() == mig_view


@both_databases
def test_a_silent_node_is_not_alive_nor_are_its_partitions_usable(
    client: TestClient, database: Database, settings: Settings
) -> None:
    with database.write() as session:
        silent_since = now(session) - timedelta(seconds=settings.node_stale_s + 1)
        builders.register(session, silent_since, node="silent")
        builders.register(session, now(session), builders.partition("CPU-2"), node="well")
    assert {n["name"]: n["alive"] for n in client.get("/v1/nodes").json()["items"]} == {"silent": False, "well": True}
    alive = {p["uuid"]: p["node_alive"] for p in client.get("/v1/partitions").json()["items"]}
    assert alive == {"CPU-1": False, "CPU-2": True}
    assert client.get("/v1/ready").json()["nodes_alive"] == 1


@both_databases
def test_a_node_tells_its_software_environments_the_usable_and_the_broken(
    client: TestClient, database: Database
) -> None:
    """Its worker's own comes first; so it does on the overview, where nothing of a silent node is shown."""
    with database.write() as session:
        time = now(session)
        offered = builders.environments("a-newer", broken="its interpreter is not there")
        builders.register(session, time, environments=offered)
        silent = builders.environments("lost")
        gone_since = time - timedelta(hours=1)
        builders.register(session, gone_since, builders.partition("CPU-2"), node="silent", environments=silent)
    living, _ = client.get("/v1/nodes").json()["items"]
    default, newer, broken = living["environments"]
    assert (default["name"], newer["name"], broken["name"]) == ("default", "a-newer", "broken")
    assert newer == {
        "name": "a-newer",
        "problem": None,
        "python": "3.12.4",
        "torch": "2.13.0",
        "migperf_version": "0",
        "payloads": {"a-package": "1.0"},
    }
    assert broken["problem"] == "its interpreter is not there"
    assert {broken[key] for key in ("python", "torch", "migperf_version", "payloads")} == {None}
    page = client.get("/").text
    assert "a-package 1.0" in page
    assert "its interpreter is not there" in page
    assert "<td>lost</td>" not in page


def test_a_node_that_signed_off_is_not_alive(client: TestClient, database: Database) -> None:
    with database.write() as session:
        builders.register(session, now(session))
        nodes.sign_off(session, "node-1", "node-1-a", now(session))
    assert [n["alive"] for n in client.get("/v1/nodes").json()["items"]] == [False]


def test_a_retired_partition_is_no_longer_listed_but_can_be_asked_for(client: TestClient, database: Database) -> None:
    with database.write() as session:
        builders.register(session, now(session))
        nodes.store_inventory(session, "node-1", builders.inventory(), now(session))
    assert client.get("/v1/partitions").json() == {"items": []}
    assert client.get("/v1/partitions/CPU-1").json()["retired_at"] is not None


def test_an_unknown_partition_is_a_problem(client: TestClient) -> None:
    answer = client.get("/v1/partitions/GPU-none")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


def test_every_workload_is_listed_and_shows_its_parameters(client: TestClient) -> None:
    items = {item["name"]: item for item in client.get("/v1/workloads").json()["items"]}
    assert {"resnet18", "vit-c-1gf", "test-step"} <= set(items)
    assert items["vit-stem-stability"]["scenarios"] == ["train"]
    shown = client.get(items["vit-c-1gf"]["url"]).json()
    batch_size = shown.pop("parameters")["properties"]["batch_size"]
    assert shown == items["vit-c-1gf"]
    assert (batch_size["minimum"], batch_size["default"]) == (1, 32)


def test_an_unknown_workload_is_a_problem_that_names_the_nearest(client: TestClient) -> None:
    answer = client.get("/v1/workloads/resnet19")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    assert "resnet18" in answer.json()["detail"]


@both_databases
def test_a_service_that_can_work_says_so(client: TestClient, database: Database) -> None:
    assert client.get("/v1/health").json() == {"status": "ok", "version": migperf.__version__}
    assert client.get("/v1/ready").json() == {
        "status": "ready",
        "database": database.engine.dialect.name,
        "schema": schema.head(),
        "nodes_alive": 0,
    }


def test_a_database_of_another_version_is_named_as_what_is_missing(client: TestClient, database: Database) -> None:
    schema.downgrade(database, "base")
    answer = client.get("/v1/ready")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert "migperf db upgrade" in answer.json()["detail"]
    assert answer.headers["Retry-After"].isdecimal()
    assert client.get("/v1/health").status_code == 200


@pytest.mark.parametrize("path", ["/v1/ready", "/v1/runs", "/v1/partitions", "/"])
def test_a_database_that_is_away_is_named_and_tells_no_address(app: FastAPI, database: Database, path: str) -> None:
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.database = Database("postgresql://secret@127.0.0.1:1/none?connect_timeout=1")
        answer = client.get(path)
        app.state.database.close()
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert "secret" not in answer.text
    assert "database cannot be reached" in answer.json()["detail"]
