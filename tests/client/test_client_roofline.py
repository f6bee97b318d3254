"""The roofline of a run through the client, against the real API."""

import pytest

from migperf.client import ApiNotFoundError, Client
from migperf.store.database import Database
from tests.analysis.calibrated_runs import calibrated, figures, ran, registered

pytestmark = pytest.mark.timeout(60)
COST = {"flops": 1e12, "bytes": 20e9, "least_bytes": 1e9}


def test_what_the_service_says_of_a_roofline_arrives_whole(client: Client, database: Database) -> None:
    registered(database)
    products, _ = calibrated(database)
    found = client.roofline(ran(database, figures(20, **COST)))
    [roof] = found.roofs
    assert (roof.flops_per_s.run_id, roof.unfused.bound, roof.least.bound) == (products, "memory", "compute")
    assert found.attained is not None
    assert found.attained.steps_per_s.value == pytest.approx(4)
    assert roof.least.fraction.interval is not None
    assert found.absent is None


def test_without_calibration_the_reason_arrives(client: Client, database: Database) -> None:
    registered(database)
    found = client.roofline(ran(database, figures(20, **COST)))
    assert found.roofs == ()
    assert "migperf calibrate" in (found.absent or "")
    with pytest.raises(ApiNotFoundError):
        client.roofline("none")
