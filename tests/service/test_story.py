"""A user's way through the pages of a real service, in a browser: measured, compared, scheduled, cut, and triaged.

Nothing may be told in the console, and no request may go anywhere but to the service.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.api.browsing import in_browser, launched
from tests.service.filled import worsened_history
from tests.service.harness import Service, free_port, service
from tests.service.prefix_proxy import prefix_proxy

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.e2e, *in_browser]
BOARD, PREFIX = "simulated:h100-80gb", "/bench"
WANTED = "3g.40gb@4+2g.20gb@0"
ERROR = 400
"""The least status of an answer that refuses."""
LOADED_MS = 30_000
"""Long enough for a page that shares its cores with a run."""


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A browser without a window."""
    with launched() as started:
        yield started


@contextmanager
def reader_of(browser: "Browser", url: str) -> "Iterator[Page]":
    """A browser's page that must be silent and ask nobody but the service at the URL."""
    page = browser.new_page(base_url=url)
    page.set_default_timeout(LOADED_MS)
    told: list[str] = []
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("console", lambda message: told.append(message.text))
    page.on("response", lambda answer: answer.status < ERROR or told.append(f"{answer.status} {answer.url}"))
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    try:
        yield page
    except BaseException as error:
        error.add_note(f"told in the browser: {told}")
        raise
    finally:
        page.close()
    assert told == []
    assert {each for each in asked if not each.startswith((f"{url}/", f"blob:{url}/", "data:"))} == set()


def test_a_user_measures_compares_schedules_cuts_and_triages(browser: "Browser", tmp_path: Path) -> None:
    with (
        service(tmp_path / "data", gpus=BOARD, samples_every_s=0.3) as running,
        reader_of(browser, running.settings.api_url) as page,
    ):
        page.goto("/")
        follow(page, "nav >> text=Submit")
        first = submits_a_run(page)
        watches_it_to_its_end(page)
        reads_its_figures(page)
        second = repeats_it(page)
        compares(page, first, second)
        schedules(page, first)
        applies_a_layout(page, running)
        triages(page, running)


@pytest.mark.slow
def test_behind_a_path_prefix_a_run_is_submitted_and_a_gpu_cut(browser: "Browser", tmp_path: Path) -> None:
    port = free_port()
    with (
        prefix_proxy(PREFIX, port) as proxy,
        service(tmp_path / "data", gpus=BOARD, port=port, url=proxy.url, samples_every_s=0.3) as running,
        reader_of(browser, proxy.url) as page,
    ):
        page.goto(f"{PREFIX}/")
        follow(page, "nav >> text=Submit")
        submits_a_run(page)
        watches_it_to_its_end(page)
        reads_its_figures(page)
        applies_a_layout(page, running)
        assert page.url == f"{proxy.url}/"
        assert proxy.beside == []


def follow(page: "Page", link: str) -> None:
    """Follow a link, and wait until the scripts of the page that it leads to are at work."""
    with page.expect_navigation():
        page.click(link)


def submits_a_run(page: "Page") -> str:
    """Fill in the form, mend what it complains of, and submit; return the run's id."""
    page.fill("#workload-filter", "resnet-18")
    page.select_option("#workload", "resnet18")
    page.select_option("#scenario", "single_stream")
    page.select_option("#where-kind", "cpu")
    page.fill("#parameters-image_size", "1")
    page.wait_for_selector("#parameters-image_size-problem:has-text('greater than or equal to')")
    page.fill("#parameters-image_size", "32")
    page.click("summary:has-text('Method')")
    page.fill("#method-warmup_s", "0.2")
    page.fill("#method-min_s", "3")
    page.check("[data-none='method.steady_within']")
    page.check("[data-none='method.precision']")
    page.wait_for_selector("#outlook:has-text('1 free of 1 that suits')")
    page.wait_for_selector("[data-equivalent=cli]:has-text('-p image_size=32')")
    page.click("#submit")
    return run_at(page)


def run_at(page: "Page") -> str:
    page.wait_for_url("**/runs/0*")
    return page.url.rpartition("/")[2]


def watches_it_to_its_end(page: "Page") -> None:
    """See phases and samples come in, and the end, without loading the page anew."""
    page.wait_for_selector("#phase:has-text('measuring')")
    page.wait_for_selector("#progress:not([value='0']):not([value='0.0'])")
    page.wait_for_selector("#series [data-latest]:has-text('now ')")
    page.wait_for_selector("#state .state-succeeded")


