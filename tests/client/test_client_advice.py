"""Asking for advice with the client."""

import pytest

from migperf.analysis.advisor.demand import Demand
from migperf.analysis.advisor.demand_example import DEMAND
from migperf.client import Client, RequestRefusedError
from migperf.store.database import Database
from tests.analysis.advisor.measured_runs import measured

SEARCH = {"search": {"kind": "max_rate", "percentile": 99, "limit_ms": 20}, "parameters": {"batch_size": 1}}


def test_a_demand_is_answered_whether_it_is_a_model_or_plain_data(client: Client) -> None:
    asked = Demand.model_validate(DEMAND)
    first, second = client.advise(asked), client.advise(asked.model_dump(mode="json"))
    assert first.gpus == second.gpus
    assert [gpu.layout for gpu in first.gpus] == ["4x1g.10gb"]
    assert first.jobs[0].capacity_per_s == 4 * 127


def test_stored_runs_are_the_evidence(client: Client, database: Database) -> None:
    run = measured(database, "2g.20gb", {"max_rate": 50, "throughput": 50}, **SEARCH)
    service = {"name": "a", "benchmark": {"workload": "resnet50", "parameters": {"batch_size": 1}}, "rate_per_s": 90}
    found = client.advise({"migperf": 1, "gpus": [{"model": "a100-80gb", "count": 1}], "services": [service]})
    assert found.jobs[0].evidence[0].runs == [run]
    assert found.gpus[0].layout == "2x2g.20gb"


def test_what_makes_no_sense_is_refused_with_the_field(client: Client) -> None:
    with pytest.raises(RequestRefusedError) as caught:
        client.advise({"migperf": 1, "services": []})
    assert caught.value.errors[0].field == "services"
