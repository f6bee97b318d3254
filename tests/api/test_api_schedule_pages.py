"""The pages of schedules: the list, one with its firings, and the editor with what it begins with."""

import html
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI

from api.formatting import machine_time
from migperf.schedules.cron import zone_names
from migperf.schedules.document import Schedule
from migperf.store.database import Database, now
from migperf.store.models import FiringRow, ScheduleRow
from migperf.store.requests import RunRequest
from migperf.store.states import RunState
from tests import builders, history_builder
from tests.analysis.experiments.made_experiments import cell, made
from tests.api.serving import TestClient, served
from tests.api.steps import both_databases, measured
from tests.api.test_api_pages import outline
from tests.api.test_api_schedules import BENCHMARK, EXPERIMENT, FILE, added, fire
from tests.databases import counted_statements
from tests.history_builder import HOUR, NOON, fired, judge, scheduled

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"


def page_of(client: TestClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    outline(answer.text)
    return answer.text


def text_of(page: str) -> str:
    """Return a page, or a part of one, as it reads."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def rows_of(page: str, table: str) -> list[str]:
    [body] = re.findall(rf'<caption id="{table}-caption">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    return [text_of(row) for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)]


def area_of(page: str) -> str:
    """Return what is in the text area of the editor."""
    [text] = re.findall(r"<textarea[^>]*>\n?(.*?)</textarea>", page, re.DOTALL)
    return html.unescape(text)


def field_of(page: str, name: str) -> Any:
    [value] = re.findall(rf'<input id="{name}"[^>]* value="([^"]*)"', page)
    return html.unescape(value)


def test_a_service_without_schedules_says_how_to_make_one(client: TestClient) -> None:
    page = page_of(client, "/schedules")
    for told in ('href="/schedules/new"', "There is no schedule yet", "migperf schedules add FILE.yaml"):
        assert told in page
    for listed in ("/schedules", "/alerts"):
        assert f'<a href="{listed}">' in page_of(client, "/"), "every page leads there"


@both_databases
def test_the_list_tells_what_is_submitted_when_and_what_became_of_it(client: TestClient, database: Database) -> None:
    with database.write() as session:
        builders.register(session, now(session), builders.partition(cpus=(0, 1, 2, 3)))
    nightly = added(client)
    added(client, name="idle", title="", paused=True, time_zone="UTC")
    weekly = added(client, name="weekly", cron="0 5 * * SUN", benchmark=None, experiment=EXPERIMENT)
    fired = client.post(f"{nightly['url']}/fire").json()
    experiment = client.post(f"{weekly['url']}/fire").json()["experiment_id"]
    page = page_of(client, "/schedules")
    first, second, third = rows_of(page, "schedules")
    assert first.startswith("weekly A step, every night experiment steps 0 5 * * SUN Europe/Berlin 20")
    assert first.endswith("submitted : running –")
    assert second == "idle test-step single stream 30 2 * * * UTC paused not yet – –"
    assert third.startswith("nightly A step, every night test-step single stream 30 2 * * * Europe/Berlin 20")
    assert third.endswith("submitted : queued –")
    for link in (f"/schedules/{nightly['id']}", "/v1/workloads/test-step", f"/runs/{fired['run_id']}",
                 f"/experiments/{experiment}"):  # fmt: skip
        assert f'href="{link}"' in page
    assert f'<time datetime="{machine_time(datetime.fromisoformat(nightly["next_times"][0]))}">' in page


def test_what_a_schedule_says_is_a_verdict_or_that_it_measured_nothing(client: TestClient, database: Database) -> None:
    schedule_id = scheduled(database)
    [good] = history_builder.measured(database, [100.0])
    fired(database, schedule_id, good, NOON)
    judge(database)
    history = 'href="/histories/'
    for path in ("/schedules", f"/schedules/{schedule_id}"):
        page = page_of(client, path)
        assert "insufficient data" in page
        assert history in page
    [bad] = history_builder.measured(database, [100.0], NOON + HOUR, state=RunState.FAILED, reason="it broke")
    fired(database, schedule_id, bad, NOON + HOUR)
    judge(database)
    for path in ("/schedules", f"/schedules/{schedule_id}"):
        page = page_of(client, path)
        assert "measured nothing" in page
        assert "ended as failed: it broke" in page


def test_schedules_are_listed_page_by_page_the_newest_first(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.routes.schedule_pages.ON_A_PAGE", 2)
    for number in range(3):
        added(client, name=f"number-{number}")
    first = page_of(client, "/schedules")
    assert re.findall(r">(number-\d)<", first) == ["number-2", "number-1"]
    [more] = re.findall(r'rel="next" href="([^"]+)"', first)
    rest = page_of(client, html.unescape(more))
    assert re.findall(r">(number-\d)<", rest) == ["number-0"]
    assert 'rel="next"' not in rest
    assert "There are no earlier schedules" in page_of(client, "/schedules?cursor=0")


def test_a_list_takes_no_more_statements_for_more_schedules(client: TestClient, database: Database) -> None:
    def statements() -> int:
        client.post(added(client, name=f"s{datetime.now(UTC).timestamp()}".replace(".", "-"))["url"] + "/fire")
        with counted_statements(database) as counted:
            page_of(client, "/schedules")
        return len(counted)

    assert statements() == statements()


@both_databases
def test_a_page_shows_the_schedule_its_times_and_its_firings(client: TestClient, database: Database) -> None:
    schedule = added(client, jitter_s=600, overlap="skip", cron="*/5 * * * *")
    fire(database, timedelta(minutes=30))
    client.post(f"{schedule['url']}/fire")
    fire(database, timedelta(minutes=45))
    page = page_of(client, f"/schedules/{schedule['id']}")
    for told in (
        "<h1>A step, every night</h1>",
        '<span class="mono">*/5 * * * *</span> in Europe/Berlin',
        "up to 10 min 0 s",
        "the firing is skipped",
        "it is made up for once; late is more than 5 min 0 s",
        "schedule=nightly",
        "workload: test-step\nscenario: single_stream\n",
    ):
        assert told in page
    skipped, by_hand, submitted = rows_of(page, "firings")
    assert "skipped what an earlier firing submitted has not ended" in skipped
    assert "by hand" in by_hand
    assert by_hand.endswith("submitted : queued –")
    assert re.search(r"submitted : queued \d+$", submitted), "how many went by"
    assert "overlap" not in text_of(page), "words, not fields"
    [upcoming] = re.findall(r'<div id="upcoming" data-live>(.*?)</div>', page, re.DOTALL)
    assert upcoming.count("<time ") == 5
    assert re.findall(r'data-action="(\w+)"', page) == ["fire", "pause", "delete"]
    assert page_of(client, "/schedules/nightly") != "", "by name, too"
    client.patch(schedule["url"], json={"paused": True})
    paused = page_of(client, f"/schedules/{schedule['id']}")
    assert re.findall(r'data-action="(\w+)"', paused) == ["fire", "resume", "delete"]
    assert "None while it is paused" in paused


def test_next_times_are_shown_as_clocks_of_the_schedules_zone_show_them(client: TestClient) -> None:
    added(client, time_zone="Asia/Kathmandu")
    [upcoming] = re.findall(
        r'<div id="upcoming" data-live>(.*?)</div>', page_of(client, "/schedules/nightly"), re.DOTALL
    )
    moments = re.findall(r'<time datetime="([^"]+)">', upcoming)
    assert len(moments) == 5
    for moment, there in zip(
        moments, re.findall(r'data-in-zone="Asia/Kathmandu">([\d: -]+)</td>', upcoming), strict=True
    ):
        local = datetime.fromisoformat(there)
        assert (local.hour, local.minute) == (2, 30)
        assert local - datetime.fromisoformat(moment).replace(tzinfo=None) == timedelta(hours=5, minutes=45)


def test_a_firing_stays_when_its_run_is_deleted(client: TestClient) -> None:
    added(client)
    run = client.post("/v1/schedules/nightly/fire").json()["run_id"]
    client.post(f"/v1/runs/{run}/cancel")
    assert client.delete(f"/v1/runs/{run}").status_code == 204
    [row] = rows_of(page_of(client, "/schedules/nightly"), "firings")
    assert row.endswith("submitted –")


def test_a_schedule_of_another_version_is_shown_with_what_is_wrong(client: TestClient, database: Database) -> None:
    schedule = added(client)
    with database.write() as session:
        row = session.get_one(ScheduleRow, schedule["id"])
        row.document = row.document | {
            "overlap": "replace",
            "jitter_s": "much",
            "benchmark": {"workload": "gone", "knob": 1},
        }
    page = page_of(client, "/schedules/nightly")
    assert "does not fire: this version cannot read it" in page
    assert "jitter_s: Input should be" in text_of(page)
    assert "overlap: Input should be" in text_of(page)
    assert "knob: 1" in page, "what is stored is shown as it is"
    assert "does not fire : jitter_s: Input should be" in text_of(page_of(client, "/schedules"))
    assert "knob: 1" in area_of(page_of(client, "/schedules/nightly/edit"))


def test_what_people_wrote_is_shown_as_text(client: TestClient, database: Database) -> None:
    labels = {"evil": EVIL}
    schedule = added(client, title=EVIL, benchmark=BENCHMARK | {"labels": labels})
    client.post(f"{schedule['url']}/fire")
    with database.write() as session:
        session.query(FiringRow).one().reason = EVIL
    for path in ("/schedules", "/schedules/nightly", "/schedules/nightly/edit", "/schedules/new"):
        page = page_of(client, path)
        assert "<script>alert" not in page
        assert "<img" not in page
    assert yaml.safe_load(area_of(page_of(client, "/schedules/nightly/edit")))["labels"] == labels
    assert field_of(page_of(client, "/schedules/nightly/edit"), "title") == EVIL


def test_what_is_not_there_is_said_on_a_page(client: TestClient) -> None:
    for path in (
        "/schedules/none",
        "/schedules/none/edit",
        "/schedules/new?run=none",
        "/schedules/new?experiment=none",
    ):
        assert "There is no such thing" in page_of(client, path, 404)


def test_the_editor_begins_with_a_schedule_that_needs_only_a_name(client: TestClient) -> None:
    page = page_of(client, "/schedules/new")
    found = outline(page)
    labelled = {attributes["for"] for tag, attributes in found.tags if tag == "label" and "for" in attributes}
    fields = {a["id"] for tag, a in found.tags if "data-field" in a and a.get("type") != "checkbox"}
    assert labelled == fields, "each field has its label"
    for field in [a for _, a in found.tags if "data-field" in a]:
        assert f"{field['id']}-problem" in str(field["aria-describedby"]).split()
    zones = re.findall(r'<option value="([^"]+)"></option>', page)
    assert zones == sorted(zone_names())
    examples = dict(re.findall(r'<template data-example="(\w+)">(.*?)</template>', page, re.DOTALL))
    assert html.unescape(examples["benchmark"]) == area_of(page)
    for kind, text in examples.items():
        document = {
            "migperf": 1,
            "name": "n",
            "cron": field_of(page, "cron"),
            kind: yaml.safe_load(html.unescape(text)),
        }
        assert client.post("/v1/schedules/preview", json=document).json()["problems"] == []


def edited(client: TestClient, key: str) -> dict[str, Any]:
    """Return the document that the editor sends if nothing is changed in it."""
    page = page_of(client, f"/schedules/{key}/edit")
    texts = {name: field_of(page, name) for name in ("name", "title", "cron", "time_zone")}
    numbers = {name: float(field_of(page, name)) for name in ("jitter_s", "grace_s")}
    chosen = {
        name: re.findall(rf'<select id="{name}".*?<option value="(\w+)" selected>', page, re.DOTALL)[0]
        for name in ("overlap", "missed")
    }
    [kind] = re.findall(r'name="kind" value="(\w+)" checked', page)
    paused = re.search(r'<input id="paused"[^>]* checked>', page) is not None
    return {"migperf": 1, **texts, **numbers, **chosen, "paused": paused, kind: yaml.safe_load(area_of(page))}


@both_databases
@pytest.mark.parametrize("subject", ["benchmark", "experiment"])
def test_a_schedule_that_is_edited_and_not_changed_stays_as_it_is(client: TestClient, subject: str) -> None:
    more: dict[str, Any] = {"jitter_s": 12345.67, "overlap": "queue", "missed": "skip", "grace_s": 7, "paused": True}
    if subject == "experiment":
        more |= {"benchmark": None, "experiment": EXPERIMENT | {"description": "two\nlines", "repeats": 2}}
    else:
        more["benchmark"] = BENCHMARK | {"parameters": {"step_ms": 2}, "labels": {"commit": "4f1c"}, "priority": 3}
    before = added(client, **more)["document"]
    answer = client.put("/v1/schedules/nightly", json=edited(client, "nightly"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["document"] == before


def test_what_a_run_has_measured_can_be_scheduled(client: TestClient, database: Database) -> None:
    labels = {"commit": "4f1c", "schedule": "hourly", "experiment": "study"}
    run_id = measured(database, parameters={"step_ms": 2}, priority=4, labels=labels)
    run = client.get(f"/v1/runs/{run_id}").json()
    [link] = re.findall(r'href="([^"]+)">Schedule this', page_of(client, f"/runs/{run_id}"))
    page = page_of(client, link)
    assert field_of(page, "name") == "test-step-single-stream"
    benchmark = yaml.safe_load(area_of(page))
    assert benchmark["labels"] == {"commit": "4f1c"}, "those that say by what it was submitted are of that run alone"
    assert benchmark["priority"] == 4
    kept = added(client, name="again", benchmark=benchmark)["document"]["benchmark"]
    assert {name: kept[name] for name in run["benchmark"]} == run["benchmark"]
    assert RunRequest.model_validate(kept).benchmark().fingerprint() == run["fingerprint"], "one history"


def test_an_experiment_can_be_scheduled(client: TestClient, database: Database) -> None:
    with database.write() as session:
        builders.register(session, now(session), builders.partition(cpus=(0, 1, 2, 3)))
    experiment = client.post("/v1/experiments", json=EXPERIMENT).json()["id"]
    [link] = re.findall(r'href="([^"]+)">Schedule this', page_of(client, f"/experiments/{experiment}"))
    page = page_of(client, link)
    assert field_of(page, "name") == "steps"
    kept = added(client, benchmark=None, experiment=yaml.safe_load(area_of(page)))["document"]["experiment"]
    expected = Schedule.model_validate(FILE | {"benchmark": None, "experiment": EXPERIMENT}).experiment
    assert expected is not None
    assert kept == expected.model_dump(mode="json")
    stale = made(database, [cell(number=1)], lambda *_: None, migperf=9)
    assert "was written for another version of migperf" in page_of(client, f"/schedules/new?experiment={stale}")


@pytest.mark.parametrize(
    ("change", "field", "times"),
    [
        ({}, None, 5),
        ({"cron": "61 * * * *"}, "cron", 0),
        ({"cron": None}, "cron", 0),
        ({"time_zone": "Europe/Berlln"}, "time_zone", 0),
        ({"name": "No Name"}, "name", 5),
        ({"name": None}, "name", 5),
        ({"paused": "perhaps"}, "paused", 5),
        ({"unknown": 1}, "unknown", 5),
        ({"jitter_s": "much"}, "jitter_s", 5),
        ({"benchmark": None}, "benchmark", 5),
        ({"benchmark": {"workload": "test-step"}}, "benchmark.scenario", 5),
        ({"benchmark": None, "experiment": EXPERIMENT | {"repeats": 0}}, "experiment.repeats", 5),
    ],
)
def test_a_preview_tells_the_times_and_what_is_wrong_and_stores_nothing(
    client: TestClient, change: dict[str, Any], field: str | None, times: int
) -> None:
    document = {name: value for name, value in (FILE | change).items() if value is not None}
    answer = client.post(
        "/v1/schedules/preview", content=yaml.safe_dump(document), headers={"Content-Type": "text/yaml"}
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [problem["field"] for problem in told["problems"]] == ([] if field is None else [field])
    assert len(told["next_times"]) == times
    stored = client.post("/v1/schedules", content=json.dumps(document), headers={"Content-Type": "application/json"})
    assert (stored.status_code == 201) == (field is None), "what storing says, too"
    if field is None:
        assert stored.json()["next_times"] == told["next_times"]


def test_a_preview_looks_at_what_is_submitted_also_before_all_else_is_right(client: TestClient) -> None:
    unnamed = {name: value for name, value in FILE.items() if name not in ("name", "benchmark")}

    def problems(**more: Any) -> list[str]:
        told = client.post("/v1/schedules/preview", json=unnamed | more).json()["problems"]
        return [problem["field"] for problem in told]

    assert problems() == ["name", "benchmark"]
    assert problems(benchmark={"workload": "none", "scenario": "train"}) == ["name", "benchmark.workload"]
    unshared = EXPERIMENT | {"matrix": {"clients": [1, 2]}}
    assert problems(experiment=unshared) == ["name", "experiment.cell clients = 2: sharing"]


def test_a_preview_of_what_is_no_document_is_refused(client: TestClient) -> None:
    assert client.get("/v1/schedules").json()["items"] == []
    yaml_text = {"Content-Type": "application/yaml"}
    assert client.post("/v1/schedules/preview", content="a: [", headers=yaml_text).status_code == 400
    assert client.post("/v1/schedules/preview", json=[1]).status_code == 422


def test_pages_are_built_for_reading_aloud_and_allow_nothing_but_their_own_files(
    client: TestClient, database: Database
) -> None:
    schedule = added(client)
    client.post(f"{schedule['url']}/fire")
    for path in ("/schedules", "/schedules/new", "/schedules/nightly", "/schedules/nightly/edit", "/alerts"):
        check_page(client, path)


def check_page(client: TestClient, path: str) -> None:
    """Check that a page can be read aloud, and loads nothing from elsewhere."""
    answer = client.get(path)
    found = outline(answer.text)
    assert found.count("h1") == found.count("main") == 1
    assert found.count("caption") == found.count("table")
    assert all("scope" in attributes for tag, attributes in found.tags if tag == "th")
    names = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(names) == len(set(names))
    told = {name for _, a in found.tags for key in ("aria-labelledby", "aria-describedby", "for", "list") if key in a
            for name in str(a[key]).split()}  # fmt: skip
    assert told <= set(names)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert " style=" not in answer.text
    assert not re.search(r"<[^>]+ on[a-z]+=", answer.text)
    for tag, attributes in found.tags:
        address = attributes.get("src") or attributes.get("href") or "/"
        assert address[0] in "/#", f"{tag} leads elsewhere: {address}"
        if tag == "script":
            assert client.get(address).headers["Content-Type"].startswith("text/javascript")


def test_every_path_is_behind_the_prefix(app: FastAPI) -> None:
    with served(app, root_path="/bench") as url, httpx.Client(base_url=url, trust_env=False) as client:
        schedule = client.post("/v1/schedules", json=FILE).json()
        client.post(f"/v1/schedules/{schedule['id']}/fire")
        client.post("/v1/channels", json={"kind": "webhook", "name": "ci", "url": "https://ci.example.com/h"})
        key = schedule["id"]
        for page in ("/schedules", "/schedules/new", f"/schedules/{key}", f"/schedules/{key}/edit", "/alerts"):
            text = client.get(page).text
            links = re.findall(r'(?:href|src|data-(?:url|list|pages|schedules|channels?))="([^#"][^"]*)"', text)
            assert links
            assert all(link.startswith("/bench/") for link in links), links
            for link in set(links):
                assert client.get(html.unescape(link.removeprefix("/bench"))).status_code == 200, link
