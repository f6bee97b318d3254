"""A tainted run is shown as such wherever it is shown, with what was seen and what helps; and it can be found."""

import pytest

from migperf.measure.hygiene.facts import Taint
from migperf.store import leases, runs
from migperf.store.database import Database
from tests.api.serving import TestClient
from tests.api.steps import NOW, TAINT, begun, both_databases, examined, measured, submitted

EVIL = Taint(rule="<b>", seen="<script>alert(1)</script>", threshold="<i>", remedy="&amp;")


def test_a_run_shows_what_taints_it_and_how_precise_it_became(client: TestClient, database: Database) -> None:
    run = client.get(f"/v1/runs/{examined(database, TAINT, taint_retry_limit=3)}").json()
    assert run["tainted"] is True
    assert run["taints"] == [TAINT.model_dump()]
    assert (run["taint_retry_limit"], run["taint_retries"]) == (3, 0)
    assert run["measured"]["converged"] is False
    assert run["measured"]["measuring_note"] == "within 1.42% after 70 samples, asked for 1.00%"
    assert run["measured"]["warmup_note"] == "steady within 2.0% from sample 3 of 64 on"
    assert run["environment"]["hygiene"]["facts"]["others_cpu_cores"] == 1.0


def test_a_clean_run_is_not_one_that_nobody_has_looked_at(client: TestClient, database: Database) -> None:
    clean = client.get(f"/v1/runs/{examined(database)}").json()
    assert (clean["tainted"], clean["taints"]) == (False, [])
    unknown = client.get(f"/v1/runs/{measured(database)}").json()
    assert (unknown["tainted"], unknown["taints"]) == (None, None)


@both_databases
def test_runs_are_found_by_whether_they_are_tainted(client: TestClient, database: Database) -> None:
    tainted, clean = examined(database, TAINT), examined(database)
    nobody_looked = {measured(database), submitted(database)}

    def found(**query: object) -> set[str]:
        return {run["id"] for run in client.get("/v1/runs", params=query).json()["items"]}

    assert found(tainted="true") == {tainted}
    assert found(tainted="false") == {clean}
    assert found() == {tainted, clean, *nobody_looked}
    assert found(tainted="true", workload="resnet18") == set()


def test_the_page_tells_of_taints_with_their_remedies_and_of_what_was_not_checked(
    client: TestClient, database: Database
) -> None:
    page = client.get(f"/runs/{examined(database, TAINT)}").text
    for text in (
        "tainted: the figures may be off",
        TAINT.seen,
        TAINT.threshold,
        TAINT.remedy,
        "precision not as asked",
        "within 1.42% after 70 samples",
        "steady within 2.0% from sample 3",
        "others cpu cores",
        "could not be checked, and why: 1",
        "nobody counts",
    ):
        assert text in page, text
    assert "{&#39;facts&#39;" not in page, "hygiene has a section of its own"


@pytest.mark.parametrize("run", [examined, measured])
def test_the_page_of_a_run_without_taints_says_nothing_of_them(
    client: TestClient, database: Database, run: object
) -> None:
    page = client.get(f"/runs/{run(database)}").text  # type: ignore[operator]  # either makes a run
    assert "tainted" not in page
    assert "Taints" not in page


def test_taints_are_text_and_never_markup(client: TestClient, database: Database) -> None:
    page = client.get(f"/runs/{examined(database, EVIL)}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_hygiene_that_another_version_has_stored_does_not_spoil_the_page(
    client: TestClient, database: Database
) -> None:
    run_id = examined(database)
    with database.write() as session:
        runs.lock(session, run_id).environment = {"hygiene": ["something", "else"]}
    page = client.get(f"/runs/{run_id}")
    assert page.status_code == 200
    assert "Hygiene" not in page.text


def test_a_run_that_is_tried_again_says_why_in_its_timeline(client: TestClient, database: Database) -> None:
    run_id = submitted(database, taint_retry_limit=2)
    token = begun(database, run_id)
    with database.write() as session:
        assert leases.try_again(session, token, NOW, "tainted: busy_neighbours (a neighbour)")
    run = client.get(f"/v1/runs/{run_id}").json()
    assert (run["state"], run["taint_retries"], run["losses"]) == ("queued", 1, 0)
    last = client.get(f"/v1/runs/{run_id}/timeline").json()["items"][-1]
    assert last["detail"] == "tainted: busy_neighbours (a neighbour); try 1 of taint_retry_limit = 2"
    assert "1 given up since tainted or void" in client.get(f"/runs/{run_id}").text


@pytest.mark.parametrize("limit", [-1, 11, "many"])
def test_a_limit_out_of_range_is_refused_by_name(client: TestClient, limit: object) -> None:
    request = {"workload": "test-step", "scenario": "offline", "taint_retry_limit": limit}
    answer = client.post("/v1/runs", json=request)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "taint_retry_limit"
