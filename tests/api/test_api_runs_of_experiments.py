"""Runs of experiments over REST: each says what it belongs to, and an experiment's runs can be listed."""

from typing import Any

import pytest
from fastapi import FastAPI

from api.schemas.runs import RunExperiment
from migperf.client import RunExperiment as ClientRunExperiment
from migperf.store import experiments, listing
from migperf.store.database import Database
from migperf.store.listing import RunFilter, SortOrder
from migperf.store.states import RunState
from tests.analysis.experiments.made_experiments import Ending, cell, made, together
from tests.api.serving import TestClient
from tests.api.steps import both_databases, submitted
from tests.databases import counted_statements, query_plan


def queued(database: Database, cells: int = 2, repeats: int = 2) -> str:
    """Store an experiment whose cells have two clients and a neighbour; return its id."""
    return made(database, [cell(together(2, 1), number=n) for n in range(cells)], lambda *_: None, repeats=repeats)


def listed(client: TestClient, **query: Any) -> list[dict[str, Any]]:
    answer = client.get("/v1/runs", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@both_databases
def test_a_run_tells_its_experiment_and_its_place_there_and_a_lone_run_that_it_has_none(
    client: TestClient, database: Database
) -> None:
    experiment_id = queued(database)
    lone = submitted(database)
    document = client.get(f"/v1/experiments/{experiment_id}").json()
    expected = {
        run["id"]: {
            "id": experiment_id,
            "url": document["url"],
            "page": document["page"],
            "report": document["report"],
            "cell": one["number"],
            "repeat": attempt["repeat"],
            "attempt": 1,
            "role": run["role"],
            "member": member,
        }
        for one in document["cell_list"]
        for attempt in one["attempts"]
        for member, run in enumerate(attempt["runs"])
    }
    assert {run["id"]: run["experiment"] for run in listed(client)} == {lone: None, **expected}
    assert len(expected) == 12
    some = next(iter(expected))
    assert client.get(f"/v1/runs/{some}").json()["experiment"] == expected[some]


def test_a_second_attempt_says_that_it_is_one(client: TestClient, database: Database) -> None:
    ended = iter([Ending(state=RunState.FAILED, reason="it broke")])
    experiment_id = made(database, [cell()], lambda *_: next(ended, None), retry_failed=1)
    runs = listed(client, experiment=experiment_id, sort="created_at")
    assert sorted((run["experiment"]["attempt"], run["state"]) for run in runs) == [(1, "failed"), (2, "queued")]


def test_the_client_knows_the_same_members_as_the_service_gives() -> None:
    assert list(ClientRunExperiment.model_fields) == list(RunExperiment.model_fields)


@both_databases
def test_the_runs_of_an_experiment_are_listed_page_by_page_and_with_other_filters(
    client: TestClient, database: Database
) -> None:
    mine, other = queued(database), queued(database, cells=1)
    submitted(database)
    with database.read() as session:
        wanted = [run.id for run in experiments.runs_of(session, mine)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        query = {"experiment": mine, "sort": "created_at", "limit": 5, **cursor}
        page = client.get("/v1/runs", params=query).json()
        seen += [run["id"] for run in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == wanted
    assert len(listed(client, experiment=other, state="queued")) == 6
    assert listed(client, experiment=other, state="failed") == []


@both_databases
@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        ("019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77", 404, "no experiment with id '019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77'"),
        ("", 404, "no experiment with id ''"),
        ("x" * 129, 422, "experiment: "),
    ],
)
def test_an_experiment_that_does_not_exist_is_told_and_not_taken_for_one_without_runs(
    client: TestClient, given: str, status: int, told: str
) -> None:
    answer = client.get("/v1/runs", params={"experiment": given})
    assert answer.status_code == status
    assert told in answer.json()["detail"]


@both_databases
def test_a_listing_takes_the_same_few_statements_however_many_runs_it_shows(
    app: FastAPI, client: TestClient, database: Database
) -> None:
    """The runs with their partitions and groups, their labels, and whether the experiment exists."""
    experiment_id = queued(database, cells=3, repeats=4)
    taken = []
    for limit in (1, 36):
        for query in ({}, {"experiment": experiment_id}):
            with counted_statements(app.state.database) as seen:
                listed(client, limit=limit, **query)
            taken.append(len(seen))
    assert taken == [2, 3, 2, 3]


@both_databases
@pytest.mark.parametrize("sort", [SortOrder.NEWEST, SortOrder.CREATED])
def test_a_page_of_an_experiments_runs_is_read_from_one_index_in_its_order(database: Database, sort: SortOrder) -> None:
    """Walking back from the newest run of all to an old experiment would read the whole history."""
    experiment_id = queued(database)
    wanted = RunFilter(experiment=experiment_id)
    with database.read() as session:
        plan = query_plan(session, lambda: listing.list_runs(session, wanted, sort, 5, None), "runs")
    assert "ix_runs_experiment" in plan
    sorts = [line for line in plan.upper().splitlines() if "SORT KEY" in line or "TEMP B-TREE" in line]
    assert len(sorts) == 1, "the runs of one page are put in order once they are found, and nothing else is"


def test_the_page_of_a_run_leads_to_the_page_of_its_experiment(client: TestClient, database: Database) -> None:
    experiment_id = queued(database)
    run = listed(client, experiment=experiment_id, sort="created_at")[2]
    page = client.get(run["page"]).text
    assert f'href="/experiments/{experiment_id}"' in page
    assert "cell 0, repeat 1, neighbour (member 2)" in page
    assert "<dt>Experiment</dt>" not in client.get(f"/runs/{submitted(database)}").text
