"""The roofline of a run over HTTP: what was attained, what could be, and what is missing."""

import pytest

from migperf.store.database import Database
from tests.analysis.calibrated_runs import UUID, calibrated, figures, ran, registered
from tests.api.serving import TestClient
from tests.api.steps import both_databases, submitted

COST = {"flops": 1e12, "bytes": 20e9, "least_bytes": 1e9}


@both_databases
def test_a_run_is_shown_under_every_roof_of_its_partition(client: TestClient, database: Database) -> None:
    registered(database, simulated=True)
    products, copies = calibrated(database)
    run_id = ran(database, figures(20, **COST))
    shown = client.get(f"/v1/runs/{run_id}/roofline").json()
    assert (shown["run_id"], shown["partition"], shown["state"], shown["absent"]) == (run_id, UUID, "succeeded", None)
    assert shown["simulated"] is True
    assert shown["attained"] == {
        "steps_per_s": shown["attained"]["steps_per_s"],
        "flops_per_step": 1e12,
        "bytes_per_step": 20e9,
        "least_bytes_per_step": 1e9,
    }
    assert (shown["bytes_per_s"]["run_id"], shown["bytes_per_s"]["value"]) == (copies, pytest.approx(100e9))
    [roof] = shown["roofs"]
    assert (roof["precision"], roof["flops_per_s"]["run_id"]) == ("fp32", products)
    assert [(roof[count]["bound"], roof[count]["intensity"]) for count in ("unfused", "least")] == [
        ("memory", 50),
        ("compute", 1000),
    ]
    fraction = roof["least"]["fraction"]
    assert fraction["value"] == pytest.approx(0.4)
    assert fraction["interval"]["low"] < fraction["value"] < fraction["interval"]["high"]


def test_a_partition_without_calibration_names_the_command_that_makes_it(
    client: TestClient, database: Database
) -> None:
    registered(database)
    shown = client.get(f"/v1/runs/{ran(database, figures(20, **COST))}/roofline").json()
    assert (shown["roofs"], shown["bytes_per_s"]) == ([], None)
    assert f"`migperf calibrate --where partition={UUID}`" in shown["absent"]
    assert shown["attained"]["flops_per_step"] == 1e12


def test_a_run_that_waits_has_no_roofline_and_one_that_is_unknown_is_a_problem(
    client: TestClient, database: Database
) -> None:
    shown = client.get(f"/v1/runs/{submitted(database)}/roofline").json()
    assert (shown["attained"], shown["partition"]) == (None, None)
    assert "the run is queued" in shown["absent"]
    assert client.get("/v1/runs/none/roofline").status_code == 404
