"""Comparing stored runs: the answer, what it tells of their differences, and what is refused."""

from typing import Any

import numpy as np
import pytest

from api.schemas.comparison import ComparisonView
from migperf.store.database import Database
from tests.analysis.made_runs import CLOCK, noisy
from tests.analysis.stored_runs import stored
from tests.api import steps
from tests.api.serving import TestClient
from tests.api.steps import both_databases


def compared(client: TestClient, baseline: str, *candidates: str, **query: Any) -> dict[str, Any]:
    """The answer, which must be as documented."""
    answer = client.get("/v1/comparison", params={"baseline": baseline, "candidate": candidates, **query})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    assert ComparisonView.model_validate(document).model_dump(mode="json") == document
    return document


def stored_side(database: Database, mean_ms: float, count: int = 4, **more: Any) -> str:
    """Runs of one benchmark, whose ids are joined."""
    return ",".join(stored(database, noisy(mean_ms, 100 * round(mean_ms) + n), **more) for n in range(count))


@both_databases
def test_each_candidate_is_compared_with_the_baseline(client: TestClient, database: Database) -> None:
    baseline, same, slower = (stored_side(database, ms) for ms in (5.0, 5.001, 6.0))
    document = compared(client, baseline, same, slower)
    assert document["baseline"] == baseline.split(",")
    assert (document["metric"], document["statistic"], document["simulated"]) == ("latency", "mean", False)
    first, second = document["candidates"]
    assert (first["runs"], first["in_time"]["verdict"]) == (same.split(","), "same")
    assert (second["runs"], second["in_time"]["verdict"]) == (slower.split(","), "slower")
    time = second["in_time"]
    assert (time["unit"], time["baseline_runs"], time["candidate_runs"]) == ("ms", 4, 4)
    assert time["ratio"] == pytest.approx(1.2, rel=0.01)
    assert time["interval"]["low"] < time["ratio"] < time["interval"]["high"]
    assert time["ranks"]["unit"] == "runs"
    assert time["effect"]["superiority"] < 0.01
    assert second["headline"].startswith("slower: the mean of latency per step differs by +")
    assert second["in_cycles"] is None
    assert "clock_sm" in second["in_cycles_absent"]


def test_statistic_margin_and_level_are_the_askers(client: TestClient, database: Database) -> None:
    baseline, candidate = stored_side(database, 5.0), stored_side(database, 5.1)
    document = compared(client, baseline, candidate, statistic="p90", margin=0.05, level=0.9)
    assert (document["statistic"], document["margin"], document["level"]) == ("p90", 0.05, 0.9)
    (found,) = document["candidates"]
    assert (found["in_time"]["verdict"], found["in_time"]["interval"]["level"]) == ("same", 0.9)
    (strict,) = compared(client, baseline, candidate)["candidates"]
    assert strict["in_time"]["verdict"] == "slower"


def test_pairs_are_compared_as_pairs(client: TestClient, database: Database) -> None:
    document = compared(client, stored_side(database, 5.0), stored_side(database, 5.5), paired="true")
    assert document["paired"] is True
    assert document["candidates"][0]["in_time"]["basis"] == "pairs of runs"


def test_a_statistic_that_runs_do_not_support_is_absent_with_the_reason(client: TestClient, database: Database) -> None:
    few = stored(database, noisy(5.0, 1, 100))
    (found,) = compared(client, stored_side(database, 5.0), few, statistic="p99")["candidates"]
    assert found["in_time"] is None
    assert "needs at least 459 steps" in found["in_time_absent"]
    assert found["in_cycles_absent"] == "there is no comparison in time"


def test_an_undecided_comparison_says_what_would_decide_it(client: TestClient, database: Database) -> None:
    (found,) = compared(client, stored_side(database, 5.0, 1), stored_side(database, 5.1, 1))["candidates"]
    assert found["in_time"]["verdict"] == "undecided"
    assert found["in_time"]["basis"] == "an assumed spread"
    assert found["in_time"]["needed"]["runs_each"] > 1


