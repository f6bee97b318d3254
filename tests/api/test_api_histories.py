"""Histories over REST: found, shown with what is said of them, watched, their points left out, deleted."""

import csv
import io
from typing import Any

import pytest

from api.schemas.histories import HistoryDetail, HistoryView, RunHistory
from api.schemas.points import HistoryEventView, PointView
from migperf.store.database import Database
from migperf.store.models import GroupRow, Run
from migperf.store.states import RunState
from tests import builders
from tests.analysis.experiments.made_experiments import Coordinates, Ending, alone, cell, made, throughput
from tests.api.serving import TestClient
from tests.api.steps import TAINT, begun, both_databases, finished, submitted
from tests.api.steps import measured as measured_elsewhere
from tests.databases import counted_statements
from tests.history_builder import BENCHMARK, HOUR, NOON, end, figures, fired, judge, measured, noisy, scheduled

BEFORE = 20
CHANGED = [*noisy(BEFORE), *noisy(4, 120.0, seed=2)]


def shown(client: TestClient, path: str = "") -> dict[str, Any]:
    answer = client.get(path or the_path(client))
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    assert HistoryDetail.model_validate(document).model_dump(mode="json") == document
    return document


def the_path(client: TestClient) -> str:
    (item,) = client.get("/v1/histories").json()["items"]
    return str(item["url"])


@both_databases
def test_a_history_tells_where_it_changed_with_points_runs_and_intervals(
    client: TestClient, database: Database
) -> None:
    ids = measured(database, CHANGED)
    judge(database)
    history = shown(client)
    assert (history["verdict"], history["points"], history["pending"]) == ("regressed", BEFORE + 4, False)
    assert (history["watched"], history["watch"], history["watched_by"]) == (False, None, None)
    assert history["benchmark"]["workload"] == history["workload"] == "test-step"
    assert history["hardware"]["kind"] == "cpu"
    (metric,) = history["metrics"]
    assert (metric["name"], metric["unit"], metric["better"], metric["verdict"]) == (
        "step_time_p50",
        "ms",
        "lower",
        "regressed",
    )
    (change,) = metric["changes"]
    first = change["first"]
    assert (first["run_id"], first["number"]) == (ids[BEFORE], BEFORE)
    assert first["run"] == f"/v1/runs/{ids[BEFORE]}"
    assert change["low"] <= change["ratio"] <= change["high"]
    assert change["earliest"]["number"] <= BEFORE <= change["latest"]["number"]
    assert change["ratio"] == pytest.approx(1.2, rel=0.02)
    assert history["changes"] == [
        {"first": first, "regressed": ["step_time_p50"], "improved": [], "followers": []},
    ]
    assert history["regressions"] == []
    with counted_statements(client.app.state.database) as sent:
        client.get(history["url"])
    assert len(sent) <= 5


def test_histories_are_found_by_what_they_are_about_page_by_page(client: TestClient, database: Database) -> None:
    for number in range(3):
        measured(database, noisy(1), request={"parameters": {"step_ms": number + 1}})
    judge(database)
    everything = client.get("/v1/histories").json()["items"]
    assert [HistoryView.model_validate(item).model_dump(mode="json") for item in everything] == everything
    client.put(f"{everything[0]['url']}/watch", json={})

    def found(**query: Any) -> list[str]:
        answer = client.get("/v1/histories", params=query)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    ids = [item["id"] for item in everything]
    assert found(workload="test-step") == found(scenario="train") == found(q="A PROC") == ids
    assert found(workload="resnet18") == found(q="%") == found(verdict="regressed") == []
    assert found(watched="true") == ids[:1]
    assert found(watched="false", verdict="insufficient data") == ids[1:]
    assert found(fingerprint=everything[1]["fingerprint"]) == ids[1:2]
    page = client.get("/v1/histories", params={"limit": 2}).json()
    assert [item["id"] for item in page["items"]] == ids[:2]
    assert found(limit=2, cursor=page["next_cursor"]) == ids[2:]
    for wrong in ({"verdict": "fine"}, {"workloads": "x"}, {"limit": 0}):
        assert client.get("/v1/histories", params=wrong).status_code == 422
    with counted_statements(client.app.state.database) as sent:
        client.get("/v1/histories")
    assert len(sent) <= 3


