"""The page for Prometheus: what it says is what there is, and what is not known is not said."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from migperf.settings import Settings
from migperf.store import nodes
from migperf.store.database import Database, now
from migperf.store.states import ChangeState, RunState
from tests import builders
from tests.api.gpu_host import GpuHost
from tests.api.serving import TestClient
from tests.api.steps import begun, both_databases, measured, progressed, submitted

Labels = frozenset[tuple[str, str]]


def scraped(client: TestClient) -> dict[str, dict[Labels, float]]:
    """Every sample by its name and labels, as Prometheus reads the page."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    found: dict[str, dict[Labels, float]] = {}
    for family in prometheus(answer.text):
        assert family.documentation.endswith(".")
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def states(samples: dict[Labels, float], uuid: str) -> dict[str, float]:
    """The samples of one thing by their state."""
    return {dict(labels)["state"]: value for labels, value in samples.items() if ("uuid", uuid) in labels}


def present(samples: dict[Labels, float], uuid: str) -> str:
    """The one state that is 1, where all others are 0."""
    values = states(samples, uuid)
    assert sorted(values.values()) == [0, 0, 0, 1]
    return max(values, key=lambda state: values[state])


@both_databases
def test_gpus_and_partitions_say_what_they_are(client: TestClient, host: GpuHost) -> None:
    gpu = host.cut("3g.40gb@4+1g.10gb@0")
    found = scraped(client)
    about = {"uuid": gpu.uuid, "model": gpu.model, "node": "gpu-node", "architecture": "hopper"}
    about |= {"driver": gpu.driver_version, "simulated": "true"}
    assert found["migperf_gpu_info"][frozenset(about.items())] == 1
    assert len(found["migperf_gpu_info"]) == 2
    mig = {"uuid": host.partition("1g.10gb"), "kind": "mig", "profile": "1g.10gb", "model": gpu.model}
    mig |= {"gpu": gpu.uuid, "node": "gpu-node", "simulated": "true"}
    assert found["migperf_partition_info"][frozenset(mig.items())] == 1
    listed = {p["uuid"] for p in client.get("/v1/partitions").json()["items"]}
    assert {dict(labels)["uuid"] for labels in found["migperf_partition_info"]} == listed


@both_databases
def test_layouts_are_told_in_slices(client: TestClient, host: GpuHost) -> None:
    gpu = host.cut("3g.40gb@4+1g.10gb@0")
    found, this = scraped(client), frozenset({("uuid", gpu.uuid)})
    assert found["migperf_gpu_mig_enabled"] == {this: 1}
    assert found["migperf_gpu_compute_slices"] == {this: 7}
    assert found["migperf_gpu_compute_slices_used"] == {this: 4}
    layouts = {(dict(labels)["uuid"], dict(labels)["layout"]) for labels in found["migperf_gpu_layout_info"]}
    assert layouts == {(gpu.uuid, "3g.40gb@4+1g.10gb@0"), (host.gpu(1).uuid, "off")}


@both_databases
def test_a_gpu_with_a_problem_says_so_and_nothing_that_is_not_known(client: TestClient, host: GpuHost) -> None:
    gpu = host.cut("7g.80gb")
    host.fail()
    found, this = scraped(client), frozenset({("uuid", gpu.uuid)})
    assert found["migperf_gpu_problem"] == {this: 1, frozenset({("uuid", host.gpu(1).uuid)}): 0}
    for name in ("mig_enabled", "compute_slices", "compute_slices_used"):
        assert this not in found.get(f"migperf_gpu_{name}", {})
    assert not any(("uuid", gpu.uuid) in labels for labels in found["migperf_gpu_layout_info"])


@both_databases
def test_each_partition_is_in_one_state(client: TestClient, host: GpuHost, settings: Settings) -> None:
    host.cut("3g.40gb@4+1g.10gb@0")
    free, leased, whole = host.partition("3g.40gb"), host.partition("1g.10gb"), host.gpu(1).uuid
    host.run_on(leased)
    host.run_on(whole, whole=whole)
    with host.database.write() as session:
        silent_since = now(session) - timedelta(seconds=settings.node_stale_s + 1)
        builders.register(session, silent_since, builders.partition("CPU-silent"), node="silent")
    found = scraped(client)
    partitions = found["migperf_partition_state"]
    seen = {uuid: present(partitions, uuid) for uuid in (free, leased, whole, "CPU-silent")}
    assert seen == {free: "free", leased: "leased", whole: "leased", "CPU-silent": "offline"}
    assert found["migperf_nodes"] == {frozenset({("alive", "true")}): 1, frozenset({("alive", "false")}): 1}


def test_every_partition_of_a_gpu_that_a_run_has_whole_is_leased(client: TestClient, host: GpuHost) -> None:
    gpu = host.cut("2x3g.40gb")
    host.run_on(host.partition("3g.40gb"), whole=gpu.uuid)
    partitions = scraped(client)["migperf_partition_state"]
    both = [compute.uuid for instance in gpu.instances for compute in instance.compute_instances]
    assert [present(partitions, uuid) for uuid in both] == ["leased", "leased"]