def test_other_work_is_compared_by_the_sample_and_told(client: TestClient, database: Database) -> None:
    baseline = stored_side(database, 5.0)
    candidate = stored_side(database, 16.0, samples=4)
    (found,) = compared(client, baseline, candidate)["candidates"]
    assert (found["same_work"], found["per"], found["in_time"]["verdict"]) == (False, "sample", "faster")
    work = {d["name"]: (d["baseline"], d["candidate"]) for d in found["differences"] if d["aspect"] == "work"}
    assert work == {"parameters.samples": ([1], [4]), "samples_per_step": ([1], [4])}
    assert {d["name"] for d in found["differences"] if d["aspect"] == "partition"} == {"node", "uuid"}


def test_a_candidate_that_was_clocked_down_is_told_from_one_that_is_slower(
    client: TestClient, database: Database
) -> None:
    at_full, at_half, slow = (stored(database, np.full(400, ms)) for ms in (5.0, 10.0, 10.0))
    for run_id, mhz in ((at_full, 2000.0), (at_half, 1000.0), (slow, 2000.0)):
        steps.watched(database, run_id, CLOCK, {n / 10: mhz for n in range(60)})
    down, slower = compared(client, at_full, at_half, slow, margin=0.1)["candidates"]
    assert (down["in_time"]["verdict"], slower["in_time"]["verdict"]) == ("slower", "slower")
    assert down["in_cycles"]["cycles"]["verdict"] == "same"
    assert down["in_cycles"]["why"].startswith("slower because it was clocked down")
    assert down["in_cycles"]["clocks"] == {
        "baseline_mhz": pytest.approx(2000),
        "candidate_mhz": pytest.approx(1000),
        "baseline_left_out": 0,
        "candidate_left_out": 0,
    }
    assert slower["in_cycles"]["cycles"]["verdict"] == "slower"


def test_runs_on_simulated_partitions_are_marked(client: TestClient, database: Database) -> None:
    runs = [stored(database, noisy(5.0, n), simulated=True) for n in range(2)]
    assert compared(client, *runs)["simulated"] is True


def refused(client: TestClient, **query: Any) -> dict[str, Any]:
    answer = client.get("/v1/comparison", params=query)
    assert answer.status_code == 422, answer.text
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == "/problems/validation"
    (error,) = problem["errors"]
    return dict(error)


def test_runs_that_cannot_be_compared_are_refused_by_the_side_that_is_to_be_mended(
    client: TestClient, database: Database
) -> None:
    run_id, queued = stored(database, noisy(5.0, 1)), steps.submitted(database)
    error = refused(client, baseline=queued, candidate=run_id)
    assert (error["field"], error["given"]) == ("baseline", queued)
    assert "is queued" in error["detail"]
    assert "wait for its end" in error["detail"]
    training = stored(database, noisy(5.0, 2), scenario="train")
    assert "timed step_time" in refused(client, baseline=run_id, candidate=training)["detail"]
    made_up = stored(database, noisy(5.0, 2), simulated=True)
    error = refused(client, baseline=run_id, candidate=made_up)
    assert (error["field"], error["given"]) == ("candidate", made_up)
    assert "given twice" in refused(client, baseline=run_id, candidate=run_id)["detail"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"candidate": "x"}, "baseline"),
        ({"baseline": "x"}, "candidate"),
        ({"baseline": "x,,y", "candidate": "z"}, "baseline"),
        ({"baseline": ",".join(map(str, range(65))), "candidate": "z"}, "baseline"),
        ({"baseline": "x", "candidate": "y", "statistic": "p42"}, "statistic"),
        ({"baseline": "x", "candidate": "y", "margin": 0}, "margin"),
        ({"baseline": "x", "candidate": "y", "level": 1}, "level"),
        ({"baseline": "x", "candidate": "y", "levels": 1}, "levels"),
    ],
)
def test_a_malformed_question_is_refused(client: TestClient, query: dict[str, Any], field: str) -> None:
    assert refused(client, **query)["field"].startswith(field)


def test_an_unknown_run_is_not_found(client: TestClient, database: Database) -> None:
    answer = client.get("/v1/comparison", params={"baseline": stored(database, noisy(5.0, 1)), "candidate": "nobody"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "no run with id 'nobody'")
