"""A person in a browser is told of a problem by a page, a program by a document: as each one asks."""

import pytest

from migperf.store.database import Database
from tests.api.serving import TestClient
from tests.api.steps import measured

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}


def test_a_bad_statistic_is_told_to_a_person_with_what_would_be_right(client: TestClient, database: Database) -> None:
    path = f"/compare?baseline={measured(database)}&candidate={measured(database)}&statistic=<i>p100</i>&margin=7"
    page = client.get(path, headers=BROWSER)
    assert (page.status_code, page.headers["Content-Type"]) == (422, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for told in (
        "<code>statistic</code>",
        "&#39;p99&#39;",
        "&lt;i&gt;p100",
        "<code>margin</code>",
        "less than or equal",
    ):
        assert told in page.text


def test_a_run_that_does_not_exist_is_told_to_a_person_with_where_to_look(client: TestClient) -> None:
    page = client.get("/compare?baseline=a&candidate=b", headers=BROWSER)
    assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "No run with id &#39;a&#39;" in page.text
    assert 'href="/runs"' in page.text


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/problem+json, text/html;q=0.5"])
def test_a_program_is_told_by_a_document(client: TestClient, accept: str) -> None:
    answer = client.get("/compare?baseline=a&candidate=b&statistic=p100", headers={"Accept": accept})
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == "statistic"


def test_what_is_for_programs_answers_with_documents_whoever_asks(client: TestClient) -> None:
    assert client.get("/v1/runs/none", headers=BROWSER).headers["Content-Type"] == "application/problem+json"


def test_a_path_that_leads_nowhere_is_told_by_a_page_with_links_that_lead_on(client: TestClient) -> None:
    page = client.get("/nowhere", headers=BROWSER)
    assert (page.status_code, page.headers["Vary"]) == (404, "Accept")
    assert "There is nothing at this path" in page.text
    assert 'href="/"' in page.text