@both_databases
def test_runs_and_changes_are_counted_in_every_state(client: TestClient, host: GpuHost) -> None:
    submitted(host.database)
    submitted(host.database)
    measured(host.database)
    client.put(f"/v1/gpus/{host.gpu().uuid}/layout", json={"layout": "7g.80gb"})
    found = scraped(client)
    runs = {dict(labels)["state"]: value for labels, value in found["migperf_runs"].items()}
    assert runs == dict.fromkeys(RunState, 0) | {"queued": 2, "succeeded": 1}
    changes = {dict(labels)["state"]: value for labels, value in found["migperf_layout_changes"].items()}
    assert changes == dict.fromkeys(ChangeState, 0) | {"queued": 1}


@both_databases
def test_the_queue_tells_how_many_wait_and_for_how_long(client: TestClient, database: Database) -> None:
    with database.read() as session:
        time = now(session)
    submitted(database, time - timedelta(seconds=90))
    submitted(database, time - timedelta(seconds=30))
    begun(database, submitted(database, time - timedelta(hours=1)))
    found = scraped(client)
    assert found["migperf_queue_length"] == {frozenset(): 2}
    assert found["migperf_queue_oldest_seconds"][frozenset()] == pytest.approx(90, abs=20)
    assert "migperf_wakeup_oldest_seconds" not in found, "its worker has begun what was put there"


@both_databases
def test_what_was_put_on_a_node_and_is_not_begun_shows_how_long_it_waits(client: TestClient, host: GpuHost) -> None:
    host.run_on(host.gpu(1).uuid)
    found = scraped(client)
    assert 0 <= found["migperf_wakeup_oldest_seconds"][frozenset()] < 60
    assert found["migperf_queue_length"] == {frozenset(): 0}
    assert "migperf_queue_oldest_seconds" not in found, "nothing waits for a partition"


@both_databases
def test_a_run_under_way_shows_how_far_it_is(client: TestClient, database: Database) -> None:
    run_id, waiting = submitted(database), submitted(database)
    begun(database, run_id)
    progressed(database, run_id, 0.25)
    progress = scraped(client)["migperf_partition_run_progress_ratio"]
    assert progress == {frozenset({("uuid", f"CPU-{run_id}")}): 0.25}
    assert waiting not in str(progress)


@both_databases
def test_a_run_that_has_ended_shows_no_progress(client: TestClient, database: Database) -> None:
    measured(database)
    assert "migperf_partition_run_progress_ratio" not in scraped(client)


@both_databases
def test_each_node_is_alive_silent_or_stopped(client: TestClient, database: Database, settings: Settings) -> None:
    with database.write() as session:
        time = now(session)
        long_ago = time - timedelta(seconds=settings.node_stale_s + 1)
        builders.register(session, time, builders.partition("CPU-1"), node="well")
        builders.register(session, long_ago, builders.partition("CPU-2"), node="mute")
        builders.register(session, long_ago, builders.partition("CPU-3"), node="gone")
        nodes.sign_off(session, "gone", "gone-a", time)
    samples = scraped(client)["migperf_node_state"]
    by_node: dict[str, list[str]] = {}
    for labels, value in samples.items():
        if value == 1:
            by_node.setdefault(dict(labels)["node"], []).append(dict(labels)["state"])
    assert by_node == {"well": ["alive"], "mute": ["silent"], "gone": ["stopped"]}
    assert len(samples) == 9


@both_databases
def test_an_empty_service_has_a_page(client: TestClient) -> None:
    found = scraped(client)
    assert sum(found["migperf_runs"].values()) == 0
    assert found["migperf_queue_length"] == {frozenset(): 0}
    assert "migperf_gpu_info" not in found


def test_what_is_gone_is_gone_from_the_page(client: TestClient, host: GpuHost) -> None:
    before = scraped(client)
    with host.database.write() as session:
        nodes.store_inventory(session, host.node, builders.inventory(), now(session))
    after = scraped(client)
    assert "migperf_gpu_info" in before
    assert not {name for name in after if name.startswith(("migperf_gpu", "migperf_partition"))}


def test_openmetrics_is_given_to_those_who_ask_for_it(client: TestClient, host: GpuHost) -> None:
    accept = {"Accept": "application/openmetrics-text;version=1.0.0"}
    answer = client.get("/metrics", headers=accept)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert {"migperf_gpu_info", "migperf_runs"} <= {f.name for f in openmetrics(answer.text)}


def test_a_database_that_is_away_makes_a_scrape_fail(app: FastAPI, database: Database) -> None:
    """A page that still answered would hide that nothing is known."""
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.database = Database("postgresql://127.0.0.1:1/none?connect_timeout=1")
        answer = client.get("/metrics")
        app.state.database.close()
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
