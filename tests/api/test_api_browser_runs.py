"""The table of runs in a browser, behind a path prefix: filter, sort, share the address, pick two, delete one."""

import csv
import json
from typing import TYPE_CHECKING

from migperf.store.database import Database
from tests.api.browsing import PREFIX, in_browser, opened
from tests.api.serving import TestClient
from tests.api.steps import measured, submitted

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = in_browser


def test_runs_are_filtered_sorted_shared_compared_and_deleted(
    page: "Page", client: TestClient, database: Database
) -> None:
    first, second = measured(database), measured(database)
    queued = submitted(database, workload="resnet18")
    opened(page, "/runs")
    page.fill("#text", "test-step")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{PREFIX}/runs?text=test-step*")
    assert page.locator("tbody tr").count() == 2
    page.click("thead a:has-text('created')")
    page.wait_for_selector("th[aria-sort=ascending]")
    page.check(f"#run-{first} input")
    page.check(f"#run-{second} input")
    page.wait_for_selector("#picked:has-text('2 picked')")
    shared = page.url
    page.goto(shared)
    assert page.locator("input[name=pick]:checked").count() == 2, "the address tells what is picked"
    assert page.input_value("#text") == "test-step"
    page.click("text=Compare")
    page.wait_for_url(f"**{PREFIX}/compare?*")
    page.wait_for_selector("#answers tbody tr:nth-child(4)")
    assert "per step" in page.inner_text("#answers caption >> nth=0")
    opened(page, f"/runs?pick={first}&pick={queued}")
    page.click("text=Delete …")
    page.click("text=Delete for good")
    page.wait_for_selector(f"#problems:has-text('run {queued} is queued; cancel it before deleting it')")
    page.wait_for_selector(f"#run-{first}", state="detached")
    assert client.get(f"/v1/runs/{first}").status_code == 404
    assert page.is_checked(f"#run-{queued} input"), "what was not deleted stays picked"


def test_what_the_filters_leave_and_what_is_picked_are_exported_by_buttons(page: "Page", database: Database) -> None:
    first, second = measured(database), measured(database)
    submitted(database, workload="resnet18")
    opened(page, "/runs?text=test-step&sort=created_at")
    with page.expect_download() as asked:
        page.click("[aria-label=Export] a:text-is('CSV') >> nth=0")
    rows = list(csv.DictReader(asked.value.path().open(newline="")))
    assert [row["run"] for row in rows] == [first, second]
    assert asked.value.suggested_filename.endswith(".csv")
    assert not page.is_visible("#export-picked")
    page.check(f"#run-{second} input")
    with page.expect_download() as asked:
        page.click("#export-picked a:text-is('JSON lines')")
    lines = asked.value.path().read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [second]
    page.click("text=Pick none")
    assert not page.is_visible("#export-picked")


def test_columns_are_chosen_without_leaving_the_page_and_the_address_has_them(page: "Page", database: Database) -> None:
    runs = [measured(database) for _ in range(3)]
    opened(page, "/runs?limit=2")
    page.evaluate("window.stays = true")
    page.check(f"#run-{runs[2]} input")
    page.click("summary:text-is('Columns')")
    page.check("input[name=column][value=labels]")
    page.wait_for_selector("thead th:text-is('labels')")
    page.uncheck("input[name=column][value=workload]")
    page.wait_for_selector("thead th:has-text('workload')", state="detached")
    assert page.evaluate("window.stays"), "the page was not left"
    assert page.is_checked(f"#run-{runs[2]} input"), "what is picked stays picked"
    assert page.evaluate("document.activeElement.value") == "workload", "the keyboard stays where it was"
    assert "column=labels" in page.url
    assert "column=workload" not in page.url
    assert "limit=2" in page.url
    headings, times = page.locator("thead th").all_inner_texts(), page.locator("tbody time").all_inner_texts()
    page.reload()
    page.wait_for_selector("[data-zone]:not(:text-is('UTC'))")
    assert page.locator("tbody time").all_inner_texts() == times, "times are in the reader's zone at once"
    assert page.locator("thead th").all_inner_texts() == headings, "the address holds the view"
    page.click("a[rel=next]")
    page.wait_for_selector(f"#run-{runs[0]}")
    assert page.locator("thead th").all_inner_texts() == headings, "and the next page has the same columns"


def test_a_choice_of_columns_that_cannot_be_shown_says_so_and_of_several_the_last_counts(
    page: "Page", database: Database
) -> None:
    measured(database)
    opened(page, "/runs")
    page.click("summary:text-is('Columns')")
    page.route("**/runs?*column=*", lambda route: route.abort())
    page.check("input[name=column][value=labels]")
    page.wait_for_selector("#problems:has-text('cannot be reached')")
    assert page.get_attribute("#listed", "aria-busy") is None
    page.unroute("**/runs?*column=*")
    for name in ("priority", "taints", "finished"):
        page.check(f"input[name=column][value={name}]")
    page.wait_for_selector("thead th:has-text('finished')")
    shown = set(page.locator("thead th").all_inner_texts())
    assert {"labels", "priority", "taints"} <= shown
    assert page.inner_text("#problems") == ""
