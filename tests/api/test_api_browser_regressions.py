"""The pages of histories and regressions in a browser, behind a path prefix: looking closer, and triage.

Needs the extra `browser` and a Chromium of the system: pip install 'migperf[browser]'; apt install chromium.
"""

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from migperf.histories.regression import RegressionState
from migperf.histories.watch import Watch
from migperf.store import regressions, watching
from migperf.store.database import Database
from migperf.store.history_tables import HistoryRow, PointRow, RegressionRow
from tests.api.browsing import ZONE, proxied
from tests.api.serving import served
from tests.history_builder import HOUR, NOON, judge, measured, noisy

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PREFIX = "/bench"
BEFORE, AFTER = 12, 4
EVIL = '<img src=x onerror="hit = 1">'

# To be removed once the service has these routes: api/routes/regressions.py and histories.py.
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this host")]


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A browser without a window."""
    api = pytest.importorskip("playwright.sync_api", reason="the extra `browser` is not installed")
    with api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: "Browser", app: FastAPI) -> "Iterator[Page]":
    """A page of a service behind a proxy that puts a prefix before its paths; nothing may go wrong in its console."""
    with served(app, root_path=PREFIX) as url:
        opened = browser.new_page(base_url=url)
        opened.set_default_timeout(20_000)
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.on("console", lambda said: errors.append(said.text) if is_wrong(said.type, said.text) else None)

        def through_proxy(route: "Route") -> None:
            assert route.request.url.startswith(f"{url}{PREFIX}/"), f"beside the prefix: {route.request.url}"
            route.continue_(url=route.request.url.replace(f"{url}{PREFIX}", url, 1))

        opened.route("**/*", through_proxy)
        yield opened
        opened.close()
        assert errors == []


def is_wrong(kind: str, text: str) -> bool:
    """Tell whether a page has complained; that the service refuses, or is away, is said at the page as well."""
    is_expected = "the server responded with a status of 4" in text or "net::ERR_FAILED" in text
    return kind in {"error", "warning"} and not is_expected


@pytest.fixture
def regression(database: Database) -> str:
    """The id of a regression of a history of sixteen points."""
    measured(database, noisy(BEFORE))
    judge(database)
    with database.write() as session:
        watching.set_by_hand(session.scalars(select(HistoryRow)).one(), Watch(confirm_runs=0))
    measured(database, noisy(AFTER, 120.0, seed=2), NOON + BEFORE * HOUR, environment={"torch": "2.13"})
    judge(database)
    with database.read() as session:
        return session.scalars(select(RegressionRow.id)).one()


def history_path(database: Database) -> str:
    with database.read() as session:
        return f"{PREFIX}/histories/{session.scalars(select(HistoryRow.id)).one()}"


def state_of(database: Database, regression: str) -> tuple[RegressionState, list[tuple[str, str | None, str]]]:
    with database.read() as session:
        row = regressions.get(session, regression)
        return row.state, [(entry.kind, entry.author, entry.text) for entry in row.entries if entry.author]


def dots(page: "Page") -> int:
    return page.locator(".chart .dot").count()


# The newest point, the first that was worse, and where the change lies, 3 h 30 min behind UTC.
IN_ZONE = {
    "/histories": ["2026-03-02 23:30:00"],
    "/histories/ID": ["2026-03-02 20:30:00", "2026-03-02 23:30:00"],
    "/regressions": ["2026-03-02 20:30:00"],
    "/regressions/ID": ["2026-03-02 20:30:00"],
}


@pytest.mark.parametrize("path", IN_ZONE)
def test_times_are_in_the_zone_of_the_reader_and_what_says_so_agrees(
    browser: "Browser", app: FastAPI, database: Database, regression: str, path: str
) -> None:
    found = regression if path.startswith("/regressions") else history_path(database).rpartition("/")[2]
    with proxied(browser, app) as page:
        page.goto(f"{PREFIX}{path.replace('ID', found)}")
        page.wait_for_selector(f"[data-zone]:has-text('{ZONE}')")
        text = page.inner_text("main")
        assert [time for time in IN_ZONE[path] if time not in text] == []
        told = text.replace("times in UTC", "")  # of charts, which the service draws
        assert "UTC" not in told


def test_times_stay_in_the_zone_of_the_reader_when_a_page_is_taken_over(
    browser: "Browser", app: FastAPI, database: Database, regression: str
) -> None:
    with proxied(browser, app) as page:
        page.goto(history_path(database))
        page.locator("[data-leave-out]").first.click()
        page.fill("#reason", "the fan was off")
        page.click("[data-answer=yes]")
        page.wait_for_selector("#points-table [data-take-in]")
        assert ZONE in page.inner_text("#points-caption")
        assert "2026-03-02 23:30:00" in page.inner_text("#points-table")


def test_a_mark_says_what_it_means_to_pointer_and_keys(page: "Page", regression: str) -> None:
    page.goto(f"{PREFIX}/regressions/{regression}")
    page.locator(".dot .point").nth(3).hover()
    assert "2026-03-02 15:00:00 UTC" in page.inner_text(".chart-tip")
    page.locator(".chart .flag").hover()
    assert "torch 2.12 → 2.13" in page.inner_text(".chart-tip")
    stops = page.locator(".chart [tabindex='0']")
    assert stops.count() == 1, "a chart is one stop of the tabulator, whatever its points"
    stops.focus()
    page.keyboard.press("Home")
    assert "2026-03-02 12:00:00 UTC" in page.inner_text(".chart-tip")
    page.keyboard.press("ArrowRight")
    assert "2026-03-02 13:00:00 UTC" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Escape")
    assert page.is_hidden(".chart-tip")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{PREFIX}/runs/*")


def test_on_a_phone_the_newest_points_are_seen_first_and_a_regression_is_read_without_scrolling(
    page: "Page", regression: str, database: Database
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(history_path(database))
    page.wait_for_selector(".chart svg[data-ready]")
    newest = page.locator(".chart .dot .point").last.bounding_box()
    assert newest is not None
    assert 0 < newest["x"] < 390
    page.goto(f"{PREFIX}/regressions")
    assert page.locator(".wide").first.evaluate("each => each.scrollWidth <= each.clientWidth")


def test_dragging_over_a_chart_looks_closer_and_the_links_lead_back(
    page: "Page", regression: str, database: Database
) -> None:
    page.goto(history_path(database))
    assert dots(page) == BEFORE + AFTER
    box = page.locator(".chart svg").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.6, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, middle, steps=4)
    page.mouse.up()
    page.wait_for_selector("#charts :text('points of a stretch')")
    assert 3 <= dots(page) <= 6
    assert "from=" in page.url, "the address leads there again"
    closer = dots(page)
    page.reload()
    assert dots(page) == closer
    page.click("text=All")
    page.wait_for_selector("#charts :text('all 16 points')")
    page.locator(".dot .point").first.hover()
    assert page.is_visible(".chart-tip"), "what was drawn anew answers as well"


def test_a_point_leads_to_its_run_and_back(page: "Page", regression: str, database: Database) -> None:
    page.goto(history_path(database))
    page.locator(".dot .point").nth(2).click()
    page.wait_for_url(f"**{PREFIX}/runs/*")
    page.click(f"a[href^='{history_path(database)}']")
    page.wait_for_url(f"**{history_path(database)}*")


def test_histories_are_found_by_the_form(page: "Page", regression: str) -> None:
    page.goto(f"{PREFIX}/histories")
    page.fill("input[name=text]", "test-step")
    page.select_option("select[name=verdict]", "improved")
    page.click("text=Show")
    page.wait_for_selector("text=No history is like that")
    assert page.input_value("input[name=text]") == "test-step"
    page.select_option("select[name=verdict]", "")
    page.click("text=Show")
    page.wait_for_selector("table")


def test_a_regression_is_acknowledged_with_a_comment_under_a_name_that_is_kept(
    page: "Page", regression: str, database: Database
) -> None:
    page.goto(f"{PREFIX}/regressions/{regression}")
    page.fill("textarea[name=comment]", EVIL)
    page.fill("input[name=author]", "ada")
    page.click("text=Acknowledge")
    page.wait_for_selector("#standing:has-text('acknowledged')")
    assert page.input_value("textarea[name=comment]") == ""
    assert EVIL in page.inner_text("#record")
    assert page.locator("img").count() == 0
    assert state_of(database, regression) == (
        RegressionState.ACKNOWLEDGED,
        [("state", "ada", "acknowledged"), ("comment", "ada", EVIL)],
    )
    page.reload()
    assert page.input_value("input[name=author]") == "ada"
    page.click("text=Comment only")
    assert "write a comment first" in page.inner_text("#problems")
    page.click("text=False alarm")
    page.wait_for_selector("#standing:has-text('false alarm')")
    page.click("text=Open again")
    page.wait_for_selector("#standing:has-text('open')")


def test_what_is_refused_is_said_and_the_comment_stays(page: "Page", regression: str, database: Database) -> None:
    page.goto(f"{PREFIX}/regressions/{regression}")
    measured(database, noisy(6, seed=3), NOON + (BEFORE + AFTER) * HOUR)
    judge(database)
    page.fill("textarea[name=comment]", "it is still there")
    page.click("text=Acknowledge")
    page.wait_for_selector("#problems:has-text('is over')")
    assert page.input_value("textarea[name=comment]") == "it is still there"
    page.wait_for_selector("#standing:has-text('recovered')")
    page.unroute("**/*")
    page.route("**/v1/**", lambda route: route.abort())
    page.click("text=False alarm")
    page.wait_for_selector("#problems:has-text('the service cannot be reached')")


def test_a_point_is_left_out_for_a_reason_and_taken_in_again(page: "Page", regression: str, database: Database) -> None:
    page.goto(history_path(database))
    page.locator("text=Leave out …").nth(2).click()
    page.click("text=Keep it")
    page.locator("text=Leave out …").nth(2).click()
    page.click("text=Leave it out")
    assert page.is_visible("#leaving-out"), "it takes a reason"
    page.fill("#reason", "the fan was unplugged")
    page.keyboard.press("Enter")
    page.wait_for_selector("#points-table :text('left out: the fan was unplugged')")
    with database.read() as session:
        left_out = session.scalars(select(PointRow.number).where(PointRow.left_out.is_not(None))).all()
    assert left_out == [BEFORE + AFTER - 3]
    page.click("text=Take in")
    page.wait_for_selector("text=Take in", state="detached")


def test_a_history_is_watched_no_more_and_again(page: "Page", regression: str, database: Database) -> None:
    page.goto(history_path(database))
    page.click("text=Watch no more")
    page.wait_for_selector("#watched:has-text('Nobody watches it')")
    page.click("#watched button")
    page.wait_for_selector("text=Watch no more")
    with database.read() as session:
        row = session.scalars(select(HistoryRow)).one()
        assert watching.watch_of(row) == Watch()
        assert row.watched_by is None
