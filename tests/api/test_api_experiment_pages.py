"""The pages of experiments: the list, the form, and one experiment with its cells, in every state it can be in."""

import html
import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api import experiment_page
from api.experiment_form import EXAMPLE
from api.experiment_page import ExperimentPage, Stretch
from api.links import Links
from migperf.experiments.document import parse
from migperf.store import experiments
from migperf.store.database import Database, now
from migperf.store.models import ExperimentRow, GroupRow, Run
from migperf.store.states import RunState
from tests import builders
from tests.analysis.experiments.made_experiments import Coordinates, Ending, cell, made, together
from tests.api.serving import TestClient, served
from tests.api.steps import TAINT, both_databases
from tests.api.test_api_experiments import FILE
from tests.api.test_api_pages import outline
from tests.databases import counted_statements

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"


@pytest.fixture
def cpu(database: Database) -> None:
    """A node with a CPU of four cores."""
    with database.write() as session:
        builders.register(session, now(session), builders.partition(cpus=(0, 1, 2, 3)))


def page_of(client: TestClient, experiment_id: str, **query: int) -> str:
    answer = client.get(f"/experiments/{experiment_id}", params=query)
    assert answer.status_code == 200, answer.text
    outline(answer.text)
    return answer.text


def rows_of(page: str) -> list[str]:
    """Return the rows of cells as they read, without tags."""
    rows = re.findall(r'<tr id="cell-\d+" data-live>(.*?)</tr>', page, re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in rows]


def buttons_of(page: str) -> list[str]:
    return re.findall(r'data-action="(\w+)"', page)


def submitted(client: TestClient, **more: Any) -> str:
    answer = client.post("/v1/experiments", json=FILE | more)
    assert answer.status_code == 202, answer.text
    experiment_id: str = answer.json()["id"]
    return experiment_id


def leave_all(*_: object) -> None:
    """Leave every run in the queue."""


def end_all(run: Run, group: GroupRow, coordinates: Coordinates) -> Ending:
    return Ending()


@both_databases
@pytest.mark.usefixtures("cpu")
def test_an_experiment_that_goes_on_tells_what_is_done_and_what_is_left(client: TestClient) -> None:
    experiment_id = submitted(client, description="Why it is made.")
    page = page_of(client, experiment_id)
    expected = {
        "title": "<h1>By length of a step</h1>",
        "description": "Why it is made.",
        "state": '<span class="state state-running">running</span>',
        "progress": "0 of 4 repeats have ended",
        "bar": '<progress max="4" value="0" aria-label="Repeats that have ended">',
        "device": "a processor",
        "expected time": "by what the benchmarks ask for; at most",
        "time left": "Left, if it takes as long as expected",
        "report": f'href="/v1/experiments/{experiment_id}/report"',
        "figures": f'href="/v1/experiments/{experiment_id}/results?format=parquet"',
        "a copy": f'href="/experiments/new?from={experiment_id}"',
    }
    assert not {what for what, text in expected.items() if text not in page}
    assert buttons_of(page) == ["cancel"]
    assert [row.split(" 1 run ")[0] for row in rows_of(page)] == ["0 step_ms 1", "1 step_ms 2"]
    assert all(row.endswith("queued queued") for row in rows_of(page))


@both_databases
@pytest.mark.usefixtures("cpu")
def test_time_left_is_the_part_of_the_expected_time_of_what_has_not_ended(
    client: TestClient, database: Database
) -> None:
    experiment_id = submitted(client)

    def read() -> ExperimentPage:
        with database.read() as session:
            return ExperimentPage.of(session, experiment_id, 0, Links(""))

    at_first = read()
    assert at_first.plan is not None
    assert at_first.left_s == pytest.approx(at_first.plan.expected_s)
    with database.write() as session:
        for run in experiments.runs_of(session, experiment_id)[:3]:
            run.state = RunState.PLACED
            session.flush()
            run.state = RunState.RUNNING
            session.flush()
            run.state = RunState.SUCCEEDED
        session.flush()
        experiments.settle(session, now(session))
    assert read().progress.ended == 3
    assert read().left_s == pytest.approx(at_first.plan.expected_s / 4)


