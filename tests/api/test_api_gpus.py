"""GPUs as the API shows them: what they are, how they are cut, who is on them, and whether they can be used."""

from datetime import timedelta

import pytest

from migperf.settings import Settings
from migperf.store import gpus, leases, nodes, runs
from migperf.store.database import Database, now
from tests import builders
from tests.api.gpu_host import PROBLEM, GpuHost
from tests.api.serving import TestClient
from tests.api.steps import both_databases


def shown(client: TestClient, uuid: str) -> dict[str, object]:
    answer = client.get(f"/v1/gpus/{uuid}")
    assert answer.status_code == 200, answer.text
    document: dict[str, object] = answer.json()
    return document


@both_databases
def test_a_gpu_is_shown_as_its_driver_describes_it(client: TestClient, host: GpuHost) -> None:
    gpu = host.cut("3g.40gb@4+1g.10gb@0")
    seen = shown(client, gpu.uuid)
    for field in ("model", "architecture", "driver_version", "cuda_version", "memory_mib", "simulated", "sm_count"):
        assert seen[field] == getattr(gpu, field), field
    assert (seen["node"], seen["node_alive"], seen["state"]) == ("gpu-node", True, "free")
    assert seen["mig"] == {"enabled": True, "pending": True, "resetless": True}
    assert (seen["memory_units"], seen["compute_slices"], seen["layout"]) == (8, 7, "3g.40gb@4+1g.10gb@0")
    assert seen["url"] == f"/v1/gpus/{gpu.uuid}"


@both_databases
def test_instances_lie_where_the_driver_put_them_and_name_their_partitions(client: TestClient, host: GpuHost) -> None:
    gpu = host.cut("3g.40gb@4(1c+2c)+1g.10gb@0")
    small, large = shown(client, gpu.uuid)["instances"]
    assert (small["profile"], small["placement"], small["slices"]) == ("1g.10gb", {"start": 0, "size": 1}, 1)
    assert (large["profile"], large["placement"], large["slices"]) == ("3g.40gb", {"start": 4, "size": 4}, 3)
    partitions = {p["uuid"]: p for p in client.get("/v1/partitions").json()["items"] if p["gpu_uuid"] == gpu.uuid}
    computes = [*small["compute_instances"], *large["compute_instances"]]
    assert {c["partition"] for c in computes} == set(partitions)
    for compute in computes:
        partition = partitions[compute["partition"]]
        assert (compute["profile"], compute["sm_count"]) == (partition["profile"], partition["sm_count"])
        assert compute["memory_mib"] == partition["memory_mib"]
    assert {c["profile"] for c in large["compute_instances"]} == {"1c.3g.40gb", "2c.3g.40gb"}


@both_databases
def test_each_partition_names_the_run_that_holds_it(client: TestClient, host: GpuHost) -> None:
    gpu = host.cut("2x3g.40gb")
    held = host.partition("3g.40gb")
    run = host.run_on(held)
    seen = shown(client, gpu.uuid)
    holders = {c["partition"]: c["run"] for i in seen["instances"] for c in i["compute_instances"]}
    assert holders.pop(held) == run
    assert set(holders.values()) == {None}
    assert (seen["state"], seen["run"]) == ("leased", None)
    assert client.get("/v1/gpus").json()["items"] == [
        {key: value for key, value in shown(client, g["uuid"]).items() if key != "profiles"}
        for g in client.get("/v1/gpus").json()["items"]
    ]


def test_a_gpu_without_mig_is_whole_and_names_the_run_that_has_it(client: TestClient, host: GpuHost) -> None:
    uuid = host.gpu(1).uuid
    seen = shown(client, uuid)
    assert (seen["mig"], seen["compute_slices"], seen["layout"]) == (None, None, "off")
    assert (seen["instances"], seen["profiles"], seen["state"]) == ([], [], "free")
    run = host.run_on(uuid, whole=uuid)
    assert (shown(client, uuid)["state"], shown(client, uuid)["run"]) == ("leased", run)


def test_a_gpu_that_is_being_cut_is_neither_free_nor_leased(client: TestClient, host: GpuHost) -> None:
    uuid = host.cut("2x3g.40gb").uuid
    change = client.put(f"/v1/gpus/{uuid}/layout", json={"layout": "7g.80gb"}).json()["id"]
    assert (shown(client, uuid)["state"], shown(client, uuid)["change"]) == ("free", change)
    host.begin(change)
    assert (shown(client, uuid)["state"], shown(client, uuid)["change"]) == ("changing", change)


