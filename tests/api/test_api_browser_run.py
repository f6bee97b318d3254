"""Charts in a browser, behind a path prefix and under the pages' policy: drawn, pointed at, themed, and silent."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from migperf.measure.figures import ResultFigure
from migperf.metrics.metric import Metric, Scope
from migperf.store import experiments, results, runs
from migperf.store.database import Database, now
from migperf.store.states import RunState
from tests import builders
from tests.analysis.experiments.made_experiments import Ending, cell, end_open_runs, made, throughput
from tests.api.browsing import PREFIX, ZONE, in_browser, opened
from tests.api.steps import (
    GRACT,
    LATENCY,
    NOW,
    POWER,
    STALLED,
    begun,
    entered,
    finished,
    gap,
    measured,
    requeued,
    submitted,
    watched,
)

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
    silent.wait_for_selector(".plot:not([aria-busy])", state="attached")
    assert silent.locator(".plot:not([aria-busy]):not([data-drawn])").count() == 0, "busy until it is drawn"
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


def test_a_chart_that_cannot_be_read_says_why_and_is_not_waited_for(page: "Page", database: Database) -> None:
    run_id = measured(database)
    page.route("**/timings/histogram", lambda route: route.fulfill(status=503, json={"detail": "the database is away"}))
    opened(page, f"/runs/{run_id}")
    page.wait_for_selector("#timing-chart:not([aria-busy]):has-text('the database is away')")
    page.wait_for_selector("#time-chart:not([aria-busy]) .main-svg")


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


CHART = "document.getElementById('time-chart')"
TIMES = f"{CHART}.data.findLast(({{ hovertemplate }}) => hovertemplate).x"
RANGE = f"{CHART}._fullLayout.xaxis.range"


def shades(page: "Page") -> list[list[float]]:
    """Return from when until when the chart shades warm-up and window."""
    found: list[list[float]] = page.evaluate(f"{CHART}.layout.shapes.map(({{ x0, x1 }}) => [x0, x1])")
    return found


def test_the_chart_of_a_run_grows_with_it_and_is_in_the_end_that_of_a_page_loaded_anew(
    silent: "Page", database: Database
) -> None:
    asked: list[str] = []
    silent.on("request", lambda request: asked.append(request.url.partition(PREFIX)[2]))
    run_id = submitted(database)
    token = begun(database, run_id)
    entered(database, run_id, "warming_up")
    opened(silent, f"/runs/{run_id}")
    silent.wait_for_selector("#phase:has-text('warming up')")
    watched(database, run_id, GRACT, {0.5: 90.0, 1.5: 91.0})
    silent.wait_for_selector("#time-chart[data-drawn] .main-svg")
    assert silent.evaluate(TIMES) == [0.5, 1.5]
    assert shades(silent) == [[0, 1.5], [1.5, 1.5]], "all of it is warm-up so far"
    silent.evaluate(f"{CHART}.querySelector('.main-svg').drawnOnce = true")
    with database.write() as session:
        runs.note_phase(session, runs.lock(session, run_id), "measuring", NOW + timedelta(seconds=3))
    watched(database, run_id, GRACT, {2.5: 92.0, 4.0: 93.0}, gap(1.5, 2.5, STALLED))
    silent.wait_for_function(f"() => {TIMES}.at(-1) === 4")
    silent.wait_for_function(f"() => {CHART}.layout.shapes[0].x1 === 2")
    assert shades(silent) == [[0, 2], [2, 4]]
    assert silent.evaluate(RANGE) == [0, 4]
    assert "measuring: 2.000 s until now" in (silent.text_content("#phases") or "")
    watched(database, run_id, LATENCY, {2.5: 4.2, 4.0: 4.4})
    silent.wait_for_function(f"() => {CHART}.textContent.includes('latency, ms')")
    assert silent.evaluate(f"{CHART}.querySelector('.main-svg').drawnOnce"), "it is drawn on, not anew"
    assert [path for path in asked if "/series/" in path] == [f"/v1/runs/{run_id}/series/events?points=1000"]
    assert asked.count(f"/runs/{run_id}") <= 4, "asked for anew for what has happened, not for each sample"
    finished(database, token)
    silent.wait_for_selector("[data-action=delete]")
    silent.wait_for_selector("#time-chart[data-drawn] .main-svg")
    drawn = f"JSON.stringify([{CHART}.data, {CHART}.layout.shapes, {RANGE}])"
    at_the_end = silent.evaluate(drawn)
    opened(silent, "/")
    opened(silent, f"/runs/{run_id}")
    silent.wait_for_selector("#time-chart[data-drawn] .main-svg")
    assert silent.evaluate(drawn) == at_the_end


def test_whoever_looks_closer_at_a_run_or_chooses_series_is_left_alone_as_it_grows_and_ends(
    silent: "Page", database: Database
) -> None:
    run_id = submitted(database)
    token = begun(database, run_id)
    entered(database, run_id, "measuring")
    watched(database, run_id, GRACT, {step / 10: 90.0 for step in range(80)})
    watched(database, run_id, LATENCY, {1.0: 4.1, 7.9: 4.4})
    opened(silent, f"/runs/{run_id}")
    silent.wait_for_selector("#time-chart[data-drawn] .main-svg")
    silent.click("text=Choose series")
    silent.uncheck("#series-choice input[value=latency]")
    silent.wait_for_function(f"() => !{CHART}.textContent.includes('latency')")
    silent.locator("#time-chart").scroll_into_view_if_needed()
    area = silent.locator("#time-chart .nsewdrag.drag").last.bounding_box()
    assert area is not None
    left, middle = area["x"], area["y"] + area["height"] / 2
    silent.mouse.move(left + area["width"] / 4, middle)
    silent.mouse.down()
    silent.mouse.move(left + area["width"] / 3, middle)
    watched(database, run_id, GRACT, {9.0: 91.0})
    silent.wait_for_selector("[data-series=gract] [data-samples]:has-text('81')")
    silent.mouse.move(left + area["width"] / 2, middle)
    silent.mouse.up()
    silent.wait_for_function(f"() => {RANGE}[0] > 1")
    looked = silent.evaluate(RANGE)
    assert looked == pytest.approx([2, 4], abs=0.3), "what came meanwhile did not end the drag"
    watched(database, run_id, POWER, {2.0: 200.0, 9.5: 210.0})
    silent.wait_for_selector("#series-choice input[value=power]", state="attached")
    assert not silent.is_checked("#series-choice input[value=power]"), "the choice is the reader's"
    assert silent.evaluate(RANGE) == looked
    finished(database, token)
    silent.wait_for_selector("[data-action=delete]")
    silent.wait_for_selector("#time-chart[data-drawn] .main-svg")
    assert silent.evaluate(RANGE) == looked
    assert "latency" not in (silent.text_content("#time-chart") or "")
    silent.mouse.dblclick(left + area["width"] / 4, middle)
    silent.wait_for_function(f"() => {RANGE}[1] === 9")


def test_a_run_that_begins_anew_is_drawn_anew(silent: "Page", database: Database) -> None:
    run_id = submitted(database)
    token = begun(database, run_id)
    watched(database, run_id, GRACT, {0.5: 90.0, 1.5: 91.0})
    opened(silent, f"/runs/{run_id}")
    silent.wait_for_selector("#time-chart[data-drawn] .main-svg")
    requeued(database, token)
    silent.wait_for_function(f"() => !{CHART}.textContent.includes('gract')")
    begun(database, run_id)
    watched(database, run_id, GRACT, {0.25: 70.0, 0.75: 71.0})
    silent.wait_for_function(f"() => {CHART}.textContent.includes('gract')")
    assert silent.evaluate(TIMES) == [0.25, 0.75]


def test_a_long_run_is_drawn_in_outline_and_what_is_looked_at_is_read(silent: "Page", database: Database) -> None:
    run_id = submitted(database)
    begun(database, run_id)
    watched(database, run_id, GRACT, {step / 10: float(step % 7) for step in range(9000)})
    opened(silent, f"/runs/{run_id}")
    silent.wait_for_selector("#time-chart[data-drawn] .main-svg")
    assert silent.evaluate(f"{TIMES}.length") <= 1100
    assert "outline of 9,000 samples" in (silent.text_content("#time-chart") or "")
    silent.evaluate(f"Plotly.relayout({CHART}, {{ 'xaxis.range[0]': 100, 'xaxis.range[1]': 110 }})")
    silent.wait_for_function(f"() => {TIMES}.filter(at => at <= 110).length === 101")
    for more in range(9000, 13000, 1000):
        watched(database, run_id, GRACT, {step / 10: float(step % 7) for step in range(more, more + 1000)})
    silent.wait_for_selector("[data-series=gract] [data-samples]:has-text('13,000')")
    silent.wait_for_function(f"() => {TIMES}.at(-1) > 1299")
    assert silent.evaluate(f"{TIMES}.filter(at => at <= 110).length") == 101
    assert silent.evaluate(f"{TIMES}.length") <= 2200
    assert silent.evaluate(RANGE) == [100, 110]
    silent.evaluate(f"Plotly.relayout({CHART}, {{ 'xaxis.autorange': true }})")
    silent.wait_for_function(f"() => {TIMES}[0] === 0")
    assert silent.evaluate(f"{TIMES}.length") <= 2000


def test_why_a_run_waits_is_kept_up_to_date_and_so_is_what_happened_to_it(silent: "Page", database: Database) -> None:
    run_id = submitted(database, where={"node": "node-1"})
    opened(silent, f"/runs/{run_id}")
    silent.evaluate("window.notLoadedAnew = true")
    silent.wait_for_selector("#wait:has-text('Nothing can run it')")
    with database.write() as session:
        holder = builders.submit(session, now(session))
        builders.register(session, now(session), node="node-1")
        builders.place(session, holder, now(session), node="node-1")
        holder_id = holder.id
    silent.wait_for_selector(f"#wait a[href='{PREFIX}/runs/{holder_id}']")
    token = begun(database, run_id)
    silent.wait_for_selector("#waiting:not(:has(#wait))", state="attached")
    silent.wait_for_selector("#facts:has-text('a processor')")
    entered(database, run_id, "warming_up")
    silent.wait_for_selector("#timeline:has-text('warming up')")
    assert ZONE in silent.inner_text("#facts"), "what is taken over is in the reader's zone as well"
    requeued(database, token)
    silent.wait_for_selector(f"#wait a[href='{PREFIX}/runs/{holder_id}']")
    assert silent.evaluate("window.notLoadedAnew")


def test_a_run_is_cancelled_and_deleted_by_its_buttons(silent: "Page", database: Database) -> None:
    run_id = submitted(database)
    opened(silent, f"/runs/{run_id}")
    silent.click("[data-action=cancel]")
    silent.wait_for_selector("[data-action=delete]")
    silent.wait_for_load_state()  # the page of what has ended is another one, whose script has to be there
    assert silent.inner_text("#state") == "cancelled"
    silent.click("text=Delete …")
    silent.click("text=Delete for good")
    silent.wait_for_url(f"**{PREFIX}/")


def test_times_of_a_run_are_in_the_zone_of_the_reader(silent: "Page", database: Database) -> None:
    opened(silent, f"/runs/{measured(database)}")
    silent.wait_for_selector(f"[data-zone]:has-text('{ZONE}')")
    facts, timeline = silent.inner_text(".facts"), silent.inner_text("#timeline")
    assert "2026-03-02 05:45:00" in facts, "3 h 30 min behind UTC"
    assert "2026-03-02 05:45:09" in timeline
    assert "9.00 s" in timeline, "what is no moment stays as it is"


def of_size(database: Database, run_id: str, size: int) -> None:
    """Have each step of the run be of so many images."""
    value = 10.2 * size
    figure = ResultFigure(name="throughput", unit="images/s", scope=Scope.PROCESS, value=value, samples=51)
    with database.write() as session:
        results.store_figures(session, run_id, [figure])


def test_runs_are_laid_over_each_other_in_charts(silent: "Page", database: Database) -> None:
    first, second = measured(database), measured(database)
    for run_id, size in ((first, 8), (second, 16)):
        watched(database, run_id, GRACT, {0.5: 90.0, 3.0: 91.0, 9.0: 93.0}, gap(0.5, 3, STALLED))
        of_size(database, run_id, size)
    opened(silent, f"/compare?baseline={first}&candidate={second}")
    silent.wait_for_selector("#cdf-chart[data-drawn] .main-svg")
    silent.wait_for_selector("#series-chart[data-drawn] .main-svg")
    assert silent.locator("#cdf-chart .scatterlayer .trace").count() == 2
    ends = "document.getElementById('cdf-chart').data.map(({ x, y }) => [x.at(-1), y.at(-1)])"
    assert silent.evaluate(ends) == [pytest.approx([4.7071 / 8, 1], 1e-3), pytest.approx([4.7071 / 16, 1], 1e-3)]
    silent.check("#per input[value=step]")
    silent.wait_for_function("document.getElementById('cdf-chart').textContent.includes('latency per step, ms')")
    assert silent.evaluate(ends) == [pytest.approx([4.7071, 1], 1e-3)] * 2
    times = "document.getElementById('series-chart').data[0].x"
    assert silent.evaluate(times) == pytest.approx([-1.5, 1, 1, 7]), "since measuring began, and broken in the gap"
    silent.click("text=Choose series")
    silent.uncheck("#series-choice input[value=gract]")
    silent.wait_for_function("!document.getElementById('series-chart').textContent.includes('gract')")
    swatches = silent.locator("#compared .swatch")
    colours = [swatches.nth(i).evaluate("one => getComputedStyle(one).borderTopColor") for i in range(2)]
    assert len(set(colours)) == 2


def test_looking_closer_at_compared_runs_reads_their_samples_of_that_time(silent: "Page", database: Database) -> None:
    first, second = measured(database), measured(database)
    for run_id, offset in ((first, 0.0), (second, 0.005)):
        watched(database, run_id, GRACT, {step / 100 + offset: float(step % 7) for step in range(5000)})
    opened(silent, f"/compare?baseline={first}&candidate={second}")
    silent.wait_for_selector("#series-chart[data-drawn] .main-svg")
    chart = "document.getElementById('series-chart')"
    of_gract = f"{chart}.data.slice(0, 2)"
    assert all(count < 2000 for count in silent.evaluate(f"{of_gract}.map(({{ x }}) => x.length)"))
    silent.evaluate(f"Plotly.relayout({chart}, {{ 'xaxis.range[0]': 10, 'xaxis.range[1]': 11 }})")
    silent.wait_for_function(f"() => {of_gract}.every(({{ x }}) => x.length >= 100 && x.length <= 101)")
    times = silent.evaluate(f"{of_gract}[0].x")
    assert (times[0], times[-1]) == pytest.approx((10, 11)), "since measuring began, which is 2 s after the run"
    silent.click("text=Choose series")
    silent.uncheck("#series-choice input[value=latency]")
    silent.wait_for_function(f"() => !{chart}.textContent.includes('latency')")
    assert silent.evaluate(f"{chart}._fullLayout.xaxis.range") == [10, 11]
    silent.check("#series-choice input[value=latency]")
    silent.wait_for_function(f"() => {chart}.textContent.includes('latency')")
    silent.evaluate(f"Plotly.relayout({chart}, {{ 'xaxis.autorange': true }})")
    silent.wait_for_function(f"() => {chart}.data.every(({{ x }}) => x[0] < -1)")


# The boxes of the texts of a chart that lie on another, or beside the chart.
CROWDED = """(id) => {
  const chart = document.getElementById(id), frame = chart.getBoundingClientRect(), found = [];
  for (const kind of [".xtick text", ".annotation-text", ".textpoint text"]) {
    const texts = [...chart.querySelectorAll(kind)].filter((one) => one.textContent);
    const boxes = texts.map((one) => [one.textContent, one.getBoundingClientRect()]);
    boxes.forEach(([text, box], i) => {
      if (box.left < frame.left || box.right > frame.right) found.push(`${text} is cut off`);
      for (const [other, beside] of boxes.slice(i + 1)) {
        const across = Math.min(box.right, beside.right) - Math.max(box.left, beside.left);
        const down = Math.min(box.bottom, beside.bottom) - Math.max(box.top, beside.top);
        if (across > -2 && down > 2) found.push(`${text} lies on ${other}`);
      }
    });
  }
  return found;
}"""


@pytest.mark.parametrize("size", [16, 70, 1600])
def test_labels_of_charts_do_not_crowd_on_a_phone(silent: "Page", database: Database, size: int) -> None:
    first, second = measured(database), measured(database)
    for run_id, each in ((first, 8), (second, size)):
        of_size(database, run_id, each)
        long = Metric(name="tensor_core_active_average", unit="MiB/s", scope=Scope.INSTANCE, source="gpm")
        watched(database, run_id, long, {step / 100: float(step % 7) for step in range(9000)})
    silent.set_viewport_size({"width": 390, "height": 844})
    opened(silent, f"/compare?baseline={first}&candidate={second}")
    for chart in ("cdf-chart", "series-chart"):
        silent.wait_for_selector(f"#{chart}[data-drawn] .main-svg")
        assert silent.evaluate(CROWDED, chart) == []
    opened(silent, f"/runs/{first}")
    for chart in ("timing-chart", "time-chart"):
        silent.wait_for_selector(f"#{chart}[data-drawn] .main-svg")
        assert silent.evaluate(CROWDED, chart) == []
    assert silent.evaluate("document.documentElement.scrollWidth") <= 390
    silent.set_viewport_size({"width": 1280, "height": 844})
    silent.wait_for_selector("#time-chart .annotation-text:has-text('outline of 9,000 samples')")


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


def test_the_chart_of_an_experiment_grows_with_it_and_keeps_what_was_chosen(silent: "Page", database: Database) -> None:
    def end(wanted: int) -> None:
        def ending(_run: object, _group: object, coordinates: Mapping[str, object]) -> Ending | None:
            size = coordinates["size"]
            return Ending(figures=[throughput(100.0 * wanted)]) if size == wanted else None

        with database.write() as session:
            assert end_open_runs(session, experiment_id, ending) == 1
            experiments.settle(session, now(session))

    experiment_id = made(database, [cell(size=size) for size in (1, 2, 4)], lambda *_about: None)
    opened(silent, f"/experiments/{experiment_id}?kind=lines&logy=1")
    silent.wait_for_selector("#standing:has-text('0 of 3')")
    assert silent.is_hidden("#experiment-chart")
    end(1)
    silent.wait_for_selector("#values-chart[data-drawn] .main-svg")
    drawn = "document.getElementById('values-chart').data[0].y.filter(each => each !== null).length"
    assert silent.evaluate(drawn) == 1
    assert silent.is_checked("[name=logy]")
    silent.focus("[name=figure]")
    end(4)
    silent.wait_for_function(f"() => {drawn} === 2")
    assert silent.evaluate("document.activeElement.name") == "figure", "nobody loses their place"
