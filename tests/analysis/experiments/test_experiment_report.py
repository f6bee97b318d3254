"""The report is one file that asks nothing of the network, says what is missing, and can be read without its charts."""

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest

from migperf.analysis.experiments.report import report_html
from migperf.analysis.experiments.tables import ReportTable
from migperf.store.database import Database
from migperf.store.states import RunState
from tests import builders
from tests.analysis.experiments.made_experiments import Ending, cell, made, throughput
from tests.api.steps import TAINT

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
URL_ATTRIBUTES = {"src", "href", "action", "data", "poster", "srcset", "formaction", "xlink:href"}
HOSTILE = "</script ><script>alert(1)</script>"
BASE = "https://service.example:8000/"


@dataclass
class Page(HTMLParser):
    """What a browser would find: elements, URLs, tables with their captions, text, and the drawings."""

    urls: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    tables: list[str | None] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    drawings: list[Any] = field(default_factory=list)
    inside: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.tags.append((tag, dict(attrs)))
        self.urls += [value or "" for name, value in attrs if name in URL_ATTRIBUTES]
        if tag == "table":
            self.tables.append(None)

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "caption":
            self.tables[-1] = data
        if self.inside != "script":
            self.words.append(data)
        elif self.tags[-1][1].get("type") == "application/json":
            self.drawings.append(json.loads(data))
        else:
            self.scripts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    return page


def told(run: Any, group: Any, coordinates: Any) -> Ending:
    if coordinates["batch_size"] == 4:
        return Ending(state=RunState.DOES_NOT_FIT, reason=f"too large {HOSTILE}")
    taints = [TAINT.model_dump()] if group.repeat == 0 and coordinates["batch_size"] == 1 else []
    facts = {"torch": "2.12.0" if group.repeat == 0 else "2.13.0", "host": "alpha", "load_average_1min": 0.1}
    return Ending([throughput(103.4217 + group.repeat, 0.001)], taints=taints, environment=facts)


def experiment(database: Database, **document: Any) -> str:
    cells = [cell(batch_size=size) for size in (1, 2, 4)] + [cell(batch_size=8, skipped=f"not asked for {HOSTILE}")]
    given = {"title": f"A title {HOSTILE}", "order": "shuffled", "matrix": {"batch_size": [1, 2, 4, 8]}}
    return made(database, cells, told, repeats=2, **given | document)


def report(database: Database, experiment_id: str, **more: Any) -> Page:
    with database.read() as session:
        return read(report_html(session, experiment_id, **more))


def test_nothing_is_asked_of_the_network(database: Database) -> None:
    page = report(database, experiment(database))
    assert all(url.startswith("#") for url in page.urls), page.urls
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed", "base", "form"}
    policy = next(found["content"] for tag, found in page.tags if found.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert 'plotlyServerURL: ""' in page.scripts[-1]
    assert "showSendToCloud: false" in page.scripts[-1]


def test_runs_are_linked_to_the_service_where_it_is_known(database: Database) -> None:
    page = report(database, experiment(database), base_url=BASE)
    outside = [url for url in page.urls if not url.startswith("#")]
    assert outside
    assert all(url.startswith("https://service.example:8000/runs/") for url in outside)


def test_every_table_has_a_caption_and_every_chart_words_and_a_table(database: Database) -> None:
    page = report(database, experiment(database))
    assert page.tables
    assert all(page.tables)
    charts = [attributes for _, attributes in page.tags if attributes.get("class") == "chart"]
    assert len(charts) == len(page.drawings) == 1
    assert all("2 without a result" in str(chart["aria-label"]) for chart in charts)
    assert "Throughput by batch_size: the values drawn" in page.tables


def test_what_a_run_or_a_file_says_cannot_become_part_of_the_page(database: Database) -> None:
    page = report(database, experiment(database))
    assert HOSTILE in page.text
    assert not any("alert(1)" in script for script in page.scripts)


def test_it_says_what_is_missing_what_is_tainted_and_what_differs(database: Database) -> None:
    page = report(database, experiment(database))
    assert "4 cells: 2 complete, 1 missing, 1 skipped" in page.text
    assert "repeats 1, 2: does_not_fit: too large" in page.text
    assert "not asked for" in page.text
    assert TAINT.seen in page.text
    assert "torch 2.13.0 (4 runs); 2.12.0 (2 runs) differs between runs" in page.text
    assert "load_average" not in page.text


def test_no_more_digits_are_shown_than_the_interval_defends(database: Database) -> None:
    text = report(database, experiment(database)).text
    assert "103.9 sample/s 97.5 to 110.3 (95 %)" not in text
    assert "104 sample/s 97 to 111 (95 %) 2" in text
    assert "103.92" not in text


@pytest.mark.parametrize("simulated", [False, True])
def test_a_simulated_experiment_says_at_once_that_it_measures_no_gpu(database: Database, simulated: bool) -> None:
    place = builders.partition("CPU-9", simulated=simulated)
    made_id = made(database, [cell(n=1), cell(n=2)], lambda *_: Ending([throughput(10)], partition=place))
    text = report(database, made_id).text
    assert ("Nothing here is a measurement of a GPU" in text) is simulated
    assert ("cpu, simulated" in text) is simulated


def test_leaving_out_tainted_runs_is_said(database: Database) -> None:
    page = report(database, experiment(database), keep_tainted=False)
    assert "left out of all values" in page.text
    assert "repeat 1: left out, since it is tainted (busy_neighbours)" in page.text


def test_an_experiment_of_which_nothing_has_run_has_a_report_too(database: Database) -> None:
    page = report(database, made(database, [cell(n=1)], lambda *_: None))
    assert "not yet: what follows is what there is so far" in page.text
    assert "has not ended (queued)" in page.text
    assert page.drawings == []


def test_more_tables_can_be_shown(database: Database) -> None:
    table = ReportTable(caption="Which framework works where", columns=("Framework", "CPU"), rows=(("jax", "works"),))
    page = report(database, experiment(database), more=[table])
    assert "Which framework works where" in page.tables