@both_databases
@pytest.mark.usefixtures("cpu")
def test_a_cancelled_experiment_can_be_taken_up_again_or_deleted(client: TestClient) -> None:
    experiment_id = submitted(client)
    client.post(f"/v1/experiments/{experiment_id}/cancel")
    page = page_of(client, experiment_id)
    assert "4 of 4 repeats have ended: 4" in " ".join(page.split())
    assert '<p id="standing" class="standing" data-live data-ended>' in page, "the script stops asking"
    assert buttons_of(page) == ["resume", "delete"]
    client.post(f"/v1/experiments/{experiment_id}/resume")
    page = page_of(client, experiment_id)
    assert buttons_of(page) == ["cancel"]
    assert all("attempt 2; before: cancelled" in row for row in rows_of(page))


def test_an_experiment_being_cancelled_says_that_runs_are_being_ended(client: TestClient, database: Database) -> None:
    experiment_id = made(database, [cell(number=1)], leave_all)
    with database.write() as session:
        session.get_one(ExperimentRow, experiment_id).cancelled_at = now(session)
    page = page_of(client, experiment_id)
    assert "runs are being ended" in page
    assert buttons_of(page) == []


def test_a_finished_experiment_that_has_all_its_results_has_nothing_to_take_up(
    client: TestClient, database: Database
) -> None:
    ended = made(database, [cell(number=1), cell(number=2)], end_all, repeats=2)
    page = page_of(client, ended)
    assert buttons_of(page) == ["delete"]
    assert rows_of(page) == ["0 number 1 1 run succeeded succeeded", "1 number 2 1 run succeeded succeeded"]


def test_a_repeat_leads_to_its_run_and_says_what_became_of_it(client: TestClient, database: Database) -> None:
    ending = {
        1: Ending(taints=[TAINT.model_dump()]),
        2: Ending(state=RunState.FAILED, reason="the child raised\nTraceback …"),
        3: Ending(state=RunState.DOES_NOT_FIT, reason="9 GiB of 8"),
    }
    experiment_id = made(
        database,
        [cell(number=1), cell(number=2), cell(number=3), cell(skipped="A30 has no 3g", number=4)],
        lambda _run, _group, coordinates: ending[coordinates["number"]],
        retry_failed=1,
    )
    page = page_of(client, experiment_id)
    assert rows_of(page) == [
        "0 number 1 1 run succeeded tainted",
        "1 number 2 1 run failed attempt 2; before: failed the child raised",
        "2 number 3 1 run does not fit 9 GiB of 8",
        "3 number 4 skipped: A30 has no 3g",
    ]
    with database.read() as session:
        runs = [run.id for run in experiments.runs_of(session, experiment_id)]
    assert len(runs) == 4
    assert all(f'href="/runs/{run}"' in page for run in runs)
    assert buttons_of(page) == ["resume", "delete"]
    assert "4, 1 skipped" in client.get("/experiments").text


def test_runs_that_are_measured_together_are_told_apart(client: TestClient, database: Database) -> None:
    waiting = made(database, [cell(together(2, 1), number=1)], leave_all)
    assert rows_of(page_of(client, waiting)) == [
        "0 number 1 2 runs + 1 neighbour, pinned client 1 queued , client 2 queued , neighbour 3 queued"
    ]
    ended = made(database, [cell(together(2, 1), number=1)], end_all)
    assert rows_of(page_of(client, ended)) == [
        "0 number 1 2 runs + 1 neighbour, pinned succeeded : client 1 , client 2 , neighbour 3"
    ]


def test_the_same_reason_of_several_runs_is_told_once_and_a_long_one_is_cut(
    client: TestClient, database: Database
) -> None:
    long = "x" * 1000
    experiment_id = made(database, [cell(together(2), number=1)], lambda *_: Ending(state=RunState.FAILED, reason=long))
    [row] = rows_of(page_of(client, experiment_id))
    assert row.count("x" * 200) == 1
    assert row.endswith("…")