def test_a_gpu_that_is_cut_for_a_run_of_its_own_layout_names_the_run(client: TestClient, host: GpuHost) -> None:
    uuid = host.cut("2x3g.40gb").uuid
    run = host.run_on(None, whole=uuid)
    assert (shown(client, uuid)["state"], shown(client, uuid)["run"]) == ("changing", run)
    with host.database.write() as session:
        leases.occupy(session, 1, host.partition("3g.40gb"))
    assert (shown(client, uuid)["state"], shown(client, uuid)["run"]) == ("leased", run)


@both_databases
def test_a_gpu_that_fell_off_the_bus_is_unhealthy_and_nothing_is_made_up(client: TestClient, host: GpuHost) -> None:
    uuid = host.cut("7g.80gb").uuid
    host.fail()
    seen = shown(client, uuid)
    assert (seen["state"], seen["problem"]) == ("unhealthy", PROBLEM)
    unknown = ("layout", "mig", "compute_slices", "memory_units", "memory_mib", "driver_version")
    assert [seen[field] for field in unknown] == [None] * len(unknown)
    assert (seen["instances"], seen["profiles"]) == ([], [])


def test_a_gpu_of_a_silent_node_cannot_be_used(client: TestClient, host: GpuHost, settings: Settings) -> None:
    uuid = host.gpu().uuid
    with host.database.write() as session:
        node = session.get_one(nodes.Node, host.node)
        node.heartbeat_at = now(session) - timedelta(seconds=settings.node_stale_s + 1)
    assert (shown(client, uuid)["state"], shown(client, uuid)["node_alive"]) == ("unhealthy", False)


def test_a_retired_gpu_is_no_longer_listed_but_can_be_asked_for(client: TestClient, host: GpuHost) -> None:
    uuid = host.gpu().uuid
    with host.database.write() as session:
        nodes.store_inventory(session, host.node, builders.inventory(), now(session))
    assert client.get("/v1/gpus").json() == {"items": []}
    assert shown(client, uuid)["retired_at"] is not None
    assert shown(client, uuid)["state"] == "unhealthy"


def test_profiles_are_those_of_the_driver(client: TestClient, host: GpuHost) -> None:
    profiles = {p["name"]: p for p in shown(client, host.gpu().uuid)["profiles"]}
    assert set(profiles) == {p.name for p in host.gpu().geometry.profiles}
    three = profiles["3g.40gb"]
    assert (three["slices"], three["size"], three["sm_count"], three["max_count"]) == (3, 4, 60, 2)
    assert three["starts"] == [0, 4]


def test_layouts_that_are_kept_or_will_be_restored_are_shown(client: TestClient, host: GpuHost) -> None:
    uuid = host.cut("2x3g.40gb").uuid
    client.put(f"/v1/gpus/{uuid}/layout", json={"layout": "2x3g.40gb", "keep": True})
    with host.database.write() as session:
        gpus.remember_layout(session, uuid)
    seen = shown(client, uuid)
    assert (seen["kept_layout"], seen["restore_layout"]) == ("2x3g.40gb", "3g.40gb@0+3g.40gb@4")


@pytest.mark.parametrize("path", ["", "/layouts", "/layout"])
def test_an_unknown_gpu_is_a_problem(client: TestClient, path: str) -> None:
    answer = client.get(f"/v1/gpus/GPU-none{path}")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    assert "GPU-none" in answer.json()["detail"]


@both_databases
def test_a_run_shows_the_layout_that_it_wants_and_the_place_that_it_got(client: TestClient, host: GpuHost) -> None:
    request = {
        "workload": "test-step",
        "scenario": "train",
        "where": "simulated=true",
        "layout": "3g.40gb+3g.40gb",
        "restore_layout": True,
    }
    benchmark = client.post("/v1/runs", json=request).json()["benchmark"]
    assert (benchmark["layout"], benchmark["restore_layout"]) == ("2x3g.40gb", True)
    host.cut("3g.40gb@4")
    uuid = host.partition("3g.40gb")
    partition = client.get(f"/v1/runs/{host.run_on(uuid)}").json()["partition"]
    assert partition["placement"] == {"start": 4, "size": 4}
    assert (partition["architecture"], partition["gpu_uuid"]) == ("hopper", host.gpu().uuid)
    shown_partition = client.get(f"/v1/partitions/{uuid}").json()
    assert {key: shown_partition[key] for key in partition if key in shown_partition} == partition
    assert partition["driver_version"] == host.gpu().driver_version is not None


def test_a_run_of_before_layouts_is_shown_without_one(client: TestClient, database: Database) -> None:
    with database.write() as session:
        run = runs.lock(session, builders.submit(session, now(session)).id)
        run.benchmark = {key: value for key, value in run.benchmark.items() if "layout" not in key}
        run_id = run.id
    benchmark = client.get(f"/v1/runs/{run_id}").json()["benchmark"]
    assert (benchmark["layout"], benchmark["restore_layout"]) == (None, False)
