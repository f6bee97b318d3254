"""The page of a comparison answers at once with the runs side by side, and leaves comparing to its script."""

import pytest

from migperf.measure.figures import ResultFigure
from migperf.metrics.metric import Scope
from migperf.store import results, runs
from migperf.store.database import Database
from tests.api.serving import TestClient
from tests.api.steps import measured, submitted


def test_runs_stand_side_by_side_with_their_figures(client: TestClient, database: Database) -> None:
    first, second = measured(database), measured(database)
    page = client.get(f"/compare?baseline={first}&candidate={second}&statistic=p50&margin=0.02")
    assert page.status_code == 200
    assert page.text.index(first) < page.text.index(second)
    assert page.text.count("4.518 ms") == 2
    assert page.text.count("the instance has no power sensor") == 2
    assert "<option selected>p50</option>" in page.text
    assert 'value="0.02"' in page.text


def test_runs_that_were_picked_become_a_baseline_and_candidates(client: TestClient, database: Database) -> None:
    first, second = measured(database), measured(database)
    answer = client.get(f"/compare?pick={first}&pick={second}&text=&sort=workload", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/compare?baseline={first}&candidate={second}")


@pytest.mark.parametrize("query", ["", "?baseline=a", "?baseline=a&candidate=", "?baseline=a" + "&candidate=b" * 8])
def test_too_few_and_too_many_sides_are_told_what_it_takes(client: TestClient, query: str) -> None:
    answer = client.get(f"/compare{query}")
    assert (answer.status_code, "two to 8 sides" in answer.text) == (422, True)


def test_a_run_that_does_not_exist_is_said_to(client: TestClient) -> None:
    assert client.get("/compare?baseline=a&candidate=b").status_code == 404


def test_what_differs_stands_side_by_side_and_what_is_the_same_does_not(client: TestClient, database: Database) -> None:
    first, second = measured(database), measured(database, seed=7)
    with database.write() as session:
        run = runs.lock(session, second)
        run.environment = {**(run.environment or {}), "torch": "<2.12>", "cpu_governor": "performance"}
    text = client.get(f"/compare?baseline={first}&candidate={second}").text
    table = text[text.index("<h2>What differs</h2>") : text.index("<h2>Runs</h2>")]
    for told in (
        "torch",
        "2.11.0",
        "&lt;2.12&gt;",
        "not recorded",
        "performance",
        ">seed<",
        ">7<",
        "environment",
        "method",
    ):
        assert told in table
    assert "gpu-node-3" not in table, "the host is the same"


def test_runs_that_are_the_same_in_all_but_their_place_are_said_to_be(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    assert "Nothing that was recorded" in client.get(f"/compare?baseline={run_id}&candidate={run_id}").text


def test_steps_of_different_size_can_be_drawn_per_sample(client: TestClient, database: Database) -> None:
    first, second, alike = (measured(database) for _ in range(3))
    for run_id, size in ((first, 8), (second, 16), (alike, 8)):
        with database.write() as session:
            value = 51 * size / 5  # of a window of 5 s
            figure = ResultFigure(name="throughput", unit="images/s", scope=Scope.PROCESS, value=value, samples=51)
            results.store_figures(session, run_id, [figure])
    differ = client.get(f"/compare?baseline={first}&candidate={second}").text
    assert [f'data-size="{size}"' in differ for size in (8, 16)] == [True, True]
    assert "16 images a step" in differ
    assert 'name="per"' in differ
    assert 'name="per"' not in client.get(f"/compare?baseline={first}&candidate={alike}").text


def test_runs_that_were_not_measured_are_not_drawn(client: TestClient, database: Database) -> None:
    queued, done = submitted(database), measured(database)
    assert f'data-url="/v1/runs/{queued}"' not in client.get(f"/compare?baseline={done}&candidate={queued}").text
    neither = client.get(f"/compare?baseline={queued}&candidate={queued}").text
    assert "None of these runs was measured to its end" in neither
