"""The page of a run that is really measured: it grows with the run, asks little, and ends as if it were loaded anew."""

from collections import Counter
from pathlib import Path

import pytest

from tests.api.browsing import in_browser, launched
from tests.service.filled import ON_CPU, WAITS
from tests.service.harness import service

pytestmark = [pytest.mark.e2e, pytest.mark.slow, *in_browser]
CHART = "document.getElementById('time-chart')"
LINES = f"{CHART}.data.filter(({{ hovertemplate }}) => hovertemplate)"
STATE = f"""() => ({{
  until: Math.max(...{LINES}.map(({{ x }}) => x.at(-1))),
  shaded: {CHART}.layout.shapes.map(({{ x0, x1 }}) => [x0, x1]),
  phases: [...document.querySelectorAll('#phases li')].map(({{ dataset }}) => dataset.phase),
}})"""
DRAWN = f"() => JSON.stringify([{CHART}.data, {CHART}.layout.shapes, {CHART}._fullLayout.xaxis.range])"
METHOD = {"warmup_steps": 5, "warmup_s": 4, "steady_within": None, "min_s": 6, "precision": None, "max_s": 7}


@pytest.mark.timeout(240)
def test_a_run_is_seen_warming_up_and_being_measured_and_its_chart_is_final_at_its_end(tmp_path: Path) -> None:
    with (
        service(tmp_path / "data") as running,
        launched() as browser,
        browser.new_page(base_url=running.settings.api_url) as page,
    ):
        page.set_default_timeout(60_000)
        told: list[str] = []
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("console", lambda message: told.append(message.text))
        asked: Counter[str] = Counter()
        page.on("request", lambda request: asked.update([request.url.removeprefix(running.settings.api_url)]))
        run_id = running.submit(**WAITS, where=ON_CPU, method=METHOD)
        page.goto(f"/runs/{run_id}")
        page.wait_for_selector("#time-chart[data-drawn] .main-svg")
        page.wait_for_function(f"() => {CHART}.layout.shapes.length && {LINES}.length")
        warming = page.evaluate(STATE)
        assert "measuring" not in warming["phases"]
        assert warming["shaded"][1][0] == warming["shaded"][1][1], "nothing is measured yet"
        page.wait_for_function(f"() => {CHART}.layout.shapes[1].x1 > {CHART}.layout.shapes[1].x0 + 2")
        measuring = page.evaluate(STATE)
        assert measuring["phases"][-1] == "measuring"
        assert measuring["until"] > warming["until"] + 2
        assert measuring["shaded"][0][1] > 3, "warm-up takes 4 s after a short preparation"
        assert asked[f"/runs/{run_id}"] <= 10, "for phases and series that are new, not for each sample"
        assert [path for path in asked.elements() if "/series/" in path] == [
            f"/v1/runs/{run_id}/series/events?points=1000"
        ]
        page.wait_for_selector("[data-action=delete]")
        page.wait_for_selector("#time-chart[data-drawn] .main-svg")
        page.wait_for_selector("#timing-chart[data-drawn] .main-svg")
        at_the_end = page.evaluate(DRAWN)
        page.goto("/")
        page.goto(f"/runs/{run_id}")
        page.wait_for_selector("#time-chart[data-drawn] .main-svg")
        assert page.evaluate(DRAWN) == at_the_end
        assert told == []
