"""Every page of a service that has measured: valid HTML, fit for everybody in both schemes, without a complaint.

What is measured is real, but for the board; the empty service is seen to by ``tests/api/test_api_every_page.py``.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from api.app import create_app
from tests.api.accessibility import grave_faults
from tests.api.browsing import in_browser, launched
from tests.api.every_page import addresses
from tests.api.html_validity import faults
from tests.service.filled import fill
from tests.service.harness import Service, service

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, *in_browser]
AS_A_PAGE = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a simulated H100."""
    with service(tmp_path_factory.mktemp("every") / "data", gpus="simulated:h100-80gb") as started:
        yield started


@pytest.fixture(scope="module")
def pages(running: Service) -> list[str]:
    """The address of every page, now that there is something to show; of some pages several."""
    known = fill(running).addresses()
    return [path for path in addresses(create_app(running.settings), known) if path != "/sign-in"]


@pytest.fixture(scope="module")
def page(running: Service) -> "Iterator[Page]":
    """A page of a browser that asks nobody else."""
    with launched() as browser, browser.new_page(base_url=running.settings.api_url) as opened:
        opened.on("request", lambda request: _from_here(request.url, running.settings.api_url))
        yield opened


def _from_here(url: str, service_url: str) -> None:
    assert url.startswith((f"{service_url}/", f"blob:{service_url}/", "data:")), f"beside the service: {url}"


def test_every_page_is_valid_html(running: Service, pages: list[str]) -> None:
    answers = {path: running.http.get(path, headers=AS_A_PAGE) for path in pages}
    assert {path: answer.status_code for path, answer in answers.items() if not answer.is_success} == {
        "/compare": 422,
    }, "which has nothing to compare"
    assert {path: found for path, answer in answers.items() if (found := faults(answer.text))} == {}


@pytest.mark.timeout(900)
def test_every_page_is_fit_for_everybody_and_nothing_goes_wrong_on_it(page: "Page", pages: list[str]) -> None:
    told: list[str] = []
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("console", lambda message: told.append(message.text))
    found = {}
    for path in pages:
        page.goto(path)
        found[path] = [*grave_faults(page), *told]
        told.clear()
    (of_nothing,) = found.pop("/compare")
    assert "422" in of_nothing, "Chromium itself notes an answer that refuses"
    assert {path: faults for path, faults in found.items() if faults} == {}
