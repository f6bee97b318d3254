"""A reader in a browser: pages work as far as reading goes, and their scripts bring no refused button to life."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from migperf.access.scope import Scope
from migperf.settings import Settings
from migperf.store.database import Database
from tests.api.browsing import in_browser
from tests.api.gpu_host import GpuHost
from tests.api.keyed import guarded, made, sign_in
from tests.api.serving import served
from tests.api.test_api_permitted_buttons import stored

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

pytestmark = in_browser
READS_ONLY = ("/v1/runs/preview", "/v1/schedules/preview", "/v1/experiments/plan", "/sign-in")


@pytest.fixture
def page(browser: "Browser", settings: Settings, database: Database) -> "Iterator[Page]":
    """A page where a reader has signed in. Nothing may be asked of the service that it would refuse them."""
    key = made(database, Scope.READ, name="Reader")
    with served(guarded(settings)) as url:
        page = browser.new_page(base_url=url)
        page.set_default_timeout(20_000)
        page.goto("/sign-in")
        sign_in(page, key)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))

        def note(request: "Request") -> None:
            if request.method != "GET" and not request.url.endswith(READS_ONLY):
                wrong.append(f"{request.method} {request.url}")

        page.on("request", note)
        yield page
        page.close()
        assert wrong == []


def test_scripts_of_all_pages_work_for_a_reader(page: "Page", database: Database, host: GpuHost) -> None:
    for path in stored(database, host):
        page.goto(path, wait_until="networkidle" if path.startswith(("/layouts", "/alerts")) else "load")
        assert page.locator("h1").count() == 1


def test_a_reader_previews_and_plans_and_cannot_submit(page: "Page", database: Database, host: GpuHost) -> None:
    page.goto("/submit?workload=test-step")
    page.wait_for_selector("#outlook:not(:empty)")
    assert page.is_disabled("#submit")
    page.focus("#submit-form input[type=text] >> nth=0")
    page.keyboard.press("Enter")
    page.goto("/experiments/new")
    page.click("#plan-button")
    page.wait_for_selector("#plan:visible, #problems li")
    assert page.is_disabled("#submit-button")
