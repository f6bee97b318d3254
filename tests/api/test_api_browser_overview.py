"""The overview in a browser, behind a path prefix: it follows what happens without being loaded anew."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from migperf.store import runs
from migperf.store.database import Database, now
from tests import builders
from tests.api.browsing import PREFIX, ZONE, in_browser, opened
from tests.api.steps import GRACT, begun, entered, finished, measured, progressed, submitted, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = in_browser
SAMPLES = {float(second): 50.0 + second for second in range(20)}


@pytest.fixture
def silent(page: "Page") -> "Iterator[Page]":
    """A page whose console must stay empty: a breach of the policy is told there."""
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    yield page
    assert told == []


def test_a_run_is_seen_waiting_running_and_ended_without_loading_the_page(silent: "Page", database: Database) -> None:
    run_id = submitted(database, where={"kind": "mig"})
    opened(silent, "/")
    silent.evaluate("window.notLoadedAnew = true")
    silent.wait_for_selector("#queue :text('no partition of a living node has kind=mig')")
    with database.write() as session:
        runs.request_cancel(session, run_id, now(session))
    silent.wait_for_selector("#queue:has-text('No run waits.')")
    other = submitted(database)
    token = begun(database, other)
    entered(database, other, "measuring")
    silent.wait_for_selector(f".on-it a[href='{PREFIX}/runs/{other}']")
    watched(database, other, GRACT, SAMPLES)
    progressed(database, other, 0.5)
    silent.wait_for_selector(".on-it .spark")
    silent.wait_for_function("document.querySelector('.on-it progress').value === 0.5")
    watched(database, other, GRACT, {25.0: 77.0})
    silent.wait_for_selector(".on-it:has-text('77.00 %')")
    finished(database, token)
    silent.wait_for_selector("#latest .state-succeeded")
    assert silent.locator(".on-it").count() == 0
    assert silent.evaluate("window.notLoadedAnew")


def test_whoever_came_to_a_link_by_keyboard_stays_there_while_the_page_changes(
    silent: "Page", database: Database
) -> None:
    submitted(database, where={"kind": "mig"})
    opened(silent, "/")
    silent.focus("#queue tbody a")
    address = silent.evaluate("document.activeElement.href")
    submitted(database, where={"kind": "mig"})
    silent.wait_for_selector("#queue:has-text('2 runs wait')")
    assert silent.evaluate("document.activeElement.href") == address


def test_times_are_in_the_zone_of_the_reader_and_what_comes_later_as_well(silent: "Page", database: Database) -> None:
    submitted(database)
    opened(silent, "/")
    silent.wait_for_selector(f"#queue-caption:has-text('1 run waits'):has-text('{ZONE}')")
    submitted(database)
    silent.wait_for_selector(f"#queue-caption:has-text('2 runs wait'):has-text('{ZONE}')")
    assert silent.inner_text("#latest").count("2026-03-02 05:45:00") == 2
    assert "UTC" not in silent.inner_text("main")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(silent: "Page", database: Database, scheme: str) -> None:
    with database.write() as session:
        builders.submit(session, now(session), where={"node": "n" * 60})
    silent.set_viewport_size({"width": 390, "height": 844})
    silent.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    opened(silent, "/")
    assert silent.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [390, 1280])
def test_the_latest_runs_are_led_to_from_what_is_seen_at_once(silent: "Page", database: Database, width: int) -> None:
    measured(database)
    silent.set_viewport_size({"width": width, "height": 800})
    opened(silent, "/")
    shown = silent.locator("#latest .wide")
    assert shown.evaluate("each => each.scrollWidth <= each.clientWidth"), "nothing lies beside the frame"
    assert silent.locator("#partitions .wide").evaluate("each => each.scrollWidth <= each.clientWidth")
    shown.locator("a").click()
    silent.wait_for_url(f"**{PREFIX}/runs/0*")


def test_the_page_is_complete_without_a_script(browser: "Browser", page: "Page", database: Database) -> None:
    submitted(database, where={"kind": "mig"})
    opened(page, "/")
    without = browser.new_page(java_script_enabled=False)
    without.set_content(page.evaluate("fetch(location.href).then((answer) => answer.text())"))
    assert "no partition of a living node has kind=mig" in without.inner_text("#queue")
    assert without.locator("#hardware svg.slices").count() > 0
    without.close()
