"""The advisor's page in a browser: a demand is put together, asked, drawn, passed on, and led on from."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from migperf.gpus.inventory import discover
from migperf.gpus.simulation.driver import open_in_memory
from migperf.store import gpus
from migperf.store.database import Database
from tests.analysis.advisor.measured_runs import measured
from tests.api.accessibility import grave_faults
from tests.api.browsing import PREFIX, in_browser, opened
from tests.api.html_validity import faults
from tests.builders import inventory, register

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = in_browser
SEARCH = {"search": {"kind": "max_rate", "percentile": 99, "limit_ms": 20}, "parameters": {"batch_size": 1}}
HEADLINE = "#answer-title.headline"


@pytest.fixture(autouse=True)
def known(database: Database) -> str:
    """A service with a GPU, and what its slices do; return the UUID of the GPU."""
    now = datetime.now(UTC)
    [gpu] = discover(open_in_memory(["a100-80gb"])).gpus
    with database.write() as session:
        register(session, now)
        gpus.store(session, "node-1", inventory(gpus=(gpu.model_copy(update={"simulated": False}),)), now)
    for profile, rate in (("1g.10gb", 120), ("3g.40gb", 300)):
        measured(database, profile, {"max_rate": rate, "throughput": rate}, **SEARCH)
    return gpu.uuid


def test_a_demand_is_asked_with_the_keyboard_and_its_answer_is_drawn_and_leads_on(page: "Page", known: str) -> None:
    opened(page, "/advisor")
    page.fill("#services-0-name", "thumbnails")
    page.fill("#services-0-rate_per_s", "400")
    page.keyboard.press("Enter")
    page.wait_for_selector(HEADLINE)
    assert page.inner_text(HEADLINE) == "1 of 1 × NVIDIA A100-SXM4-80GB serve it; fewer do not suffice"
    assert page.evaluate("document.activeElement.id") == "answer", "who listens is told the answer"
    assert page.locator("svg.slices .job-0").count() == 4
    assert "1g.10gb" in page.locator("svg.slices .job-0 text").all_text_contents()
    assert " ".join(page.inner_text(".uses tbody tr").split()) == "4 × 1g.10gb A thumbnails 100 120 83.3 % 100 %"
    assert page.title().startswith("1 of 1 × NVIDIA")
    with page.expect_navigation(url="**/layouts?gpu=*"):
        page.click("text=GPU-")
    assert page.input_value("#text") == "1g.10gb@0+1g.10gb@1+1g.10gb@2+1g.10gb@3"
    assert page.locator("#objection").count() == 0
    assert known in page.url


def test_a_shared_address_has_the_demand_and_shows_its_answer(page: "Page") -> None:
    opened(page, "/advisor")
    page.fill("#services-0-rate_per_s", "250")
    page.select_option("#services-0-latency-statistic", "p95")
    page.click("#advise")
    page.wait_for_selector(HEADLINE)
    said, shared = page.inner_text(".jobs tbody"), page.url
    assert shared.endswith("#answer")
    assert parse_qs(urlsplit(shared).query)["services.0.rate_per_s"] == ["250"]
    page.goto("about:blank")
    page.goto(shared)
    page.wait_for_selector(HEADLINE)
    assert page.inner_text(".jobs tbody") == said
    assert page.input_value("#services-0-latency-statistic") == "p95"
    page.goto(shared.removesuffix("#answer"))
    page.reload()
    page.wait_for_load_state("networkidle")
    assert page.inner_text("#answer") == "The answer\n\nAsk first.", "the solver runs for nobody who has not asked"
    page.click("#shared")
    page.wait_for_selector(HEADLINE)


def test_what_is_wrong_is_told_at_its_field_while_one_types(page: "Page") -> None:
    opened(page, "/advisor")
    page.fill("#services-0-rate_per_s", "plenty")
    page.wait_for_selector("#services-0-rate_per_s-problem:has-text('write a number')")
    assert page.get_attribute("#services-0-rate_per_s", "aria-invalid") == "true"
    assert "Told as soon as everything is right" in page.inner_text("#equivalents")
    page.click("#advise")
    page.wait_for_selector("#no-answer:has-text('mend what is marked')")
    assert page.evaluate("document.activeElement.id") == "services-0-rate_per_s"
    page.fill("#services-0-rate_per_s", "90")
    page.wait_for_selector("[data-equivalent=yaml] code:has-text('rate_per_s: 90')")
    assert page.get_attribute("#services-0-rate_per_s", "aria-invalid") is None
    page.click("[data-equivalent=curl] summary")
    page.fill("#services-0-rate_per_s", "91")
    page.wait_for_selector("[data-equivalent=curl] code:has-text('91')")
    assert page.is_visible("[data-equivalent=curl] code"), "what was opened stays open"


def test_rows_come_and_go_and_the_focus_goes_along(page: "Page") -> None:
    opened(page, "/advisor")
    page.fill("#services-0-name", "mine")
    page.focus("button:text('Add a service')")
    page.keyboard.press("Enter")
    page.wait_for_selector("#services-1-name")
    assert page.evaluate("document.activeElement.id") == "services-1-name"
    assert page.input_value("#services-0-name") == "mine", "what was entered is still there"
    page.focus("[aria-label='Remove service 1']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#services-1-name", state="detached")
    assert page.evaluate("document.activeElement.id") == "services-0-name"
    assert page.input_value("#services-0-name") == ""
    page.click("[aria-label='Ask about resnet50 batch_size=1']")
    page.wait_for_selector("#services-0-known:has-text('Measured on 1g.10gb, 3g.40gb')")
    page.click("#advise")
    page.wait_for_selector(HEADLINE)
    assert "stale" not in (page.get_attribute("#answer", "class") or "")
    page.fill("#services-0-rate_per_s", "10")
    page.wait_for_selector("#answer.stale")
    assert page.inner_text("#standing") == "The answer below is that of an earlier demand."


def test_an_experiment_that_the_answer_offers_is_opened_and_can_be_planned(page: "Page") -> None:
    opened(page, "/advisor?services.0.name=a&services.0.benchmark.workload=resnet18&services.0.rate_per_s=5#answer")
    page.wait_for_selector("#answer-title.status-infeasible")
    assert page.inner_text(HEADLINE) == "cannot be served: a"
    with page.expect_navigation(url="**/experiments/new?text=*"):
        page.click("text=Open the experiment")
    assert "workload: resnet18" in page.input_value("#file")
    page.click("#plan-button")
    page.wait_for_selector("#plan:not([hidden]), #problems li")
    assert page.inner_text("#problems") == ""
    assert "whole" in page.inner_text("#planned")


def test_the_page_with_an_answer_is_valid_and_fit_for_everybody(page: "Page") -> None:
    opened(page, "/advisor")
    page.fill("#services-0-rate_per_s", "400")
    page.click("#advise")
    page.wait_for_selector(HEADLINE)
    for summary in page.locator("summary").all():
        summary.click()
    assert grave_faults(page) == []
    assert faults(page.content()) == []


def test_it_can_be_read_on_a_telephone(page: "Page") -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    opened(page, "/advisor")
    page.click("#advise")
    page.wait_for_selector(HEADLINE)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.url.startswith(page.evaluate("location.origin") + PREFIX)
