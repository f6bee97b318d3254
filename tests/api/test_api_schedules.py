"""Schedules over REST: added, listed, shown with their next times, changed, paused, fired by hand and deleted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.schemas.schedules import FiringView, ScheduleDetail, ScheduleView
from migperf.jobs.firing import Timekeeper
from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.store.database import Database, now
from migperf.store.history_tables import HistoryRow
from migperf.store.requests import RunRequest
from migperf.store.states import RunState
from tests import builders
from tests.analysis.experiments.made_experiments import Ending, alone, cell, made, throughput
from tests.api.serving import CountingPasses, TestClient
from tests.api.steps import both_databases
from tests.databases import counted_statements
from tests.history_builder import HOUR, NOON, fired, judge, measured, noisy

BENCHMARK: dict[str, Any] = {"workload": "test-step", "scenario": "single_stream"}
EXPERIMENT: dict[str, Any] = {
    "migperf": 1,
    "name": "steps",
    "where": {"kind": "cpu"},
    "benchmark": BENCHMARK,
    "matrix": {"benchmark.parameters.step_ms": [1, 2]},
}
FILE: dict[str, Any] = {
    "migperf": 1,
    "name": "nightly",
    "title": "A step, every night",
    "cron": "30 2 * * *",
    "time_zone": "Europe/Berlin",
    "benchmark": BENCHMARK,
}


def added(client: TestClient, **more: Any) -> dict[str, Any]:
    answer = client.post("/v1/schedules", json=FILE | more)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == document["url"]
    return document


def shown(client: TestClient, key: str = "nightly") -> dict[str, Any]:
    answer = client.get(f"/v1/schedules/{key}")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    assert ScheduleDetail.model_validate(document).model_dump(mode="json") == document
    return document


def fire(database: Database, after: timedelta) -> int:
    """Have a scheduler look at the schedules, whose clock is ahead."""

    def ahead(session: Session) -> datetime:
        return now(session) + after

    return Timekeeper(database, 20.0, ahead).step()


@both_databases
def test_a_schedule_is_kept_with_its_next_five_times(client: TestClient, passes: CountingPasses) -> None:
    document = added(client)
    assert document == shown(client, document["id"]) == shown(client, "nightly")
    times = [datetime.fromisoformat(time) for time in document["next_times"]]
    assert len(times) == 5
    assert all(time > datetime.now(UTC) and time.minute == 30 for time in times)
    assert (document["submits"], document["last_firing"], document["firings"]) == ("benchmark", None, [])
    assert document["document"]["benchmark"] == RunRequest.model_validate(BENCHMARK).model_dump(mode="json")
    assert passes.count == 0
    assert client.get("/v1/runs").json()["items"] == []


def test_a_schedule_can_be_sent_as_the_file_that_it_is(client: TestClient) -> None:
    text = yaml.safe_dump(FILE | {"benchmark": None, "experiment": EXPERIMENT})
    answer = client.post("/v1/schedules", content=text, headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["submits"] == "experiment"
    answer = client.post("/v1/schedules", content="a: [", headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"cron": "0 25 * * *"}, "cron", "'25' is no hour; write 0 to 23"),
        ({"time_zone": "Europe/Berln"}, "time_zone", "did you mean Europe/Berlin"),
        ({"benchmark": None}, "benchmark", "neither is there"),
        ({"benchmark": {"workload": "resnet-17", "scenario": "train"}}, "benchmark.workload", "resnet-17"),
        ({"benchmark": None, "experiment": EXPERIMENT | {"repeats": 0}}, "experiment.repeats", "greater than"),
        (
            {"benchmark": None, "experiment": EXPERIMENT | {"shares": 2}},
            "experiment.cell step_ms = 1: shares",
            "sharing",
        ),
        ({"unheard": 1}, "unheard", "unknown field"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place_and_the_remedy(
    client: TestClient, change: dict[str, Any], field: str, told: str
) -> None:
    answer = client.post("/v1/schedules", json=FILE | change)
    assert answer.status_code == 422, answer.text
    (problem, *_) = answer.json()["errors"]
    assert problem["field"] == field
    assert told in problem["detail"]
    assert client.get("/v1/schedules").json()["items"] == []


@both_databases
def test_two_schedules_cannot_have_one_name(client: TestClient) -> None:
    added(client)
    answer = client.post("/v1/schedules", json=FILE)
    assert answer.status_code == 409
    assert "named 'nightly'; choose another name" in answer.json()["detail"]


def test_schedules_are_listed_page_by_page_with_a_few_statements(client: TestClient, database: Database) -> None:
    for number in range(5):
        added(client, name=f"s{number}", cron="* * * * *")
    assert fire(database, timedelta(minutes=1, seconds=1)) == 5
    pages = [client.get("/v1/schedules", params={"limit": 2}).json()]
    while pages[-1]["next_cursor"]:
        pages.append(client.get("/v1/schedules", params={"limit": 2, "cursor": pages[-1]["next_cursor"]}).json())
    items = [item for page in pages for item in page["items"]]
    assert [item["name"] for item in items] == ["s4", "s3", "s2", "s1", "s0"]
    assert [ScheduleView.model_validate(item).model_dump(mode="json") for item in items] == items
    assert {item["last_firing"]["outcome"] for item in items} == {"submitted"}
    with counted_statements(client.app.state.database) as of_all:
        client.get("/v1/schedules")
    assert len(of_all) <= 3


@both_databases
def test_what_is_due_is_submitted_and_told_with_its_run(client: TestClient, database: Database) -> None:
    added(client, cron="* * * * *")
    assert fire(database, timedelta(minutes=1, seconds=1)) == 1
    fire(database, timedelta(minutes=2, seconds=1))
    skipped, submitted = shown(client)["firings"]
    run = client.get(submitted["run"]).json()
    assert (run["id"], run["state"], run["labels"]) == (submitted["run_id"], "queued", {"schedule": "nightly"})
    assert (skipped["outcome"], skipped["run"]) == ("skipped", None)
    assert skipped["reason"] == "what an earlier firing submitted has not ended"
    listed = client.get("/v1/runs", params={"label": "schedule=nightly"}).json()["items"]
    assert [one["id"] for one in listed] == [run["id"]]
    client.post(f"{submitted['run']}/cancel")
    assert client.delete(submitted["run"]).status_code == 204
    assert shown(client)["firings"] == [skipped, submitted | {"run": None, "run_id": None}]


@both_databases
def test_firing_by_hand_submits_at_once_and_leaves_the_times_as_they_are(
    client: TestClient, passes: CountingPasses
) -> None:
    before = added(client, paused=True)
    answer = client.post("/v1/schedules/nightly/fire")
    assert answer.status_code == 202, answer.text
    firing = answer.json()
    assert FiringView.model_validate(firing).model_dump(mode="json") == firing
    assert (firing["by_hand"], firing["outcome"], passes.count) == (True, "submitted", 1)
    document = shown(client)
    assert document["last_firing"] == firing
    assert (document["paused"], document["changed_at"]) == (True, before["changed_at"])


def test_firing_by_hand_what_no_device_has_is_refused_and_stores_nothing(
    client: TestClient, database: Database
) -> None:
    added(client, benchmark=None, experiment=EXPERIMENT)
    answer = client.post("/v1/schedules/nightly/fire")
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("no living node has a device with kind=cpu; start a worker")
    assert shown(client)["firings"] == []
    with database.write() as session:
        builders.register(session, now(session), builders.partition(cpus=(0, 1)))
    firing = client.post("/v1/schedules/nightly/fire").json()
    assert client.get(firing["experiment"]).json()["document"]["labels"] == {"schedule": "nightly"}


@both_databases
def test_a_schedule_is_paused_and_goes_on(client: TestClient) -> None:
    path = added(client)["url"]
    for _ in range(2):
        paused = client.patch(path, json={"paused": True}).json()
        assert (paused["paused"], paused["next_times"], paused["document"]["paused"]) == (True, [], True)
    resumed = client.patch(path, json={"paused": False}).json()
    assert (resumed["paused"], len(resumed["next_times"])) == (False, 5)
    for body in ({}, {"paused": "yes"}, {"paused": True, "cron": "* * * * *"}):
        assert client.patch(path, json=body).status_code == 422


@both_databases
def test_a_schedule_is_changed_by_putting_another_document_in_its_place(client: TestClient) -> None:
    before = added(client)
    changed = client.put(before["url"], json=before["document"] | {"cron": "0 12 * * MON", "title": "Mondays"})
    assert changed.status_code == 200, changed.text
    document = shown(client)
    assert document == changed.json()
    assert (document["id"], document["cron"], document["title"]) == (before["id"], "0 12 * * MON", "Mondays")
    assert client.put(before["url"], json=FILE | {"cron": "x"}).status_code == 422
    added(client, name="weekly")
    assert client.put(before["url"], json=FILE | {"name": "weekly"}).status_code == 409
    assert shown(client)["cron"] == "0 12 * * MON"


def test_a_deleted_schedule_is_gone_and_its_runs_stay(client: TestClient) -> None:
    path = added(client)["url"]
    run = client.post(f"{path}/fire").json()["run"]
    assert client.delete(path).status_code == 204
    assert client.get(run).status_code == 200
    for answer in (
        client.get(path),
        client.delete(path),
        client.post(f"{path}/fire"),
        client.patch(path, json={"paused": True}),
        client.put(path, json=FILE),
    ):
        assert answer.status_code == 404
        assert "no schedule is named" in answer.json()["detail"]


@both_databases
def test_a_schedule_stands_as_the_histories_of_its_last_firing_do(client: TestClient, database: Database) -> None:
    schedule_id = added(client, cron="0 * * * *")["id"]
    assert shown(client)["standing"] is None
    ids = measured(database, [*noisy(20), *noisy(4, 120.0, seed=2)])
    fired(database, schedule_id, ids[-1], NOON)
    judge(database)
    judge(database)
    document = shown(client)
    (firing,) = document["firings"]
    assert (firing["measured"], firing["silence"], firing["heard_at"] is not None) == (1, None, True)
    (history,) = client.get("/v1/histories").json()["items"]
    assert document["standing"] == {
        "said": "regressed",
        "reason": None,
        "due_at": firing["due_at"],
        "histories": 1,
        "history_id": history["id"],
        "history": history["url"],
    }
    assert client.get("/v1/schedules").json()["items"][0]["standing"] == document["standing"]
    client.delete(history["url"])
    gone = shown(client)["standing"]
    assert (gone["said"], gone["reason"]) == (
        "measured nothing",
        "what it measured was left out of its history, or that was deleted",
    )


@both_databases
def test_a_schedule_whose_last_firing_measured_nothing_says_so_and_why(client: TestClient, database: Database) -> None:
    schedule_id = added(client, cron="0 * * * *")["id"]
    (good,) = measured(database, noisy(1))
    fired(database, schedule_id, good, NOON)
    (failed,) = measured(database, noisy(1), NOON + HOUR, state=RunState.FAILED, reason="out of disk")
    fired(database, schedule_id, failed, NOON + HOUR)
    for _ in range(2):
        judge(database)
    standing = shown(client)["standing"]
    assert (standing["said"], standing["histories"], standing["history"]) == ("measured nothing", 0, None)
    assert standing["reason"] == f"run {failed} ended as failed: out of disk"
    assert client.delete(f"/v1/runs/{failed}").status_code == 204
    assert shown(client)["standing"]["said"] == "measured nothing"


@both_databases
def test_a_schedule_of_an_experiment_stands_as_the_worst_of_its_cells(client: TestClient, database: Database) -> None:
    schedule_id = added(client, cron="0 * * * *")["id"]
    cells = [cell(alone(parameters={"step_ms": ms}), step_ms=ms) for ms in (1, 2, 3)]
    experiment_id = made(database, cells, lambda *_: Ending(figures=[throughput(100.0)]))
    fired(database, schedule_id, None, NOON, experiment_id)
    for _ in range(2):
        judge(database)
    standing = shown(client)["standing"]
    assert (standing["said"], standing["histories"]) == ("insufficient data", 3)
    verdicts = [HistoryVerdict.IMPROVED, HistoryVerdict.UNCHANGED, HistoryVerdict.UNCHANGED]
    for worst in (HistoryVerdict.UNCHANGED, HistoryVerdict.UNDECIDED, HistoryVerdict.REGRESSED):
        with database.write() as session:
            rows = session.scalars(select(HistoryRow).order_by(HistoryRow.id)).all()
            for row, verdict in zip(rows, [*verdicts[:2], worst], strict=True):
                row.verdict = verdict
            worst_id = rows[1].id if worst is HistoryVerdict.UNCHANGED else rows[2].id
        standing = shown(client)["standing"]
        assert (standing["said"], standing["history_id"]) == (worst, worst_id)
