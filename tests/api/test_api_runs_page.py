"""The table of runs: its address says all that it shows, and one that cannot be read is answered by what is wrong."""

import re

import pytest

from migperf.store.database import Database
from tests.api.serving import TestClient
from tests.api.steps import NOW, TAINT, examined, measured, submitted


def rows(page: str) -> list[str]:
    return re.findall(r'<tr id="run-([^"]+)"', page)


def test_each_filter_of_the_form_leaves_what_it_names_and_empty_fields_leave_all(
    client: TestClient, database: Database
) -> None:
    queued = submitted(database, workload="resnet18", labels={"commit": "4f1c"})
    clean, tainted = measured(database), examined(database, TAINT)
    empty = "text=&workload=&scenario=&kind=&profile=&label=&experiment=&tainted=&created_after=&gpu_model="
    assert rows(client.get(f"/runs?{empty}").text) == [tainted, clean, queued]
    assert rows(client.get("/runs?workload=resnet18&kind=").text) == [queued]
    assert rows(client.get("/runs?state=queued&state=lost").text) == [queued]
    assert rows(client.get("/runs?label=commit%3D4f1c").text) == [queued]
    assert rows(client.get("/runs?tainted=true").text) == [tainted]
    assert rows(client.get("/runs?text=4F1C").text) == [queued]
    assert rows(client.get("/runs?kind=cpu").text) == [tainted, clean]
    later = NOW.replace(year=NOW.year + 1)
    page = client.get(f"/runs?created_after={later:%Y-%m-%dT%H:%M}")
    assert rows(page.text) == [], "a time without a zone is in UTC"
    assert "No run is as asked for" in page.text


def test_the_columns_the_order_and_what_is_picked_are_in_the_address(client: TestClient, database: Database) -> None:
    first, second = submitted(database, workload="resnet18"), submitted(database)
    page = client.get(f"/runs?sort=workload&column=workload&column=labels&pick={second}&pick=elsewhere").text
    assert rows(page) == [first, second]
    assert '<th scope="col" aria-sort="ascending">' in page
    assert page.count("aria-sort") == 1
    heads = re.findall(r'<th scope="col"[^>]*>(?:<a [^>]*>)?(\w+)', page)
    assert heads == ["State", "Run", "workload", "labels"]
    assert re.findall(r'name="pick" value="([^"]+)"[^>]* checked', page) == [second]
    assert '<input type="hidden" name="pick" value="elsewhere">' in page
    assert "sort=-workload" in page
    assert f"pick={second}" in re.findall(r'href="([^"]+sort=-workload[^"]*)"', page)[0]


def test_pages_lead_forth_and_back_with_their_filters(client: TestClient, database: Database) -> None:
    stored = [submitted(database) for _ in range(3)]
    first = client.get("/runs?limit=2&scenario=single_stream").text
    forth = re.findall(r'rel="next" href="([^"]+)"', first)[0].replace("&amp;", "&")
    assert "scenario=single_stream" in forth
    second = client.get(forth).text
    assert (rows(first), rows(second)) == (stored[:0:-1], stored[:1])
    back = re.findall(r'rel="prev" href="([^"]+)"', second)[0].replace("&amp;", "&")
    assert rows(client.get(back).text) == rows(first)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=none", "state"),
        ("cursor=x", "cursor"),
        ("experiment=x", "experiment"),
        ("label=x", "label"),
        ("a=b", "a"),
    ],
)
def test_an_address_that_cannot_be_read_says_what_is_wrong(client: TestClient, query: str, field: str) -> None:
    answer = client.get(f"/runs?{query}")
    assert answer.status_code == 422
    assert f"<li><code>{field}</code> " in answer.text


def test_without_any_run_the_page_says_how_to_submit_one(client: TestClient) -> None:
    assert "No run has been submitted yet" in client.get("/runs").text


def test_only_runs_that_go_on_are_watched_and_nothing_is_styled_in_the_page(
    client: TestClient, database: Database
) -> None:
    queued, ended = submitted(database), measured(database)
    page = client.get("/runs").text
    assert re.findall(r'<tr id="run-([^"]+)" data-live>', page) == [queued]
    assert ended in page
    assert "<script" in page
    assert "style=" not in page


def test_an_order_that_leaves_runs_out_says_so(client: TestClient, database: Database) -> None:
    queued, ended = submitted(database), measured(database)
    page = client.get("/runs?sort=-duration_s").text
    assert rows(page) == [ended]
    assert "Only runs that have ended are in this order." in page
    assert 'href="/runs?sort=duration_s"' in page, "a press on the heading turns the order round"
    assert set(rows(client.get("/runs").text)) == {queued, ended}
    assert "Only runs that have ended" not in client.get("/runs").text
