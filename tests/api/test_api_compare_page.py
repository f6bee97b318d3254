"""The page of a comparison answers at once with the runs side by side, and leaves comparing to its script."""

import pytest

from migperf.store.database import Database
from tests.api.serving import TestClient
from tests.api.steps import measured


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