def test_whatever_users_write_stays_text(client: TestClient, database: Database) -> None:
    experiment_id = made(
        database,
        [cell(**{EVIL: EVIL}), cell(skipped=EVIL, **{EVIL: [EVIL]})],
        lambda *_: Ending(state=RunState.FAILED, reason=EVIL),
        title=EVIL,
        description=EVIL,
    )
    for page in (
        page_of(client, experiment_id),
        client.get("/experiments").text,
        client.get("/experiments/<script>").text,
        client.get("/experiments/new", params={"from": experiment_id}).text,
        client.get("/experiments", params={"cursor": "<script>"}).text,
    ):
        outline(page)
        assert "<script>" not in page
        assert "<img" not in page
    assert page_of(client, experiment_id).count("&lt;script&gt;") >= 6


@pytest.mark.usefixtures("cpu")
def test_a_text_that_would_end_the_field_of_the_form_stays_in_it(client: TestClient) -> None:
    title = "</textarea><script>alert(1)</script>"
    page = client.get("/experiments/new", params={"from": submitted(client, title=title)}).text
    outline(page)
    assert "<script>" not in page
    [text] = re.findall(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert parse(html.unescape(text)).title == title


def test_an_unknown_experiment_is_a_page_too(client: TestClient) -> None:
    for path in ("/experiments/unknown", "/experiments/new?from=unknown"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert "unknown" in answer.text


def test_without_experiments_the_list_says_what_to_do(client: TestClient) -> None:
    page = client.get("/experiments").text
    outline(page)
    for text in ('href="/experiments/new"', "migperf experiments run FILE.yaml", "application/yaml"):
        assert text in page
    assert 'href="/experiments"' in client.get("/").text


@both_databases
@pytest.mark.usefixtures("cpu")
def test_experiments_are_listed_page_by_page_the_newest_first(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.routes.experiment_pages.ON_A_PAGE", 2)
    ids = [submitted(client, title=f"number {number}") for number in range(3)]
    first = client.get("/experiments").text
    listed = re.compile(r'href="/experiments/([^"?]+)">number')
    assert listed.findall(first) == ids[:0:-1]
    assert "0 of 4" in first
    [more] = re.findall(r'rel="next" href="([^"]+)"', first)
    rest = client.get(html.unescape(more)).text
    assert listed.findall(rest) == ids[:1]
    assert 'rel="next"' not in rest


def test_the_list_tells_failures_beside_progress(client: TestClient, database: Database) -> None:
    made(database, [cell(number=1), cell(number=2)], lambda *_: Ending(state=RunState.FAILED), title="a study")
    page = client.get("/experiments").text
    assert '2 of 2, <span class="state-failed">2 failed</span>' in page


def test_the_form_begins_with_an_example_that_is_an_experiment(client: TestClient) -> None:
    page = client.get("/experiments/new").text
    found = outline(page)
    [text] = re.findall(r"<textarea[^>]*>\n?(.*?)</textarea>", page, re.DOTALL)
    assert html.unescape(text) == EXAMPLE
    assert parse(EXAMPLE).repeats == 3
    labelled = {attributes["for"] for tag, attributes in found.tags if tag == "label"}
    fields = {a["id"] for tag, a in found.tags if tag in ("textarea", "input")}
    assert labelled == fields, "each field has its label"
    assert "application/yaml" in re.findall("<noscript>(.*?)</noscript>", page, re.DOTALL)[0]


@both_databases
@pytest.mark.usefixtures("cpu")
def test_the_file_of_an_earlier_experiment_comes_back_with_its_cells_in_their_order(client: TestClient) -> None:
    choices = {name: {"benchmark": {"method": {"min_s": s}}} for s, name in enumerate(("zeta", "alpha", "mid"), 1)}
    matrix = {"z": choices, "benchmark.parameters.step_ms": [3, 1, 2], "clients": [1, 2]}
    earlier = submitted(client, matrix=matrix, sharing="pinned", exclude=[{"z": "alpha", "clients": 2}])
    page = client.get("/experiments/new", params={"from": earlier}).text
    [text] = re.findall(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    posted = client.post("/v1/experiments", content=html.unescape(text), headers={"Content-Type": "application/yaml"})
    assert posted.status_code == 202, posted.text
    first, again = (client.get(f"/v1/experiments/{one}").json() for one in (earlier, posted.json()["id"]))
    assert again["document"] == first["document"]
    assert [c["coordinates"] for c in again["cell_list"]] == [c["coordinates"] for c in first["cell_list"]]


def test_a_file_of_another_version_is_not_filled_in_and_said_to_be_so(client: TestClient, database: Database) -> None:
    experiment_id = made(database, [cell(number=1)], leave_all, migperf=9)
    page = client.get("/experiments/new", params={"from": experiment_id}).text
    assert "was written for another version of migperf" in page


def test_many_cells_come_page_by_page(client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment_page, "MOST_CELLS", 3)
    experiment_id = made(database, [cell(number=number) for number in range(7)], leave_all, repeats=2)
    pages, query = [], {}
    while True:
        page = page_of(client, experiment_id, **query)
        pages.append([int(row.split()[0]) for row in rows_of(page)])
        assert "of 14 repeats" in page, "progress is that of all cells"
        later = re.findall(r'rel="next" href="[^"]+cell=(\d+)"', page)
        if not later:
            break
        query = {"cell": int(later[0])}
    assert pages == [[0, 1, 2], [3, 4, 5], [6]]
    [before] = set(re.findall(r'rel="prev" href="[^"]+cell=(\d+)"', page))
    assert rows_of(page_of(client, experiment_id, cell=int(before)))[0].startswith("3 ")
    assert rows_of(page_of(client, experiment_id, cell=10**9)) == rows_of(page)


@pytest.mark.parametrize(
    ("repeats", "runs", "cells", "shown"),
    [(3, 1, 2000, range(100)), (100, 1, 2000, range(15)), (100, 16, 2000, range(1)), (1, 1, 4, range(4))],
)
def test_the_more_runs_cells_have_the_fewer_are_on_a_page(repeats: int, runs: int, cells: int, shown: range) -> None:
    row = ExperimentRow(document={"repeats": repeats}, plan={"cells": [{"runs": None}, {"runs": runs}]})
    assert Stretch.holding(0, row, cells).numbers == shown


def test_a_page_takes_no_more_statements_for_more_cells(client: TestClient, database: Database) -> None:
    def statements(cells: int) -> int:
        experiment_id = made(database, [cell(number=number) for number in range(cells)], end_all, repeats=2)
        with counted_statements(database) as counted:
            page_of(client, experiment_id)
        return len(counted)

    assert statements(8) == statements(2)


def test_pages_are_built_for_reading_aloud_and_allow_nothing_but_their_own_files(
    client: TestClient, database: Database
) -> None:
    experiment_id = made(database, [cell(number=1), cell(skipped="too large", number=2)], end_all)
    for path in ("/experiments", "/experiments/new", f"/experiments/{experiment_id}"):
        answer = client.get(path)
        found = outline(answer.text)
        assert found.count("h1") == found.count("main") == 1
        assert found.count("caption") == found.count("table") > 0
        assert all("scope" in attributes for tag, attributes in found.tags if tag == "th")
        assert all(a.get("aria-label") for tag, a in found.tags if tag in ("nav", "progress"))
        names = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
        assert len(names) == len(set(names))
        told = {name for _, a in found.tags for key in ("aria-labelledby", "aria-describedby") if key in a
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


def test_every_path_is_behind_the_prefix(app: FastAPI, database: Database) -> None:
    experiment_id = made(database, [cell(number=1)], end_all)
    with served(app, root_path="/bench") as url, httpx.Client(base_url=url, trust_env=False) as client:
        for page in ("/experiments", "/experiments/new", f"/experiments/{experiment_id}"):
            text = client.get(page).text
            links = re.findall(r'(?:href|src|data-(?:url|list|experiments))="([^#"][^"]*)"', text)
            assert all(link.startswith("/bench/") for link in links), links
            for link in {link for link in links if not link.startswith("/bench/experiments/new?")}:
                assert client.get(html.unescape(link.removeprefix("/bench"))).status_code == 200, link
