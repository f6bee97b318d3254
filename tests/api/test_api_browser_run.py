"""Charts in a browser, behind a path prefix and under the pages' policy: drawn, pointed at, themed, and silent."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from migperf.store import experiments
from migperf.store.database import Database, now
from migperf.store.states import RunState
from tests.analysis.experiments.made_experiments import Ending, cell, made, throughput
from tests.api.browsing import PREFIX, in_browser, opened
from tests.api.steps import GRACT, STALLED, begun, entered, finished, gap, measured, submitted, watched

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = in_browser


@pytest.fixture
def silent(page: "Page") -> "Iterator[Page]":
    """A page whose console must stay empty: a breach of the policy is told there."""
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    yield page
    assert told == []


def test_a_run_is_drawn_under_the_strict_policy_in_the_scheme_of_the_reader(silent: "Page", database: Database) -> None:
    run_id = measured(database)
    watched(database, run_id, GRACT, {0.5: 90.0, 1.0: 91.0, 3.0: 92.0, 9.0: 93.0}, gap(1, 3, STALLED))
    opened(silent, f"/runs/{run_id}")
    silent.wait_for_selector("#timing-chart[data-drawn=light] .main-svg")
    silent.wait_for_selector("#time-chart[data-drawn=light] .main-svg")
    text = silent.text_content("#time-chart") or ""
    assert "latency, ms" in text
    assert "gract, %" in text
    ink = "getComputedStyle(document.querySelector('#time-chart .xtick text')).fill"
    light = silent.evaluate(ink)
    silent.emulate_media(color_scheme="dark")
    silent.wait_for_selector("#time-chart[data-drawn=dark]")
    assert silent.evaluate(ink) != light
    silent.locator("#timing-chart .xy2 .nsewdrag, #timing-chart .nsewdrag").last.hover()
    silent.wait_for_selector("#timing-chart .hoverlayer .hovertext")
    silent.click("text=Choose series")
    silent.uncheck("input[value=gract]")
    silent.wait_for_function("!document.getElementById('time-chart').textContent.includes('gract')")


def test_a_run_is_watched_to_its_end_and_then_drawn(silent: "Page", database: Database) -> None:
    run_id = submitted(database)
    token = begun(database, run_id)
    entered(database, run_id, "measuring")
    opened(silent, f"/runs/{run_id}")
    silent.wait_for_selector("#phase:has-text('measuring')")
    assert silent.locator(".plot").count() == 0
    watched(database, run_id, GRACT, {0.5: 90.0, 1.0: 91.0})
    silent.wait_for_selector("[data-series=gract] svg")
    finished(database, token)
    silent.wait_for_selector("#time-chart[data-drawn] .main-svg")
    assert silent.locator("[data-action=cancel]").count() == 0


def test_a_run_is_cancelled_and_deleted_by_its_buttons(silent: "Page", database: Database) -> None:
    run_id = submitted(database)
    opened(silent, f"/runs/{run_id}")
    silent.click("[data-action=cancel]")
    silent.wait_for_selector("#state:has-text('cancelled')")
    silent.click("text=Delete …")
    silent.click("text=Delete for good")
    silent.wait_for_url(f"**{PREFIX}/")


def test_an_experiment_is_drawn_over_two_axes_and_the_address_keeps_the_view(
    silent: "Page", database: Database
) -> None:
    def ending(_run: object, _group: object, coordinates: dict[str, object]) -> Ending:
        if coordinates == {"size": 4, "depth": 3}:
            return Ending(reason="out of memory", state=RunState.DOES_NOT_FIT)
        return Ending(figures=[throughput(100.0 * float(str(coordinates["size"])))])

    cells = [cell(size=size, depth=depth) for size in (1, 2, 4) for depth in (1, 2, 3)]
    experiment_id = made(database, cells, ending)
    with database.write() as session:
        experiments.settle(session, now(session))
    opened(silent, f"/experiments/{experiment_id}")
    silent.wait_for_selector("#values-chart[data-drawn] .main-svg")
    assert "✕" in (silent.text_content("#values-chart") or ""), "what is missing is visible"
    silent.select_option("[name=kind]", "lines")
    silent.select_option("[name=x]", "size")
    silent.wait_for_function("location.search.includes('x=size')")
    silent.reload()
    silent.wait_for_selector("#values-chart[data-drawn] .legend")
    assert silent.input_value("[name=kind]") == "lines"
    silent.click("summary:has-text('The values drawn')")
    silent.locator("#chart-table td button").first.click()
    silent.locator("#chart-cell a").first.click()
    silent.wait_for_url(f"**{PREFIX}/runs/*")
