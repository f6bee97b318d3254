"""The pages: complete without a script, harmless whatever is put into them, fit for reading aloud."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from sqlalchemy import delete

from migperf.measure.figures import ResultFigure
from migperf.metrics.metric import Metric, Scope
from migperf.metrics.series import Chunk, SeriesUpdate
from migperf.store import results, runs, series
from migperf.store.database import Database, now
from migperf.store.models import ResultRow
from tests import builders
from tests.api.serving import TestClient
from tests.api.steps import (
    GRACT,
    LOST,
    NO_SENSOR,
    STALLED,
    begun,
    both_databases,
    entered,
    gap,
    measured,
    submitted,
    watched,
)
from tests.databases import counted_statements

CLOCK = Metric(name="clock_sm", unit="MHz", scope=Scope.GPU, source="nvml")

VOID = {"meta", "link", "br", "input"}


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


def test_the_page_of_a_run_asks_no_more_of_the_database_for_more_series(client: TestClient, database: Database) -> None:
    run_id, served = measured(database), client.app.state.database  # type: ignore[attr-defined]
    asked = []
    for count in (1, 30):
        for number in range(count):
            metric = Metric(name=f"clock_{number}", unit="MHz", scope=Scope.GPU, source="nvml")
            watched(database, run_id, metric, {1.0: 90.0, 2.0: 91.0}, gap(1.2, 1.8, STALLED))
        with counted_statements(served) as statements:
            assert client.get(f"/runs/{run_id}").status_code == 200
        asked.append(len(statements))
    assert asked[0] == asked[1]


def test_one_of_something_is_not_spoken_of_as_several(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    with database.write() as session:
        runs.lock(session, run_id).environment = {"host": "gpu-node-3"}
    watched(database, run_id, GRACT, {1.0: 90.0, 3.0: 91.0}, gap(1, 3, STALLED))
    watched(
        database, run_id, CLOCK, {1.0: 90.0, 2.0: 91.0, 4.0: 91.0, 5.0: 92.0}, gap(1, 2, STALLED), gap(4, 5, STALLED)
    )
    page = client.get(f"/runs/{run_id}").text
    assert '90.00 to 91.00 %, 1 gap"' in page
    assert '90.00 to 92.00 MHz, 2 gaps"' in page
    assert "1 fact about host" in page


@both_databases
def test_the_page_of_a_run_shows_all_that_is_known_of_it(client: TestClient, database: Database) -> None:
    page = client.get(f"/runs/{measured(database, labels={'commit': '4f1c'})}").text
    expected = {
        "value to the place that its interval supports": ">4.518<",
        "interval, rounded outwards": "4.502 to 4.535 (95 %)",
        "how the interval was computed": "batch means",
        "reason of absence": "needs at least 300 steps",
        "reason of an absent series": "the instance has no power sensor",
        "window": "5.000 s, ended by min_s",
        "environment": "gpu-node-3",
        "unknown environment": "unknown",
        "label": "4f1c",
        "timeline": ">9.00 s<",
        "log": "&lt;b&gt;hello&lt;/b&gt;",
        "what the warm-up was asked to do": "until steady within 2 %",
        "document": "trials.json",
    }
    missing = {what for what, text in expected.items() if text not in page}
    assert not missing
    assert "/static/watch.js" not in page, "what has ended is not watched"


@both_databases
def test_the_page_and_the_document_of_a_run_tell_its_engine_and_its_load(
    client: TestClient, database: Database
) -> None:
    engine = {"runtime": "compile", "precision": "bf16", "channels_last": True}
    load = {"rate_per_s": 12.5, "max_batch": 4}
    run_id = submitted(database, workload="resnet18", scenario="server", engine=engine, load=load)
    page = client.get(f"/runs/{run_id}").text
    assert "compile in bf16, channels last" in page
    assert "load rate per s</dt><dd>12.5" in page
    assert "engine channels last</dt><dd>yes" in page
    told = client.get(f"/v1/runs/{run_id}").json()["benchmark"]
    assert told["engine"] == engine
    assert (told["load"]["max_batch"], told["search"], told["profile"]) == (4, None, False)
    plain = submitted(database)
    assert "eager in fp32" in client.get(f"/runs/{plain}").text
    assert client.get(f"/v1/runs/{plain}").json()["benchmark"]["load"] is None


def test_series_are_drawn_and_summed_up_grouped_by_what_they_are_about(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    watched(database, run_id, GRACT, {0.5: 90.0, 1.0: 91.0, 3.0: 92.0, 4.0: 93.0}, gap(1, 3, STALLED))
    watched(database, run_id, CLOCK, {0.5: 1980.0})
    page = client.get(f"/runs/{run_id}").text
    groups = re.findall(r'<tbody data-scope="(\w+)">(.*?)</tbody>', page, re.DOTALL)
    assert [(scope, re.findall(r'data-series="(\w+)"', rows)) for scope, rows in groups] == [
        ("instance", ["gract"]),
        ("gpu", ["clock_sm"]),
        ("process", ["latency"]),
    ]
    rows = dict(groups)
    assert "The whole board" in rows["gpu"]
    path = re.findall(r' d="([^"]+)"', rows["instance"])
    assert [line.count("L") for line in path[0].removeprefix("M").split("M")] == [1, 1], "the line stops at the gap"
    assert rows["instance"].count('class="gap"') == 1
    assert f"<title>stalled: {STALLED.reason}</title>" in rows["instance"]
    assert "every 100 ms" in rows["instance"]
    assert re.findall(r'<td class="number">([\d.]+)</td>', rows["process"])[:3] == ["4.454", "4.202", "4.707"]


def test_series_without_a_sample_are_listed_at_the_end_with_state_and_reason(
    client: TestClient, database: Database
) -> None:
    page = client.get(f"/runs/{measured(database)}").text
    [absent] = re.findall('<details id="absent-series">(.*?)</details>', page, re.DOTALL)
    assert "1 series without a sample" in absent
    for text in (">power</a>", "<td>not supported</td>", NO_SENSOR.reason, "<td>nvml</td>"):
        assert text in absent
    assert 'data-series="power"' not in page


def test_a_series_that_ended_early_says_why(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    watched(database, run_id, GRACT, {0.5: 90.0}, gap(0.5, None, LOST))
    assert f"lost at the end: {LOST.reason}" in client.get(f"/runs/{run_id}").text


def test_a_peak_among_a_hundred_thousand_samples_is_drawn_with_few_points(
    client: TestClient, database: Database
) -> None:
    run_id = measured(database)
    value = np.ones(100_000)
    value[54_321] = 100.0
    with database.write() as session:
        chunk = Chunk.of(np.arange(100_000) * 100_000, value)
        series.append(session, run_id, [SeriesUpdate(GRACT, chunk)], clock_zero_ns=0)
    [drawn] = re.findall(
        r'data-series="gract".*?<path class="line" d="([^"]+)"', client.get(f"/runs/{run_id}").text, re.DOTALL
    )
    assert ",2.0" in drawn
    assert drawn.count("L") < 500


def test_the_board_of_a_whole_gpu_is_what_the_run_is_on(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    watched(database, run_id, CLOCK, {0.5: 1980.0})
    with database.write() as session:
        runs.lock(session, run_id).partition_row.kind = "gpu"  # type: ignore[union-attr]
    assert "The GPU that the run is on" in client.get(f"/runs/{run_id}").text


def test_a_figure_tells_how_it_was_come_by(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    assert "Method" not in client.get(f"/runs/{run_id}").text
    energy = ResultFigure(
        name="gpu_energy", unit="J", scope=Scope.GPU, value=99.5, method="counter difference", update_period_ms=20.0
    )
    other = measured(database)
    with database.write() as session:
        session.execute(delete(ResultRow).where(ResultRow.run_id == other))
        results.store_figures(session, other, [energy])
    page = client.get(f"/runs/{other}").text
    assert "counter difference" in page
    assert "meter updated every 20 ms" in page


def test_a_run_that_goes_on_has_room_for_series_that_are_yet_to_come(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    page = client.get(f"/runs/{run_id}").text
    assert re.findall(r'<tbody data-scope="(\w+)" hidden>', page) == [
        *("instance", "gpu", "process", "process_tree", "host")
    ]
    assert '<template id="series-row">' in page
    outline(page)


def test_a_running_run_is_watched_by_a_script_of_our_own(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    begun(database, run_id)
    entered(database, run_id, "warming_up")
    page = client.get(f"/runs/{run_id}").text
    assert "warming up" in page
    sources = re.findall(r'<script type="module" src="([^"]+)"></script>', page)
    assert len(sources) == 3
    for source in sources:
        assert client.get(source).headers["Content-Type"].startswith("text/javascript")
    assert f'data-events="/v1/runs/{run_id}/events"' in page
    assert f'data-series="/v1/runs/{run_id}/series"' in page


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
        named = [
            attributes for tag, attributes in found.tags if tag in ("svg", "nav") and "aria-hidden" not in attributes
        ]
        assert all(attributes.get("aria-label") for attributes in named)
        names = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
        assert len(names) == len(set(names))
        assert {a["aria-labelledby"] for _, a in found.tags if "aria-labelledby" in a} <= set(names)


def test_the_style_knows_light_dark_and_small_screens(client: TestClient) -> None:
    style = client.get("/static/style.css").text
    assert "prefers-color-scheme: dark" in style
    assert "max-width: 600px" in style