@both_databases
def test_watching_by_hand_goes_before_a_schedule_and_ends(client: TestClient, database: Database) -> None:
    schedule_id = scheduled(database, watch={"confirm_runs": 1})
    (run_id,) = measured(database, noisy(1))
    fired(database, schedule_id, run_id, NOON)
    judge(database)
    path = the_path(client)
    by_schedule = shown(client)
    assert by_schedule["watch"]["confirm_runs"] == 1
    assert by_schedule["watched_by"] == {
        "by": "schedule",
        "schedule_id": schedule_id,
        "schedule": f"/v1/schedules/{schedule_id}",
        "name": "nightly",
    }
    client.delete(f"/v1/schedules/{schedule_id}")
    assert shown(client)["watched_by"] == by_schedule["watched_by"] | {"schedule": None, "name": None}
    answer = client.put(f"{path}/watch", json={"minimum_effect": 0.05, "metrics": {"step_time_p50": {}}})
    assert answer.status_code == 200, answer.text
    assert answer.json() == shown(client)
    assert (answer.json()["watched_by"]["by"], answer.json()["pending"]) == ("hand", True)
    judge(database)
    assert [(m["name"], m["minimum_effect"]) for m in shown(client)["metrics"]] == [("step_time_p50", 0.05)]
    assert client.delete(f"{path}/watch").status_code == 204
    assert (shown(client)["watch"], shown(client)["watched"]) == (None, False)
    for body in ({"minimum_effect": 0}, {"metric": {}}, {"metrics": {"images": {}}}, []):
        assert client.put(f"{path}/watch", json=body).status_code == 422


def test_a_metric_that_is_watched_no_more_is_shown_until_all_is_judged_anew(
    client: TestClient, database: Database
) -> None:
    with database.write() as session:
        builders.register(session, NOON)
        run = builders.submit(session, NOON, **BENCHMARK)
    end(database, run, NOON, figures(100.0, images=5.0))
    judge(database)
    path = the_path(client)
    client.put(f"{path}/watch", json={"metrics": {"images": {"better": "higher"}, "step_time_p50": {}}})
    judge(database)
    assert {metric["name"]: metric["better"] for metric in shown(client)["metrics"]} == {
        "images": "higher",
        "step_time_p50": "lower",
    }
    client.delete(f"{path}/watch")
    assert {metric["name"]: metric["better"] for metric in shown(client)["metrics"]} == {
        "images": None,
        "step_time_p50": "lower",
    }
    judge(database)
    assert [metric["name"] for metric in shown(client)["metrics"]] == ["step_time_p50"]


@both_databases
def test_points_come_newest_first_with_figures_environment_and_why_they_do_not_count(
    client: TestClient, database: Database
) -> None:
    first = measured(database, noisy(2))
    (tainted,) = measured(database, noisy(1), NOON + 2 * HOUR, taints=[{"rule": "busy_neighbours"}])
    (last,) = measured(database, noisy(1), NOON + 3 * HOUR, environment={"torch": "2.13"})
    judge(database)
    path = f"{the_path(client)}/points"
    points = client.get(path).json()["items"]
    assert [PointView.model_validate(point).model_dump(mode="json") for point in points] == points
    assert [point["run_id"] for point in points] == [last, tainted, *reversed(first)]
    assert [(point["judged"], point["number"]) for point in points] == [(True, 2), (False, None), (True, 1), (True, 0)]
    assert points[1]["why_not"] == "tainted (busy_neighbours), and such results are left out"
    assert points[0]["changed"] == [{"name": "torch", "before": "2.12", "after": "2.13"}]
    assert {point["environment"] for point in points} == {None}
    assert {point["figures"]["step_time_p50"]["unit"] for point in points} == {"ms"}
    whole = client.get(path, params={"environment": "true", "limit": 1}).json()
    assert whole["items"][0]["environment"]["torch"] == "2.13"
    rest = client.get(path, params={"cursor": whole["next_cursor"]}).json()
    assert [point["run_id"] for point in rest["items"]] == [tainted, *reversed(first)]
    assert rest["next_cursor"] is None
    for cursor in ("x", "-1", "9" * 36, "999999", "٣"):
        assert client.get(path, params={"cursor": cursor}).status_code == 422


def test_points_are_had_as_a_table_with_a_row_for_each_figure(client: TestClient, database: Database) -> None:
    ids = measured(database, [100.0, 101.0])
    judge(database)
    path = f"{the_path(client)}/points"
    answer = client.get(path, headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["run"], row["figure"], float(row["value"]), row["unit"]) for row in rows] == [
        (ids[1], "step_time_p50", 101.0, "ms"),
        (ids[0], "step_time_p50", 100.0, "ms"),
    ]
    assert client.get(path, params={"format": "parquet"}).content[:4] == b"PAR1"
    assert client.get(path, params={"format": "csv", "limit": 5}).status_code == 422


@both_databases
def test_a_point_that_is_left_out_has_all_judged_anew_without_it(client: TestClient, database: Database) -> None:
    measured(database, [*noisy(12), 300.0])
    judge(database)
    path = the_path(client)
    point = client.get(f"{path}/points", params={"limit": 1}).json()["items"][0]
    place = f"{path}/points/{point['id']}"
    left_out = client.patch(place, json={"left_out": " the fan had failed "})
    assert left_out.status_code == 200, left_out.text
    assert (left_out.json()["left_out"], left_out.json()["why_not"]) == (
        "the fan had failed",
        "left out: the fan had failed",
    )
    judge(database)
    assert shown(client)["points"] == 12
    assert client.get(f"{path}/points").json()["items"][0]["number"] is None
    back = client.patch(place, json={"left_out": None}).json()
    assert back["why_not"] == "it is judged by the scheduler's next pass"
    judge(database)
    assert shown(client)["points"] == 13
    for body in ({}, {"left_out": ""}, {"left_out": 3}, {"left_out": "x" * 1001}):
        assert client.patch(place, json=body).status_code == 422
    for missing in (f"{path}/points/999", f"/v1/histories/x/points/{point['id']}"):
        assert client.patch(missing, json={"left_out": "x"}).status_code == 404
    assert client.patch(f"{path}/points/{1 << 64}", json={"left_out": "x"}).status_code == 422