def reads_its_figures(page: "Page") -> None:
    """Find each figure with its unit, and the charts drawn."""
    rows = page.locator("table:has(#figures-caption) tbody tr")
    figures = {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows.all()}
    assert figures["throughput"][1:3] == ["image/s", "process"]
    assert figures["latency mean"][1] == "ms"
    assert all(len(cells) < 5 or cells[1] for cells in figures.values()), "no number without its unit"
    page.wait_for_selector("#timing-chart[data-drawn] .main-svg")
    page.wait_for_selector("#time-chart[data-drawn] .main-svg")


def repeats_it(page: "Page") -> str:
    """Submit the same again, which the form is filled in with; return the run's id."""
    follow(page, "text=Repeat")
    assert "/submit?run=" in page.url
    assert page.input_value("#parameters-image_size") == "32"
    page.wait_for_selector("[data-equivalent=cli]:has-text('-p image_size=32')")
    page.click("#submit")
    again = run_at(page)
    page.wait_for_selector("#state .state-succeeded")
    return again


def compares(page: "Page", first: str, second: str) -> None:
    """Pick both in the table of runs, and read what their comparison says."""
    follow(page, "nav >> text=Runs")
    page.check(f"#run-{first} input[name=pick]")
    page.check(f"#run-{second} input[name=pick]")
    page.wait_for_selector("#picked:has-text('2 picked')")
    page.click("[data-compare]")
    page.wait_for_url("**/compare?*")
    page.wait_for_selector("#answers tbody tr:nth-child(3)")
    assert "the mean of latency per step" in page.inner_text("#answers")
    for run in (first, second):
        assert page.locator(f"table a:has-text('{run}')").count(), "each is named with its figures"
    page.wait_for_selector("#cdf-chart[data-drawn] .main-svg")
    page.wait_for_selector("#series-chart[data-drawn] .main-svg")


def schedules(page: "Page", run: str) -> None:
    """Have the run made again every night, and see when."""
    follow(page, "nav >> text=Schedules")
    follow(page, "a[href$='/schedules/new'] >> nth=0")
    page.fill("#name", "nightly")
    page.fill("#cron", "30 2 * * *")
    page.fill("#time_zone", "Europe/Berlin")
    page.fill("#subject", "workload: resnet18\nscenario: single_stream\nwhere: {kind: cpu}\n")
    page.wait_for_selector("#upcoming li:nth-child(5):has-text('02:30:00 in Europe/Berlin')")
    page.click("#save")
    page.wait_for_selector("#upcoming tbody tr:nth-child(5) td:has-text('02:30:00')")
    assert page.inner_text("#standing").startswith("nightly")
    assert "next:" in page.inner_text("#standing")


def applies_a_layout(page: "Page", running: Service) -> None:
    """Put a layout together by clicks, read the plan, apply it, and find it on the overview."""
    follow(page, ".brand")
    follow(page, "#hardware h3 a")
    page.click("[aria-label='Add 3g.40gb@4']")
    page.click("[aria-label='Why not 2g.20gb@4']")
    page.wait_for_selector("#objection:has-text('2g.20gb@4 would overlap with 3g.40gb@4')")
    page.click("[aria-label='Add 2g.20gb@0']")
    page.wait_for_selector(f"#layout-text:text-is('{WANTED}')")
    page.click("[data-action=plan]")
    page.wait_for_selector("#steps li:has-text('create GPU instance 3g.40gb@4')")
    assert layout_of(running) == "off", "the plan has changed nothing"
    page.click("[data-action=apply]")
    page.wait_for_selector(f"#change:has-text('Applied: the GPU is cut into {WANTED}')")
    follow(page, ".brand")
    page.wait_for_selector(f"#hardware:has-text('{WANTED}')")
    page.wait_for_selector("#partitions tr:has-text('2g.20gb')")
    page.wait_for_selector("#partitions tr:has-text('3g.40gb')")
    assert layout_of(running) == WANTED


def layout_of(running: Service) -> str:
    """How the only GPU is cut."""
    (gpu,) = running.http.get("/v1/gpus").json()["items"]
    return str(gpu["layout"])


def triages(page: "Page", running: Service) -> None:
    """Come from the overview to what became worse, say what it is, and see that it is acknowledged."""
    worsened_history(running)
    follow(page, ".brand")
    follow(page, "#open-regressions th a >> nth=0")
    page.wait_for_selector("#standing .regression-open")
    page.wait_for_selector("#charts svg .jump.worse")
    page.fill("[name=comment]", "The encoder streams now; that was asked for.")
    page.fill("[name=author]", "Ada")
    page.click("[data-state=acknowledged]")
    page.wait_for_selector("#standing .regression-acknowledged")
    page.wait_for_selector("#record li:has-text('The encoder streams now') >> text=Ada")
    follow(page, "nav >> text=Regressions")
    page.wait_for_selector("tbody .regression-acknowledged")
