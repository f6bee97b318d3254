"""The pages: complete without a script, harmless whatever is put into them, fit for reading aloud."""

import re
from html.parser import HTMLParser

import pytest

from migperf.store import runs
from migperf.store.database import Database, now
from tests import builders
from tests.api.serving import TestClient
from tests.api.steps import begun, both_databases, entered, measured, submitted

VOID = {"meta", "link", "rect", "polyline", "path", "br"}


class Outline(HTMLParser):
    """Checks that tags are nested as they should be, and remembers them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """See HTMLParser."""
        assert self.open.pop() == tag

    def count(self, tag: str) -> int:
        """Return how many such elements there are."""
        return sum(name == tag for name, _ in self.tags)


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


@both_databases
def test_the_overview_shows_runs_partitions_and_how_to_submit(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    with database.write() as session:
        gpu = builders.partition("GPU-9", kind="gpu", memory_mib=81559, simulated=True)
        builders.register(session, now(session), gpu, node="node-9")
    page = client.get("/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    for expected in (
        run_id,
        "test-step",
        "succeeded",
        "GPU-9",
        "81,559 MiB",
        "simulated",
        "curl http://127.0.0.1:8642",
    ):
        assert expected in page.text


def test_the_overview_of_an_empty_service_says_what_to_do(client: TestClient) -> None:
    page = client.get("/").text
    assert "No run has been submitted yet" in page
    assert "migperf worker" in page


@both_databases
def test_the_page_of_a_run_shows_all_that_is_known_of_it(client: TestClient, database: Database) -> None:
    page = client.get(f"/runs/{measured(database, labels={'commit': '4f1c'})}").text
    expected = {
        "value to the place that its interval supports": ">4.518<",
        "interval": "4.502 to 4.534 (95 %)",
        "how the interval was computed": "batch means",
        "reason of absence": "needs at least 300 steps",
        "reason of an absent series": "the instance has no power sensor",
        "window": "5.000 s, ended by min_s",
        "environment": "gpu-node-3",
        "unknown environment": "unknown",
        "label": "4f1c",
        "timeline": ">9.00 s<",
        "log": "Log of attempt 1",
        "document": "trials.json",
    }
    missing = {what for what, text in expected.items() if text not in page}
    assert not missing
    assert "<script" not in page, "what has ended needs no script"


def test_a_running_run_is_watched_by_a_script_of_our_own(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    begun(database, run_id)
    entered(database, run_id, "warming_up")
    page = client.get(f"/runs/{run_id}").text
    assert "warming up" in page
    [source] = re.findall(r'<script type="module" src="([^"]+)"></script>', page)
    assert client.get(source).headers["Content-Type"].startswith("text/javascript")
    assert f'data-events="/v1/runs/{run_id}/events"' in page


def test_a_simulated_run_is_labelled(client: TestClient, database: Database) -> None:
    run_id = measured(database, simulated=True)
    assert "simulated: says nothing of real boards" in client.get(f"/runs/{run_id}").text
    assert "simulated" in client.get("/").text


def test_whatever_users_write_stays_text(client: TestClient, database: Database) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"
    run_id = measured(database, labels={"note": evil}, reason=evil)
    with database.write() as session:
        runs.lock(session, run_id).environment = {evil: evil}
    with database.write() as session:
        builders.register(session, now(session), builders.partition(evil, model=evil))
    for page in (client.get(f"/runs/{run_id}").text, client.get("/").text, client.get("/runs/<script>").text):
        assert "<script>" not in page
        assert "<img" not in page
        assert "&lt;script&gt;" in page
        outline(page)


@pytest.mark.parametrize("path", ["/", "/runs/unknown", "/problems/conflict"])
def test_a_page_allows_nothing_but_its_own_files(client: TestClient, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert " style=" not in answer.text
    assert not re.search(r"<[^>]+ on[a-z]+=", answer.text)
    for tag, attributes in outline(answer.text).tags:
        address = attributes.get("src") or attributes.get("href") or "/"
        assert address[0] in "/#", f"{tag} leads elsewhere: {address}"


def test_an_unknown_run_is_a_page_too(client: TestClient) -> None:
    answer = client.get("/runs/unknown")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "unknown" in answer.text


def test_pages_are_built_for_reading_aloud(client: TestClient, database: Database) -> None:
    for path in ("/", f"/runs/{measured(database)}"):
        page = client.get(path).text
        found = outline(page)
        assert page.startswith('<!doctype html>\n<html lang="en">')
        assert found.count("h1") == found.count("main") == 1
        assert found.count("caption") == found.count("table") > 0
        assert all("scope" in attributes for tag, attributes in found.tags if tag == "th")
        assert all(attributes.get("aria-label") for tag, attributes in found.tags if tag in ("svg", "nav"))
        names = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
        assert len(names) == len(set(names))
        assert {a["aria-labelledby"] for _, a in found.tags if "aria-labelledby" in a} <= set(names)


def test_the_style_knows_light_dark_and_small_screens(client: TestClient) -> None:
    style = client.get("/static/style.css").text
    assert "prefers-color-scheme: dark" in style
    assert "max-width: 600px" in style