def test_what_became_of_changes_is_listed_the_latest_first(client: TestClient, database: Database) -> None:
    measured(database, CHANGED[:BEFORE])
    judge(database)
    measured(database, CHANGED[BEFORE:], NOON + BEFORE * HOUR)
    judge(database)
    path = f"{the_path(client)}/events"
    events = client.get(path).json()
    (event,) = events["items"]
    assert HistoryEventView.model_validate(event).model_dump(mode="json") == event
    assert (event["metric"], event["revision"], event["first"]["number"], event["was"]) == (
        "step_time_p50",
        "added",
        BEFORE,
        None,
    )
    assert client.get(path, params={"cursor": str(event["id"])}).json() == {"items": [], "next_cursor": None}
    assert client.get(path, params={"cursor": "x"}).status_code == 422


@both_databases
def test_a_deleted_history_is_gone_and_its_runs_stay(client: TestClient, database: Database) -> None:
    (run_id,) = measured(database, noisy(1))
    judge(database)
    path = the_path(client)
    assert client.delete(path).status_code == 204
    assert client.get(f"/v1/runs/{run_id}").status_code == 200
    for answer in (
        client.get(path),
        client.get(f"{path}/points"),
        client.get(f"{path}/events"),
        client.put(f"{path}/watch", json={}),
        client.delete(f"{path}/watch"),
        client.delete(path),
    ):
        assert answer.status_code == 404
        assert "no history with id" in answer.json()["detail"]
    assert "its history was deleted" in client.get(f"/v1/runs/{run_id}/history").json()["detail"]


def test_a_run_tells_its_history_and_its_point(client: TestClient, database: Database) -> None:
    ids = measured(database, noisy(2))
    judge(database)
    document = client.get(f"/v1/runs/{ids[0]}/history").json()
    assert RunHistory.model_validate(document).model_dump(mode="json") == document
    assert (document["history"]["url"], document["point"]["run_id"]) == (the_path(client), ids[0])


def test_a_run_that_is_in_no_history_says_why(client: TestClient, database: Database) -> None:
    queued = submitted(database)
    failed = submitted(database)
    finished(database, begun(database, failed), RunState.FAILED)
    simulated, fresh = measured_elsewhere(database, simulated=True), measured_elsewhere(database)

    def why(run_id: str) -> str:
        answer = client.get(f"/v1/runs/{run_id}/history")
        assert answer.status_code == 404
        return str(answer.json()["detail"])

    assert why("nobody") == "no run with id 'nobody'"
    assert why(queued) == f"run {queued} is in no history: it has not ended yet (queued)"
    assert why(failed).endswith("it ended as failed")
    assert why(fresh).endswith("the scheduler's next pass adds it")
    judge(database)
    assert why(simulated).endswith("it was on a simulated partition")
    assert client.get(f"/v1/runs/{fresh}/history").status_code == 200
    kept_out = measured_elsewhere(database, in_history=False)
    assert "in_history: false" in why(kept_out)


@both_databases
def test_every_repeat_of_a_cell_tells_the_point_that_it_counts_in(client: TestClient, database: Database) -> None:
    def ending(_: Run, group: GroupRow, coordinates: Coordinates) -> Ending | None:
        tainted = group.cell == 0 and group.repeat == 2
        if coordinates["step_ms"] == 3:
            return None
        return Ending(figures=[throughput(100.0)], taints=[TAINT.model_dump()] if tainted else [])

    cells = [cell(alone(parameters={"step_ms": ms}), step_ms=ms) for ms in (1, 2)]
    experiment_id = made(database, cells, ending, repeats=3)
    open_id = made(database, [*cells, cell(alone(parameters={"step_ms": 3}), step_ms=3)], ending)
    judge(database)
    told: dict[int, list[Any]] = {0: [], 1: []}
    for run in client.get("/v1/runs", params={"experiment": experiment_id, "sort": "created_at"}).json()["items"]:
        answer = client.get(f"/v1/runs/{run['id']}/history").json()
        told[run["experiment"]["cell"]].append(answer.get("point") or answer["detail"].partition(": ")[2])
    assert told[0][0] == told[0][1] != told[1][0]
    assert told[0][2] == "it is tainted, and other repeats of its cell are not"
    assert told[1][0] == told[1][1] == told[1][2]
    assert [point["repeats"] for point in (told[0][0], told[1][0])] == [2, 3]
    unfinished = client.get("/v1/runs", params={"experiment": open_id, "state": "succeeded"}).json()["items"]
    detail = client.get(f"/v1/runs/{unfinished[0]['id']}/history").json()["detail"]
    assert detail.endswith("its experiment has not finished yet")
