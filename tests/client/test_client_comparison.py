"""Comparing through the client: the models hold all that the service says."""

import json

import pytest

from migperf.client import ApiNotFoundError, Client, RequestRefusedError
from migperf.statistics.verdict import Verdict
from migperf.store.database import Database
from tests.analysis.made_runs import CLOCK, noisy
from tests.analysis.stored_runs import stored
from tests.api import steps

pytestmark = pytest.mark.timeout(60)


def test_nothing_that_the_service_says_is_lost(client: Client, database: Database) -> None:
    runs = [stored(database, noisy(ms, n)) for n, ms in enumerate((5.0, 5.0, 6.0, 6.1))]
    for run_id in runs:
        steps.watched(database, run_id, CLOCK, {n / 10: 2000.0 for n in range(60)})
    found = client.compare(runs[:2], runs[2:], statistic="p50", margin=0.02, level=0.9)
    query = {"baseline": ",".join(runs[:2]), "candidate": ",".join(runs[2:]), "statistic": "p50", "margin": 0.02}
    said = client._transport.http.get("/v1/comparison", params=query | {"level": 0.9}).json()
    assert json.loads(found.model_dump_json()) == said
    assert found.candidates[0].verdict is Verdict.SLOWER
    assert found.candidates[0].in_cycles is not None


def test_sides_are_given_as_one_run_as_several_or_as_text(client: Client, database: Database) -> None:
    runs = [stored(database, noisy(5.0, n)) for n in range(5)]
    found = client.compare(runs[0], runs[1:3], f"{runs[3]},{runs[4]}")
    assert found.baseline == (runs[0],)
    assert [candidate.runs for candidate in found.candidates] == [tuple(runs[1:3]), tuple(runs[3:])]
    assert client.compare(runs[:2], runs[2:4], paired=True).paired


def test_a_refusal_names_the_side(client: Client, database: Database) -> None:
    run_id, queued = stored(database, noisy(5.0, 1)), steps.submitted(database)
    with pytest.raises(RequestRefusedError) as caught:
        client.compare(run_id, queued)
    (error,) = caught.value.errors
    assert (error.field, error.given) == ("candidate", queued)
    with pytest.raises(ApiNotFoundError, match="nobody"):
        client.compare(run_id, "nobody")
