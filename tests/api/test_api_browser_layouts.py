"""The explorer of layouts in a browser: a simulated H100 is planned for, cut and followed through the page."""

import threading
from typing import TYPE_CHECKING

from migperf.store import changes
from migperf.store.database import Database
from tests.api.browsing import in_browser, opened
from tests.api.gpu_host import GpuHost

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = in_browser


def carry_out_next(host: GpuHost, database: Database) -> None:
    """Do what a worker does with the next change that is asked for."""
    stopped = threading.Event()
    for _ in range(400):
        with database.read() as session:
            waiting = [change.id for change in changes.waiting(session)]
        if waiting:
            host.carry_out(waiting[0])
            return
        stopped.wait(0.05)


def test_a_layout_is_put_together_planned_applied_and_seen(page: "Page", host: GpuHost, database: Database) -> None:
    uuid = host.gpu().uuid
    opened(page, f"/layouts?gpu={uuid}&layout=empty")
    page.focus("[aria-label='Add 3g.40gb@4']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#layout-text:has-text('3g.40gb@4')")
    assert page.evaluate("document.activeElement.ariaLabel") == "Why not 3g.40gb@4", "the keyboard stays where it was"
    page.click("[aria-label='Why not 2g.20gb@4']")
    page.wait_for_selector("#objection:has-text('would overlap with 3g.40gb@4')")
    page.click("[aria-label='Add 2g.20gb@0']")
    page.wait_for_selector("#layout-text:has-text('3g.40gb@4+2g.20gb@0')")
    page.click("[data-action=plan]")
    page.wait_for_selector("#steps:has-text('create GPU instance 3g.40gb@4')")
    worker = threading.Thread(target=carry_out_next, args=(host, database))
    worker.start()
    page.click("[data-action=apply]")
    page.wait_for_selector("#change:has-text('Applied: ')")
    worker.join(20)
    assert str(host.gpu().layout) == "3g.40gb@4+2g.20gb@0"
    opened(page, f"/layouts?gpu={uuid}")
    assert page.inner_text("#layout-text") == "3g.40gb@4+2g.20gb@0"
    page.go_back()


def test_force_is_asked_for_with_what_it_costs(page: "Page", host: GpuHost) -> None:
    host.cut("7g.80gb")
    run = host.run_on(host.partition("7g.80gb"))
    opened(page, f"/layouts?gpu={host.gpu().uuid}&layout=3g.40gb@4")
    page.click("[data-action=plan]")
    page.wait_for_selector(f"#in-the-way:has-text('{run}')")
    assert not page.is_visible("[data-action=apply]")
    page.click("[data-action=force]")
    page.wait_for_selector(f"#forced:has-text('{run}')")
    page.click("text=Let them run")
    assert page.inner_text("#change") == ""
