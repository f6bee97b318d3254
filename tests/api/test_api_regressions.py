"""Regressions over REST: listed, shown with all that is known, and triaged."""

from typing import Any

import pytest

from api.schemas.regressions import RegressionDetail, RegressionView
from migperf.store.database import Database
from tests.api.serving import TestClient
from tests.api.steps import both_databases
from tests.databases import counted_statements
from tests.history_builder import HOUR, NOON, confirm, judge, measured, noisy

BEFORE = 20
LATER = NOON + 60 * HOUR


def regressed(client: TestClient, database: Database, confirm_runs: int = 0) -> str:
    """A watched history that got worse; the path of its regression."""
    measured(database, noisy(BEFORE))
    judge(database)
    (history,) = client.get("/v1/histories").json()["items"]
    assert client.put(f"{history['url']}/watch", json={"confirm_runs": confirm_runs}).status_code == 200
    judge(database)
    measured(database, noisy(4, 120.0, seed=2), NOON + BEFORE * HOUR, environment={"torch": "2.13"})
    judge(database)
    (item,) = client.get("/v1/regressions").json()["items"]
    return str(item["url"])


def shown(client: TestClient, path: str) -> dict[str, Any]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    assert RegressionDetail.model_validate(document).model_dump(mode="json") == document
    return document


@both_databases
def test_a_regression_tells_its_size_first_bad_run_differences_and_confirmation(
    client: TestClient, database: Database
) -> None:
    path = regressed(client, database, confirm_runs=1)
    confirm(database, 120.0, LATER)
    found = shown(client, path)
    assert (found["state"], found["resolution"]) == ("open", None)
    assert found["size"].startswith("step_time_p50 +2")
    (metric,) = found["metrics"]
    assert (metric["worse"], metric["low"] < 1.2 < metric["high"]) == (True, True)
    assert (found["last_good"]["number"], found["first_bad"]["number"]) == (BEFORE - 1, BEFORE)
    assert found["earliest"]["number"] <= BEFORE <= found["latest"]["number"]
    assert found["environment"] == [{"name": "torch", "before": "2.12", "after": "2.13"}]
    good, bad = found["last_good"]["run_id"], found["first_bad"]["run_id"]
    assert found["comparison"] == f"/v1/comparison?baseline={good}&candidate={bad}"
    (confirmation,) = found["confirmations"]
    assert confirmation["state"] == "confirmed"
    (run,) = confirmation["runs"]
    assert client.get(run["run"]).json()["labels"]["confirms"] == confirmation["id"]
    (finding,) = confirmation["findings"]
    assert (finding["name"], finding["state"]) == ("step_time_p50", "confirmed")
    assert [entry["kind"] for entry in found["record"]] == ["opened", "confirmation", "alerted"]
    assert found["alerted_at"] is not None
    history = client.get(found["history"]).json()
    assert history["standing_regressions"] == 1
    brief = {name: value for name, value in found.items() if name in RegressionView.model_fields}
    assert history["regressions"] == [brief]


@both_databases
def test_regressions_are_listed_by_state_and_history(client: TestClient, database: Database) -> None:
    path = regressed(client, database)
    (item,) = client.get("/v1/regressions").json()["items"]
    assert RegressionView.model_validate(item).model_dump(mode="json") == item

    def found(*query: tuple[str, str]) -> list[str]:
        return [one["url"] for one in client.get("/v1/regressions", params=query).json()["items"]]

    assert found(("state", "open"), ("state", "resolved")) == found(("history", item["history_id"])) == [path]
    assert found(("state", "resolved")) == found(("history", "x")) == found(("cursor", item["id"])) == []
    assert client.get("/v1/regressions", params={"state": "closed"}).status_code == 422
    with counted_statements(client.app.state.database) as sent:
        client.get("/v1/regressions")
    assert len(sent) <= 2


@both_databases
def test_people_triage_and_what_they_said_stays(client: TestClient, database: Database) -> None:
    path = regressed(client, database)
    answer = client.patch(path, json={"state": "acknowledged", "comment": "oneDNN", "author": "ada"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == shown(client, path)
    client.patch(path, json={"comment": "a fix is on its way"})
    assert client.patch(path, json={"state": "resolved", "author": "bob"}).json()["resolution"] == "by_hand"
    record = [(entry["kind"], entry["author"], entry["text"]) for entry in shown(client, path)["record"]]
    assert record[2:] == [
        ("state", "ada", "acknowledged"),
        ("comment", "ada", "oneDNN"),
        ("comment", None, "a fix is on its way"),
        ("state", "bob", "resolved"),
    ]
    assert client.patch(path, json={"state": "open"}).json()["resolved_at"] is None


def test_what_is_over_by_its_history_is_not_opened_again(client: TestClient, database: Database) -> None:
    path = regressed(client, database)
    measured(database, noisy(6, seed=3), NOON + (BEFORE + 4) * HOUR)
    judge(database)
    found = shown(client, path)
    assert (found["state"], found["resolution"], found["over"]["number"]) == ("resolved", "recovered", BEFORE + 4)
    answer = client.patch(path, json={"state": "open"})
    assert answer.status_code == 409
    assert "as its history says" in answer.json()["detail"]
    assert client.patch(path, json={"state": "false_alarm"}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [{}, {"author": "ada"}, {"comment": " "}, {"state": "closed"}, {"state": "open", "why": "x"}, {"comment": "\0"}],
)
def test_a_triage_that_says_nothing_or_what_is_not_known_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    assert client.patch("/v1/regressions/x", json=body).status_code in (400, 422)


def test_a_regression_that_does_not_exist_is_not_found(client: TestClient) -> None:
    for answer in (client.get("/v1/regressions/x"), client.patch("/v1/regressions/x", json={"comment": "x"})):
        assert answer.status_code == 404
        assert answer.json()["detail"] == "no regression with id 'x'"
